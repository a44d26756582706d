// The first-party door, over a real socket: who gets a pair of tokens, what becomes of it, and that every refusal is
// what Django REST framework and simplejwt 5.2.2 answer.
import type { AddressInfo } from 'node:net';
import fc from 'fast-check';
import {
  createRemoteJWKSet,
  decodeJwt,
  decodeProtectedHeader,
  exportJWK,
  generateKeyPair,
  jwtVerify,
  SignJWT,
} from 'jose';
import { Registry } from 'prom-client';
import t, { type Test } from 'tap';
import { createAccount, setAccountDisabled, setPassword } from '../../src/accounts/account.ts';
import type { Authenticator } from '../../src/accounts/authenticate.ts';
import { PasswordQueueFullError } from '../../src/accounts/password-queue.ts';
import { buildApp } from '../../src/app.ts';
import { createEvents } from '../../src/events.ts';
import { authorizationServerOf } from '../../src/wire.ts';
import { freePort } from '../helpers/servers.ts';
import { type Answer, basic, type TestServer, testServer } from '../helpers/test-server.ts';
import '../helpers/search.ts';

// On a machine that has much else to do.
t.setTimeout(120_000);

const server = await testServer(t, {
  MINTMARK_SIGN_IN_CLIENT_ID: 'app',
  MINTMARK_CLAIMS: 'name=name',
  // What is limited has its test; the others are not to meet it.
  MINTMARK_SIGN_IN_ATTEMPTS_PER_ADDRESS: '100000',
});
const { issuer, clock, log } = server;
const { stores } = server.service.house;
const keys = createRemoteJWKSet(new URL(`${issuer}/.well-known/jwks.json`));
const audience = 'https://api.example.com';
await server.resource({ resource: audience, scopes: ['read'], profile: 'simplejwt' });

const isPublic = { token_endpoint_auth_method: 'none', first_party: true };
await server.client({ ...isPublic, client_id: 'app' });
await server.client({
  ...isPublic,
  client_id: 'django-app',
  default_resource: audience,
  access_token_lifetime: 120,
  claims: { roles: 'attributes.roles' },
});
const other = await server.client({ token_endpoint_auth_method: 'none', grant_types: ['refresh_token'] });
const confidential = await server.client({ first_party: true });
const posting = await server.client({ first_party: true, token_endpoint_auth_method: 'client_secret_post' });

const password = 'correct horse battery';
const management = { ...server.service.house, actor: 'test' };
const newAccount = (email: string, claims: unknown = {}) =>
  createAccount(management, { email, name: 'Ada', password, claims });
const ada = await newAccount('ada@example.com', { attributes: { roles: ['editor'] } });
const right = { email: ada.email, password };

/** POSTs JSON where `body` is an object, and otherwise what is given. */
async function ask(
  path: string,
  body: object | string | Uint8Array | undefined,
  headers: Record<string, string> = {},
): Promise<Answer> {
  const isForm = body instanceof URLSearchParams;
  const isRaw = typeof body === 'string' || body instanceof Uint8Array;
  const type = isForm ? 'application/x-www-form-urlencoded' : 'application/json';
  const response = await fetch(`${issuer}/api/token${path}`, {
    method: 'POST',
    headers: { ...(body !== undefined && { 'content-type': type }), ...headers },
    ...(body !== undefined && { body: (isForm || isRaw ? body : JSON.stringify(body)) as string }),
  });
  return { status: response.status, headers: response.headers, body: await response.json() };
}

interface Pair {
  readonly access: string;
  readonly refresh: string;
}

/** A pair of tokens. Throws with the answer where there is none. */
async function signIn(fields: object = {}, headers: Record<string, string> = {}): Promise<Pair> {
  const { status, body } = await ask('/', { ...right, ...fields }, headers);
  if (status !== 200) throw new Error(`${status} ${JSON.stringify(body)}`);
  return body;
}

const notValid = { detail: 'Token is invalid or expired', code: 'token_not_valid' };
const noAccount = { detail: 'No active account found with the given credentials' };

