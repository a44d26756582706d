// Clients and resources as an operator cares for them, on the embedded store.
import { join } from 'node:path';
import t from 'tap';
import { systemClock } from '../../src/clock.ts';
import { settingOf } from '../../src/config/settings.ts';
import { loadConfig } from '../../src/config.ts';
import { maintainKeys } from '../../src/keys/rotate.ts';
import {
  addClientSecret,
  clientJson,
  findClient,
  registerClient,
  retireOldSecrets,
  setClientDisabled,
  updateClient,
} from '../../src/oauth/client-management.ts';
import { isClientSecret } from '../../src/oauth/client-secret.ts';
import { lifetimeLimits } from '../../src/oauth/lifetimes.ts';
import {
  createResource,
  deleteResource,
  findResource,
  resourceJson,
  updateResource,
} from '../../src/oauth/resource-management.ts';
import { ensureSecrets, keyManagementOf, openHouse, timetableOf } from '../../src/wire.ts';
import { dateInWords } from '../../src/words.ts';
import { scratchFolder } from '../helpers/service.ts';

t.test('a lifetime is bounded as the configuration is', async (t) => {
  for (const [member, limit] of Object.entries(lifetimeLimits)) {
    t.equal(settingOf(`tokens.${member}`)?.schema.maximum, limit, member);
  }
});

