// POST /revoke over a real socket: what ends, what does not, and that nobody learns which it was.
import t from 'tap';
import { basic, testServer } from '../helpers/test-server.ts';

const server = await testServer(t);
const { issuer, service, clock } = server;
const { stores } = service.house;
const members = { grant_types: ['client_credentials', 'refresh_token'] };
const shop = await server.client({ ...members, client_id: 'shop' });
const other = await server.client(members);
const spa = await server.client({ grant_types: ['refresh_token'], token_endpoint_auth_method: 'none' });
type Client = typeof shop;

const as = ({ client_id, client_secret }: Client) => basic(client_id, client_secret);
const revoke = (client: Client, token: string, form: Record<string, string> = {}) =>
  server.post('/revoke', { token, ...form }, as(client));
const isActive = async (client: Client, token: string): Promise<boolean> =>
  (await server.post('/introspect', { token }, as(client))).body.active;
const refresh = (client: Client, refresh_token: string) =>
  server.token({ grant_type: 'refresh_token', refresh_token }, as(client));
const claimsOf = (jws: string) => JSON.parse(Buffer.from(jws.split('.')[1] ?? '', 'base64url').toString());
const familyOf = (jws: string): string => claimsOf(jws).jti.slice(0, 22);

t.test('a refresh token takes its family along, and no other sign-in of the same account', async (t) => {
  const [one, another] = [await server.signIn(shop), await server.signIn(shop)];
  const { body: newer } = await refresh(shop, one.refresh_token);
  const { status, headers, body } = await revoke(shop, one.refresh_token);
  t.strictSame([status, body], [200, '']);
  t.equal(headers.get('cache-control'), 'no-store');
  for (const token of [one.access_token, newer.access_token, one.refresh_token, newer.refresh_token]) {
    t.equal(await isActive(shop, token), false);
  }
  t.match(await refresh(shop, newer.refresh_token), { status: 400, body: { error: 'invalid_grant' } });
  t.match(await refresh(shop, another.refresh_token), { status: 200 });
  const family = familyOf(one.access_token);
  t.match(await stores.families.find(family), { family: { revocation: 'revoked_by_client' } });
  t.match((await stores.familyStates.find(family)).state, { revoked: true }, 'in the hot store too');
  t.same(await stores.families.dueTombstones(10), []);
  t.match(await stores.audit.list({ limit: 1, subject: family }), [
    { event: 'family.revoked', actor: 'client:shop', details: { client_id: 'shop' } },
  ]);
});

t.test('an access token ends alone', async (t) => {
  const one = await server.signIn(shop);
  t.equal((await revoke(shop, one.access_token)).status, 200);
  t.equal(await isActive(shop, one.access_token), false);
  const { status, body } = await refresh(shop, one.refresh_token);
  t.equal(status, 200, 'the sign-in goes on');
  t.equal(await isActive(shop, body.access_token), true);
});

t.test('a client’s own access token ends too', async (t) => {
  const { body } = await server.token({ grant_type: 'client_credentials' }, as(shop));
  t.equal(await isActive(shop, body.access_token), true);
  t.equal((await revoke(shop, body.access_token)).status, 200);
  t.equal(await isActive(shop, body.access_token), false);
});

for (const hint of ['access_token', 'refresh_token', 'nonsense']) {
  t.test(`the hint ${hint} is right, wrong or unknown, and changes nothing`, async (t) => {
    const one = await server.signIn(shop);
    for (const token of [one.access_token, one.refresh_token]) {
      t.equal((await revoke(shop, token, { token_type_hint: hint })).status, 200);
      t.equal(await isActive(shop, token), false);
    }
  });
}

t.test('a public client gives its own tokens back', async (t) => {
  const one = await server.signIn(spa);
  const back = (token: string, client_id = spa.client_id) => server.post('/revoke', { token, client_id });
  t.equal((await back(one.refresh_token)).status, 200);
  const form = { grant_type: 'refresh_token', refresh_token: one.refresh_token, client_id: spa.client_id };
  t.match(await server.token(form), { status: 400, body: { error: 'invalid_grant' } });
  t.match(await back(one.access_token, 'shop'), { status: 401 }, 'a confidential one authenticates');
});

t.test('another client’s token is untouched, and the answer is the same', async (t) => {
  const one = await server.signIn(shop);
  for (const token of [one.access_token, one.refresh_token]) {
    for (const answer of [
      await revoke(other, token),
      await server.post('/revoke', { token, client_id: spa.client_id }),
    ]) {
      t.strictSame([answer.status, answer.body], [200, '']);
    }
    t.equal(await isActive(shop, token), true);
  }
  t.equal((await refresh(shop, one.refresh_token)).status, 200);
});

for (const token of ['x', 'a.b.c', 'mmr_', `mmr_${'A'.repeat(62)}`, 'x'.repeat(60_000)]) {
  t.test(`${token.slice(0, 12)}... is unknown, which is no error`, async (t) => {
    const { status, body } = await revoke(shop, token);
    t.strictSame([status, body], [200, '']);
  });
}

t.test('what has ended may be given back again', async (t) => {
  const one = await server.signIn(shop);
  for (let i = 0; i < 2; i += 1) {
    for (const token of [one.access_token, one.refresh_token])
      t.equal((await revoke(shop, token)).status, 200);
  }
});

t.test('one that has expired leaves nothing behind', async (t) => {
  const one = await server.signIn(shop);
  clock.advance(301);
  t.equal((await revoke(shop, one.access_token)).status, 200);
  t.equal(await stores.revokedTokens.isRevoked(claimsOf(one.access_token).jti), false);
});

t.test('who cannot be authenticated revokes nothing', async (t) => {
  const one = await server.signIn(shop);
  for (const headers of [{}, basic('shop', 'wrong')] as Record<string, string>[]) {
    const { status, body } = await server.post('/revoke', { token: one.refresh_token }, headers);
    t.match([status, body], [401, { error: 'invalid_client' }]);
  }
  t.equal(await isActive(shop, one.refresh_token), true);
});

t.test('a request that is none is refused', async (t) => {
  const { status, body } = await server.post('/revoke', { token_type_hint: 'access_token' }, as(shop));
  t.match([status, body], [400, { error: 'invalid_request', error_description: 'token is missing.' }]);
  t.equal((await server.post('/revoke?token=x', {}, as(shop))).status, 400);
  t.equal((await fetch(`${issuer}/revoke`)).status, 405);
});

t.test('what was revoked is counted by kind', async (t) => {
  const metrics = await (await fetch(`${issuer}/metrics`)).text();
  for (const revoked of ['access_token', 'refresh_token', 'none']) {
    t.match(metrics, new RegExp(`mintmark_revocations_total\\{revoked="${revoked}"\\} \\d+`));
  }
});

t.test('while the store is away it is 503 with Retry-After: the client has to try again', async (t) => {
  const one = await server.signIn(shop);
  await server.cutStore();
  for (const token of [one.access_token, one.refresh_token]) {
    const { status, headers, body } = await revoke(shop, token);
    t.match([status, body.error], [503, 'temporarily_unavailable']);
    t.match(headers.get('retry-after'), /^[123]$/);
  }
});
