// POST /introspect over a real socket: who may ask, what they are told, in JSON and as a signed JWT.
import { createRemoteJWKSet, decodeProtectedHeader, jwtVerify } from 'jose';
import t from 'tap';
import { signOut } from '../../src/accounts/account.ts';
import { basic, testServer } from '../helpers/test-server.ts';

const server = await testServer(t);
const { issuer, service } = server;
const api = 'https://api.example';
await server.resource({ resource: api, scopes: ['read'] });
await server.resource({ resource: 'urn:django', profile: 'simplejwt', scopes: ['read'] });

const members = {
  grant_types: ['client_credentials', 'refresh_token'],
  scope: 'read',
  default_resource: api,
};
const shop = await server.client({ ...members, client_id: 'shop' });
const other = await server.client({ ...members, resources: [api] });
const resourceServer = await server.client({ client_id: api });
type Client = typeof shop;

const as = ({ client_id, client_secret }: Client) => basic(client_id, client_secret);
const ask = (client: Client, token: string, form: Record<string, string> = {}, headers = {}) =>
  server.post('/introspect', { token, ...form }, { ...as(client), ...headers });
const own = async (client: Client, form = {}): Promise<string> =>
  (await server.token({ grant_type: 'client_credentials', ...form }, as(client))).body.access_token;
const claimsOf = (jws: string) => JSON.parse(Buffer.from(jws.split('.')[1] ?? '', 'base64url').toString());

const signedIn = await server.signIn(shop);
const ownToken = await own(shop);

t.test('the client and the resource server are told all that an access token says', async (t) => {
  for (const token of [signedIn.access_token, ownToken]) {
    for (const client of [shop, resourceServer]) {
      const { status, headers, body } = await ask(client, token);
      t.equal(status, 200);
      t.match(headers.get('content-type'), /^application\/json/);
      t.strictSame([headers.get('cache-control'), headers.get('pragma')], ['no-store', 'no-cache']);
      t.strictSame(body, { ...claimsOf(token), token_type: 'Bearer', active: true });
    }
  }
  t.match((await ask(shop, signedIn.access_token)).body, {
    active: true,
    scope: 'read',
    client_id: 'shop',
    token_type: 'Bearer',
    exp: Number,
    iat: Number,
    sub: String,
    aud: api,
    iss: issuer,
    jti: String,
    auth_time: Number,
    acr: 'aal1',
    amr: ['pwd'],
    sid: String,
  });
});

t.test('the client alone is told of a refresh token', async (t) => {
  const { body } = await ask(shop, signedIn.refresh_token);
  const { iat, exp, auth_time, sub, sid, ...rest } = body;
  t.strictSame(rest, {
    active: true,
    iss: issuer,
    client_id: 'shop',
    scope: 'read',
    acr: 'aal1',
    amr: ['pwd'],
  });
  t.equal(exp - iat, 1_209_600, 'it may wait for the idle lifetime');
  t.strictSame(
    [auth_time, sub, sid],
    ['auth_time', 'sub', 'sid'].map((name) => claimsOf(signedIn.access_token)[name]),
  );
  t.strictSame((await ask(resourceServer, signedIn.refresh_token)).body, { active: false });
});

t.test(
  'a token of the simplejwt profile, which has a token_type of its own, is a Bearer token here',
  async (t) => {
    const metadata = { ...members, resources: ['urn:django'], default_resource: 'urn:django' };
    const django = await server.client(metadata);
    const token = await own(django);
    t.equal(claimsOf(token).token_type, 'access');
    t.match((await ask(django, token)).body, {
      active: true,
      token_type: 'Bearer',
      user_id: django.client_id,
    });
  },
);

const foreign: [what: string, client: Client, token: string][] = [
  ['a client that may ask for tokens for the same resource', other, ownToken],
  ['a client without a bond to it', other, signedIn.access_token],
  ['a client that found a refresh token', other, signedIn.refresh_token],
];
for (const [what, client, token] of foreign) {
  t.test(`to ${what}, it is inactive`, async (t) => {
    t.match(await ask(client, token), { status: 200, body: { active: false } });
    t.strictSame((await ask(client, token)).body, { active: false });
  });
}

for (const hint of ['access_token', 'refresh_token', 'nonsense']) {
  t.test(`the hint ${hint} changes nothing`, async (t) => {
    for (const token of [signedIn.access_token, signedIn.refresh_token]) {
      t.match((await ask(shop, token, { token_type_hint: hint })).body, { active: true });
    }
  });
}

for (const token of ['x', 'a.b.c', 'mmr_', `mmr_${'A'.repeat(62)}`, `${ownToken}x`, 'x'.repeat(60_000)]) {
  t.test(`${token.slice(0, 12)}... is inactive, and no fault`, async (t) => {
    const { status, body } = await ask(shop, token);
    t.strictSame([status, body], [200, { active: false }]);
  });
}

