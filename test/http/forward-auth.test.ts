// What a proxy is told of a request before it passes it on, over a real socket.
import { request } from 'node:http';
import { decodeJwt, decodeProtectedHeader } from 'jose';
import t from 'tap';
import { setAccountDisabled, signOut } from '../../src/accounts/account.ts';
import { revokeKey } from '../../src/keys/rotate.ts';
import { setClientDisabled } from '../../src/oauth/client-management.ts';
import { updateResource } from '../../src/oauth/resource-management.ts';
import { keyManagementOf, timetableOf } from '../../src/wire.ts';
import { basic, testServer } from '../helpers/test-server.ts';

const server = await testServer(t);
const { issuer, clock } = server;
const { house } = server.service;
const management = { ...house, actor: 'test' };
const api = 'https://api.example.com';
const legacy = 'https://legacy.example.com/?tenant=1&version=2';
const ledger = 'https://ledger.example.com';
await server.resource({ resource: api, scopes: ['read', 'write'] });
await server.resource({ resource: legacy, scopes: ['read'], profile: 'simplejwt' });
await server.resource({ resource: ledger, scopes: ['read'] });

const at = (resource: string) =>
  server.client({
    grant_types: ['client_credentials', 'refresh_token'],
    scope: 'read write',
    default_resource: resource,
    first_party: true,
  });
const client = await at(api);

async function ownToken({ client_id, client_secret } = client, form: Record<string, string> = {}) {
  const asked = { grant_type: 'client_credentials', ...form };
  return (await server.token(asked, basic(client_id, client_secret))).body.access_token as string;
}

const challenge = `Bearer realm="${issuer}"`;
const invalid = `${challenge}, error="invalid_token", error_description="The access token is invalid, expired or revoked."`;

async function ask(token: string | undefined, query: Record<string, string> | string = { resource: api }) {
  const headers: Record<string, string> = token === undefined ? {} : { authorization: `Bearer ${token}` };
  const response = await fetch(`${issuer}/forward-auth?${new URLSearchParams(query)}`, { headers });
  const text = await response.text();
  t.equal(response.headers.get('cache-control'), 'no-store');
  const known = ['subject', 'client', 'scope'].map((name) => response.headers.get(`x-auth-${name}`));
  return { status: response.status, text, known, challenge: response.headers.get('www-authenticate') };
}

t.test('a good token is let through, and the service is told whose it is', async (t) => {
  const { access_token } = await server.signIn(client);
  const { sub, scope } = decodeJwt(access_token);
  const known = [sub, client.client_id, scope];
  t.match(await ask(access_token), { status: 200, text: '', known, challenge: null });
  t.equal(scope, 'read write');
  const own = await ownToken();
  t.match(await ask(own), { status: 200, known: [client.client_id, client.client_id, 'read write'] });
});

t.test('every header that is believed is on the answer, also where there is nothing to say', async (t) => {
  const unscoped = await server.client({ grant_types: ['client_credentials'], default_resource: api });
  const token = await ownToken(unscoped);
  t.match(await ask(token), { status: 200, known: [unscoped.client_id, unscoped.client_id, ''] });
});

t.test('tokens of another profile are as good, at a resource with a query of its own', async (t) => {
  const token = await ownToken(await at(legacy));
  t.equal((await ask(token, { resource: legacy })).status, 200);
});

