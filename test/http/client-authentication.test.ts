// Who a client is, over a real socket: every way to show it, and that whoever fails learns nothing.
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { exportJWK, generateKeyPair, type JWK, SignJWT } from 'jose';
import t from 'tap';
import { addClientSecret, retireOldSecrets, setClientDisabled } from '../../src/oauth/client-management.ts';
import { type Answer, basic, testServer } from '../helpers/test-server.ts';

const server = await testServer(t);
const { issuer, clock, token } = server;
const management = { ...server.service.house, actor: 'test' };
const grant = { grant_type: 'client_credentials' };
const type = 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer';

const byHeader = await server.client({});
const byBody = await server.client({ token_endpoint_auth_method: 'client_secret_post' });

const reason = () => server.log.at(-1)?.reason;

/** A key pair of a client. */
async function keyPair(alg: string, kid?: string) {
  const { publicKey, privateKey } = await generateKeyPair(alg);
  const publicJwk: JWK = { ...(await exportJWK(publicKey)), ...(kid !== undefined && { kid }) };
  return { alg, publicJwk, privateKey, kid };
}
type Pair = Awaited<ReturnType<typeof keyPair>>;

/** An assertion that is right in all that `claims` and `header` do not make wrong. */
function assertion(
  { alg, privateKey, kid }: Pair,
  clientId: string,
  claims: Record<string, unknown> = {},
  header: Record<string, unknown> = {},
): Promise<string> {
  const now = Math.floor(clock.now());
  const right = { iss: clientId, sub: clientId, aud: issuer, jti: randomUUID(), iat: now, exp: now + 60 };
  return new SignJWT({ ...right, ...claims })
    .setProtectedHeader({ alg, ...(kid !== undefined && { kid }), ...header })
    .sign(privateKey);
}

const present = (client_assertion: string, more: Record<string, string> = {}): Promise<Answer> =>
  token({ ...grant, client_assertion_type: type, client_assertion, ...more });

const ec = await keyPair('ES256');
const signing = await server.client({
  token_endpoint_auth_method: 'private_key_jwt',
  jwks: { keys: [ec.publicJwk] },
});

t.test('a secret is taken in the header or in the body, as the client is registered', async (t) => {
  t.equal((await token(grant, basic(byHeader.client_id, byHeader.client_secret))).status, 200);
  const { client_id, client_secret } = byBody;
  t.equal((await token({ ...grant, client_id, client_secret })).status, 200);
});

t.test('a client_id beside the header is allowed where it is the same', async (t) => {
  const header = basic(byHeader.client_id, byHeader.client_secret);
  t.equal((await token({ ...grant, client_id: byHeader.client_id }, header)).status, 200);
  t.equal((await token({ ...grant, client_id: byBody.client_id }, header)).body.error, 'invalid_client');
});

const schemes: [header: string, reason: string][] = [
  ['Bearer x', 'authorization_scheme_unsupported'],
  ['Basic', 'authorization_header_malformed'],
  ['Basic !!!', 'authorization_header_malformed'],
  [`Basic ${Buffer.from('no colon').toString('base64')}`, 'authorization_header_malformed'],
  [`Basic ${Buffer.from(':secret').toString('base64')}`, 'authorization_header_malformed'],
  [`Basic ${Buffer.from('a:%').toString('base64')}`, 'authorization_header_malformed'],
  [`Basic ${Buffer.from('a:%00').toString('base64')}`, 'authorization_header_malformed'],
  [`Basic ${Buffer.from([0xff, 0x3a, 0xff]).toString('base64')}`, 'client_unknown'],
];

for (const [authorization, expected] of schemes) {
  t.test(`the header "${authorization}" is refused with a challenge`, async (t) => {
    const answer = await token(grant, { authorization });
    t.equal(answer.status, 401);
    t.equal(answer.body.error, 'invalid_client');
    t.equal(answer.headers.get('www-authenticate'), `Basic realm="${issuer}", charset="UTF-8"`);
    t.equal(reason(), expected);
  });
}

t.test('the scheme is read in any case', async (t) => {
  const { authorization = '' } = basic(byHeader.client_id, byHeader.client_secret);
  t.equal((await token(grant, { authorization: authorization.replace('Basic', 'bAsIc') })).status, 200);
});

