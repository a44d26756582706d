// EndingStore: what has ended lately, by the same values that decide whether a family lives.
import type { Test } from 'tap';
import { newFamilyId } from '../../../src/oauth/refresh-token.ts';
import type { Session } from '../../../src/oauth/session.ts';
import { systemRandom } from '../../../src/random.ts';
import { entry, eventsOf, fresh, type Replicas, race } from './setting.ts';

/** Later than whatever the other tests end, so that these endings are alone. */
const NOW = 4_000_000_000;

export async function endingsKeepTheirPromises(t: Test, replicas: Replicas): Promise<void> {
  const [{ accounts, audit, clients, families, sessions }, ...others] = replicas;
  const { endings } = others[0] ?? replicas[0];
  const instants = { createdAt: NOW, updatedAt: NOW, disabledAt: null, tokensValidAfter: null };

  async function party(): Promise<{ sub: string; clientId: string }> {
    const [sub, clientId] = [fresh('sub'), fresh('client')];
    const email = `${sub}@example.com`;
    await accounts.create(
      { sub, email, name: null, passwordHash: null, claims: {}, ...instants },
      entry(sub),
    );
    const metadata = { token_endpoint_auth_method: 'none' as const, grant_types: [], response_types: [] };
    await clients.create({ clientId, metadata, secrets: [], ...instants }, entry(clientId));
    return { sub, clientId };
  }

  async function opened(
    of: { sub: string; clientId: string },
    accountCutOff: number | null = null,
    { createdAt = NOW, since = NOW } = {},
  ) {
    const id = newFamilyId(systemRandom);
    const times = { authTime: NOW, createdAt, expiresAt: NOW + 9_000, idleLifetime: 60 };
    const grant = { session: 's', scope: null, resources: [], claimsRequest: null, acr: 'a', amr: [] };
    const ends = { accountCutOff, clientCutOff: null, revokedAt: null, revocation: null };
    const floor = { generation: 0, since, macKey: 1 };
    await families.open({ id, ...of, ...grant, ...times, ...ends, floor }, entry(id));
    return id;
  }

  await t.test('a family that was revoked is told with its instant, from then on', async (t) => {
    const [one, other] = [await opened(await party()), await opened(await party())];
    await families.revoke(one, NOW + 10.5, 'replayed', entry(one));
    t.strictSame(await endings.since(NOW + 10.5, 9), {
      families: [{ id: one, at: NOW + 10.5 }],
      clients: [],
    });
    t.strictSame(await endings.since(NOW + 11, 9), { families: [], clients: [] });
    await families.revoke(other, NOW + 10, 'replayed', entry(other));
    t.strictSame(
      (await endings.since(NOW + 1, 9)).families.map(({ id }) => id),
      [one, other],
      'the latest first',
    );
    t.strictSame(
      (await endings.since(NOW + 1, 1)).families,
      [{ id: one, at: NOW + 10.5 }],
      'and no more than asked',
    );
  });

  await t.test('a cut-off of an account ends the families that have not seen it', async (t) => {
    const one = await party();
    const [before, ended] = [await opened(one), await opened(one)];
    await families.revoke(ended, NOW + 100, 'replayed', entry(ended));
    await accounts.cutOff(one.sub, NOW + 101, entry(one.sub));
    await opened(one, NOW + 101);
    await opened(await party());
    t.strictSame((await endings.since(NOW + 100, 9)).families, [
      { id: before, at: NOW + 101 },
      { id: ended, at: NOW + 100 },
    ]);
    const two = await party();
    const disabled = await opened(two);
    await accounts.setDisabled(two.sub, NOW + 102, entry(two.sub));
    t.strictSame((await endings.since(NOW + 102, 9)).families, [{ id: disabled, at: NOW + 102 }]);
  });

  await t.test('a client that was disabled or cut off is told by itself', async (t) => {
    const [one, two, three] = [await party(), await party(), await party()];
    await opened(one);
    await clients.setDisabled(one.clientId, NOW + 200, entry(one.clientId));
    const secret = { id: 's', hash: 'h', createdAt: NOW };
    const audit = entry(two.clientId, { at: NOW + 201 });
    await clients.addSecret(two.clientId, secret, true, audit);
    await clients.setDisabled(three.clientId, NOW + 202, entry(three.clientId));
    await clients.setDisabled(three.clientId, null, entry(three.clientId));
    t.strictSame(await endings.since(NOW + 200, 9), {
      families: [],
      clients: [
        { id: two.clientId, at: NOW + 201 },
        { id: one.clientId, at: NOW + 200 },
      ],
    });
    t.strictSame((await endings.since(NOW + 200, 1)).clients, [{ id: two.clientId, at: NOW + 201 }]);
  });

  await t.test(
    'the families that were used between two instants end together, a bite at a time',
    async (t) => {
      const of = await party();
      const early = await opened(of, null, { createdAt: NOW + 1_000, since: NOW + 1_000 });
      const used = await Promise.all(
        [1_000, 1_500, 2_000].map((at) => opened(of, null, { createdAt: NOW + at, since: NOW + 2_500 })),
      );
      const late = await opened(of, null, { createdAt: NOW + 3_000, since: NOW + 3_000 });
      const gone = await opened(of, null, { createdAt: NOW + 2_000, since: NOW + 2_500 });
      await families.revoke(gone, NOW + 2_600, 'replayed', entry(gone));
      const which = { from: NOW + 1_200, until: NOW + 2_800, at: NOW + 2_900 };
      t.equal(await endings.countUsed(which), 3);
      const first = await endings.endUsed({ ...which, after: '', limit: 2 }, 'operator:o', { kid: 'k' });
      t.match(first, { count: 2, last: /^[\w-]{22}$/ });
      const after = first.last as string;
      const second = await endings.endUsed({ ...which, after, limit: 2 }, 'operator:o', { kid: 'k' });
      t.equal(second.count, 1);
      const third = await endings.endUsed({ ...which, after: second.last as string, limit: 2 }, 'o', {});
      t.strictSame(third, { count: 0, last: undefined });
      t.equal(await endings.countUsed(which), 0);
      const due = (await families.dueTombstones(10_000)).map(({ id }) => id);
      for (const id of used) {
        t.match(await families.find(id), {
          family: { revokedAt: NOW + 2_900, revocation: 'revoked_by_operator' },
        });
        t.ok(due.includes(id), 'and a tombstone is due');
        const [told] = await audit.list({ limit: 1, subject: id });
        const details = { kid: 'k', client_id: of.clientId, sub: of.sub };
        t.strictSame(told, {
          at: NOW + 2_900,
          event: 'family.revoked',
          actor: 'operator:o',
          subject: id,
          details,
        });
      }
      for (const id of [early, late]) t.equal((await families.find(id))?.family.revokedAt, null);
      await families.tombstonesSet(due);
    },
  );

  /** A browser's session that was begun and seen last then. */
  async function begun(sub: string, more: Partial<Session> = {}): Promise<void> {
    const times = { authTime: NOW, createdAt: NOW + 7_000, lastSeenAt: NOW + 7_500, expiresAt: NOW + 9_000 };
    const browser = { acr: 'a', amr: [], accountCutOff: null, userAgent: '', address: '' };
    const session = { sid: fresh('sid'), sub, ...times, ...browser, ...more };
    await sessions.create(fresh('session'), session, entry(sub));
  }
  const window = { from: NOW + 7_200, until: NOW + 7_800, at: NOW + 7_900 };
  const cutOffAt = async (sub: string) => (await accounts.findBySub(sub))?.tokensValidAfter;

  await t.test(
    'the accounts of families and sessions that were used between two instants are cut off together',
    async (t) => {
      const parties = await Promise.all(Array.from({ length: 9 }, party));
      const [family, session, both, returned, early, late, expired, gone, disabled] = parties.map(
        ({ sub }) => sub,
      );
      const used = { createdAt: NOW + 7_000, since: NOW + 7_500 };
      for (const of of [parties[0], parties[2]]) if (of) await opened(of, null, used);
      for (const sub of [session, both, gone, disabled]) if (sub) await begun(sub);
      const named = await opened(parties[1] as { sub: string; clientId: string });
      await accounts.cutOff(returned as string, NOW + 7_100, entry('returned'));
      await begun(returned as string, { accountCutOff: NOW + 7_100 });
      await begun(early as string, { lastSeenAt: NOW + 7_100 });
      await begun(late as string, { createdAt: NOW + 7_850, lastSeenAt: NOW + 7_850 });
      await begun(expired as string, { expiresAt: NOW + 7_850 });
      await accounts.cutOff(gone as string, NOW + 7_600, entry('gone'));
      await accounts.setDisabled(disabled as string, NOW + 7_600, entry('disabled'));

      t.equal(await endings.countAccountsUsed(window), 4);
      const wanted = [family, session, both, returned].sort();
      const first = await endings.cutOffUsed({ ...window, after: '', limit: 3 }, 'operator:o', { kid: 'k' });
      t.strictSame(first, { count: 3, last: wanted[2] });
      const rest = { ...window, after: first.last as string, limit: 3 };
      t.strictSame(await endings.cutOffUsed(rest, 'operator:o', { kid: 'k' }), { count: 1, last: wanted[3] });
      const none = { count: 0, last: undefined };
      t.strictSame(await endings.cutOffUsed({ ...rest, after: wanted[3] as string }, 'o', {}), none);
      t.strictSame(
        await endings.cutOffUsed({ ...rest, after: '' }, 'o', {}),
        none,
        'nor when it is begun anew',
      );
      t.equal(await endings.countAccountsUsed(window), 0);

      for (const sub of wanted as string[]) {
        t.equal(await cutOffAt(sub), window.at);
        const [told] = await audit.list({ limit: 1, subject: sub });
        const said = { at: window.at, event: 'account.signed_out', actor: 'operator:o', subject: sub };
        t.strictSame(told, { ...said, details: { kid: 'k' } });
      }
      for (const sub of [early, late, expired] as string[]) t.equal(await cutOffAt(sub), null);
      for (const sub of [gone, disabled] as string[]) t.equal(await cutOffAt(sub), NOW + 7_600);
      const ended = (await endings.since(window.at, 99)).families.map(({ id }) => id);
      t.ok(ended.includes(named), 'and every family of them is told to be over');
    },
  );

  await t.test('of a hundred that cut the same accounts off, each is cut off by one', async (t) => {
    const subs = (await Promise.all(Array.from({ length: 10 }, party))).map(({ sub }) => sub);
    for (const sub of subs) await begun(sub);
    const outcomes = await race(replicas, ({ endings }) =>
      endings.cutOffUsed({ ...window, after: '', limit: 100 }, 'a', {}),
    );
    t.equal(
      outcomes.reduce((sum, { count }) => sum + count, 0),
      10,
    );
    for (const sub of subs) t.equal(await cutOffAt(sub), window.at);
  });

  await t.test('of a hundred that end the same families, each is ended by one', async (t) => {
    const of = await party();
    const times = { createdAt: NOW + 5_000, since: NOW + 5_000 };
    const ids = await Promise.all(Array.from({ length: 10 }, () => opened(of, null, times)));
    const which = { from: NOW + 5_000, until: NOW + 5_000, at: NOW + 5_001, after: '', limit: 100 };
    const outcomes = await race(replicas, ({ endings }) => endings.endUsed(which, 'a', {}));
    t.equal(
      outcomes.reduce((sum, { count }) => sum + count, 0),
      10,
    );
    for (const id of ids) t.equal((await eventsOf(replicas[0], id)).length, 2);
  });
}
