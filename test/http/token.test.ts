// Tokens by client credentials, over a real socket: what is in them, who they are for, and what nobody gets.
import { createRemoteJWKSet, decodeProtectedHeader, jwtVerify } from 'jose';
import t from 'tap';
import { type Answer, basic, type Form, testServer } from '../helpers/test-server.ts';

const server = await testServer(t, { MINTMARK_KEYS_SIGNING_ALGS: 'RS256,PS256,ES256,EdDSA' });
const { issuer, clock } = server;
const keys = createRemoteJWKSet(new URL(`${issuer}/.well-known/jwks.json`));

await server.resource({ resource: 'https://api.example.com', scopes: ['read', 'write'] });
await server.resource({ resource: 'https://other.example.com', scopes: ['other'] });
await server.resource({ resource: 'urn:example:spring', profile: 'plain', signing_alg: 'PS256' });
await server.resource({ resource: 'urn:example:django', profile: 'simplejwt', signing_alg: 'ES256' });
await server.resource({ resource: 'urn:example:short', access_token_lifetime: 7, signing_alg: 'EdDSA' });

const scoped = await server.client({ scope: 'read admin' });
const bare = await server.client({});
const listed = await server.client({
  resources: ['urn:example:spring', 'urn:example:django', 'urn:example:short', 'urn:example:gone'],
  default_resource: 'urn:example:short',
  access_token_lifetime: 60,
});
type Client = typeof bare;

function ask(client: Client, form: Record<string, string> | [string, string][] = {}): Promise<Answer> {
  const parameters: Form = [
    ['grant_type', 'client_credentials'],
    ...(Array.isArray(form) ? form : Object.entries(form)),
  ];
  return server.token(parameters, basic(client.client_id, client.client_secret));
}

/** The claims of a token that verifies, as a resource server would verify it. */
async function claimsOf({ body }: Answer, audience: string): Promise<Record<string, unknown>> {
  const { payload } = await jwtVerify(body.access_token, keys, { issuer, audience });
  return payload;
}

t.test('a token says who, for whom, by whom and how long, and no more (RFC 9068)', async (t) => {
  const answer = await ask(bare);
  t.equal(answer.status, 200);
  t.strictSame(Object.keys(answer.body), ['access_token', 'token_type', 'expires_in']);
  t.match(answer.body, { token_type: 'Bearer', expires_in: 300 });
  t.match(decodeProtectedHeader(answer.body.access_token), { alg: 'RS256', typ: 'at+jwt', kid: String });
  const { iat, jti, ...claims } = await claimsOf(answer, issuer);
  t.strictSame(claims, {
    iss: issuer,
    sub: bare.client_id,
    aud: issuer,
    client_id: bare.client_id,
    exp: (iat as number) + 300,
  });
  t.match(jti, /^[0-9a-f-]{36}$/);
  t.ok(Number.isInteger(iat) && (iat as number) <= clock.now());
});

t.test('the answer is for nobody to keep', async (t) => {
  const { headers } = await ask(bare);
  t.equal(headers.get('cache-control'), 'no-store');
  t.equal(headers.get('pragma'), 'no-cache');
  t.equal(headers.get('content-type'), 'application/json; charset=utf-8');
  t.equal(headers.get('access-control-allow-origin'), '*', 'apps in browsers exchange codes');
  t.equal(headers.get('access-control-allow-credentials'), null);
  t.match(headers.get('x-request-id'), /^[0-9a-f-]{36}$/);
});

t.test('no two tokens have the same jti', async (t) => {
  const tokens = await Promise.all(Array.from({ length: 20 }, async () => claimsOf(await ask(bare), issuer)));
  t.equal(new Set(tokens.map(({ jti }) => jti)).size, 20);
});

const profiles: [resource: string, alg: string, typ: string, extra: Record<string, unknown>][] = [
  ['urn:example:spring', 'PS256', 'JWT', {}],
  ['urn:example:django', 'ES256', 'JWT', { token_type: 'access', user_id: listed.client_id }],
  ['urn:example:short', 'EdDSA', 'at+jwt', {}],
];

for (const [resource, alg, typ, extra] of profiles) {
  t.test(`${resource} reads ${typ} signed with ${alg}`, async (t) => {
    const answer = await ask(listed, { resource });
    t.match(decodeProtectedHeader(answer.body.access_token), { alg, typ });
    const { iss, sub, aud, client_id, iat, exp, jti, ...rest } = await claimsOf(answer, resource);
    t.strictSame(rest, extra);
    t.strictSame([iss, sub, aud, client_id], [issuer, listed.client_id, resource, listed.client_id]);
  });
}

t.test('the lifetime is the resource’s, else the client’s, else the issuer’s', async (t) => {
  t.equal((await ask(listed, { resource: 'urn:example:short' })).body.expires_in, 7);
  t.equal((await ask(listed, { resource: 'urn:example:spring' })).body.expires_in, 60);
  t.equal((await ask(bare)).body.expires_in, 300);
});

t.test('without a resource parameter, the client’s default is the audience', async (t) => {
  t.match(await claimsOf(await ask(listed), 'urn:example:short'), { aud: 'urn:example:short' });
});