t.test('nobody learns which clients exist, which are disabled, and how they are registered', async (t) => {
  const gone = await server.client({});
  await setClientDisabled(management, gone.client_id, true);
  const answers = [
    await token(grant, basic('nobody', 'x')),
    await token(grant, basic(byHeader.client_id, 'x')),
    await token(grant, basic(byHeader.client_id, '')),
    await token(grant, basic(byBody.client_id, byBody.client_secret)),
    await token(grant, basic(gone.client_id, gone.client_secret)),
    await token(grant, basic(signing.client_id, 'x')),
  ];
  const reasons = server.log.slice(-answers.length).map((line) => line.reason);
  t.strictSame(reasons, [
    'client_unknown',
    'client_secret_wrong',
    'client_secret_wrong',
    'client_method_not_registered',
    'client_disabled',
    'client_method_not_registered',
  ]);
  for (const { status, body, headers } of answers) {
    t.strictSame([status, body], [answers[0]?.status, answers[0]?.body]);
    t.equal(headers.get('www-authenticate'), answers[0]?.headers.get('www-authenticate'));
  }
});

t.test('without the header there is no challenge', async (t) => {
  const answer = await token({ ...grant, client_id: byBody.client_id, client_secret: 'x' });
  t.equal(answer.status, 401);
  t.equal(answer.headers.get('www-authenticate'), null);
});

t.test('a name alone is no authentication', async (t) => {
  t.equal((await token({ ...grant, client_id: byBody.client_id })).body.error, 'invalid_client');
  t.equal((await token(grant)).body.error, 'invalid_client');
  t.equal(reason(), 'client_authentication_missing');
});

t.test('more than one way at once is refused', async (t) => {
  const header = basic(byHeader.client_id, byHeader.client_secret);
  const client_assertion = await assertion(ec, signing.client_id);
  const ways: [Record<string, string>, Record<string, string>?][] = [
    [{ client_secret: 'x' }, header],
    [{ client_assertion, client_assertion_type: type }, header],
    [{ client_assertion, client_assertion_type: type, client_secret: 'x' }],
    [{ client_assertion_type: type, client_id: byBody.client_id, client_secret: byBody.client_secret }],
  ];
  for (const [form, headers] of ways) {
    const answer = await token({ ...grant, ...form }, headers);
    t.equal(answer.status, 400);
    t.equal(answer.body.error, 'invalid_request');
    t.equal(reason(), 'several_client_authentications');
  }
});

t.test('a new secret works at once, and a retired one is refused within a second', async (t) => {
  const client = await server.client({});
  const { client_id } = client;
  t.equal((await token(grant, basic(client_id, client.client_secret))).status, 200);
  const { client_secret = '' } = await addClientSecret(management, client_id);
  t.equal((await token(grant, basic(client_id, client_secret))).status, 200);
  t.equal((await token(grant, basic(client_id, client.client_secret))).status, 200, 'both live');
  await retireOldSecrets(management, client_id);
  clock.advance(1);
  t.equal((await token(grant, basic(client_id, client.client_secret))).status, 401);
  t.equal((await token(grant, basic(client_id, client_secret))).status, 200);
});

t.test('a disabled client is refused within a second, and an enabled one is served at once', async (t) => {
  const { client_id, client_secret } = await server.client({});
  t.equal((await token(grant, basic(client_id, client_secret))).status, 200);
  await setClientDisabled(management, client_id, true);
  clock.advance(1);
  t.equal((await token(grant, basic(client_id, client_secret))).status, 401);
  await setClientDisabled(management, client_id, false);
  t.equal((await token(grant, basic(client_id, client_secret))).status, 200);
});

for (const alg of ['RS256', 'PS256', 'ES256', 'EdDSA']) {
  t.test(`an assertion signed with ${alg} is taken`, async (t) => {
    const pair = await keyPair(alg, 'k1');
    const { client_id } = await server.client({
      token_endpoint_auth_method: 'private_key_jwt',
      jwks: { keys: [(await keyPair(alg, 'k0')).publicJwk, pair.publicJwk] },
    });
    const answer = await present(await assertion(pair, client_id));
    t.equal(answer.status, 200);
  });
}

t.test('without a kid, every key of the client that fits is tried', async (t) => {
  const [one, two] = [await keyPair('ES256'), await keyPair('ES256')];
  const { client_id } = await server.client({
    token_endpoint_auth_method: 'private_key_jwt',
    jwks: { keys: [one.publicJwk, two.publicJwk] },
  });
  t.equal((await present(await assertion(two, client_id))).status, 200);
  t.equal((await present(await assertion(ec, client_id))).status, 401);
});

t.test('a client registered for one algorithm is held to it', async (t) => {
  const rsa = await keyPair('RS256');
  const { client_id } = await server.client({
    token_endpoint_auth_method: 'private_key_jwt',
    token_endpoint_auth_signing_alg: 'PS256',
    jwks: { keys: [rsa.publicJwk] },
  });
  t.equal((await present(await assertion(rsa, client_id))).status, 401);
  t.equal(reason(), 'client_assertion_signature');
});