t.test('whatever method a proxy asks by, and whatever it says of a body that it keeps', async (t) => {
  const token = await ownToken();
  const asked = (method: string, headers: Record<string, string>, body = '') =>
    new Promise<number | undefined>((resolve, reject) => {
      const url = `${issuer}/forward-auth?${new URLSearchParams({ resource: api })}`;
      request(url, { method, agent: false, headers: { authorization: `Bearer ${token}`, ...headers } })
        .on('response', (response) => resolve(response.resume().statusCode))
        .on('error', reject)
        .end(body);
    });
  for (const method of ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'])
    t.equal(await asked(method, { 'content-type': 'application/json', 'content-length': '0' }), 200, method);
  // Not a token, although a form at /userinfo may have one (RFC 6750 2.2).
  t.equal(
    await asked('POST', { 'content-type': 'application/x-www-form-urlencoded' }, 'access_token=x'),
    200,
  );
});

t.test('without a good token nothing is said of any resource', async (t) => {
  for (const resource of [api, 'https://unknown.example.com']) {
    t.match(await ask(undefined, { resource }), { status: 401, challenge, known: [null, null, null] });
    t.match(await ask('nonsense', { resource }), { status: 401, challenge: invalid });
  }
  const { access_token } = await server.signIn(client);
  const inUrl = await ask(undefined, { resource: api, access_token });
  t.match(inUrl, { status: 401, challenge }, 'a token in the URL is none (RFC 9700 4.3.2)');
});

t.test('a token is for its own resource alone', async (t) => {
  const other = await ownToken(await at(ledger));
  const differs = `${challenge}, error="invalid_token", error_description="The access token is for another resource."`;
  t.match(await ask(other), { status: 401, challenge: differs, known: [null, null, null] });
  const ofIssuer = await ownToken(await server.client({ grant_types: ['client_credentials'] }));
  t.equal(decodeJwt(ofIssuer).aud, issuer);
  t.equal((await ask(ofIssuer)).status, 401);
  const { status } = await ask(ofIssuer, { resource: issuer });
  t.equal(status, 400, 'the issuer is no resource that a service may be');
});

t.test('a question that is wrong is 400', async (t) => {
  const token = await ownToken();
  const wrong: Record<string, string | [string, string][]> = {
    resource_missing: '',
    resource_unknown: 'resource=https://unknown.example.com',
    resource_malformed: 'resource=api',
    several_resources: `resource=${api}&resource=${ledger}`,
    scope_malformed: `resource=${api}&scope=a%22b`,
    parameter_repeated: `resource=${api}&scope=read&scope=write`,
  };
  for (const [reason, query] of Object.entries(wrong)) {
    const response = await fetch(`${issuer}/forward-auth?${query}`, {
      headers: { authorization: `Bearer ${token}` },
    });
    t.equal(response.status, 400, reason);
    t.equal(response.headers.get('www-authenticate'), null);
    t.match(server.log.at(-1), { reason });
  }
});

t.test('what is no access token is 401', async (t) => {
  const { refresh_token, access_token } = await server.signIn(client);
  const [header, claims] = access_token.split('.');
  const none = Buffer.from(JSON.stringify({ alg: 'none', typ: 'at+jwt' })).toString('base64url');
  const claimed = decodeJwt<{ iat: number }>(access_token);
  const sign = (typ: string, change: object) =>
    server.service.keyring.sign({ alg: 'RS256', typ, claims: { ...claimed, ...change } });
  const others: Record<string, string> = {
    'a refresh token': refresh_token,
    'no signature': `${header}.${claims}.`,
    'alg none': `${none}.${claims}.`,
    'another typ': await sign('JWT', {}),
    'several audiences': await sign('at+jwt', { aud: [api, ledger] }),
  };
  for (const [what, token] of Object.entries(others))
    t.match(await ask(token), { status: 401, challenge: invalid, known: [null, null, null] }, what);
});

t.test('what was revoked is refused at once', async (t) => {
  const email = 'grace@example.com';
  const credentials = basic(client.client_id, client.client_secret);
  const leaving = await at(api);
  type Tokens = Awaited<ReturnType<typeof server.signIn>>;
  const ends: Record<string, (tokens: Tokens) => Promise<unknown>> = {
    'the token itself': ({ access_token }) => server.post('/revoke', { token: access_token }, credentials),
    'its family': ({ refresh_token }) => server.post('/revoke', { token: refresh_token }, credentials),
    'its time': async () => clock.advance(301),
    'every sign-in of its account': () => signOut(management, email),
    'its account': async () => {
      await setAccountDisabled(management, email, true);
    },
  };
  for (const [what, end] of Object.entries(ends)) {
    const tokens = await server.signIn(client, email);
    t.equal((await ask(tokens.access_token)).status, 200);
    await end(tokens);
    t.match(await ask(tokens.access_token), { status: 401, challenge: invalid }, what);
  }
  const own = await ownToken(leaving);
  t.equal((await ask(own)).status, 200);
  await setClientDisabled(management, leaving.client_id, true);
  // Clients are remembered for a second.
  clock.advance(2);
  t.equal((await ask(own)).status, 401, 'its client');
});

t.test('scope that is asked for and not granted is 403, with what would do', async (t) => {
  const token = await ownToken(client, { scope: 'read' });
  t.equal((await ask(token, { resource: api, scope: 'read' })).status, 200);
  for (const scope of ['write', 'read write', 'rea', 'admin!'])
    t.match(await ask(token, { resource: api, scope }), {
      status: 403,
      challenge: `${challenge}, error="insufficient_scope", error_description="The access token has less scope than this needs.", scope="${scope}"`,
      known: [null, null, null],
    });
});

t.test('a resource that has come to ask for a second factor asks for it here (RFC 9470)', async (t) => {
  const atLedger = await at(ledger);
  const { access_token } = await server.signIn(atLedger);
  const own = await ownToken(atLedger);
  t.equal((await ask(access_token, { resource: ledger })).status, 200);
  await updateResource({ ...management, timetable: timetableOf(house.config) }, ledger, {
    require_acr: 'aal2',
  });
  clock.advance(2);
  t.match(await ask(access_token, { resource: ledger }), {
    status: 401,
    challenge: `${challenge}, error="insufficient_user_authentication", error_description="A stronger sign-in is required.", acr_values="aal2"`,
  });
  t.equal((await ask(own, { resource: ledger })).status, 200, 'a client has no sign-in');
});

t.test('a key that was revoked lets nobody through', async (t) => {
  const token = await ownToken();
  t.equal((await ask(token)).status, 200);
  const { kid = '' } = decodeProtectedHeader(token);
  await revokeKey(keyManagementOf(house, 'test'), kid, { reason: 'a test' });
  await server.service.care();
  t.match(await ask(token), { status: 401, challenge: invalid });
});

t.test('while the store is away nobody guesses', async (t) => {
  const { access_token } = await server.signIn(client);
  await server.cutStore();
  const response = await fetch(`${issuer}/forward-auth?resource=${api}`, {
    headers: { authorization: `Bearer ${access_token}` },
  });
  t.equal(response.status, 503);
  t.match(Number(response.headers.get('retry-after')), Number);
  t.equal((await ask('nonsense')).status, 401, 'and for what is no token no store is asked');
});
