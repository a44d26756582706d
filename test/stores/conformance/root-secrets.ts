// RootSecretStore: one number after the other, whoever adds them.
import type { Test } from 'tap';
import type { RootSecretRecord } from '../../../src/stores/stores.ts';
import { count, entry, eventsOf, failsWithItsEntry, fresh, type Replicas, race, T } from './setting.ts';

const record = (number: number, more: Partial<RootSecretRecord> = {}): RootSecretRecord => ({
  number,
  fingerprint: fresh('fingerprint'),
  since: T,
  until: Number.POSITIVE_INFINITY,
  ...more,
});

export async function rootSecretsKeepTheirPromises(t: Test, replicas: Replicas): Promise<void> {
  const [stores] = replicas;
  const { rootSecrets } = stores;

  await t.test('of a hundred that add the first, one does', async (t) => {
    const subject = fresh('first');
    t.strictSame(await rootSecrets.list(), []);
    t.equal(await rootSecrets.add(record(2), T, entry(subject)), 'stale', 'there is no first');
    t.equal(await rootSecrets.add(record(0), T, entry(subject)), 'stale');
    const records = Array.from({ length: 100 }, () => record(1, { since: 0 }));
    const outcomes = await race(replicas, ({ rootSecrets }, racer) =>
      rootSecrets.add(records[racer] as RootSecretRecord, T, entry(subject)),
    );
    t.equal(count(outcomes, 'added'), 1);
    t.equal(count(outcomes, 'stale'), 99);
    const winner = records[outcomes.indexOf('added')];
    for (const replica of replicas) t.strictSame(await replica.rootSecrets.list(), [winner]);
    t.equal((await eventsOf(stores, subject)).length, 1);
  });

  await t.test('the next one gives the one before it its end', async (t) => {
    const [first] = (await rootSecrets.list()) as [RootSecretRecord];
    const second = record(2, { since: T + 2 ** -20 });
    t.equal(await rootSecrets.add(second, T + 7, entry('2')), 'added');
    t.strictSame(await rootSecrets.list(), [{ ...first, until: T + 7 }, second]);
    const third = record(3);
    t.equal(await rootSecrets.add(third, T + 9, entry('3')), 'added');
    t.strictSame(await rootSecrets.list(), [{ ...first, until: T + 7 }, { ...second, until: T + 9 }, third]);
  });

  await t.test('another number than the next is stale, and changes nothing', async (t) => {
    const before = await rootSecrets.list();
    const subject = fresh('stale');
    for (const number of [1, 3, 5, 255])
      t.equal(await rootSecrets.add(record(number), T, entry(subject)), 'stale');
    const known = record(4, { fingerprint: before[0]?.fingerprint as string });
    t.equal(await rootSecrets.add(known, T, entry(subject)), 'stale', 'a secret has one number');
    t.strictSame(await rootSecrets.list(), before);
    t.strictSame(await eventsOf(stores, subject), []);
  });

  await t.test('of a hundred that add the next, one does, and one end is given', async (t) => {
    const subject = fresh('next');
    const before = await rootSecrets.list();
    const records = Array.from({ length: 100 }, () => record(4));
    const outcomes = await race(replicas, ({ rootSecrets }, racer) =>
      rootSecrets.add(records[racer] as RootSecretRecord, T + racer, entry(subject)),
    );
    t.equal(count(outcomes, 'added'), 1);
    const winner = outcomes.indexOf('added');
    t.strictSame(await rootSecrets.list(), [
      ...before.slice(0, 2),
      { ...before[2], until: T + winner },
      records[winner],
    ]);
    t.equal((await eventsOf(stores, subject)).length, 1);
  });

  await t.test('there is no change without its entry', (t) =>
    failsWithItsEntry(t, () => rootSecrets.list(), {
      add: (audit) => rootSecrets.add(record(5), T, audit),
    }),
  );

  await t.test('there are no more than 255', async (t) => {
    for (let number = 5; number <= 255; number += 1)
      t.equal(await rootSecrets.add(record(number), T, entry('many')), 'added');
    await t.rejects(rootSecrets.add(record(256), T, entry('many')));
    t.equal((await rootSecrets.list()).length, 255);
  });
}