const taken: [name: string, claims: Record<string, unknown>, header?: Record<string, unknown>][] = [
  ['the token endpoint as audience', { aud: `${issuer}/token` }],
  ['the issuer in an array', { aud: [issuer] }],
  ['no iat', { iat: undefined }],
  ['a clock that is 20 s ahead', { iat: clock.now() + 20, nbf: clock.now() + 20 }],
  ['the typ that says what it is', {}, { typ: 'client-authentication+jwt' }],
  ['the typ JWT', {}, { typ: 'JWT' }],
];

for (const [name, claims, header] of taken) {
  t.test(`an assertion with ${name} is taken`, async (t) => {
    t.equal((await present(await assertion(ec, signing.client_id, claims, header))).status, 200);
  });
}

const now = () => Math.floor(clock.now());
const assertionRefused: [
  name: string,
  claims: () => Record<string, unknown>,
  reason: string,
  header?: Record<string, unknown>,
][] = [
  ['another audience', () => ({ aud: 'https://as.example.com' }), 'client_assertion_audience'],
  ['two audiences', () => ({ aud: [issuer, `${issuer}/token`] }), 'client_assertion_audience'],
  ['no audience', () => ({ aud: undefined }), 'client_assertion_audience'],
  ['an audience that is no text', () => ({ aud: { issuer } }), 'client_assertion_audience'],
  ['another issuer', () => ({ iss: 'somebody' }), 'client_assertion_subject'],
  ['no subject', () => ({ sub: undefined }), 'client_assertion_subject'],
  ['a subject that is no text', () => ({ iss: 7, sub: 7 }), 'client_assertion_subject'],
  ['NUL in its names', () => ({ iss: 'a\0', sub: 'a\0' }), 'client_assertion_subject'],
  ['no expiry', () => ({ exp: undefined }), 'client_assertion_times'],
  ['an expiry that is no number', () => ({ exp: 'soon' }), 'client_assertion_times'],
  ['an expiry in the past', () => ({ exp: now() - 1 }), 'client_assertion_expired'],
  ['an expiry that is far ahead', () => ({ exp: now() + 340 }), 'client_assertion_too_long'],
  ['an iat of long ago', () => ({ iat: now() - 301 }), 'client_assertion_too_old'],
  ['an iat in the future', () => ({ iat: now() + 40 }), 'client_assertion_not_yet_valid'],
  ['an nbf in the future', () => ({ nbf: now() + 40 }), 'client_assertion_not_yet_valid'],
  ['no jti', () => ({ jti: undefined }), 'client_assertion_jti'],
  ['an empty jti', () => ({ jti: '' }), 'client_assertion_jti'],
  ['a very long jti', () => ({ jti: 'x'.repeat(257) }), 'client_assertion_jti'],
  ['the typ of an access token', () => ({}), 'client_assertion_typ', { typ: 'at+jwt' }],
  ['a typ that is no text', () => ({}), 'client_assertion_malformed', { typ: 7 }],
];

for (const [name, claims, expected, header] of assertionRefused) {
  t.test(`an assertion with ${name} is refused`, async (t) => {
    const answer = await present(await assertion(ec, signing.client_id, claims(), header));
    t.equal(answer.status, 401);
    t.equal(answer.body.error, 'invalid_client');
    t.equal(reason(), expected);
  });
}

const unsigned = (header: object, payload: unknown): string =>
  `${[header, payload].map((part) => Buffer.from(JSON.stringify(part)).toString('base64url')).join('.')}.`;
const forged: [name: string, jws: string, reason: string][] = [
  ['no JWT', 'x', 'client_assertion_malformed'],
  ['two dots', '..', 'client_assertion_malformed'],
  ['a JWE', 'e30.e30.e30.e30.e30', 'client_assertion_malformed'],
  ['a payload that is no object', unsigned({ alg: 'ES256' }, []), 'client_assertion_malformed'],
  ['alg none', unsigned({ alg: 'none' }, {}), 'client_assertion_alg'],
  ['alg HS256', unsigned({ alg: 'HS256' }, {}), 'client_assertion_alg'],
  ['no alg', unsigned({}, {}), 'client_assertion_alg'],
  [
    'a critical extension',
    unsigned({ alg: 'ES256', crit: ['b64'], b64: false }, {}),
    'client_assertion_malformed',
  ],
];

for (const [name, jws, expected] of forged) {
  t.test(`${name} for an assertion is refused`, async (t) => {
    const answer = await present(jws);
    t.equal(answer.status, 401);
    t.equal(reason(), expected);
  });
}

