// The stores on Postgres keep their promises: embedded, and on a server where there is one.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { firstState } from '../../src/oauth/refresh-family.ts';
import { newFamilyId } from '../../src/oauth/refresh-token.ts';
import { systemRandom } from '../../src/random.ts';
import { type Database, openDatabase, transaction } from '../../src/stores/postgres/database.ts';
import { migrate } from '../../src/stores/postgres/migrations.ts';
import { postgresStores } from '../../src/stores/postgres/postgres-stores.ts';
import { type Stores, StoreUnavailableError } from '../../src/stores/stores.ts';
import { ownDatabase } from '../helpers/database.ts';
import { startLine } from '../helpers/line.ts';
import { everyVerbIsUnavailable, storesKeepTheirPromises } from './conformance.ts';
// As `npm run build` does, so that a first start is a quick one here too.
import '../../scripts/build-template.ts';

/** A hundred at once may wait longer for a connection than a request does: on a busy machine, that proves nothing. */
function patient(database: Database, ahead: () => number): Stores {
  database.pool.options.connectionTimeoutMillis = 60_000;
  return postgresStores(database, ahead);
}

async function open(t: Test, options: Parameters<typeof openDatabase>[0]): Promise<Database> {
  const database = await openDatabase(options);
  t.teardown(() => database.close());
  return database;
}

t.test('on the embedded store, in this process and through its socket', async (t) => {
  const dataFolder = mkdtempSync(join(tmpdir(), 'mintmark-'));
  t.teardown(() => rmSync(dataFolder, { recursive: true, force: true }));
  const service = await openDatabase({ dataFolder, beside: false });
  await migrate(service);
  const beside = await open(t, { dataFolder, beside: true });

  await storesKeepTheirPromises(t, async (ahead) => [patient(service, ahead), patient(beside, ahead)]);

  await t.test('a store that was closed is unavailable, to others too', async (t) => {
    await service.close();
    await everyVerbIsUnavailable(t, postgresStores(service), 2);
    const { clients } = postgresStores(beside);
    await everyVerbIsUnavailable(t, { clients }, 2);
  });
});

const server = { skip: process.env.TEST_DATABASE_URL ? false : 'TEST_DATABASE_URL names no Postgres server' };

t.test('on a Postgres server, from two replicas', server, async (t) => {
  const url = (await ownDatabase(t)) as string;
  const [one, two] = [
    await open(t, { dataFolder: '', beside: false, url }),
    await open(t, { dataFolder: '', beside: false, url }),
  ];
  await migrate(one);

  await storesKeepTheirPromises(t, async (ahead) => [patient(one, ahead), patient(two, ahead)]);

  await t.test('a swap that waited for its row until it was too late is late', async (t) => {
    const { familyStates } = postgresStores(one);
    const id = newFamilyId(systemRandom);
    const { now } = await familyStates.find(id);
    const first = firstState(now, 1);
    const begin = { id, expected: undefined, next: first, deadline: now + 10 };
    const swaps = [
      { ...begin, expected: first, next: { ...first, generation: 1 } },
      { ...begin, next: { ...first, generation: 2 } },
    ];
    for (const [i, swap] of swaps.entries()) {
      // The second finds a row that has expired.
      await two.pool.query('DELETE FROM family_states');
      await familyStates.compareAndSwap({ ...begin, expiresAt: now + 60 });
      if (i === 1) await two.pool.query('UPDATE family_states SET expires_at = $1', [now - 1]);
      const outcome = await transaction(two.pool, async (client) => {
        await client.query('SELECT FROM family_states FOR UPDATE');
        const deadline = (await familyStates.find(id)).now + 0.2;
        const swapping = familyStates.compareAndSwap({ ...swap, deadline, expiresAt: now + 60 });
        await client.query('SELECT pg_sleep(0.3)');
        return { swapping };
      });
      t.equal(await outcome.swapping, 'late');
      t.strictSame((await familyStates.find(id)).state, i === 0 ? first : undefined);
    }
  });

  await t.test('stores whose server ends their connections go on with new ones', async (t) => {
    const stores = postgresStores(one);
    await two.pool.query(
      'SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()',
    );
    // Each connection of the pool may cost one call, which is told that the store is away.
    for (let calls = 0; ; calls++) {
      const outcome = await stores.health.now().catch((error: unknown) => error);
      if (typeof outcome === 'number') break;
      t.ok(outcome instanceof StoreUnavailableError && calls < 10, String(outcome));
    }
  });
});

t.test('on a Postgres server that goes away and comes back', server, async (t) => {
  const direct = new URL((await ownDatabase(t)) as string);
  const line = await startLine(direct.hostname, Number(direct.port || 5432));
  t.teardown(() => line.cut());
  const url = Object.assign(new URL(direct), { hostname: '127.0.0.1', port: String(line.port) }).href;
  const database = await open(t, { dataFolder: '', beside: false, url });
  await migrate(database);
  const stores = postgresStores(database);

  await line.cut();
  await everyVerbIsUnavailable(t, stores, 2);
  await line.mend();
  t.type(await stores.health.now(), 'number', 'it is back as soon as the server is');
  t.strictSame(await stores.clients.list(), [], 'and nothing was done meanwhile');
});