/** All of an answer but what differs with every request. */
function shown({ status, headers, body }: Answer) {
  const { 'x-request-id': _, date: __, ...rest } = Object.fromEntries(headers);
  return { status, body, headers: rest };
}

const lastReason = () => log.findLast(({ reason }) => reason !== undefined)?.reason;

for (const path of ['', '/']) {
  for (const name of ['email', 'username']) {
    const fields = { [name]: ada.email, password };
    for (const [kind, body] of [
      ['JSON', fields],
      ['a form', new URLSearchParams(fields)],
    ] as const) {
      t.test(`/api/token${path} answers ${kind} with ${name} by a pair of tokens`, async (t) => {
        const answer = await ask(path, body);
        t.equal(answer.status, 200);
        t.strictSame(Object.keys(answer.body), ['access', 'refresh']);
        t.match(answer.body.refresh, /^mmr_/);
        const { payload } = await jwtVerify(answer.body.access, keys, { issuer, audience: issuer });
        t.match(payload, { sub: ada.sub, client_id: 'app', acr: 'aal1', amr: ['pwd'], name: 'Ada' });
      });
    }
  }
}

t.test('the answer is for nobody to keep, and for no page of another origin', async (t) => {
  const { headers } = await ask('/', right, { origin: 'https://elsewhere.example.com' });
  t.equal(headers.get('cache-control'), 'no-store');
  t.equal(headers.get('access-control-allow-origin'), null);
});

t.test(
  'an access token is in the profile of its resource, with the claims and lifetime of the client',
  async (t) => {
    const { access } = await signIn({ client_id: 'django-app' });
    t.match(decodeProtectedHeader(access), { alg: 'RS256', typ: 'JWT' });
    const { payload } = await jwtVerify(access, keys, { issuer, audience });
    t.match(payload, { token_type: 'access', user_id: ada.sub, name: 'Ada', roles: ['editor'] });
    t.equal(Number(payload.exp) - Number(payload.iat), 120);
  },
);

t.test('blanks around the e-mail address do not count, and its case neither', async (t) => {
  t.equal((await ask('/', { email: ` ${ada.email.toUpperCase()} `, password })).status, 200);
});

t.test('blanks around a password count', async (t) => {
  t.strictSame((await ask('/', { ...right, password: ` ${password}` })).body, noAccount);
});

t.test('members of the prototype are names like any other', async (t) => {
  const body = `{"__proto__":{"email":"x"},"constructor":1,"email":"${ada.email}","password":"${password}"}`;
  t.equal((await ask('/', body)).status, 200);
  t.equal(({} as Record<string, unknown>).email, undefined);
});

t.test('a confidential client signs people in by its secret', async (t) => {
  const { client_id, client_secret } = posting;
  t.ok(await signIn({ client_id, client_secret }));
  t.ok(await signIn({}, basic(confidential.client_id, confidential.client_secret)));
});

t.test('a client that signs does so here as well', async (t) => {
  const { publicKey, privateKey } = await generateKeyPair('ES256');
  const { client_id } = await server.client({
    first_party: true,
    token_endpoint_auth_method: 'private_key_jwt',
    jwks: { keys: [await exportJWK(publicKey)] },
  });
  const client_assertion = await new SignJWT({ jti: 'once' })
    .setProtectedHeader({ alg: 'ES256' })
    .setIssuer(client_id)
    .setSubject(client_id)
    .setAudience(issuer)
    .setExpirationTime(Math.floor(clock.now()) + 60)
    .sign(privateKey);
  const client_assertion_type = 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer';
  t.ok(await signIn({ client_assertion, client_assertion_type }));
  t.equal((await ask('/', { ...right, client_assertion, client_assertion_type })).status, 401);
  t.equal(lastReason(), 'client_assertion_replayed');
});

t.test('a client that is not first-party is refused as one that does not exist', async (t) => {
  const refused = shown(await ask('/', { ...right, client_id: other.client_id }));
  t.equal(lastReason(), 'client_not_first_party');
  t.strictSame(refused, shown(await ask('/', { ...right, client_id: 'nobody' })));
  t.equal(lastReason(), 'client_unknown');
  t.match(refused, { status: 401, body: { detail: 'The client could not be authenticated.' } });
  t.match(refused.headers, { 'www-authenticate': 'Bearer realm="api"' });
});

