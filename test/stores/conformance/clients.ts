// ClientStore: records, their two live secrets, and what a race may make of them.
import type { Test } from 'tap';
import type { ClientRecord, ClientSecret } from '../../../src/stores/stores.ts';
import {
  count,
  entry,
  eventsOf,
  failsWithItsEntry,
  fresh,
  keepsNamesWholeOrNotAtAll,
  orderedNames,
  type Replicas,
  race,
  T,
} from './setting.ts';

const metadata: ClientRecord['metadata'] = {
  client_name: 'Ünïcode "and" \\ 日本 \u{1f600}',
  token_endpoint_auth_method: 'client_secret_basic',
  grant_types: ['client_credentials'],
  response_types: [],
  redirect_uris: ['https://app.example/cb?x=1'],
  access_token_lifetime: 300,
  jwks: { keys: [{ kty: 'EC', nested: { deep: [1, null, true, 1.5, 'x'] } }] },
};

const secret = (id: string, createdAt = T): ClientSecret => ({ id, hash: `hash-of-${id}`, createdAt });

const client = (clientId: string, more: Partial<ClientRecord> = {}): ClientRecord => ({
  clientId,
  metadata,
  secrets: [],
  createdAt: T,
  updatedAt: T,
  disabledAt: null,
  tokensValidAfter: null,
  ...more,
});

