// ResourceStore: resource servers come, change and go.
import type { Test } from 'tap';
import type { ResourceRecord } from '../../../src/stores/stores.ts';
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

const record = (resource: string, more: Partial<ResourceRecord> = {}): ResourceRecord => ({
  resource,
  scopes: ['read', 'write'],
  accessTokenLifetime: null,
  profile: 'rfc9068',
  signingAlg: 'RS256',
  requireAcr: null,
  createdAt: T,
  updatedAt: T,
  ...more,
});

export async function resourcesKeepTheirPromises(t: Test, replicas: Replicas): Promise<void> {
  const [stores] = replicas;
  const { resources } = stores;

  async function created(more: Partial<ResourceRecord> = {}): Promise<string> {
    const resource = fresh('https://api.example/');
    t.equal(
      await resources.create(record(resource, more), entry(resource, { event: 'resource.created' })),
      'created',
    );
    return resource;
  }

  await t.test('a resource comes back as it was created', async (t) => {
    const scopes = ['read', 'ünï "code" \\ {a,b} NULL', '', 'NULL', 'a,b'];
    for (const more of [
      { scopes },
      { scopes: [] },
      { accessTokenLifetime: 42 },
      { requireAcr: 'aal2' },
      { updatedAt: T + 2 ** -20 },
    ]) {
      const full = record(fresh('https://api.example/'), {
        profile: 'simplejwt',
        signingAlg: 'EdDSA',
        ...more,
      });
      t.equal(await resources.create(full, entry(full.resource)), 'created');
      t.strictSame(await resources.find(full.resource), full);
    }
    t.equal(await resources.find(fresh('https://api.example/')), undefined);
  });

  await t.test('a resource that exists is left as it was, and nothing is noted', async (t) => {
    const resource = await created();
    t.equal(await resources.create(record(resource, { scopes: [] }), entry(resource)), 'exists');
    t.strictSame(await resources.find(resource), record(resource));
    t.strictSame(await eventsOf(stores, resource), ['resource.created']);
  });

  await t.test('of a hundred that create one resource, one does', async (t) => {
    const resource = fresh('https://api.example/');
    const outcomes = await race(replicas, ({ resources }, racer) =>
      resources.create(record(resource, { scopes: [`racer-${racer}`] }), entry(resource)),
    );
    t.equal(count(outcomes, 'created'), 1);
    t.strictSame((await resources.find(resource))?.scopes, [`racer-${outcomes.indexOf('created')}`]);
    t.equal((await eventsOf(stores, resource)).length, 1);
  });

  await t.test('the list has all of them, by URI', async (t) => {
    const stem = fresh('https://api.example/');
    for (const name of orderedNames.toReversed()) await resources.create(record(stem + name), entry(stem));
    t.strictSame(
      (await resources.list()).filter(({ resource }) => resource.startsWith(stem)),
      orderedNames.map((name) => record(stem + name)),
    );
  });

  await t.test('a replacement replaces all but the instant of creation', async (t) => {
    const resource = await created();
    const terms: Partial<ResourceRecord>[] = [
      { scopes: ['write', 'read'] },
      { accessTokenLifetime: 60 },
      { profile: 'plain' },
      { signingAlg: 'ES256' },
      { requireAcr: 'aal2' },
    ];
    for (const [i, more] of terms.entries()) {
      const replacement = record(resource, { ...more, createdAt: T + 99, updatedAt: T + i });
      t.equal(await resources.replace(replacement, entry(resource)), 'changed', Object.keys(more).join());
      t.strictSame(await resources.find(resource), { ...replacement, createdAt: T });
    }
  });

  await t.test('a replacement that changes nothing is unchanged, and nothing is noted', async (t) => {
    for (const more of [{}, { accessTokenLifetime: 60 }]) {
      const resource = await created(more);
      t.equal(
        await resources.replace(record(resource, { ...more, updatedAt: T + 5 }), entry(resource)),
        'unchanged',
      );
      t.strictSame(await resources.find(resource), record(resource, more));
      t.strictSame(await eventsOf(stores, resource), ['resource.created']);
    }
  });

  await t.test('a deleted resource is gone, and may come again', async (t) => {
    const resource = await created();
    t.equal(await resources.delete(resource, entry(resource, { event: 'resource.deleted' })), 'changed');
    t.equal(await resources.find(resource), undefined);
    t.equal(await resources.delete(resource, entry(resource)), 'unknown');
    t.equal(await resources.replace(record(resource), entry(resource)), 'unknown');
    t.equal(
      await resources.create(record(resource), entry(resource, { event: 'resource.created' })),
      'created',
    );
    t.strictSame(await eventsOf(stores, resource), [
      'resource.created',
      'resource.deleted',
      'resource.created',
    ]);
  });

  await t.test('of a hundred that delete or replace one resource, each is told what it found', async (t) => {
    for (const deleter of [10, 20, 30, 40, 50]) {
      const resource = await created();
      const outcomes = await race(replicas, ({ resources }, racer) =>
        racer === deleter
          ? resources.delete(resource, entry(resource))
          : resources.replace(record(resource, { accessTokenLifetime: racer + 1 }), entry(resource)),
      );
      t.equal(outcomes[deleter], 'changed');
      t.equal(count(outcomes, 'unchanged'), 0, 'every replacement is another');
      t.equal(await resources.find(resource), undefined);
      const changes = (await eventsOf(stores, resource)).length - 1;
      t.equal(changes, count(outcomes, 'changed'), 'an entry for every change, and for nothing else');
    }
  });

  await t.test('there is no change without its entry', async (t) => {
    const resource = await created();
    await failsWithItsEntry(t, () => resources.list(), {
      create: (audit) => resources.create(record('https://never.example'), audit),
      replace: (audit) => resources.replace(record(resource, { scopes: [] }), audit),
      delete: (audit) => resources.delete(resource, audit),
    });
  });

  await t.test('a URI is kept whole or not at all', (t) =>
    keepsNamesWholeOrNotAtAll(t, {
      create: (name) => resources.create(record(name), entry(name)),
      find: (name) => resources.find(name),
      list: () => resources.list(),
      nameOf: ({ resource }) => resource,
    }),
  );

  await t.test('scopes are kept whole or not at all', async (t) => {
    for (const scope of ['a\0b', 'a\ud800']) {
      const resource = fresh('https://api.example/');
      await t.rejects(resources.create(record(resource, { scopes: ['read', scope] }), entry(resource)));
      t.equal(await resources.find(resource), undefined);
    }
  });
}