t.test('a client that becomes first-party comes through at once', async (t) => {
  const { client_id } = await server.client({
    token_endpoint_auth_method: 'none',
    grant_types: ['refresh_token'],
  });
  t.equal((await ask('/', { ...right, client_id })).status, 401);
  const { metadata } = (await stores.clients.find(client_id)) as { metadata: object };
  await stores.clients.replaceMetadata(client_id, { ...metadata, first_party: true } as never, {
    at: clock.now(),
    event: 'client.updated',
    actor: 'test',
    subject: client_id,
  });
  t.equal((await ask('/', { ...right, client_id })).status, 200);
});

t.test(
  'a confidential client that does not authenticate is refused, and told how where it tried',
  async (t) => {
    const { client_id } = confidential;
    t.equal((await ask('/', { ...right, client_id })).status, 401);
    t.equal(lastReason(), 'client_method_not_registered');
    const answer = await ask('/', right, basic(client_id, 'wrong'));
    t.equal(answer.status, 401);
    t.match(answer.headers.get('www-authenticate'), /^Basic realm=/);
  },
);

t.test('a bearer token that an app sends along does not count', async (t) => {
  const bearer = { authorization: 'Bearer x.y.z' };
  const { refresh } = await signIn({}, bearer);
  t.equal((await ask('/refresh/', { refresh }, bearer)).status, 200);
  t.equal(
    (await ask('/', { ...right, client_id: 'nobody' }, bearer)).headers.get('www-authenticate'),
    'Bearer realm="api"',
  );
});

t.test('an account that is unknown or disabled, or has another password, gets one answer', async (t) => {
  const disabled = await newAccount('off@example.com');
  await setAccountDisabled(management, disabled.email, true);
  const answers: [fields: object, reason: string][] = [
    [{ email: 'nobody@example.com', password }, 'account_unknown'],
    [{ email: disabled.email, password }, 'account_disabled'],
    [{ email: ada.email, password: 'another one' }, 'password_wrong'],
    [{ email: 'x', password: 'x' }, 'account_unknown'],
  ];
  for (const [fields, reason] of answers) {
    const answer = await ask('/', fields);
    t.equal(lastReason(), reason);
    t.match(shown(answer), { status: 401, body: noAccount });
    t.strictSame(shown(answer), shown(await ask('/', { ...right, password: 'wrong' })), reason);
    t.equal(answer.headers.get('www-authenticate'), 'Bearer realm="api"');
  }
});

t.test('whoever fails too often waits until the window has passed', async (t) => {
  const { email } = await newAccount('often@example.com');
  for (let failed = 0; failed < 10; failed += 1) await ask('/', { email, password: 'wrong' });
  const answer = await ask('/', { email, password });
  t.equal(answer.status, 429);
  const wait = Number(answer.headers.get('retry-after'));
  t.ok(wait > 890 && wait <= 900, `${wait}`);
  t.strictSame(answer.body, { detail: `Request was throttled. Expected available in ${wait} seconds.` });
  t.equal(lastReason(), 'sign_in_throttled');
  clock.advance(890);
  t.equal((await ask('/', { email, password })).status, 429);
  clock.advance(10);
  t.equal((await ask('/', { email, password })).status, 200);
});

t.test('a refresh token gets the next pair, by the path with and without its slash', async (t) => {
  const first = await signIn({ client_id: 'django-app' });
  const second = await ask('/refresh', { refresh: first.refresh });
  t.equal(second.status, 200);
  t.strictSame(Object.keys(second.body), ['access', 'refresh']);
  const third = await ask('/refresh/', new URLSearchParams({ refresh: second.body.refresh }));
  t.equal(third.status, 200);
  t.equal(new Set([first.refresh, second.body.refresh, third.body.refresh]).size, 3);
  t.match((await jwtVerify(third.body.access, keys, { issuer, audience })).payload, {
    user_id: ada.sub,
    roles: ['editor'],
  });
});