export async function clientsKeepTheirPromises(t: Test, replicas: Replicas): Promise<void> {
  const [stores] = replicas;
  const { clients } = stores;

  async function created(more: Partial<ClientRecord> = {}): Promise<string> {
    const clientId = fresh('client');
    t.equal(
      await clients.create(client(clientId, more), entry(clientId, { event: 'client.created' })),
      'created',
    );
    return clientId;
  }
  const secretsOf = async (clientId: string) => (await clients.find(clientId))?.secrets.map(({ id }) => id);

  await t.test('a client comes back as it was created', async (t) => {
    const record = client(fresh('client'), {
      secrets: [secret('newer', T + 2 ** -20), secret('older')],
      updatedAt: T + 0.001,
      disabledAt: T + 1e6 / 7,
      tokensValidAfter: T + 1e6 / 3,
    });
    t.equal(await clients.create(record, entry(record.clientId)), 'created');
    t.strictSame(await clients.find(record.clientId), record);
  });

  await t.test('a client that exists is left as it was, and nothing is noted', async (t) => {
    const clientId = await created();
    const other = client(clientId, { secrets: [secret('other')], createdAt: T + 1 });
    t.equal(await clients.create(other, entry(clientId, { event: 'client.created_again' })), 'exists');
    t.strictSame(await clients.find(clientId), client(clientId));
    t.strictSame(await eventsOf(stores, clientId), ['client.created']);
  });

  await t.test('of a hundred that create one client, one does', async (t) => {
    const clientId = fresh('client');
    const outcomes = await race(replicas, ({ clients }, racer) =>
      clients.create(
        client(clientId, { secrets: [secret(`of-racer-${racer}`)] }),
        entry(clientId, { event: `created.by_${racer}` }),
      ),
    );
    t.equal(count(outcomes, 'created'), 1);
    t.equal(count(outcomes, 'exists'), 99);
    const winner = outcomes.indexOf('created');
    t.strictSame(await secretsOf(clientId), [`of-racer-${winner}`]);
    t.strictSame(await eventsOf(stores, clientId), [`created.by_${winner}`]);
  });

  await t.test('a client that nobody created is not found', async (t) => {
    t.equal(await clients.find(fresh('client')), undefined);
    t.equal(await clients.find(''), undefined);
  });

  await t.test('the list has all of them, by client_id', async (t) => {
    const stem = fresh('client');
    for (const name of orderedNames.toReversed()) await clients.create(client(stem + name), entry(stem));
    const listed = await clients.list();
    t.strictSame(
      listed.map(({ clientId }) => clientId).filter((clientId) => clientId.startsWith(stem)),
      orderedNames.map((name) => stem + name),
    );
    t.strictSame(
      listed.find(({ clientId }) => clientId === `${stem}A`),
      client(`${stem}A`),
    );
  });

  await t.test('metadata is replaced whole', async (t) => {
    const clientId = await created({ secrets: [secret('s')] });
    const replacement = { ...metadata, client_name: 'another', scope: 'read' };
    const audit = entry(clientId, { event: 'client.updated', at: T + 5 });
    t.equal(await clients.replaceMetadata(clientId, replacement, audit), 'changed');
    t.strictSame(
      await clients.find(clientId),
      client(clientId, { secrets: [secret('s')], metadata: replacement, updatedAt: T + 5 }),
    );
    const { redirect_uris, ...less } = replacement;
    t.equal(await clients.replaceMetadata(clientId, less, audit), 'changed');
    t.notHas((await clients.find(clientId))?.metadata, { redirect_uris });
  });

  await t.test('metadata that is the same already is unchanged, and nothing is noted', async (t) => {
    const clientId = await created();
    const same = Object.fromEntries(Object.entries(metadata).toReversed()) as typeof metadata;
    t.equal(await clients.replaceMetadata(clientId, same, entry(clientId, { at: T + 5 })), 'unchanged');
    t.strictSame(await clients.find(clientId), client(clientId));
    t.strictSame(await eventsOf(stores, clientId), ['client.created']);
  });

  await t.test('what is asked of an unknown client changes and notes nothing', async (t) => {
    const clientId = fresh('client');
    const audit = entry(clientId);
    t.equal(await clients.replaceMetadata(clientId, metadata, audit), 'unknown');
    t.equal(await clients.addSecret(clientId, secret('s'), false, audit), 'unknown');
    t.equal(await clients.addSecret(clientId, secret('s'), true, audit), 'unknown');
    t.equal(await clients.retireOldSecrets(clientId, audit), 'unknown');
    t.equal(await clients.setDisabled(clientId, T, audit), 'unknown');
    t.equal(await clients.find(clientId), undefined);
    t.strictSame(await eventsOf(stores, clientId), []);
  });

  await t.test('a third live secret is one too many', async (t) => {
    const clientId = await created();
    const add = (id: string) =>
      clients.addSecret(clientId, secret(id), false, entry(clientId, { event: id, at: T + 1 }));
    t.equal(await add('first'), 'added');
    t.equal(await add('second'), 'added');
    t.strictSame(
      await secretsOf(clientId),
      ['second', 'first'],
      'newest first, though they are of one instant',
    );
    t.equal(await add('third'), 'full');
    t.strictSame(
      await clients.find(clientId),
      client(clientId, { secrets: [secret('second'), secret('first')], updatedAt: T + 1 }),
    );
    t.strictSame(await eventsOf(stores, clientId), ['second', 'first', 'client.created']);
  });

  await t.test('a secret that retires the others is left alone', async (t) => {
    const clientId = await created({ secrets: [secret('b'), secret('a')] });
    t.equal(await clients.addSecret(clientId, secret('c'), true, entry(clientId)), 'added');
    t.strictSame(await secretsOf(clientId), ['c']);
    t.equal(await clients.addSecret(clientId, secret('d'), true, entry(clientId)), 'added');
    t.strictSame(await secretsOf(clientId), ['d']);
  });

  await t.test(
    'a secret that retires the others cuts off the client, and no other change does',
    async (t) => {
      const clientId = await created();
      const at = (instant: number) => entry(clientId, { at: instant });
      const seen = async () => (await clients.find(clientId))?.tokensValidAfter ?? null;
      await clients.addSecret(clientId, secret('a'), false, at(T + 1));
      await clients.addSecret(clientId, secret('b'), false, at(T + 2));
      await clients.retireOldSecrets(clientId, at(T + 3));
      await clients.replaceMetadata(clientId, { ...metadata, scope: 'read' }, at(T + 4));
      await clients.setDisabled(clientId, T + 5, at(T + 5));
      await clients.setDisabled(clientId, null, at(T + 6));
      t.equal(await seen(), null);
      await clients.addSecret(clientId, secret('c'), true, at(T + 7));
      t.equal(await seen(), T + 7);
      await clients.addSecret(clientId, secret('d'), true, at(T + 6));
      const moved = ((await seen()) as number) - (T + 7);
      t.ok(moved > 0 && moved < 2e-6, 'never backwards, and never the same');
      await clients.addSecret(clientId, secret('e'), false, at(T + 9));
      t.equal((await seen()) as number, T + 7 + moved);
    },
  );

  await t.test('of a hundred that add a secret, two do', async (t) => {
    const clientId = await created();
    const outcomes = await race(replicas, ({ clients }, racer) =>
      clients.addSecret(
        clientId,
        secret(`racer-${racer}`),
        false,
        entry(clientId, { event: `racer-${racer}` }),
      ),
    );
    t.equal(count(outcomes, 'added'), 2);
    t.equal(count(outcomes, 'full'), 98);
    const added = outcomes.flatMap((outcome, racer) => (outcome === 'added' ? [`racer-${racer}`] : []));
    t.strictSame((await secretsOf(clientId))?.toSorted(), added.toSorted());
    t.strictSame((await eventsOf(stores, clientId)).toSorted(), ['client.created', ...added].toSorted());
  });

  await t.test('of a hundred that retire the others, each does and one secret is left', async (t) => {
    const clientId = await created({ secrets: [secret('b'), secret('a')] });
    const outcomes = await race(replicas, ({ clients }, racer) =>
      clients.addSecret(clientId, secret(`racer-${racer}`), true, entry(clientId)),
    );
    t.equal(count(outcomes, 'added'), 100);
    t.equal((await secretsOf(clientId))?.length, 1);
  });

  await t.test('old secrets retire, the newest stays', async (t) => {
    const clientId = await created({ secrets: [secret('b'), secret('a')] });
    const audit = entry(clientId, { event: 'client.secrets_retired', at: T + 3 });
    t.equal(await clients.retireOldSecrets(clientId, audit), 'changed');
    t.strictSame(
      await clients.find(clientId),
      client(clientId, { secrets: [secret('b')], updatedAt: T + 3 }),
    );
    t.equal(await clients.retireOldSecrets(clientId, audit), 'unchanged');
    t.strictSame(await eventsOf(stores, clientId), ['client.secrets_retired', 'client.created']);
    t.equal(await clients.retireOldSecrets(await created(), audit), 'unchanged', 'also where there is none');
  });

  await t.test('a client is disabled at the first instant, and enabled again', async (t) => {
    const clientId = await created();
    const set = (at: number | null) => clients.setDisabled(clientId, at, entry(clientId, { at: T + 9 }));
    t.equal(await set(null), 'unchanged');
    t.equal(await set(T + 7), 'changed');
    t.equal(await set(T + 8), 'unchanged');
    t.strictSame(await clients.find(clientId), client(clientId, { disabledAt: T + 7, updatedAt: T + 9 }));
    t.equal(await set(null), 'changed');
    t.strictSame(await clients.find(clientId), client(clientId, { updatedAt: T + 9 }));
  });

  await t.test('of a hundred that disable a client, one does', async (t) => {
    const clientId = await created();
    const outcomes = await race(replicas, ({ clients }, racer) =>
      clients.setDisabled(clientId, T + racer, entry(clientId)),
    );
    t.equal(count(outcomes, 'changed'), 1);
    t.equal((await clients.find(clientId))?.disabledAt, T + outcomes.indexOf('changed'));
    t.equal((await eventsOf(stores, clientId)).length, 2);
  });

  await t.test('there is no change without its entry', async (t) => {
    const clientId = await created({ secrets: [secret('b'), secret('a')] });
    const one = await created();
    await failsWithItsEntry(t, () => clients.list(), {
      create: (audit) => clients.create(client('never'), audit),
      replaceMetadata: (audit) => clients.replaceMetadata(clientId, { ...metadata, scope: 'read' }, audit),
      addSecret: (audit) => clients.addSecret(one, secret('c'), false, audit),
      retireOthers: (audit) => clients.addSecret(clientId, secret('c'), true, audit),
      retireOldSecrets: (audit) => clients.retireOldSecrets(clientId, audit),
      setDisabled: (audit) => clients.setDisabled(clientId, T, audit),
    });
  });

  await t.test('a client_id is kept whole or not at all', (t) =>
    keepsNamesWholeOrNotAtAll(t, {
      create: (name) => clients.create(client(name), entry(name)),
      find: (name) => clients.find(name),
      list: () => clients.list(),
      nameOf: ({ clientId }) => clientId,
    }),
  );
}
