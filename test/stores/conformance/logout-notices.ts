// What clients are to be told of sessions that have ended: written with the end, given to one replica at a time.
import type { Test } from 'tap';
import type { Session } from '../../../src/oauth/session.ts';
import type { LogoutNotice } from '../../../src/stores/stores.ts';
import { count, entry, failsWithItsEntry, fresh, type Replicas, race, T } from './setting.ts';

export async function logoutNoticesKeepTheirPromises(t: Test, replicas: Replicas): Promise<void> {
  const [one, other] = [replicas[0], replicas.at(-1) ?? replicas[0]];
  const { sessions, logoutNotices } = one;

  /** A session; decades ago, so that nothing but what this test leaves is due by then. */
  async function started(): Promise<Session> {
    const session: Session = {
      sid: fresh('sid'),
      sub: fresh('sub'),
      authTime: T,
      acr: 'aal1',
      amr: ['pwd'],
      createdAt: T,
      lastSeenAt: T,
      expiresAt: T + 1_000,
      accountCutOff: null,
      userAgent: '',
      address: '',
    };
    await sessions.create(fresh('secret'), session, entry(session.sub));
    return session;
  }

  const end = ({ sid, sub }: Session, at: number) => sessions.end(sid, entry(sub, { at }));
  const told = (notices: LogoutNotice[]) => notices.map(({ clientId }) => clientId).sort();

  /** Takes all that is due at `now`, and is done with it. */
  async function drained(now: number): Promise<LogoutNotice[]> {
    const taken = await other.logoutNotices.take(now, now, 1_000);
    for (const notice of taken) await logoutNotices.remove(notice);
    return taken;
  }

  await t.test('every client of a session is told of its end, once', async (t) => {
    const session = await started();
    const { sid, sub } = session;
    const clients = ['a', 'a', 'b', 'ünï "x", {\\}'];
    for (const client of clients) t.equal(await sessions.addClient(sid, client), true);
    const another = await started();
    await other.sessions.addClient(another.sid, 'c');
    t.strictSame(await drained(1_000), [], 'nothing before it ends');
    t.equal(await end(session, 1_000), 'changed');
    const taken = await logoutNotices.take(1_000, 1_000, 1_000);
    t.strictSame(told(taken), ['a', 'b', 'ünï "x", {\\}']);
    for (const notice of taken) t.match(notice, { sid, sub, endedAt: 1_000, attempts: 1 });
    await drained(1_000);
    t.equal(await end(session, 1_000), 'unknown');
    t.strictSame(await drained(2_000), [], 'nothing again');
    t.equal(await sessions.addClient(sid, 'late'), false, 'and nobody is added to what has ended');
    t.equal(await sessions.addClient(fresh('nobody'), 'a'), false);
  });

  await t.test('the clients stay when somebody signs in anew in the same session', async (t) => {
    const session = await started();
    await sessions.addClient(session.sid, 'a');
    await sessions.create(fresh('secret'), { ...session, authTime: T + 1 }, entry(session.sub));
    await sessions.addClient(session.sid, 'b');
    await end(session, 1_000);
    t.strictSame(told(await drained(1_000)), ['a', 'b']);
  });

  await t.test('a notice is given to one at a time, and comes back', async (t) => {
    const session = await started();
    await sessions.addClient(session.sid, 'a');
    await end(session, 1_000);
    t.strictSame(await logoutNotices.take(999, 2_000, 10), [], 'not before it is due');
    t.match(await logoutNotices.take(1_000, 1_030, 10), [{ clientId: 'a', attempts: 1 }]);
    t.strictSame(await other.logoutNotices.take(1_029, 2_000, 10), [], 'it is taken');
    t.match(await other.logoutNotices.take(1_030, 1_060, 10), [{ attempts: 2 }], 'whoever took it is gone');
    await other.logoutNotices.postpone({ sid: session.sid, clientId: 'a' }, 1_500);
    t.strictSame(await logoutNotices.take(1_499, 2_000, 10), []);
    t.match(await drained(1_500), [{ sid: session.sid, attempts: 3, endedAt: 1_000 }]);
    t.strictSame(await drained(1e6), []);
    await logoutNotices.remove({ sid: session.sid, clientId: 'a' });
    await logoutNotices.postpone({ sid: session.sid, clientId: 'a' }, 1_000);
    t.strictSame(await drained(1e6), [], 'what is gone stays so');
  });

  await t.test('the longest due come first, as many as are asked for', async (t) => {
    const later = await started();
    for (const client of ['c', 'd']) await sessions.addClient(later.sid, client);
    await end(later, 1_002);
    const first = await started();
    for (const client of ['a', 'b']) await sessions.addClient(first.sid, client);
    await end(first, 1_001);
    t.strictSame(told(await logoutNotices.take(1_002, 5_000, 2)), ['a', 'b']);
    t.strictSame(told(await logoutNotices.take(1_002, 5_000, 9)), ['c', 'd']);
    t.equal((await drained(5_000)).length, 4);
  });

  await t.test('of a hundred who take at once, each notice goes to one', async (t) => {
    const session = await started();
    const clients = Array.from({ length: 150 }, (_, i) => `client-${i}`);
    for (const client of clients) await sessions.addClient(session.sid, client);
    await end(session, 1_000);
    const taken = (await race(replicas, ({ logoutNotices }) => logoutNotices.take(1_000, 2_000, 2))).flat();
    taken.push(...(await logoutNotices.take(1_000, 2_000, 1_000)));
    t.strictSame(told(taken), [...clients].sort());
    await drained(2_000);
  });

  await t.test('whoever comes in as a session ends is told, or finds no session', async (t) => {
    const session = await started();
    const outcomes = await race(replicas, async (replica, racer) =>
      racer === 50 ? end(session, 1_000) : replica.sessions.addClient(session.sid, `client-${racer}`),
    );
    t.equal((await drained(1_000)).length, count(outcomes, true));
    t.equal(count(outcomes, 'changed'), 1);
  });

  await t.test('no notice without the entry', async (t) => {
    const session = await started();
    await sessions.addClient(session.sid, 'a');
    await failsWithItsEntry(t, () => logoutNotices.take(1e6, 1e6, 10), {
      end: (audit) => sessions.end(session.sid, { ...audit, at: 1_000 }),
    });
    await end(session, 1_000);
    await drained(1_000);
  });
}