t.test('parallel refreshes of one token answer the same pair', async (t) => {
  const { refresh } = await signIn();
  const answers = await Promise.all(Array.from({ length: 20 }, () => ask('/refresh/', { refresh })));
  t.ok(answers.every(({ status }) => status === 200));
  t.equal(new Set(answers.map(({ body }) => JSON.stringify(body))).size, 1);
});

t.test('the door and the grant are one chain', async (t) => {
  const { refresh } = await signIn();
  const form = { grant_type: 'refresh_token', client_id: 'app', refresh_token: refresh };
  const { body } = await server.token(form);
  t.equal((await ask('/refresh/', { refresh: body.refresh_token })).status, 200);
});

t.test('a token that was replaced longer ago than the window ends its family, and no other', async (t) => {
  const [stolen, own] = [await signIn(), await signIn()];
  const { body } = await ask('/refresh/', { refresh: stolen.refresh });
  clock.advance(120);
  t.match(await ask('/refresh/', { refresh: stolen.refresh }), { status: 401, body: notValid });
  t.equal(lastReason(), 'refresh_token_replayed');
  t.match(await ask('/refresh/', { refresh: body.refresh }), { status: 401, body: notValid });
  t.equal((await ask('/refresh/', { refresh: own.refresh })).status, 200);
});

t.test('a refresh token of a confidential client takes the client to authenticate', async (t) => {
  const header = basic(confidential.client_id, confidential.client_secret);
  const { refresh } = await signIn({}, header);
  for (const path of ['/refresh/', '/blacklist/']) {
    t.equal((await ask(path, { refresh })).status, 401);
    t.equal(lastReason(), 'client_method_not_registered');
    t.match(await ask(path, { refresh, client_id: 'app' }), { status: 401, body: notValid });
    t.equal(lastReason(), 'refresh_token_of_another_client');
    t.equal((await ask(path, { refresh }, header)).status, 200);
  }
});

t.test('a refresh token of another client than a first-party one is none here', async (t) => {
  const { refresh_token: refresh, access_token } = await server.signIn(other);
  for (const path of ['/refresh/', '/blacklist/']) {
    t.equal((await ask(path, { refresh })).status, 401);
    t.equal(lastReason(), 'client_not_first_party');
  }
  for (const token of [refresh, access_token]) {
    t.match(await ask('/verify/', { token }), { status: 401, body: notValid });
    t.equal(lastReason(), 'token_not_of_first_party');
  }
  const form = { grant_type: 'refresh_token', client_id: other.client_id, refresh_token: refresh };
  t.equal((await server.token(form)).status, 200, 'and nothing has happened to it');
});

t.test('/api/token/verify/ says whether a token is good', async (t) => {
  const pair = await signIn({ client_id: 'django-app' });
  for (const path of ['/verify', '/verify/'])
    for (const token of [pair.access, pair.refresh])
      t.match(shown(await ask(path, { token })), { status: 200, body: {} });
  const { body } = await ask('/refresh/', { refresh: pair.refresh });
  t.equal((await ask('/verify/', { token: pair.refresh })).status, 200, 'it would be answered again');
  clock.advance(121);
  for (const token of [pair.access, pair.refresh])
    t.match(await ask('/verify/', { token }), { status: 401, body: notValid });
  t.equal((await ask('/verify/', { token: body.refresh })).status, 200);
});

t.test('/api/token/blacklist/ ends the family: its access tokens too, and for good', async (t) => {
  const { refresh, access } = await signIn();
  const { body: next } = await ask('/refresh/', { refresh });
  t.match(shown(await ask('/blacklist/', { refresh })), { status: 200, body: {} });
  for (const token of [refresh, access, next.refresh, next.access])
    t.match(await ask('/verify/', { token }), { status: 401, body: notValid });
  t.match(await ask('/refresh/', { refresh: next.refresh }), { status: 401, body: notValid });
  t.match(await ask('/blacklist', new URLSearchParams({ refresh: next.refresh })), {
    status: 401,
    body: notValid,
  });
  t.equal(lastReason(), 'refresh_token_revoked');
});

