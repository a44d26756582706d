// Browsers' sign-ins: by a secret that is kept nowhere, and with their account as it is now.
import type { Test } from 'tap';
import type { Session } from '../../../src/oauth/session.ts';
import { count, entry, eventsOf, failsWithItsEntry, fresh, type Replicas, race, T } from './setting.ts';

export async function sessionsKeepTheirPromises(t: Test, replicas: Replicas): Promise<void> {
  const [one, other] = [replicas[0], replicas.at(-1) ?? replicas[0]];
  const { sessions } = one;

  /** An account, and a session of it. */
  async function setting(more: Partial<Session> = {}): Promise<{ id: string; session: Session }> {
    const sub = more.sub ?? fresh('sub');
    if (more.sub === undefined) {
      const account = {
        sub,
        email: `${sub}@example.com`,
        name: 'Ünal "x"',
        passwordHash: 'hash',
        claims: { locale: 'de', nested: { a: [1] } },
        createdAt: T,
        updatedAt: T + 1,
        disabledAt: null,
        tokensValidAfter: null,
      };
      await one.accounts.create(account, entry(sub));
    }
    const session: Session = {
      sid: fresh('sid'),
      authTime: T,
      acr: 'aal1',
      amr: ['pwd', 'a,"b'],
      createdAt: T,
      lastSeenAt: T,
      expiresAt: T + 1_000,
      accountCutOff: null,
      userAgent: 'Browser/1 (ünï; "x")',
      address: '2001:db8::1',
      ...more,
      sub,
    };
    return { id: fresh('secret'), session };
  }

  await t.test('a session is found by its secret, with the account as it is now', async (t) => {
    const { id, session } = await setting({ accountCutOff: T - 1 });
    await sessions.create(id, session, entry(session.sub, { event: 'session.started' }));
    const found = await other.sessions.find(id);
    t.strictSame(found?.session, session);
    t.strictSame(found?.account, await one.accounts.findBySub(session.sub));
    t.equal((await eventsOf(one, session.sub))[0], 'session.started');
    await one.accounts.cutOff(session.sub, T + 5, entry(session.sub));
    t.equal((await other.sessions.find(id))?.account.tokensValidAfter, T + 5);
    t.equal(await sessions.find(session.sid), undefined, 'its sid is no secret and opens nothing');
    t.equal(await sessions.find(''), undefined);
  });

  await t.test('a session of the same sid takes the place of the one before', async (t) => {
    const { id, session } = await setting();
    await sessions.create(id, session, entry(session.sub));
    const next = { ...session, authTime: T + 9, lastSeenAt: T + 9, expiresAt: T + 2_000, amr: ['otp'] };
    const newId = fresh('secret');
    await sessions.create(newId, next, entry(session.sub));
    t.equal(await other.sessions.find(id), undefined);
    t.strictSame((await other.sessions.find(newId))?.session, next);
    t.equal((await sessions.listOf(session.sub, T)).length, 1);
  });

  await t.test('when it was seen never moves back', async (t) => {
    const { id, session } = await setting();
    await sessions.create(id, session, entry(session.sub));
    const ats = Array.from({ length: 100 }, (_, i) => T + ((i * 37) % 100));
    await race(replicas, (replica, racer) => replica.sessions.touch(id, ats[racer] ?? T));
    t.equal((await sessions.find(id))?.session.lastSeenAt, T + 99);
    await sessions.touch(id, T);
    t.equal((await sessions.find(id))?.session.lastSeenAt, T + 99);
    await sessions.touch(fresh('nobody'), T);
  });

  await t.test('of a hundred who end it, one does', async (t) => {
    const { id, session } = await setting();
    await sessions.create(id, session, entry(session.sub));
    const outcomes = await race(replicas, (replica) =>
      replica.sessions.end(session.sid, entry(session.sub, { event: 'session.ended' })),
    );
    t.equal(count(outcomes, 'changed'), 1);
    t.equal(count(outcomes, 'unknown'), 99);
    t.equal(await other.sessions.find(id), undefined);
    t.equal(count(await eventsOf(one, session.sub), 'session.ended'), 1);
  });

  await t.test('those of an account, the latest seen first, without what has expired', async (t) => {
    const first = await setting({ lastSeenAt: T + 1 });
    const { sub } = first.session;
    const all = [first, await setting({ sub, lastSeenAt: T + 3 }), await setting({ sub, lastSeenAt: T + 2 })];
    const expired = await setting({ sub, expiresAt: T + 10 });
    for (const { id, session } of [...all, expired]) await sessions.create(id, session, entry(sub));
    const seen = (await other.sessions.listOf(sub, T + 10)).map(({ lastSeenAt }) => lastSeenAt);
    t.strictSame(seen, [T + 3, T + 2, T + 1]);
    t.strictSame(await sessions.listOf(fresh('nobody'), T), []);
  });

  await t.test('nothing changes without its entry', async (t) => {
    const { id, session } = await setting();
    await sessions.create(id, session, entry(session.sub));
    await failsWithItsEntry(t, () => sessions.listOf(session.sub, T), {
      create: (audit) => sessions.create(fresh('secret'), { ...session, sid: fresh('sid') }, audit),
      replace: (audit) => sessions.create(fresh('secret'), { ...session, authTime: T + 1 }, audit),
      end: (audit) => sessions.end(session.sid, audit),
    });
  });

  await t.test('what has expired is swept', async (t) => {
    const { id, session } = await setting({ expiresAt: T + 10 });
    await sessions.create(id, session, entry(session.sub));
    await one.sweeper.sweep(T + 9, 1_000);
    t.not(await sessions.find(id), undefined);
    await one.sweeper.sweep(T + 10.5, 1_000);
    t.equal(await sessions.find(id), undefined);
  });
}
