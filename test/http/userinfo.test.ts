// UserInfo over a real socket: who is shown what, and who nothing.
import { createHmac, createPublicKey } from 'node:crypto';
import { createRemoteJWKSet, decodeJwt, decodeProtectedHeader, jwtVerify } from 'jose';
import t from 'tap';
import { createAccount, setAccountDisabled, signOut } from '../../src/accounts/account.ts';
import { revokeKey } from '../../src/keys/rotate.ts';
import { mintLogoutToken } from '../../src/oauth/logout-token.ts';
import { keyManagementOf } from '../../src/wire.ts';
import { signInByCode, type Walk } from '../helpers/code-flow.ts';
import { basic, testServer } from '../helpers/test-server.ts';

const server = await testServer(t, { MINTMARK_KEYS_SIGNING_ALGS: 'RS256,ES256' });
const { issuer, clock } = server;
const { keyring } = server.service;
const management = { ...server.service.house, actor: 'test' };
const password = 'correct horse battery';
const url = `${issuer}/userinfo`;
const challenge = `Bearer realm="${issuer}"`;
const invalid = `${challenge}, error="invalid_token", error_description="The access token is invalid, expired or revoked."`;

const scope = 'openid profile email address phone offline_access';
const metadata = {
  redirect_uris: ['https://app.example.com/callback'],
  grant_types: ['authorization_code', 'refresh_token', 'client_credentials'],
  scope,
};
const client = await server.client(metadata);

const claims = {
  given_name: 'Ada',
  email_verified: true,
  address: { country: 'GB' },
  phone_number: '+44 20 7946 0000',
  attributes: { roles: ['admin'] },
};

let people = 0;
/** Somebody of the test's own. */
async function person() {
  people += 1;
  const email = `person-${people}@example.com`;
  const { sub } = await createAccount(management, { email, password, name: 'Ada L.', claims });
  return { email, password, sub };
}

async function signedIn(walk: Walk = {}, at = client) {
  const who = await person();
  const { tokens } = await signInByCode(server, at, who, { change: { scope }, ...walk });
  return { ...who, tokens };
}

const bearer = (token: string) => ({ authorization: `Bearer ${token}` });

async function ask(token: string, init: RequestInit = {}) {
  const response = await fetch(url, { headers: bearer(token), ...init });
  const text = await response.text();
  return { status: response.status, headers: response.headers, text };
}

const shown = async (token: string) => JSON.parse((await ask(token)).text);

const asForm = (token: string): RequestInit => ({
  method: 'POST',
  headers: { 'content-type': 'application/x-www-form-urlencoded' },
  body: new URLSearchParams({ access_token: token }).toString(),
});

t.test('a bearer is answered, by whichever method and with the token in either place', async (t) => {
  const { tokens, sub } = await signedIn();
  const ways: Record<string, RequestInit> = {
    GET: { headers: bearer(tokens.access_token) },
    POST: { method: 'POST', headers: bearer(tokens.access_token) },
    'a form': { ...asForm(tokens.access_token) },
    'a scheme in another case': { headers: { authorization: `bEaReR ${tokens.access_token}` } },
  };
  for (const [way, init] of Object.entries(ways)) {
    const { status, headers, text } = await ask('', init);
    t.equal(status, 200, way);
    t.equal(JSON.parse(text).sub, sub);
    t.match(headers.get('content-type'), /^application\/json/);
    t.equal(headers.get('cache-control'), 'no-store');
    t.equal(headers.get('access-control-allow-origin'), '*');
  }
});

t.test('without a token there is a challenge that says nothing else', async (t) => {
  const { tokens } = await signedIn();
  const requests: Record<string, string> = {
    'no header': url,
    // A URL ends up in logs and histories (RFC 9700 4.3.2).
    'a token in the URL': `${url}?access_token=${tokens.access_token}`,
  };
  for (const [what, at] of Object.entries(requests)) {
    const response = await fetch(at);
    t.equal(response.status, 401, what);
    t.equal(response.headers.get('www-authenticate'), challenge);
  }
  const other = await fetch(url, { headers: basic('somebody', 'secret') });
  t.equal(other.status, 401, 'another scheme is no token');
  t.equal(other.headers.get('www-authenticate'), challenge);
});

t.test('a token in two places at once is refused', async (t) => {
  const { tokens } = await signedIn();
  const form = asForm(tokens.access_token);
  const headers = { ...form.headers, ...bearer(tokens.access_token) };
  const response = await ask('', { ...form, headers });
  t.equal(response.status, 400);
  t.match(response.headers.get('www-authenticate'), /error="invalid_request"/);
});

