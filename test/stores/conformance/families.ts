// FamilyStore: the durable half of a family, which is the authority on whether it lives.
import type { Test } from 'tap';
import type { Head } from '../../../src/oauth/refresh-family.ts';
import { newFamilyId } from '../../../src/oauth/refresh-token.ts';
import { systemRandom } from '../../../src/random.ts';
import type { FamilyRecord } from '../../../src/stores/stores.ts';
import { count, entry, eventsOf, failsWithItsEntry, fresh, type Replicas, race, T } from './setting.ts';

const head = (generation: number): Head => ({ generation, since: T + generation, macKey: 1 });

export async function familiesKeepTheirPromises(t: Test, replicas: Replicas): Promise<void> {
  const [stores] = replicas;
  const { families, accounts, clients } = stores;

  const family = (more: Partial<FamilyRecord> = {}): FamilyRecord => ({
    id: newFamilyId(systemRandom),
    clientId: 'nobody',
    sub: 'nobody',
    session: 'session',
    scope: null,
    resources: [],
    claimsRequest: null,
    authTime: T,
    acr: '1',
    amr: [],
    createdAt: T,
    expiresAt: T + 1_000,
    idleLifetime: 60,
    accountCutOff: null,
    clientCutOff: null,
    floor: head(0),
    revokedAt: null,
    revocation: null,
    ...more,
  });

  /** An account and a client. */
  async function parties(): Promise<{ sub: string; clientId: string }> {
    const [sub, clientId] = [fresh('sub'), fresh('client')];
    const instants = { createdAt: T, updatedAt: T, disabledAt: null, tokensValidAfter: null };
    const email = `${sub}@example.com`;
    const claims = { attributes: { roles: ['admin'] } };
    await accounts.create({ sub, email, name: 'N', passwordHash: 'h', claims, ...instants }, entry(sub));
    const metadata = { token_endpoint_auth_method: 'none', grant_types: [], response_types: [] } as const;
    const mutable = { ...metadata, grant_types: [], response_types: [] };
    await clients.create({ clientId, metadata: mutable, secrets: [], ...instants }, entry(clientId));
    return { sub, clientId };
  }

  async function opened(more: Partial<FamilyRecord> = {}): Promise<FamilyRecord> {
    const record = family({ ...(await parties()), ...more });
    await families.open(record, entry(record.id, { event: 'family.opened' }));
    return record;
  }

  const found = async (id: string) => (await families.find(id))?.family;
  const floorOf = async (id: string) => (await found(id))?.floor;

  await t.test('a family comes back as it was opened, with its account and its client', async (t) => {
    const plain = await opened();
    const full = await opened({
      session: 'Sitzung "ünï" \\ 日本 \u{1f600}',
      scope: 'openid read',
      resources: ['https://api.example/?a={b,"c"}', 'urn:x', ''],
      authTime: T - 1,
      acr: 'urn:acr:\u{1f600}',
      amr: ['pwd', '"otp", {}'],
      createdAt: T + 2 ** -20,
      expiresAt: Number.POSITIVE_INFINITY,
      idleLifetime: 1 / 3,
      accountCutOff: T + 1e-6,
      clientCutOff: T - 1e-6,
      floor: { generation: 2 ** 32 - 1, since: T + 2, macKey: 255 },
      revokedAt: T + 3,
      revocation: 'revoked_by_operator',
    });
    for (const record of [plain, full]) {
      for (const replica of replicas) {
        t.strictSame(await replica.families.find(record.id), {
          family: record,
          account: {
            sub: record.sub,
            email: `${record.sub}@example.com`,
            name: 'N',
            claims: { attributes: { roles: ['admin'] } },
            updatedAt: T,
            disabledAt: null,
            tokensValidAfter: null,
          },
          client: { disabledAt: null, tokensValidAfter: null },
        });
        const { revokedAt, accountCutOff, clientCutOff, expiresAt } = record;
        const vitals = {
          family: { revokedAt, accountCutOff, clientCutOff, expiresAt },
          account: { disabledAt: null, tokensValidAfter: null },
          client: { disabledAt: null, tokensValidAfter: null },
        };
        t.match(await replica.families.vitals(record.id), vitals, 'and its vitals alike');
      }
      t.strictSame(await eventsOf(stores, record.id), ['family.opened']);
    }
  });

  await t.test('a family is found only whole: with an account and a client that are known', async (t) => {
    const { sub, clientId } = await parties();
    for (const half of [{ sub }, { clientId }, {}]) {
      const record = family(half);
      await families.open(record, entry(record.id));
      t.equal(await families.find(record.id), undefined);
      t.equal(await families.vitals(record.id), undefined);
    }
    const { id } = await opened();
    const last = id.at(-1) as string;
    // Four letters of the alphabet end in bits that say nothing; only one of them is the name.
    const twin = id.slice(0, -1) + String.fromCharCode(last.charCodeAt(0) + 1);
    for (const other of [twin, `${id}!`, `${id}==`, id.slice(1), '', 'a\0b', '\ud800', 'x'.repeat(100_000)])
      t.equal(await families.find(other), undefined, JSON.stringify(other).slice(0, 40));
  });

  await t.test('a hundred families are asked for at once, and each is given its own', async (t) => {
    const records = await Promise.all(Array.from({ length: 50 }, () => opened()));
    const ids = records.flatMap(({ id }) => [id, newFamilyId(systemRandom)]);
    const standings = await race(replicas, ({ families }, racer) => families.find(ids[racer] as string));
    t.strictSame(
      standings.map((standing) => standing?.family),
      records.flatMap((record) => [record, undefined]),
    );
  });

  await t.test('whoever asks after a change was acknowledged sees it, on every replica', async (t) => {
    const { id, sub, clientId } = await opened();
    const audit = entry(id);
    const secret = { id: 's', hash: 'h', createdAt: T };
    const changes: Record<string, () => Promise<unknown>> = {
      cutOff: () => accounts.cutOff(sub, T + 1, audit),
      setPassword: () => accounts.setPassword(sub, 'new', T + 2, audit),
      disableAccount: () => accounts.setDisabled(sub, T + 3, audit),
      enableAccount: () => accounts.setDisabled(sub, null, audit),
      disableClient: () => clients.setDisabled(clientId, T + 4, audit),
      enableClient: () => clients.setDisabled(clientId, null, audit),
      retireOthers: () => clients.addSecret(clientId, secret, true, audit),
      raiseFloors: () => families.raiseFloors([{ id, head: head(1) }]),
      revoke: () => families.revoke(id, T + 5, 'replayed', audit),
    };
    let last = JSON.stringify(await families.find(id));
    for (const [name, change] of Object.entries(changes)) {
      // Some ask before, so that a read may be under way already.
      const before = race(replicas, ({ families }) => families.find(id));
      await change();
      const after = await race(replicas, ({ families }) => families.find(id));
      const told = new Set(after.map((standing) => JSON.stringify(standing)));
      t.equal(told.size, 1, `${name}: all see the same`);
      t.notOk(told.has(last), `${name} is seen`);
      await before;
      last = [...told][0] as string;
    }
  });

  await t.test('an id is taken once', async (t) => {
    const record = await opened();
    const again = () => families.open({ ...record, session: 'another' }, entry(record.id));
    await t.rejects(again());
    t.strictSame(await found(record.id), record);
    t.strictSame(await eventsOf(stores, record.id), ['family.opened']);
    const twice = family(await parties());
    const outcomes = await race(replicas, ({ families }) =>
      families.open(twice, entry(twice.id)).then(
        () => 'opened',
        () => 'refused',
      ),
    );
    t.equal(count(outcomes, 'opened'), 1);
    t.equal((await eventsOf(stores, twice.id)).length, 1);
  });

  await t.test('the list has what an account has that has not expired, newest first', async (t) => {
    const who = await parties();
    const old = await opened({ ...who, createdAt: T - 5, revokedAt: T, revocation: 'replayed' });
    const young = await opened({ ...who, createdAt: T + 5 });
    const middle = await opened({ ...who, createdAt: T });
    await opened({ ...who, expiresAt: T + 1 });
    await opened();
    t.strictSame(await families.listOf(who.sub, T + 1), [young, middle, old]);
    t.strictSame(await families.listOf(fresh('nobody'), T), []);
  });

  await t.test('a floor only rises, and the whole head with it', async (t) => {
    const { id } = await opened();
    const raise = (...heads: Head[]) => families.raiseFloors(heads.map((head) => ({ id, head })));
    await raise({ generation: 5, since: T + 0.1, macKey: 2 });
    t.strictSame(await floorOf(id), { generation: 5, since: T + 0.1, macKey: 2 });
    await raise({ generation: 4, since: T + 9, macKey: 9 });
    await raise({ generation: 5, since: T + 9, macKey: 9 });
    t.strictSame(await floorOf(id), { generation: 5, since: T + 0.1, macKey: 2 });
    await raise({ generation: 2 ** 32 - 1, since: T - 9, macKey: 255 });
    t.strictSame(await floorOf(id), { generation: 2 ** 32 - 1, since: T - 9, macKey: 255 });
    await raise();
  });

  await t.test('a family that is named several times gets the highest', async (t) => {
    const { id } = await opened();
    await families.raiseFloors([3, 7, 1, 6].map((generation) => ({ id, head: head(generation) })));
    t.strictSame(await floorOf(id), head(7));
  });

  await t.test('floors of unknown families are passed over', async (t) => {
    const { id } = await opened();
    const unknown = [newFamilyId(systemRandom), newFamilyId(systemRandom)];
    await families.raiseFloors(
      [unknown[0] as string, id, unknown[1] as string].map((id) => ({ id, head: head(2) })),
    );
    t.strictSame(await floorOf(id), head(2));
    for (const id of unknown) t.equal(await families.find(id), undefined);
  });

  await t.test('of a hundred that raise floors in any order, the highest stay', async (t) => {
    const records = await Promise.all(Array.from({ length: 20 }, () => opened()));
    await race(replicas, ({ families }, racer) => {
      const generation = 1 + ((racer * 37) % 100);
      const floors = records.map(({ id }) => ({ id, head: head(generation) }));
      // Each in an order of its own, so that they would wait for each other if they could.
      const turned = [...floors.slice(racer % 20), ...floors.slice(0, racer % 20)];
      return families.raiseFloors(racer % 2 ? turned : turned.toReversed());
    });
    for (const { id } of records) t.strictSame(await floorOf(id), head(100));
  });

  await t.test('a family ends once, for the first reason, and for ever', async (t) => {
    const record = await opened();
    const { id } = record;
    const revoke = (at: number, revocation: 'replayed' | 'revoked_by_client') =>
      families.revoke(id, at, revocation, entry(id, { event: revocation }));
    t.equal(await revoke(T + 1, 'revoked_by_client'), 'changed');
    t.equal(await revoke(T + 2, 'replayed'), 'unchanged');
    await families.raiseFloors([{ id, head: head(3) }]);
    const ended = { ...record, floor: head(3), revokedAt: T + 1, revocation: 'revoked_by_client' };
    t.strictSame(await found(id), ended);
    t.strictSame(await eventsOf(stores, id), ['revoked_by_client', 'family.opened']);
  });

  await t.test('of a hundred that end a family, one does', async (t) => {
    const { id } = await opened();
    const outcomes = await race(replicas, ({ families }, racer) =>
      families.revoke(id, T + racer, 'replayed', entry(id, { event: `by_${racer}` })),
    );
    t.equal(count(outcomes, 'changed'), 1);
    t.equal(count(outcomes, 'unchanged'), 99);
    const winner = outcomes.indexOf('changed');
    t.equal((await found(id))?.revokedAt, T + winner);
    t.strictSame(await eventsOf(stores, id), [`by_${winner}`, 'family.opened']);
  });

  await t.test('an unknown family does not end, and nothing is noted', async (t) => {
    const { id } = await opened();
    for (const unknown of [newFamilyId(systemRandom), '', `${id}!`]) {
      const subject = fresh('unknown');
      t.equal(await families.revoke(unknown, T, 'replayed', entry(subject)), 'unknown');
      t.strictSame(await eventsOf(stores, subject), []);
    }
    t.equal((await found(id))?.revokedAt, null);
  });

  await t.test('a tombstone is due from the end of a family until it is said to stand', async (t) => {
    const mine = new Set<string>();
    const due = async (limit = 1_000) =>
      (await families.dueTombstones(limit)).filter(({ id }) => mine.has(id));
    for (let i = 0; i < 3; i += 1) {
      const { id } = await opened({ expiresAt: T + 500 });
      mine.add(id);
    }
    const [one, two, three] = [...mine] as [string, string, string];
    t.strictSame(await due(), []);
    for (const id of [one, two]) await families.revoke(id, T, 'replayed', entry(id));
    t.strictSame(
      (await due()).toSorted((a, b) => (a.id === one ? -1 : b.id === one ? 1 : 0)),
      [one, two].map((id) => ({ id, expiresAt: T + 500 })),
    );
    t.equal((await families.dueTombstones(1)).length, 1);
    await families.tombstonesSet([one, three, newFamilyId(systemRandom)]);
    await families.tombstonesSet([one]);
    t.strictSame(await due(), [{ id: two, expiresAt: T + 500 }]);
    await families.revoke(two, T, 'replayed', entry(two));
    await families.tombstonesSet([two]);
    await families.revoke(two, T, 'replayed', entry(two));
    t.strictSame(await due(), [], 'an end that was told before is due no more');
    await families.tombstonesSet([]);
  });

  await t.test('there is no change without its entry', async (t) => {
    const { id, sub } = await opened();
    const read = async () => [await families.listOf(sub, T), await families.dueTombstones(1_000)];
    await failsWithItsEntry(t, read, {
      open: (audit) => families.open(family({ sub }), audit),
      revoke: (audit) => families.revoke(id, T, 'replayed', audit),
    });
  });

  await t.test('what a family says is kept whole, or it is not opened', async (t) => {
    const { sub } = await parties();
    for (const bad of ['a\0b', 'a\ud800']) {
      for (const more of [{ session: bad }, { scope: bad }, { resources: ['x', bad] }, { amr: [bad] }])
        await t.rejects(families.open(family({ sub, ...more }), entry(sub)), JSON.stringify(more));
    }
    t.strictSame(await families.listOf(sub, T), []);
    const long = 'x'.repeat(100_000);
    const record = await opened({ scope: long, resources: [long], session: long });
    t.strictSame(await found(record.id), record);
  });
}
