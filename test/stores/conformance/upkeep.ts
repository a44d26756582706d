// AuditStore, StoreHealth and Sweeper: what is written down, what the store says of itself, what is cleaned up.
import type { Test } from 'tap';
import { systemClock } from '../../../src/clock.ts';
import { entry, failsWithItsEntry, fresh, type Replicas, T } from './setting.ts';

export async function upkeepKeepsItsPromises(t: Test, replicas: Replicas): Promise<void> {
  const [{ audit, health, replays, sweeper }] = replicas;

  await t.test('an entry comes back as it was appended', async (t) => {
    const subject = fresh('subject "ünï" \u{1f600}');
    const details = { reason: 'because "\\" é', n: 1.5, list: [null, true, { a: [] }], nothing: null };
    const full = entry(subject, { at: T + 2 ** -20, event: 'key.revoked', actor: 'operator:jörg', details });
    await audit.append(full);
    t.strictSame(await audit.list({ limit: 10, subject }), [full]);
    const bare = entry(fresh('subject'));
    await audit.append(bare);
    t.strictSame(await audit.list({ limit: 1 }), [bare]);
    await audit.append(entry(subject, { details: {} }));
    t.strictSame((await audit.list({ limit: 1 }))[0]?.details, {});
  });

  await t.test('entries come newest first, as many as are asked for', async (t) => {
    const subject = fresh('subject');
    for (const event of ['a', 'b', 'c']) {
      await audit.append(entry(subject, { event }));
      await audit.append(entry(fresh('another'), { event }));
    }
    const events = async (limit: number) => (await audit.list({ limit, subject })).map(({ event }) => event);
    t.strictSame(await events(10), ['c', 'b', 'a']);
    t.strictSame(await events(2), ['c', 'b']);
    t.strictSame(
      (await audit.list({ limit: 3 })).map(({ event }) => event),
      ['c', 'c', 'b'],
    );
    t.strictSame(await audit.list({ limit: 10, subject: fresh('nobody') }), []);
  });

  await t.test('an entry that cannot be written leaves nothing', (t) =>
    failsWithItsEntry(t, () => audit.list({ limit: 1_000 }), { append: (entry) => audit.append(entry) }),
  );

  await t.test('the store tells its own time in epoch seconds', async (t) => {
    const first = await health.now();
    t.ok(Math.abs(first - systemClock.now()) < 60);
    t.ok((await health.now()) > first, 'and it goes on');
  });

  await t.test('no migration is pending', async (t) => {
    t.strictSame(await health.pendingMigrations(), []);
  });

  await t.test('a sweep removes what has expired, and no more than its limit', async (t) => {
    // Decades ago, so that nothing but what this test leaves has expired by then.
    const now = 1_000_000;
    for (const expiresAt of [now - 3, now - 2, now - 1, now]) {
      await replays.useOnce('sweep', fresh('jti'), expiresAt, now - 10);
    }
    const alive = fresh('jti');
    await replays.useOnce('sweep', alive, now + 0.001, now);
    t.equal(await sweeper.sweep(now, 3), 3);
    t.equal(await sweeper.sweep(now, 3), 1);
    t.equal(await sweeper.sweep(now, 3), 0);
    t.equal(await replays.useOnce('sweep', alive, now + 1, now), false);
    t.equal(await sweeper.sweep(now + 1, 3), 1);
  });
}
