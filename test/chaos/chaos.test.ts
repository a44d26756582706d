// `npm run chaos` in short: the faults of one server of each kind, shorter; the controls; the proofs. The rest (several
// Redis servers, a standby, the long faults) is for `npm run chaos` alone.
import t from 'tap';
import { findPostgres, findRedis } from '../helpers/servers.ts';
import { proofs } from './proofs.ts';
import { play, playProof, type Result, type Scenario } from './scenario.ts';
import { controls, scenarios } from './scenarios.ts';
import { history, table } from './table.ts';
import { exitOnSignals, openWorld, type World } from './world.ts';

const inShort = new Set([
  'replica-killed',
  'redis-killed-empty',
  'redis-flushed',
  'redis-restored-old',
  'redis-stopped',
  'replies-lost',
  'out-of-memory',
  'postgres-restarted',
]);
const SCALE = 0.4;

t.setTimeout(600_000);
exitOnSignals();

/** Where too little happened while the fault lasted, on a busy machine, it is played again and lasts longer. */
async function playControl(world: World, control: Scenario): Promise<Result> {
  const result = await play(world, control, SCALE);
  return result.isGood ? result : play(world, control, 5 * SCALE);
}

t.test('chaos', async (t) => {
  if (!findPostgres() || !findRedis()) {
    t.comment('left out: it needs a Postgres and a Redis to break');
    return;
  }
  const world = await openWorld('server');
  t.teardown(() => world.close());
  const results: Result[] = [];
  const judge = async (name: string, playing: () => Promise<Result>) => {
    await t.test(name, async (t) => {
      const result = await playing();
      results.push(result);
      t.ok(result.isGood, result.verdict);
      if (!result.isGood) t.comment(history(result.violations));
    });
  };
  for (const scenario of scenarios.filter(({ name }) => inShort.has(name)))
    await judge(scenario.name, () => play(world, scenario, SCALE));
  for (const control of controls) await judge(control.name, () => playControl(world, control));
  for (const proof of proofs) await judge(proof.name, () => playProof(world, proof));
  t.comment(`\n${table(results)}`);
});