const granted: [client: Client, form: Record<string, string>, scope: string | undefined][] = [
  [scoped, {}, 'read admin'],
  [scoped, { scope: 'admin' }, 'admin'],
  [scoped, { scope: 'admin read admin' }, 'admin read'],
  [scoped, { resource: 'https://api.example.com' }, 'read'],
  [scoped, { resource: 'https://api.example.com', scope: 'read' }, 'read'],
  [bare, {}, undefined],
  [bare, { scope: '' }, undefined],
];

for (const [client, form, scope] of granted) {
  t.test(`${JSON.stringify(form)} is granted ${scope ?? 'no scope'}`, async (t) => {
    const answer = await ask(client, form);
    t.equal(answer.body.scope, scope);
    t.equal((await claimsOf(answer, form.resource ?? issuer)).scope, scope);
  });
}

const refused: [
  name: string,
  client: Client,
  form: Record<string, string> | [string, string][],
  error: string,
  reason: string,
][] = [
  ['more than the client has', scoped, { scope: 'read write' }, 'invalid_scope', 'scope_not_of_client'],
  [
    'more than the resource knows',
    scoped,
    { scope: 'admin', resource: 'https://api.example.com' },
    'invalid_scope',
    'scope_not_of_resource',
  ],
  ['a scope of a client without any', bare, { scope: 'read' }, 'invalid_scope', 'scope_not_of_client'],
  ['two blanks', scoped, { scope: 'read  admin' }, 'invalid_scope', 'scope_malformed'],
  ['a quote', scoped, { scope: 'read"' }, 'invalid_scope', 'scope_malformed'],
  [
    'a resource that nobody registered',
    scoped,
    { resource: 'https://x/' },
    'invalid_target',
    'resource_unknown',
  ],
  ['a resource without a scheme', scoped, { resource: '/api' }, 'invalid_target', 'resource_malformed'],
  ['a fragment', scoped, { resource: 'https://api.example.com#a' }, 'invalid_target', 'resource_malformed'],
  [
    'a resource that shares no scope with it',
    scoped,
    { resource: 'https://other.example.com' },
    'invalid_target',
    'resource_not_allowed',
  ],
  [
    'a resource beside those it is registered for',
    listed,
    { resource: 'https://api.example.com' },
    'invalid_target',
    'resource_not_allowed',
  ],
  [
    'a registered resource that is gone',
    listed,
    { resource: 'urn:example:gone' },
    'invalid_target',
    'resource_unknown',
  ],
  [
    'two resources',
    listed,
    [
      ['resource', 'urn:example:spring'],
      ['resource', 'urn:example:django'],
    ],
    'invalid_target',
    'several_resources',
  ],
];

for (const [name, client, form, error, reason] of refused) {
  t.test(`a client that asks for ${name} is refused`, async (t) => {
    const answer = await ask(client, form);
    t.equal(answer.status, 400);
    t.equal(answer.body.error, error);
    t.match(server.log.at(-1), {
      reason,
      clientId: client.client_id,
      requestId: answer.headers.get('x-request-id'),
    });
  });
}

const grantTypes: [form: Record<string, string>, error: string][] = [
  [{}, 'invalid_request'],
  [{ grant_type: '' }, 'invalid_request'],
  [{ grant_type: 'password' }, 'unsupported_grant_type'],
  [{ grant_type: 'constructor' }, 'unsupported_grant_type'],
];

for (const [form, error] of grantTypes) {
  t.test(`${JSON.stringify(form)} is ${error}`, async (t) => {
    const answer = await server.token(form, basic(bare.client_id, bare.client_secret));
    t.equal(answer.status, 400);
    t.equal(answer.body.error, error);
  });
}

t.test('a new resource is known at once, and a deleted one is forgotten within a second', async (t) => {
  const { resources } = server.service.house.stores;
  const resource = 'urn:example:brief';
  const client = await server.client({ resources: [resource] });
  t.equal((await ask(client, { resource })).body.error, 'invalid_target');
  await server.resource({ resource });
  t.equal((await ask(client, { resource })).status, 200);
  await resources.delete(resource, {
    at: clock.now(),
    event: 'resource.deleted',
    actor: 'test',
    subject: resource,
  });
  clock.advance(1);
  t.equal((await ask(client, { resource })).body.error, 'invalid_target');
});

t.test('what was issued and refused is counted, and no client is a label', async (t) => {
  const metrics = await (await fetch(`${issuer}/metrics`)).text();
  t.match(metrics, /mintmark_tokens_issued_total\{grant_type="client_credentials",alg="ES256"\} \d/);
  t.match(metrics, /mintmark_refusals_total\{reason="several_resources"\} 1/);
  t.notMatch(metrics, new RegExp([scoped, bare, listed].map(({ client_id }) => client_id).join('|')));
});

t.test('no secret and no token was logged', async (t) => {
  const { access_token } = (await ask(bare)).body;
  const log = JSON.stringify(server.log);
  t.ok(log.includes('tokens issued'));
  for (const { client_secret } of [scoped, bare, listed]) t.notOk(log.includes(client_secret));
  t.notOk(log.includes(access_token.split('.')[1]));
});
