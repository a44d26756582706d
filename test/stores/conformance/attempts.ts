// AttemptStore: as many as the limit are counted, in a window that begins with the first and ends by itself.
import { setTimeout as sleep } from 'node:timers/promises';
import type { Test } from 'tap';
import { systemClock } from '../../../src/clock.ts';
import type { AttemptStore } from '../../../src/stores/stores.ts';
import { count, fresh, race, strangeNames } from './setting.ts';

export async function attemptsKeepTheirPromises(t: Test, replicas: readonly AttemptStore[]): Promise<void> {
  const [attempts] = replicas as [AttemptStore];

  await t.test('of a hundred attempts at once as many as the limit are counted', async (t) => {
    const key = fresh('key');
    const answers = await race(replicas, (replica) => replica.take(key, 10, 60));
    t.equal(count(answers, 0), 10);
    const refused = answers.filter((answer) => answer !== 0);
    t.ok(refused.every((seconds) => seconds > 0 && seconds <= 60));
    for (const replica of replicas) t.ok((await replica.take(key, 10, 60)) > 59, 'until the window ends');
    t.equal(await attempts.take(key, 11, 60), 0, 'who may more is told so');
  });

  await t.test('the window begins with the first attempt, and ends by itself', async (t) => {
    const key = fresh('key');
    const since = systemClock.now();
    t.equal(await attempts.take(key, 2, 2), 0);
    await sleep(100);
    t.equal(await attempts.take(key, 2, 2), 0);
    const left = await attempts.take(key, 2, 2);
    t.ok(left > 0 && left <= 1.91, `${left}`);
    let answers: number[] = [];
    while (count(answers, 0) === 0) {
      t.ok(systemClock.now() < since + 10, 'it ends');
      answers = await race(replicas, (replica) => replica.take(key, 2, 60));
      await sleep(20);
    }
    t.ok(systemClock.now() >= since + 2, 'not before its time');
    t.equal(count(answers, 0), 2, 'and the next one counts from nothing');
  });

  await t.test('an attempt that is given back was none', async (t) => {
    const key = fresh('key');
    t.equal(await attempts.take(key, 2, 60), 0);
    t.equal(await attempts.take(key, 2, 60), 0);
    await attempts.giveBack(key);
    const answers = await race(replicas, (replica) => replica.take(key, 2, 60));
    t.equal(count(answers, 0), 1);
  });

  await t.test('an attempt that is given back has begun no window', async (t) => {
    const key = fresh('key');
    t.equal(await attempts.take(key, 1, 5), 0);
    await attempts.giveBack(key);
    t.equal(await attempts.take(key, 1, 60), 0);
    t.ok((await attempts.take(key, 1, 60)) > 50);
  });

  await t.test('no more is given back than was taken', async (t) => {
    const key = fresh('key');
    await attempts.giveBack(key);
    t.equal(await attempts.take(key, 1, 60), 0);
    await race(replicas, (replica) => replica.giveBack(key));
    const answers = await race(replicas, (replica) => replica.take(key, 3, 60));
    t.equal(count(answers, 0), 3);
  });

  await t.test('what is given back after its window has ended begins none', async (t) => {
    const key = fresh('key');
    t.equal(await attempts.take(key, 1, 0.1), 0);
    await sleep(150);
    await attempts.giveBack(key);
    const answers = await race(replicas, (replica) => replica.take(key, 2, 60));
    t.equal(count(answers, 0), 2);
    const left = await attempts.take(key, 2, 60);
    t.ok(left > 50 && left <= 60, `the next window has an end: ${left}`);
  });

  await t.test('no key is taken for another, and none is refused', async (t) => {
    const own = fresh('keys');
    const long = 'x'.repeat(1_000_000);
    const keys = [...strangeNames, '', 'a\0b', 'a\0c', 'a', 'A', '\ud800', '\udc00', long, `${long}y`];
    const take = () => Promise.all(keys.map((key) => attempts.take(key + own, 1, 60)));
    t.equal(count(await take(), 0), keys.length, 'each is new');
    t.equal(count(await take(), 0), 0, 'each is known');
  });
}