/** The token with another header, and the signature that `sign` makes. */
function resigned(token: string, header: object, sign: (input: string) => string): string {
  const [, payload = ''] = token.split('.');
  const input = `${Buffer.from(JSON.stringify(header)).toString('base64url')}.${payload}`;
  return `${input}.${sign(input)}`;
}

type Claims = { readonly iat: number; readonly exp: number };

/** Tokens that nobody of ours signed, or that are for something else. */
async function strangers(): Promise<Record<string, string>> {
  const { tokens, sub } = await signedIn();
  const token = tokens.access_token;
  const signature = token.split('.')[2] ?? '';
  const header = decodeProtectedHeader(token);
  const jwks = (await (await fetch(`${issuer}/.well-known/jwks.json`)).json()) as {
    keys: Record<string, string>[];
  };
  const key = createPublicKey({
    key: jwks.keys.find(({ kid }) => kid === header.kid) ?? {},
    format: 'jwk',
  });
  const pem = key.export({ type: 'spki', format: 'pem' });
  const hmac = (input: string) => createHmac('sha256', pem).update(input).digest('base64url');
  const facts = { clientId: client.client_id, client: {}, sub, sid: 's', jti: 'j' };
  const signed = (typ: string, change: object) =>
    keyring.sign({ alg: 'RS256', typ, claims: { ...decodeJwt<Claims>(token), ...change } });
  return {
    nothing: 'x',
    'three dots': 'a.b.c',
    'alg none': resigned(token, { ...header, alg: 'none' }, () => ''),
    'alg none with a signature': resigned(token, { ...header, alg: 'none' }, () => signature),
    'alg PS256 of an RS256 key': resigned(token, { ...header, alg: 'PS256' }, () => signature),
    'alg ES256 of an RS256 key': resigned(token, { ...header, alg: 'ES256' }, () => signature),
    'HS256 with the public key': resigned(token, { ...header, alg: 'HS256' }, hmac),
    'no kid': resigned(token, { alg: 'RS256', typ: 'at+jwt' }, () => signature),
    'an unknown kid': resigned(token, { ...header, kid: 'unknown' }, () => signature),
    'a kid of an object': resigned(token, { ...header, kid: '__proto__' }, () => signature),
    'crit that is not understood': resigned(token, { ...header, crit: ['x'], x: 1 }, () => signature),
    'a changed signature': `${token.slice(0, -8)}AAAAAAAA`,
    'an ID token': tokens.id_token,
    'a refresh token': tokens.refresh_token,
    'a logout token': await mintLogoutToken({ issuer, clock, keyring }, facts),
    'another typ': await signed('JWT', {}),
    'another issuer': await signed('at+jwt', { iss: 'https://other.example' }),
    'no client_id': await signed('at+jwt', { client_id: undefined }),
    'another sub': await signed('at+jwt', { sub: 'somebody-else', jti: 'of.nobody' }),
    'numbers in the place of text': await signed('at+jwt', { sub: 1, aud: 2, jti: 3 }),
    '14 kB': 'x'.repeat(14_000),
  };
}

t.test('what is no access token of ours is 401, and never 500', async (t) => {
  for (const [what, token] of Object.entries(await strangers())) {
    const { status, headers } = await ask(token);
    t.equal(status, 401, what);
    t.equal(headers.get('www-authenticate'), invalid, what);
  }
});

t.test('what was good is 401 once it is not', async (t) => {
  const ends: Record<string, (who: Awaited<ReturnType<typeof signedIn>>) => Promise<unknown>> = {
    'given back': ({ tokens }) =>
      server.post('/revoke', { token: tokens.access_token }, basic(client.client_id, client.client_secret)),
    'of a family that was given back': ({ tokens }) =>
      server.post('/revoke', { token: tokens.refresh_token }, basic(client.client_id, client.client_secret)),
    'of an account that was signed out': ({ email }) => signOut(management, email),
    'of an account that was disabled': ({ email }) => setAccountDisabled(management, email, true),
    expired: async () => clock.advance(301),
  };
  for (const [what, end] of Object.entries(ends)) {
    const who = await signedIn();
    t.equal((await ask(who.tokens.access_token)).status, 200);
    await end(who);
    const { status, headers } = await ask(who.tokens.access_token);
    t.equal(status, 401, what);
    t.equal(headers.get('www-authenticate'), invalid);
  }
});