t.test('an ID token is never active', async (t) => {
  const { iat, exp, iss, sub } = claimsOf(signedIn.access_token);
  const claims = { iss, sub, aud: 'shop', iat, exp, nonce: 'n', auth_time: iat };
  const idToken = await service.keyring.sign({ alg: 'RS256', typ: 'JWT', claims });
  t.strictSame((await ask(shop, idToken)).body, { active: false });
});

t.test('without a token it is a bad request', async (t) => {
  const { status, body } = await server.post('/introspect', { token_type_hint: 'access_token' }, as(shop));
  t.match([status, body], [400, { error: 'invalid_request', error_description: 'token is missing.' }]);
});

t.test('nobody asks without having shown who it is', async (t) => {
  const spa = await server.client({ grant_types: ['refresh_token'], token_endpoint_auth_method: 'none' });
  const tokens = await server.signIn(spa, 'spa@example.com');
  const asked: [form: Record<string, string>, headers: Record<string, string>][] = [
    [{}, {}],
    [{ client_id: spa.client_id }, {}],
    [{ client_id: 'shop' }, {}],
    [{}, basic('shop', 'wrong')],
    [{}, { authorization: `Bearer ${ownToken}` }],
  ];
  for (const [form, headers] of asked) {
    const answer = await server.post('/introspect', { token: tokens.access_token, ...form }, headers);
    t.match([answer.status, answer.body], [401, { error: 'invalid_client' }], JSON.stringify(form));
    t.notHas(answer.body, 'active');
  }
  t.match(
    server.log.filter(({ reason }) => reason === 'client_public'),
    [{ clientId: spa.client_id }],
  );
});

t.test('other methods and other bodies are refused as at the token endpoint', async (t) => {
  t.equal((await fetch(`${issuer}/introspect`)).status, 405);
  t.equal((await server.post('/introspect?token=x', {}, as(shop))).status, 400);
  const json = { ...as(shop), 'content-type': 'application/json' };
  t.match(await server.post('/introspect', '{"token":"x"}', json), { status: 400 });
  t.match(await server.post('/introspect', 'token=a&token=b', as(shop)), { status: 400 });
});

t.test('who asks for a JWT gets a signed one, for nobody else and for nothing else (RFC 9701)', async (t) => {
  const keys = createRemoteJWKSet(new URL(`${issuer}/.well-known/jwks.json`));
  const type = 'application/token-introspection+jwt';
  for (const token of [ownToken, signedIn.refresh_token, 'x']) {
    for (const accept of [type, `application/json;q=0.5, ${type.toUpperCase()};q=1`]) {
      const { status, headers, body } = await ask(resourceServer, token, {}, { accept });
      t.equal(status, 200);
      t.equal(headers.get('content-type'), type);
      t.equal(headers.get('cache-control'), 'no-store');
      t.match(decodeProtectedHeader(body), { alg: 'RS256', typ: 'token-introspection+jwt' });
      const { payload } = await jwtVerify(body, keys, { issuer, audience: api });
      t.strictSame(Object.keys(payload).sort(), ['aud', 'iat', 'iss', 'token_introspection']);
      t.strictSame(payload.token_introspection, (await ask(resourceServer, token)).body);
      t.strictSame((await ask(shop, body)).body, { active: false }, 'it is itself no token');
    }
  }
  for (const accept of ['*/*', 'application/*', 'application/jwt']) {
    t.match((await ask(shop, ownToken, {}, { accept })).body, { active: true });
  }
});

t.test('what ended is inactive at the next question', async (t) => {
  const { access_token, refresh_token } = await server.signIn(shop, 'eve@example.com');
  for (const token of [access_token, refresh_token]) t.match((await ask(shop, token)).body, { active: true });
  await signOut({ ...service.house, actor: 'test' }, 'eve@example.com');
  for (const token of [access_token, refresh_token]) {
    t.strictSame((await ask(shop, token)).body, { active: false });
  }
});

t.test('answers are counted, and no token stands in the log', async (t) => {
  const metrics = await (await fetch(`${issuer}/metrics`)).text();
  for (const active of ['true', 'false']) {
    t.match(metrics, new RegExp(`mintmark_introspections_total\\{active="${active}"\\} \\d+`));
  }
  const log = JSON.stringify(server.log);
  for (const token of [ownToken, signedIn.access_token, signedIn.refresh_token]) t.notOk(log.includes(token));
});

t.test('while the store is away it is 503 with Retry-After, neither active nor inactive', async (t) => {
  await server.cutStore();
  for (const client of [shop, resourceServer]) {
    for (const token of [ownToken, signedIn.access_token, signedIn.refresh_token]) {
      for (const accept of ['application/json', 'application/token-introspection+jwt']) {
        const { status, headers, body } = await ask(client, token, {}, { accept });
        t.equal(status, 503);
        t.match(headers.get('retry-after'), /^[123]$/);
        t.strictSame(body.error, 'temporarily_unavailable');
      }
    }
  }
});
