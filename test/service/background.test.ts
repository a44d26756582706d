// What the service does by itself, over and over, and what must not happen while it does.
import { setTimeout as sleep } from 'node:timers/promises';
import t from 'tap';
import { createBackground } from '../../src/background.ts';
import { oneAfterAnother } from '../../src/one-after-another.ts';
import { testServer } from '../helpers/test-server.ts';

/** A promise, and what resolves it. */
function gate() {
  let open = (): void => undefined;
  const opened = new Promise<void>((resolve) => {
    open = resolve;
  });
  return { open, opened };
}

t.test('a task that takes longer than its interval does not overlap itself', async (t) => {
  const background = createBackground(() => undefined);
  const { open, opened } = gate();
  let begun = 0;
  background.every(0.01, 'slow', () => {
    begun += 1;
    return opened;
  });
  while (begun === 0) await sleep(10);
  await sleep(50);
  t.equal(begun, 1);
  open();
  while (begun < 2) await sleep(10);
  await background.stop();
});

t.test('a task that fails is told, and tried again', async (t) => {
  const failures: [string, unknown][] = [];
  const background = createBackground((name, error) => failures.push([name, error]));
  const fault = new Error('no luck');
  background.every(0.01, 'unlucky', async () => {
    throw fault;
  });
  while (failures.length < 2) await sleep(10);
  await background.stop();
  t.same(failures[1], ['unlucky', fault]);
});

t.test('stop waits for what is under way, and nothing begins after it', async (t) => {
  const background = createBackground(() => undefined);
  const { open, opened } = gate();
  let begun = 0;
  let ended = 0;
  background.every(0.01, 'slow', async () => {
    begun += 1;
    await opened;
    ended += 1;
  });
  while (begun === 0) await sleep(10);
  const stopped = background.stop();
  open();
  await stopped;
  t.equal(ended, 1);
  await sleep(50);
  t.equal(begun, 1);
});

t.test('whoever asks while a task runs gets the next run, and shares it', async (t) => {
  const gates = [gate(), gate()];
  let begun = 0;
  let running = 0;
  const ask = oneAfterAnother(async () => {
    running += 1;
    t.equal(running, 1, 'one at a time');
    await gates[begun++]?.opened;
    running -= 1;
  });
  const first = ask();
  await sleep(0);
  const [second, third] = [ask(), ask()];
  t.equal(second, third);
  gates[0]?.open();
  await first;
  gates[1]?.open();
  await second;
  t.equal(begun, 2);
});

t.test('a run that fails fails those who asked for it, and no other', async (t) => {
  let fails = true;
  const ask = oneAfterAnother(async () => {
    if (fails) throw new Error('no luck');
  });
  await t.rejects(ask(), /no luck/);
  fails = false;
  await t.resolves(ask());
});

t.test('assertions that have expired are forgotten, however many they are', async (t) => {
  const { service, clock } = await testServer(t);
  const { pool } = service.house.database;
  const insert = `
    INSERT INTO replays SELECT sha256(n::text::bytea), $1::float8 + CASE WHEN n <= 2500 THEN -1 ELSE 60 END
    FROM generate_series(1, 2501) AS n`;
  await pool.query(insert, [clock.now()]);
  await service.care();
  const { rows } = await pool.query('SELECT count(*)::int AS left FROM replays');
  t.equal(rows[0].left, 1);
});