t.test('what no issuer made is no token', async (t) => {
  const { access, refresh } = await signIn();
  const changed = (token: string) =>
    `${token.slice(0, -5)}${token.at(-5) === 'A' ? 'B' : 'A'}${token.slice(-4)}`;
  for (const token of ['x', 'mmr_x', changed(access), changed(refresh)]) {
    for (const [path, body] of [
      ['/refresh/', { refresh: token }],
      ['/verify/', { token }],
      ['/blacklist/', { refresh: token }],
    ] as const) {
      const answer = await ask(path, body);
      t.match(answer, { status: 401, body: notValid });
      t.equal(answer.headers.get('www-authenticate'), 'Bearer realm="api"');
    }
  }
  t.match(await ask('/refresh/', { refresh: access }), { status: 401, body: notValid });
});

t.test('a new password, and an account that is disabled, end what was opened before', async (t) => {
  const { email } = await newAccount('leaving@example.com');
  const first = await signIn({ email });
  await setPassword(management, email, 'another password');
  t.match(await ask('/refresh/', { refresh: first.refresh }), { status: 401, body: notValid });
  t.match(await ask('/verify/', { token: first.access }), { status: 401, body: notValid });
  const second = await signIn({ email, password: 'another password' });
  await setAccountDisabled(management, email, true);
  t.match(await ask('/refresh/', { refresh: second.refresh }), { status: 401, body: notValid });
  t.equal(lastReason(), 'refresh_token_account_disabled');
});

const required = ['This field is required.'];
const blank = ['This field may not be blank.'];
const noText = ['Not a valid string.'];

const unfit: [name: string, path: string, body: object | string | Uint8Array | undefined, said: object][] = [
  ['nothing', '/', undefined, { email: required, password: required }],
  ['an empty body', '/', '', { email: required, password: required }],
  ['an empty object', '/', {}, { email: required, password: required }],
  ['an empty form', '/', new URLSearchParams(), { email: required, password: required }],
  ['a username alone', '/', { username: 'x' }, { password: required }],
  ['blanks', '/', { username: '', password: ' \t' }, { username: blank, password: blank }],
  ['null', '/', { email: null, password: 'x' }, { email: ['This field may not be null.'] }],
  ['no texts', '/', { email: {}, password: [] }, { email: noText, password: noText }],
  ['true and a number', '/', { email: true, password: 1 }, { email: noText, password: noText }],
  ['a NUL', '/', { email: 'a\0', password: 'x' }, { email: ['Null characters are not allowed.'] }],
  [
    'half a surrogate',
    '/',
    '{"email":"\\ud800","password":"x"}',
    { email: ['Surrogate characters are not allowed: U+D800.'] },
  ],
  ['two names', '/', { ...right, username: 'x' }, { username: ['Give email or username, not both.'] }],
  ['a client_id that is no text', '/', { ...right, client_id: 7 }, { client_id: noText }],
  ['no refresh', '/refresh/', {}, { refresh: required }],
  ['no token', '/verify/', {}, { token: required }],
  ['a token that is no text', '/verify/', { token: 5 }, { token: noText }],
  ['nothing to end', '/blacklist/', {}, { refresh: required }],
  ['a list', '/', [], { non_field_errors: ['Invalid data. Expected a dictionary, but got list.'] }],
  ['a text', '/', '"x"', { non_field_errors: ['Invalid data. Expected a dictionary, but got str.'] }],
  ['a number', '/', '1', { non_field_errors: ['Invalid data. Expected a dictionary, but got int.'] }],
  ['a fraction', '/', '1.5', { non_field_errors: ['Invalid data. Expected a dictionary, but got float.'] }],
  ['true', '/', 'true', { non_field_errors: ['Invalid data. Expected a dictionary, but got bool.'] }],
  ['null alone', '/', 'null', { non_field_errors: ['No data provided'] }],
  ['half an object', '/', '{', { detail: 'JSON parse error - the body is not well-formed JSON' }],
  ['an email twice', '/', '{"email":"a","email":"b"}', { detail: 'A parameter is given more than once.' }],
  [
    'an email twice, spelt differently',
    '/',
    '{"a":{"email":1},"email":"a:\\"","\\u0065mail" : "b"}',
    { detail: 'A parameter is given more than once.' },
  ],
  ['an email twice in a form', '/', new URLSearchParams('email=a&email=b'), { detail: String }],
  ['what is not UTF-8', '/', new Uint8Array([0xff]), { detail: 'A parameter is not UTF-8.' }],
  [
    'too many members',
    '/',
    Object.fromEntries(Array.from({ length: 101 }, (_, index) => [`x${index}`, ''])),
    { detail: 'There are more than 100 parameters.' },
  ],
  ['more than 64 kB', '/', { email: 'x'.repeat(65_536) }, { detail: 'The body is larger than 65536 bytes.' }],
  ['a query', '/?x=1', right, { detail: 'Parameters belong in the body, not in the URL.' }],
];