t.test('an assertion by another key is refused as one by nobody', async (t) => {
  const stranger = await keyPair('ES256');
  const known = await present(await assertion(stranger, signing.client_id));
  t.equal(reason(), 'client_assertion_signature');
  const unknown = await present(await assertion(stranger, 'nobody'));
  t.equal(reason(), 'client_unknown');
  t.strictSame([known.status, known.body], [unknown.status, unknown.body]);
});

t.test('a client_id beside the assertion must be its own', async (t) => {
  const { client_id } = signing;
  t.equal((await present(await assertion(ec, client_id), { client_id })).status, 200);
  t.equal((await present(await assertion(ec, client_id), { client_id: byBody.client_id })).status, 401);
});

t.test('an assertion without its type, or of another, is refused', async (t) => {
  const client_assertion = await assertion(ec, signing.client_id);
  const forms = [
    { client_assertion },
    { client_assertion_type: type },
    { client_assertion, client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:saml2-bearer' },
  ];
  for (const form of forms) {
    const answer = await token({ ...grant, ...form });
    t.equal(answer.status, 400);
    t.equal(answer.body.error, 'invalid_request');
  }
});

t.test('of ten that present one assertion at once, one gets a token', async (t) => {
  const jws = await assertion(ec, signing.client_id);
  const answers = await Promise.all(Array.from({ length: 10 }, () => present(jws)));
  t.equal(answers.filter(({ status }) => status === 200).length, 1);
  t.equal(answers.filter(({ status }) => status === 401).length, 9);
  t.equal(server.log.filter((line) => line.reason === 'client_assertion_replayed').length, 9);
});

t.test('keys behind a jwks_uri are fetched, kept, and fetched again for a kid that is new', async (t) => {
  const [first, second] = [await keyPair('ES256', 'first'), await keyPair('ES256', 'second')];
  let keys = [first.publicJwk];
  let fetched = 0;
  const keyServer = createServer((_request, response) => {
    fetched += 1;
    response.end(JSON.stringify({ keys }));
  }).listen(0, '127.0.0.1');
  await once(keyServer, 'listening');
  t.teardown(() => keyServer.close());
  const { port } = keyServer.address() as AddressInfo;
  const { client_id } = await server.client({
    token_endpoint_auth_method: 'private_key_jwt',
    jwks_uri: `http://127.0.0.1:${port}/jwks`,
  });
  t.equal((await present(await assertion(first, client_id))).status, 200);
  t.equal((await present(await assertion(first, client_id))).status, 200);
  t.equal(fetched, 1);
  keys = [first.publicJwk, second.publicJwk];
  clock.advance(30);
  t.equal((await present(await assertion(second, client_id))).status, 200);
  t.equal(fetched, 2);
  const made = { ...second, kid: 'made-up' };
  for (let i = 0; i < 3; i += 1) t.equal((await present(await assertion(made, client_id))).status, 401);
  t.equal(fetched, 2, 'whoever invents kids moves nobody');
  keyServer.close();
  keyServer.closeAllConnections();
  clock.advance(301);
  t.equal(
    (await present(await assertion(second, client_id))).status,
    200,
    'while the client’s server is away',
  );
});

t.test('a client whose keys cannot be had is refused, and the log says why', async (t) => {
  const { client_id } = await server.client({
    token_endpoint_auth_method: 'private_key_jwt',
    jwks_uri: 'https://10.0.0.1/jwks',
  });
  t.equal((await present(await assertion(ec, client_id))).status, 401);
  t.match(server.log.at(-1), {
    reason: 'client_keys_unavailable',
    clientId: client_id,
    cause: 'the address 10.0.0.1 is private, not public',
  });
});

// Last, since the store does not come back.
t.test(
  'with the store away, clients that are known are served on, and others asked to come back',
  async (t) => {
    const known = basic(byHeader.client_id, byHeader.client_secret);
    t.equal((await token(grant, known)).status, 200);
    await server.cutStore();
    clock.advance(5);
    t.equal((await token(grant, known)).status, 200);
    const unknown = await token(grant, basic('nobody', 'x'));
    t.equal(unknown.status, 503);
    t.equal(unknown.body.error, 'temporarily_unavailable');
    t.match(unknown.headers.get('retry-after'), /^[123]$/);
    clock.advance(3600);
    t.equal((await token(grant, known)).status, 503, 'but not for ever');
    t.equal((await fetch(`${issuer}/.well-known/jwks.json`)).status, 200);
    t.equal((await fetch(`${issuer}/livez`)).status, 200);
    t.equal((await fetch(`${issuer}/readyz`)).status, 503);
  },
);
