// I1 to I15 of the refresh engine (refresh-truth.ts), over 10,000 random histories: in memory, on Redis, on Postgres.
// helpers/search.ts says how to look elsewhere, and for longer.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import t, { type Test } from 'tap';
import { ownDatabase } from '../helpers/database.ts';
import { setting, steps } from './refresh-histories.ts';
import { live, type Tally } from './refresh-history.ts';
import { memoryStage, postgresStage, redisStage, type Stage } from './refresh-stages.ts';
// As `npm run build` does, so that a first start is a quick one here too.
import '../../scripts/build-template.ts';
import { searchLength } from '../helpers/search.ts';

const { TEST_DATABASE_URL, TEST_REDIS_URL } = process.env;

t.setTimeout(600_000 * searchLength);

async function everyHistory(t: Test, numRuns: number, stage: () => Stage): Promise<void> {
  const total: Tally = {};
  const property = fc.asyncProperty(setting, steps, async (setting, steps) => {
    const tally = await live(stage(), setting, steps);
    for (const [name, count] of Object.entries(tally)) total[name] = (total[name] ?? 0) + count;
  });
  await fc.assert(property, { numRuns: numRuns * searchLength });
  t.comment(JSON.stringify(total));
}

t.test('every history in memory', (t) => everyHistory(t, 8_500, memoryStage));

const redis = { skip: TEST_REDIS_URL ? false : 'TEST_REDIS_URL names no Redis server' };

t.test('every history on Redis', redis, async (t) => {
  const stage = await redisStage(t, TEST_REDIS_URL as string);
  await everyHistory(t, 1_000, () => stage);
});

t.test('every history on the embedded store', async (t) => {
  const dataFolder = mkdtempSync(join(tmpdir(), 'mintmark-'));
  t.teardown(() => rmSync(dataFolder, { recursive: true, force: true }));
  const stage = await postgresStage(t, { dataFolder, beside: false });
  await everyHistory(t, 100, () => stage);
});

const postgres = { skip: TEST_DATABASE_URL ? false : 'TEST_DATABASE_URL names no Postgres server' };

t.test('every history on a Postgres server', postgres, async (t) => {
  const url = (await ownDatabase(t)) as string;
  const stage = await postgresStage(t, { dataFolder: '', beside: false, url });
  await everyHistory(t, 400, () => stage);
});