for (const [name, path, body, said] of unfit) {
  t.test(`${name} at /api/token${path} is answered with 400 and what is wrong`, async (t) => {
    const answer = await ask(path, body);
    t.equal(answer.status, 400);
    t.match(answer.body, said);
    t.strictSame(Object.keys(answer.body), Object.keys(said));
    t.equal(answer.headers.get('cache-control'), 'no-store');
  });
}

t.test('the names of members inside of others are nobody’s', async (t) => {
  const body = `{"x":{"email":1,"email":[{"email":"}"}]},"y":["email"],"email":"${ada.email}","password":"${password}"}`;
  t.equal((await ask('/', body)).status, 200);
});

for (const type of [
  'text/plain',
  'multipart/form-data; boundary=x',
  'application/json; charset=latin1',
  ';;;',
]) {
  t.test(`${type} is answered with 415`, async (t) => {
    const answer = await ask('/', 'x', { 'content-type': type });
    t.equal(answer.status, 415);
    t.strictSame(answer.body, { detail: `Unsupported media type "${type}" in request.` });
  });
}

for (const method of ['GET', 'PUT', 'DELETE', 'PATCH', 'OPTIONS']) {
  for (const path of ['', '/', '/refresh', '/verify/']) {
    t.test(`${method} /api/token${path} is answered with 405`, async (t) => {
      const response = await fetch(`${issuer}/api/token${path}`, { method });
      t.equal(response.status, 405);
      t.equal(response.headers.get('allow'), 'POST');
      t.strictSame(await response.json(), { detail: `Method "${method}" not allowed.` });
    });
  }
}

t.test('there is nothing else beneath the door', async (t) => {
  t.match(await ask('/refresh/x', {}), { status: 404, body: { detail: 'Not found.' } });
});

t.test('any body is answered, and never with a 500', async (t) => {
  const name = fc.constantFrom(
    'email',
    'username',
    'password',
    'client_id',
    'client_secret',
    '__proto__',
    'refresh',
    'token',
  );
  const body = fc.oneof(
    fc.uint8Array({ maxLength: 100 }),
    fc.json(),
    fc.dictionary(name, fc.jsonValue()).map((fields) => JSON.stringify(fields)),
    fc.dictionary(name, fc.string({ unit: 'binary' })).map((fields) => JSON.stringify(fields)),
    fc.array(fc.tuple(name, fc.string({ unit: 'binary' }))).map((pairs) => new URLSearchParams(pairs)),
  );
  const path = fc.constantFrom('', '/', '/refresh/', '/verify', '/blacklist/');
  await fc.assert(
    fc.asyncProperty(path, body, async (path, body) => {
      const { status } = await ask(path, body);
      return status >= 400 && status < 500;
    }),
    { numRuns: 200 },
  );
  t.notOk(log.some(({ level }) => level === 50));
});