t.test('the scope says which claims are shown', async (t) => {
  const { sub, email } = await person();
  const walk = (scope: string) => signInByCode(server, client, { email, password }, { change: { scope } });
  const shownFor = async (scope: string) => shown((await walk(scope)).tokens.access_token);
  t.strictSame(await shownFor('openid'), { sub });
  t.strictSame(await shownFor('openid email'), { sub, email, email_verified: true });
  t.strictSame(await shownFor('openid address phone'), {
    sub,
    address: { country: 'GB' },
    phone_number: '+44 20 7946 0000',
  });
  t.match(await shownFor('openid profile'), { sub, name: 'Ada L.', given_name: 'Ada', updated_at: Number });
});

t.test('the claims parameter adds claims by name', async (t) => {
  const asked = {
    userinfo: {
      given_name: null,
      phone_number: { essential: true },
      unknown: null,
      attributes: null,
      iss: null,
    },
    id_token: { name: null },
  };
  const change = { scope: 'openid', claims: JSON.stringify(asked) };
  const { tokens, sub } = await signedIn({ change });
  t.strictSame(await shown(tokens.access_token), {
    sub,
    given_name: 'Ada',
    phone_number: '+44 20 7946 0000',
    attributes: { roles: ['admin'] },
  });
});

t.test('a token that was narrowed shows less', async (t) => {
  const { tokens, sub, email } = await signedIn();
  const refresh = async (scope: string) => {
    const form = { grant_type: 'refresh_token', refresh_token: tokens.refresh_token, scope };
    return (await server.token(form, basic(client.client_id, client.client_secret))).body.access_token;
  };
  t.strictSame(await shown(await refresh('openid email')), { sub, email, email_verified: true });
  t.strictSame(await shown(await refresh('openid')), { sub });
  const without = await ask(await refresh('email'));
  t.equal(without.status, 403, 'openid is what opens the door');
  t.match(without.headers.get('www-authenticate'), /error="insufficient_scope".*scope="openid"$/);
});

t.test('a client’s own token shows nobody', async (t) => {
  const form = { grant_type: 'client_credentials', scope: 'openid email' };
  const { body } = await server.token(form, basic(client.client_id, client.client_secret));
  t.equal((await ask(body.access_token)).status, 403);
});

t.test('a client that is registered for it gets a signed JWT', async (t) => {
  const signing = await server.client({ ...metadata, userinfo_signed_response_alg: 'ES256' });
  const { tokens, sub, email } = await signedIn({}, signing);
  const { status, headers, text } = await ask(tokens.access_token);
  t.equal(status, 200);
  t.equal(headers.get('content-type'), 'application/jwt');
  const keys = createRemoteJWKSet(new URL(`${issuer}/.well-known/jwks.json`));
  const currentDate = new Date(clock.now() * 1000);
  const { payload, protectedHeader } = await jwtVerify(text, keys, {
    issuer,
    audience: signing.client_id,
    algorithms: ['ES256'],
    typ: 'JWT',
    currentDate,
  });
  t.match(payload, { sub, email, exp: Number });
  t.equal(protectedHeader.alg, 'ES256');
  t.equal((await ask(text)).status, 401, 'and it is no access token');
});

t.test('a page of another origin may ask', async (t) => {
  const preflight = await fetch(url, {
    method: 'OPTIONS',
    headers: { origin: 'https://spa.example', 'access-control-request-method': 'GET' },
  });
  t.equal(preflight.status, 204);
  t.equal(preflight.headers.get('access-control-allow-origin'), '*');
  t.equal(preflight.headers.get('access-control-allow-methods'), 'GET, POST');
  t.match(preflight.headers.get('access-control-allow-headers'), 'authorization');
  const refused = await ask('x');
  t.equal(refused.headers.get('access-control-allow-origin'), '*', 'and may read why not');
  t.match(refused.headers.get('access-control-expose-headers'), 'WWW-Authenticate');
});

t.test('a token by a key that was revoked is 401 from then on', async (t) => {
  const { tokens } = await signedIn();
  const { kid = '' } = decodeProtectedHeader(tokens.access_token);
  await revokeKey(keyManagementOf(server.service.house, 'test'), kid, { reason: 'a test' });
  await server.service.care();
  t.equal((await ask(tokens.access_token)).status, 401);
  const after = await signedIn();
  t.equal((await ask(after.tokens.access_token)).status, 200, 'and the next key is known at once');
});

t.test('a store that is away is 503, and no reason to throw the token away', async (t) => {
  const { tokens } = await signedIn();
  await server.cutStore();
  const { status, headers } = await ask(tokens.access_token);
  t.equal(status, 503);
  t.equal(headers.get('www-authenticate'), null);
  t.match(headers.get('retry-after'), /^\d$/);
});
