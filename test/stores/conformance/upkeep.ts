// AuditStore, StoreHealth and Sweeper: what is written down, what the store says of itself, what is cleaned up.
import type { Test } from 'tap';
import { systemClock } from '../../../src/clock.ts';
import { firstState } from '../../../src/oauth/refresh-family.ts';
import { newFamilyId } from '../../../src/oauth/refresh-token.ts';
import { systemRandom } from '../../../src/random.ts';
import { entry, failsWithItsEntry, fresh, type Hands, type Replicas, race, T } from './setting.ts';

export async function upkeepKeepsItsPromises(t: Test, replicas: Replicas, hands: Hands): Promise<void> {
  const [{ attempts, audit, families, familyStates, health, replays, revokedTokens, sweeper }] = replicas;

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
    t.ok((await health.now()) >= first, 'and it goes on');
    hands.ahead = 1_000;
    const ahead = (await health.now()) - first;
    hands.ahead = 0;
    t.ok(ahead >= 1_000 && ahead < 1_060, 'as far ahead as the house is');
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

  // Decades ago, so that nothing but what these tests leave has expired by then.
  const day = 86_400;
  const long = 20 * day;

  /** One of everything that expires at `expiresAt`, which is soon after `long`. Returns what it is known by. */
  async function leaveOneOfEach(expiresAt: number): Promise<{ id: string; key: string }> {
    const [id, key] = [newFamilyId(systemRandom), fresh('left')];
    hands.ahead = long - systemClock.now();
    const { now } = await familyStates.find(id);
    await replays.useOnce('left', key, expiresAt, now);
    await attempts.take(key, 1, expiresAt - now);
    await revokedTokens.revoke(key, expiresAt);
    await familyStates.compareAndSwap({
      id,
      expected: undefined,
      next: firstState(now, 1),
      deadline: now + 60,
      expiresAt,
    });
    const facts = {
      session: 's',
      scope: null,
      resources: [],
      claimsRequest: null,
      authTime: now,
      acr: '1',
      amr: [],
    };
    const lifetimes = {
      createdAt: now,
      expiresAt,
      idleLifetime: 60,
      accountCutOff: null,
      clientCutOff: null,
    };
    const floor = { generation: 0, since: now, macKey: 1 };
    const end = { revokedAt: null, revocation: null };
    await families.open({ id, clientId: 'c', sub: key, ...facts, ...lifetimes, floor, ...end }, entry(id));
    hands.ahead = 0;
    return { id, key };
  }

  await t.test('a sweep goes through everything that expires, in bites', async (t) => {
    await leaveOneOfEach(long + 100);
    const later = await leaveOneOfEach(long + 300);
    t.equal(await sweeper.sweep(long + 99, 10), 0);
    t.equal(await sweeper.sweep(long + 200, 3), 3);
    t.equal(await sweeper.sweep(long + 200, 3), 1, 'a state goes on a later day');
    t.strictSame((await families.listOf(later.key, 0)).length, 1);
    t.equal(await revokedTokens.isRevoked(later.key), true);
    t.equal(await sweeper.sweep(long + 400, 10), 4);
    t.strictSame(await families.listOf(later.key, 0), []);
    t.equal(await revokedTokens.isRevoked(later.key), false);
    t.equal(await sweeper.sweep(long + day - 1, 10), 0, 'the day is not over');
    t.equal(await sweeper.sweep(long + day, 10), 2);
  });

  await t.test('what is used anew before it is swept stays', async (t) => {
    const { id, key } = await leaveOneOfEach(long + 100);
    hands.ahead = long + 200 - systemClock.now();
    t.teardown(() => {
      hands.ahead = 0;
    });
    t.equal(await replays.useOnce('left', key, long + 1_000, long + 200), true);
    t.equal(await attempts.take(key, 1, 800), 0);
    await revokedTokens.revoke(key, long + 1_000);
    const { state, now } = await familyStates.find(id);
    t.equal(state, undefined, 'it had expired');
    const next = firstState(now, 1);
    const swap = { id, expected: undefined, next, deadline: now + 60, expiresAt: long + 2 * day };
    t.equal(await familyStates.compareAndSwap(swap), 'swapped');
    t.equal(await sweeper.sweep(long + 900, 10), 1, 'all but the family, which has an end of its own');
    t.ok((await attempts.take(key, 1, 800)) > 0);
    t.equal(await revokedTokens.isRevoked(key), true);
    t.equal(await sweeper.sweep(long + day, 10), 3);
    t.strictSame((await familyStates.find(id)).state, next);
    t.equal(await sweeper.sweep(long + 3 * day, 10), 1);
  });

  await t.test('of a hundred that sweep at once, each row goes with one', async (t) => {
    await Promise.all(Array.from({ length: 150 }, () => revokedTokens.revoke(fresh('jti'), long)));
    const swept = await race(replicas, ({ sweeper }) => sweeper.sweep(long, 2));
    t.ok(swept.every((rows) => rows <= 2));
    let total = swept.reduce((sum, rows) => sum + rows, 0);
    for (let rows = 1; rows > 0; total += rows) rows = await sweeper.sweep(long, 10);
    t.equal(total, 150);
  });
}