t.test('a sign-in is told: in the log, in the audit log, as a metric', async (t) => {
  const { email, sub } = await newAccount('told@example.com');
  const answer = await ask('/', { email, password });
  const line = log.findLast(({ msg }) => msg === 'signed in');
  t.match(line, { level: 30, sub, clientId: 'app', requestId: answer.headers.get('x-request-id') });
  const [entry] = await stores.audit.list({ limit: 1, subject: sub });
  t.match(entry, { event: 'account.signed_in', actor: 'client:app', details: { family: line?.familyId } });
  const metrics = await (await fetch(`${issuer}/metrics`)).text();
  for (const outcome of ['signed_in', 'account_unknown', 'account_disabled', 'password_wrong', 'throttled'])
    t.match(metrics, new RegExp(`mintmark_sign_ins_total\\{outcome="${outcome}"\\} [1-9]`));
  t.match(metrics, /mintmark_tokens_issued_total\{grant_type="sign_in",alg="RS256"\} \d/);
});

t.test('no password, no secret and no token was logged', async (t) => {
  const { access, refresh } = await signIn({}, basic(confidential.client_id, confidential.client_secret));
  await ask('/', `{"password":"${password}",`);
  const written = JSON.stringify(log);
  for (const secret of [password, confidential.client_secret, access.split('.')[1], refresh.slice(4)])
    t.notOk(written.includes(secret as string));
});

/** The answer to a sign-in, where authenticating it ends so. */
async function signInThat(t: Test, authenticate: Authenticator['authenticate']): Promise<Response> {
  const { house, keyring, macKeyRing } = server.service;
  const registry = new Registry();
  const as = authorizationServerOf(house, keyring, macKeyRing);
  const app = await buildApp({
    as: { ...as, authenticator: { ...as.authenticator, authenticate } },
    config: house.config,
    checks: [],
    events: createEvents(registry),
    jwksFetches: { record: () => {} },
    registry,
    log: server.service.app.log,
  });
  t.teardown(() => app.close());
  await app.listen({ port: 0, host: '127.0.0.1' });
  return fetch(`http://127.0.0.1:${(app.server.address() as AddressInfo).port}/api/token/`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(right),
  });
}

t.test('a wait of one second is told in the singular', async (t) => {
  const response = await signInThat(t, async () => ({ retryAfter: 0.2 }));
  t.equal(response.status, 429);
  t.equal(response.headers.get('retry-after'), '1');
  t.strictSame(await response.json(), { detail: 'Request was throttled. Expected available in 1 second.' });
});

t.test('where too many sign in at once, one is asked to come back', async (t) => {
  const response = await signInThat(t, () => Promise.reject(new PasswordQueueFullError()));
  t.equal(response.status, 503);
  t.match(response.headers.get('retry-after'), /^[123]$/);
  t.strictSame(await response.json(), { detail: 'Too many wait to sign in: try again.' });
});

t.test('a fault is a 500, and nothing of it is shown', async (t) => {
  const response = await signInThat(t, () => Promise.reject(new RangeError('inside')));
  t.equal(response.status, 500);
  t.strictSame(await response.json(), { detail: 'Something went wrong here, and is in the log.' });
});

t.test('without a client of its own, the door of an issuer with a path asks for one', async (t) => {
  const port = String(await freePort());
  const issuer = `http://localhost:${port}/tenant/a`;
  const bare: TestServer = await testServer(t, { PORT: port, MINTMARK_ISSUER: issuer });
  const url = `${bare.issuer}/api/token/`;
  const post = (fields: object) =>
    fetch(url, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(fields),
    });
  const response = await post(right);
  t.equal(response.status, 400);
  t.strictSame(await response.json(), { client_id: required });
  t.match(await (await fetch(url)).json(), { detail: 'Method "GET" not allowed.' });
  await bare.client({ ...isPublic, client_id: 'app' });

  await t.test('and where a store is away, to come back', async (t) => {
    await bare.cutStore();
    const response = await post({ ...right, client_id: 'app' });
    t.equal(response.status, 503);
    t.match(response.headers.get('retry-after'), /^[123]$/);
    t.strictSame(await response.json(), { detail: 'A store cannot be reached: try again.' });
  });
});

t.test('a public first-party client is registered for refresh tokens alone', async (t) => {
  t.strictSame((await stores.clients.find('app'))?.metadata.grant_types, ['refresh_token']);
  t.ok(decodeJwt((await signIn()).access));
});