t.test('on a store', async (t) => {
  const { folder, remove } = scratchFolder();
  t.teardown(remove);
  let now = Math.floor(systemClock.now()) + 0.5;
  const started = Math.floor(now);
  const env = {
    MINTMARK_DATA: join(folder, 'data'),
    MINTMARK_KEYS: join(folder, 'keys'),
    MINTMARK_KEYS_SIGNING_ALGS: 'RS256,ES256',
  };
  const { config } = loadConfig({ env });
  const house = await openHouse(config, {
    beside: true,
    clock: { now: () => now },
    // The keeper of the keys below goes by the world's clock, however long this takes.
    storesAhead: () => 0,
  });
  t.teardown(() => house.close());
  const management = { ...house, actor: 'operator:ada', timetable: timetableOf(config) };
  const audited = async () => (await house.stores.audit.list({ limit: 1 }))[0];
  const events = async () => (await house.stores.audit.list({ limit: 1000 })).length;
  const secretsOf = async (id: string) => (await findClient(management, id)).secrets;

  await t.test('a client is registered with a secret that is kept as a hash', async (t) => {
    const made = await registerClient(management, { client_name: 'Shop' });
    t.match(made, {
      client_id: /^[\da-f]{8}-[\da-f]{4}-4/,
      client_id_issued_at: started,
      client_secret: /^[\w-]{43}$/,
      client_secret_expires_at: 0,
      token_endpoint_auth_method: 'client_secret_basic',
    });
    const found = await findClient(management, made.client_id);
    t.ok(isClientSecret(made.client_secret ?? '', found.secrets));
    t.notMatch(JSON.stringify(found), made.client_secret);
    t.match(await audited(), { event: 'client.created', actor: 'operator:ada', subject: made.client_id });
  });

  await t.test('a given client_id and client_secret are kept', async (t) => {
    const given = { client_id: 'shop', client_secret: 's'.repeat(32) };
    t.match(await registerClient(management, given), given);
    t.ok(isClientSecret(given.client_secret, await secretsOf('shop')));
    const taken = registerClient(management, given);
    await t.rejects(taken, { name: 'OperatorError', exitCode: 4, message: /there is a client shop/ });
  });

  await t.test('what could be guessed, or cannot be used, is refused', async (t) => {
    const refused = (document: unknown, exitCode: number, message: RegExp) =>
      t.rejects(registerClient(management, document), { exitCode, message });
    await refused({ client_secret: 's'.repeat(31) }, 4, /shorter than 32 characters/);
    await refused({ client_secret: `${'s'.repeat(32)} ` }, 1, /visible ASCII/);
    await refused({ client_secret: 5 }, 1, /visible ASCII/);
    await refused({ client_id: 'a shop' }, 1, /client_id: must be 1 to 255 visible/);
    await refused({ client_id: '' }, 1, /client_id/);
    await refused('shop', 1, /JSON object/);
    await refused([], 1, /JSON object/);
    await refused({ access_token_lifetime: 86_401 }, 1, /access_token_lifetime: must be at most 86400/);
    await refused({ client_nam: 'Shop' }, 1, /client_nam: unknown; did you mean client_name/);
    const keyed = { token_endpoint_auth_method: 'private_key_jwt', jwks_uri: 'https://shop.example/jwks' };
    await refused({ ...keyed, client_secret: 's'.repeat(32) }, 1, /means nothing with private_key_jwt/);
    t.notMatch(await registerClient(management, keyed), { client_secret: String }, 'and gets none');
  });

  await t.test('an update changes the members given, and null takes one away', async (t) => {
    now += 1;
    await updateClient(management, 'shop', { client_name: 'Shop', scope: 'a b' });
    const updated = await updateClient(management, 'shop', {
      client_id: 'shop',
      scope: null,
      client_uri: 'https://x.example',
    });
    t.match(updated, { client_id: 'shop', client_name: 'Shop', client_uri: 'https://x.example' });
    t.notOk('scope' in updated);
    t.match(await findClient(management, 'shop'), { updatedAt: now, metadata: { client_name: 'Shop' } });
    t.match(await audited(), { event: 'client.updated', details: { members: ['scope', 'client_uri'] } });
    t.equal((await secretsOf('shop')).length, 1, 'and the secret stays');

    const update = (patch: unknown, id = 'shop') => updateClient(management, id, patch);
    await t.rejects(update({ client_name: 'Shop' }), { exitCode: 3, message: /like this already/ });
    await t.rejects(update({ client_id: 'store' }), { exitCode: 4, message: /for ever/ });
    await t.rejects(update({ client_secret: 's'.repeat(40) }), { exitCode: 4, message: /clients secret/ });
    await t.rejects(update({ scope: 'a  b' }), { exitCode: 1, message: /scope/ });
    await t.rejects(update([]), { exitCode: 1, message: /JSON object/ });
    await t.rejects(update({}, 'nobody'), { exitCode: 1, message: /there is no client nobody/ });
  });

  await t.test('two secrets live at most, so that a client can change over', async (t) => {
    const first = 's'.repeat(32);
    const second = (await addClientSecret(management, 'shop')).client_secret ?? '';
    t.match(await audited(), { event: 'client.secret_added' });
    const both = await secretsOf('shop');
    t.ok(isClientSecret(first, both) && isClientSecret(second, both));
    await t.rejects(addClientSecret(management, 'shop'), { exitCode: 4, message: /--retire-old/ });

    await retireOldSecrets(management, 'shop');
    t.match(await audited(), { event: 'client.old_secrets_retired' });
    const newest = await secretsOf('shop');
    t.ok(!isClientSecret(first, newest) && isClientSecret(second, newest));
    await t.rejects(retireOldSecrets(management, 'shop'), { exitCode: 3, message: /no older secret/ });

    await addClientSecret(management, 'shop');
    const third = (await addClientSecret(management, 'shop', { replace: true })).client_secret ?? '';
    t.match(await audited(), { event: 'client.secret_replaced' });
    const alone = await secretsOf('shop');
    t.ok(alone.length === 1 && isClientSecret(third, alone), 'one that leaked is replaced at once');
  });

  await t.test('a client without secrets gets none', async (t) => {
    const { client_id } = await registerClient(management, {
      token_endpoint_auth_method: 'private_key_jwt',
      jwks_uri: 'https://shop.example/jwks',
    });
    await t.rejects(addClientSecret(management, client_id), { exitCode: 4, message: /by private_key_jwt/ });
  });

  await t.test('a client is disabled and enabled', async (t) => {
    await setClientDisabled(management, 'shop', true);
    t.equal((await findClient(management, 'shop')).disabledAt, now);
    t.match(await audited(), { event: 'client.disabled' });
    await t.rejects(setClientDisabled(management, 'shop', true), { name: 'OperatorError', exitCode: 3 });
    await setClientDisabled(management, 'shop', false);
    t.equal((await findClient(management, 'shop')).disabledAt, null);
    t.match(await audited(), { event: 'client.enabled' });
  });

  await t.test('what programs are shown has no hash in it', async (t) => {
    const client = await findClient(management, 'shop');
    const shown = clientJson(client);
    t.match(shown, { client_id: 'shop', secrets: [{ id: String, created_at: Number }], disabled_at: null });
    t.notMatch(JSON.stringify(shown), client.secrets[0]?.hash);
  });

  await t.test('a resource is registered before the first keys are made', async (t) => {
    const document = { resource: 'https://early.example', signing_alg: 'ES256' };
    t.same(resourceJson(await createResource(management, document)), {
      ...document,
      scopes: [],
      access_token_lifetime: null,
      profile: 'rfc9068',
      require_acr: null,
    });
    t.match(await audited(), { event: 'resource.created', subject: 'https://early.example' });
  });

  await t.test('a resource takes an algorithm only once that signs', async (t) => {
    await ensureSecrets(house);
    // Keys are made by a clock that agrees with the store's alone.
    const keeper = keyManagementOf({ ...house, clock: systemClock }, 'scheduler');
    await maintainKeys({ ...keeper, timetable: { ...keeper.timetable, algs: ['RS256'] } });
    await maintainKeys(keeper);
    const { keys } = await house.stores.keys.read();
    const signsFrom = Math.min(
      ...keys.flatMap(({ alg, activateAt }) => (alg === 'ES256' ? [activateAt] : [])),
    );
    const create = (signing_alg: string) =>
      createResource(management, { resource: 'https://api.example', signing_alg });
    await t.rejects(create('ES256'), {
      exitCode: 4,
      message: new RegExp(`register the resource from ${dateInWords(Math.ceil(signsFrom))} on`),
    });
    await t.rejects(create('EdDSA'), { exitCode: 4, message: /add it to keys.signing_algs/ });
    t.match(await create('RS256'), { signingAlg: 'RS256' });
    now = signsFrom;
    t.match(await updateResource(management, 'https://api.example', { signing_alg: 'ES256' }), {
      signingAlg: 'ES256',
    });
  });

  await t.test('a resource is updated member by member', async (t) => {
    const update = (patch: unknown) => updateResource(management, 'https://api.example', patch);
    await update({ scopes: ['read'], access_token_lifetime: 60 });
    t.match(await update({ access_token_lifetime: null }), { scopes: ['read'], accessTokenLifetime: null });
    t.match(await findResource(management, 'https://api.example'), { scopes: ['read'], updatedAt: now });
    t.match(await audited(), { event: 'resource.updated' });
    await t.rejects(update({ scopes: ['read'] }), { name: 'OperatorError', exitCode: 3 });
    await t.rejects(update({ resource: 'https://other.example' }), { exitCode: 4, message: /for ever/ });
    await t.rejects(update({ access_token_lifetime: 86_401 }), { exitCode: 1, message: /at most 86400/ });
    await t.rejects(update('x'), { exitCode: 1, message: /JSON object/ });
    const again = createResource(management, { resource: 'https://api.example' });
    await t.rejects(again, { exitCode: 4, message: /registered already/ });
  });

  await t.test('a dry run checks everything and changes nothing', async (t) => {
    const all = async () => [
      await house.stores.clients.list(),
      await house.stores.resources.list(),
      await events(),
    ];
    const before = await all();
    const dry = { dryRun: true };
    t.notMatch(await registerClient(management, {}, dry), { client_secret: String }, 'no secret is made');
    await t.rejects(registerClient(management, { client_id: 'shop' }, dry), {
      name: 'OperatorError',
      exitCode: 4,
    });
    await updateClient(management, 'shop', { client_name: 'Store' }, dry);
    t.notMatch(await addClientSecret(management, 'shop', dry), { client_secret: String });
    await t.rejects(retireOldSecrets(management, 'shop', dry), { name: 'OperatorError', exitCode: 3 });
    await setClientDisabled(management, 'shop', true, dry);
    await createResource(management, { resource: 'https://new.example' }, dry);
    await t.rejects(createResource(management, { resource: 'https://api.example' }, dry), {
      name: 'OperatorError',
      exitCode: 4,
    });
    await updateResource(management, 'https://api.example', { scopes: [] }, dry);
    await deleteResource(management, 'https://api.example', dry);
    t.same(await all(), before);
  });

  await t.test('a deleted resource is gone', async (t) => {
    await deleteResource(management, 'https://api.example');
    t.match(await audited(), { event: 'resource.deleted' });
    await t.rejects(findResource(management, 'https://api.example'), { name: 'OperatorError', exitCode: 1 });
    await t.rejects(deleteResource(management, 'https://api.example'), {
      exitCode: 1,
      message: /no resource/,
    });
  });
});
