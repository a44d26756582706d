// LeaseStore: one holder at a time.
import type { Test } from 'tap';
import { count, fresh, type Replicas, race, T } from './setting.ts';

export async function leasesKeepTheirPromises(t: Test, replicas: Replicas): Promise<void> {
  const [{ leases }] = replicas;

  await t.test('a lease is held until its instant, and not longer', async (t) => {
    const name = fresh('lease');
    t.equal(await leases.acquire(name, 'one', T, T + 10), true);
    t.equal(await leases.acquire(name, 'two', T + 9.999, T + 20), false);
    t.equal(await leases.acquire(name, 'two', T + 10, T + 20), true);
    t.equal(await leases.acquire(name, 'one', T + 10, T + 20), false);
  });

  await t.test('a holder renews its own', async (t) => {
    const name = fresh('lease');
    t.equal(await leases.acquire(name, 'one', T, T + 10), true);
    t.equal(await leases.acquire(name, 'one', T + 5, T + 15), true);
    t.equal(await leases.acquire(name, 'two', T + 12, T + 20), false);
    t.equal(await leases.acquire(name, 'two', T + 15, T + 20), true);
  });

  await t.test('a holder releases its own, and nobody else does', async (t) => {
    const name = fresh('lease');
    await leases.acquire(name, 'one', T, T + 10);
    await leases.release(name, 'two');
    t.equal(await leases.acquire(name, 'two', T, T + 10), false);
    await leases.release(name, 'one');
    t.equal(await leases.acquire(name, 'two', T, T + 10), true);
    await leases.release(fresh('lease'), 'one');
  });

  await t.test('leases of different names know nothing of each other', async (t) => {
    t.equal(await leases.acquire(fresh('lease'), 'one', T, T + 10), true);
    t.equal(await leases.acquire(fresh('lease'), 'two', T, T + 10), true);
  });

  await t.test('of a hundred that want a free lease, one gets it', async (t) => {
    const name = fresh('lease');
    const run = (now: number) =>
      race(replicas, ({ leases }, racer) => leases.acquire(name, `racer-${racer}`, now, now + 10));
    t.equal(count(await run(T), true), 1);
    t.equal(count(await run(T + 10), true), 1, 'also one that has run out');
  });
}
