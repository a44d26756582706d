// Who allowed what to whom: it grows, and is taken back whole.
import type { Test } from 'tap';
import { count, entry, eventsOf, failsWithItsEntry, fresh, type Replicas, race, T } from './setting.ts';

export async function consentsKeepTheirPromises(t: Test, replicas: Replicas): Promise<void> {
  const [one, other] = [replicas[0], replicas.at(-1) ?? replicas[0]];
  const { consents } = one;
  const consent = { scopes: ['openid'], resources: ['https://a'], claims: ['name'], grantedAt: T };

  await t.test('what was allowed is found, and added to', async (t) => {
    const [sub, clientId] = [fresh('sub'), fresh('client')];
    t.equal(await consents.find(sub, clientId), undefined);
    await consents.add(sub, { ...consent, clientId }, entry(sub, { event: 'consent.granted' }));
    t.strictSame(await other.consents.find(sub, clientId), { ...consent, clientId });
    t.equal(await consents.find(sub, fresh('client')), undefined);
    t.equal(await consents.find(fresh('sub'), clientId), undefined);
    const more = {
      scopes: ['email', 'openid'],
      resources: [],
      claims: ['an "odd", {one}'],
      grantedAt: T + 1,
    };
    await consents.add(sub, { ...more, clientId }, entry(sub));
    t.strictSame(await other.consents.find(sub, clientId), {
      clientId,
      scopes: ['email', 'openid'],
      resources: ['https://a'],
      claims: ['an "odd", {one}', 'name'],
      grantedAt: T + 1,
    });
    t.same(await eventsOf(one, sub), ['test.done', 'consent.granted']);
  });

  await t.test('of a hundred who add at once, none is lost', async (t) => {
    const [sub, clientId] = [fresh('sub'), fresh('client')];
    await race(replicas, (replica, racer) =>
      replica.consents.add(sub, { ...consent, scopes: [`s${racer}`], clientId }, entry(sub)),
    );
    t.equal((await consents.find(sub, clientId))?.scopes.length, 100);
  });

  await t.test('it is taken back once', async (t) => {
    const [sub, clientId] = [fresh('sub'), fresh('client')];
    t.equal(await consents.withdraw(sub, clientId, entry(sub)), 'unknown');
    await consents.add(sub, { ...consent, clientId }, entry(sub));
    const outcomes = await race(replicas, (replica) => replica.consents.withdraw(sub, clientId, entry(sub)));
    t.equal(count(outcomes, 'changed'), 1);
    t.equal(count(outcomes, 'unknown'), 99);
    t.equal(await other.consents.find(sub, clientId), undefined);
  });

  await t.test('all of an account, the newest first', async (t) => {
    const sub = fresh('sub');
    for (const [i, clientId] of ['b', 'a', 'c'].entries()) {
      await consents.add(sub, { ...consent, clientId, grantedAt: T + (i > 1 ? 1 : 0) }, entry(sub));
    }
    t.strictSame(
      (await other.consents.listOf(sub)).map(({ clientId }) => clientId),
      ['c', 'a', 'b'],
    );
    t.strictSame(await consents.listOf(fresh('sub')), []);
  });

  await t.test('nothing changes without its entry', async (t) => {
    const [sub, clientId] = [fresh('sub'), fresh('client')];
    await consents.add(sub, { ...consent, clientId }, entry(sub));
    await failsWithItsEntry(t, () => consents.listOf(sub), {
      add: (audit) => consents.add(sub, { ...consent, clientId, scopes: ['more'] }, audit),
      withdraw: (audit) => consents.withdraw(sub, clientId, audit),
    });
  });
}
