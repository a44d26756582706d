// What anyone may read, over a real socket, of an issuer without a path and of one with a path.
import { createHash } from 'node:crypto';
import t from 'tap';
import { rotateKeys } from '../../src/keys/rotate.ts';
import { readVerifierFetches } from '../../src/keys/verifier-fetches.ts';
import { keyManagementOf, timetableOf } from '../../src/wire.ts';
import { freePort } from '../helpers/servers.ts';
import { basic, testServer } from '../helpers/test-server.ts';

const server = await testServer(t, {
  MINTMARK_KEYS_SIGNING_ALGS: 'RS256,ES256',
  MINTMARK_KEYS_JWKS_MAX_AGE: '120',
});
const { issuer } = server;
const jwksUri = `${issuer}/.well-known/jwks.json`;

t.test('both documents are one, and name what works and nothing else', async (t) => {
  const proven = ['client_secret_basic', 'client_secret_post', 'private_key_jwt'];
  const algs = ['RS256', 'PS256', 'ES256', 'EdDSA'];
  const [oauth, openid] = await Promise.all(
    ['oauth-authorization-server', 'openid-configuration'].map(async (name) => {
      return (await fetch(`${issuer}/.well-known/${name}`)).json();
    }),
  );
  t.strictSame(oauth, openid);
  t.strictSame(oauth, {
    issuer,
    authorization_endpoint: `${issuer}/authorize`,
    token_endpoint: `${issuer}/token`,
    userinfo_endpoint: `${issuer}/userinfo`,
    introspection_endpoint: `${issuer}/introspect`,
    revocation_endpoint: `${issuer}/revoke`,
    end_session_endpoint: `${issuer}/logout`,
    jwks_uri: jwksUri,
    revoked_families_uri: `${issuer}/.well-known/revoked-families`,
    grant_types_supported: ['authorization_code', 'client_credentials', 'refresh_token'],
    response_types_supported: ['code'],
    response_modes_supported: ['query', 'form_post'],
    code_challenge_methods_supported: ['S256'],
    scopes_supported: ['openid', 'profile', 'email', 'address', 'phone', 'offline_access'],
    claims_supported: [
      ...['iss', 'sub', 'aud', 'exp', 'iat', 'auth_time', 'acr', 'amr', 'azp', 'sid'],
      ...['name', 'family_name', 'given_name', 'middle_name', 'nickname', 'preferred_username', 'profile'],
      ...['picture', 'website', 'gender', 'birthdate', 'zoneinfo', 'locale', 'updated_at'],
      ...['email', 'email_verified', 'address', 'phone_number', 'phone_number_verified'],
    ],
    acr_values_supported: ['aal1', 'aal2'],
    prompt_values_supported: ['none', 'login', 'consent', 'select_account'],
    display_values_supported: ['page', 'popup', 'touch', 'wap'],
    ui_locales_supported: ['en', 'de'],
    authorization_response_iss_parameter_supported: true,
    claims_parameter_supported: true,
    request_parameter_supported: false,
    request_uri_parameter_supported: false,
    token_endpoint_auth_methods_supported: [...proven, 'none'],
    token_endpoint_auth_signing_alg_values_supported: algs,
    introspection_endpoint_auth_methods_supported: proven,
    introspection_endpoint_auth_signing_alg_values_supported: algs,
    introspection_signing_alg_values_supported: ['RS256'],
    revocation_endpoint_auth_methods_supported: [...proven, 'none'],
    revocation_endpoint_auth_signing_alg_values_supported: algs,
    backchannel_logout_supported: true,
    backchannel_logout_session_supported: true,
    subject_types_supported: ['public', 'pairwise'],
    id_token_signing_alg_values_supported: ['RS256', 'ES256'],
    userinfo_signing_alg_values_supported: ['RS256', 'ES256'],
  });
});

t.test('the keys are public ones, of every algorithm, with one in waiting', async (t) => {
  const { keys } = (await (await fetch(jwksUri)).json()) as { keys: Record<string, string>[] };
  t.strictSame(keys.map(({ alg }) => alg).sort(), ['ES256', 'ES256', 'RS256', 'RS256']);
  const members = { RSA: 'alg,e,kid,kty,n,use', EC: 'alg,crv,kid,kty,use,x,y' } as Record<string, string>;
  for (const key of keys) t.equal(Object.keys(key).sort().join(), members[key.kty ?? '']);
});

for (const path of ['jwks.json', 'openid-configuration', 'oauth-authorization-server']) {
  const url = `${issuer}/.well-known/${path}`;

  t.test(`${path} may be kept, by anyone, no longer than a rotation allows for`, async (t) => {
    const { status, headers } = await fetch(url);
    t.equal(status, 200);
    t.equal(headers.get('content-type'), 'application/json; charset=utf-8');
    t.equal(
      headers.get('cache-control'),
      'public, max-age=120, stale-while-revalidate=30, stale-if-error=30',
    );
    t.equal(headers.get('access-control-allow-origin'), '*');
    t.equal(headers.get('set-cookie'), null);
    t.equal(headers.get('x-content-type-options'), 'nosniff');
    t.match(headers.get('x-request-id'), /^[0-9a-f-]{36}$/);
  });

  t.test(`${path} is not sent again to whoever has it`, async (t) => {
    const etag = (await fetch(url)).headers.get('etag') ?? '';
    t.match(etag, /^"[\w-]+"$/, 'a strong tag');
    const known = [etag, `W/${etag}`, `"other", ${etag}`, `"other",W/${etag} , "x"`, '*', ' * '];
    for (const tag of known) {
      const { status, headers } = await fetch(url, { headers: { 'if-none-match': tag } });
      t.equal(status, 304, tag);
      t.equal(headers.get('etag'), etag);
      t.match(headers.get('cache-control'), /^public, max-age=120/);
    }
    for (const tag of ['"other"', etag.slice(1, -1), '']) {
      t.equal((await fetch(url, { headers: { 'if-none-match': tag } })).status, 200, tag);
    }
  });

  t.test(`${path} answers HEAD like GET, without the body`, async (t) => {
    const get = await fetch(url);
    const head = await fetch(url, { method: 'HEAD' });
    t.equal(head.status, 200);
    for (const name of ['etag', 'content-length', 'content-type', 'cache-control']) {
      t.equal(head.headers.get(name), get.headers.get(name), name);
    }
    t.equal(await head.text(), '');
  });

  t.test(`${path} may be asked for by a page with headers of its own`, async (t) => {
    const { status, headers } = await fetch(url, { method: 'OPTIONS' });
    t.equal(status, 204);
    t.equal(headers.get('access-control-allow-origin'), '*');
    t.equal(headers.get('access-control-allow-methods'), 'GET, HEAD');
  });
}

t.test('who fetches the JWKS is known by the name that it gives itself, with what it has', async (t) => {
  const { house, care, keyring } = server.service;
  const { documents } = house.stores;
  const headers = { 'user-agent': 'somebody/1.0 (at home)' };
  await fetch(`${jwksUri}?v=payments`, { headers });
  const { headers: answer } = await fetch(jwksUri, { headers });
  const etag = answer.get('etag') ?? '';
  const again = await fetch(jwksUri, { headers: { ...headers, 'if-none-match': etag } });
  t.equal(again.status, 304);
  await care();
  const fetches = await readVerifierFetches(documents, server.clock.now(), timetableOf(house.config));
  const hasUntil = Math.max(...keyring.snapshot().keys.map(({ publishAt }) => publishAt));
  t.match(
    fetches.find(({ name }) => name === 'payments'),
    { fetches: 1, hasUntil },
  );
  t.match(
    fetches.find(({ name }) => name === 'somebody'),
    { fetches: 2, hasUntil },
    'having what there is already is having it',
  );
  t.notMatch(JSON.stringify(fetches), /at home|127\.0\.0\.1/, 'and of no more than that');
});

t.test('after a rotation the next answer has the new keys and a new tag', async (t) => {
  const before = await fetch(jwksUri);
  await rotateKeys(keyManagementOf(server.service.house, 'test'), 'RS256', { now: true, reason: 'a test' });
  await server.service.care();
  const after = await fetch(jwksUri);
  t.not(after.headers.get('etag'), before.headers.get('etag'));
  const { keys } = (await after.json()) as { keys: unknown[] };
  t.ok(keys.length > ((await before.json()) as { keys: unknown[] }).keys.length);
});

t.test('health says alive and ready, and in detail what was looked at', async (t) => {
  t.strictSame(await (await fetch(`${issuer}/livez`)).json(), { status: 'live' });
  t.strictSame(await (await fetch(`${issuer}/readyz`)).json(), { status: 'ready' });
  const verbose = await fetch(`${issuer}/readyz?verbose`);
  const { checks } = (await verbose.json()) as { checks: Record<string, unknown>[] };
  t.strictSame(checks.map(({ name }) => name).sort(), ['keys', 'migrations', 'postgres', 'root secret']);
  for (const check of checks) t.match(check, { ok: true, seconds: Number });
  t.equal(verbose.headers.get('cache-control'), 'no-store');
});

t.test('metrics are text for Prometheus', async (t) => {
  const { status, headers } = await fetch(`${issuer}/metrics`);
  t.equal(status, 200);
  t.match(headers.get('content-type'), /^text\/plain; version=0\.0\.4/);
});

t.test('the service’s own answers carry no trace of what it is made of', async (t) => {
  const { headers } = await fetch(`${issuer}/livez`);
  t.equal(headers.get('server'), null);
  t.equal(headers.get('x-powered-by'), null);
});

t.test('an issuer with a path', async (t) => {
  const [port, operatorPort] = [await freePort(), await freePort()];
  const origin = `http://localhost:${port}`;
  const tenant = await testServer(t, {
    PORT: String(port),
    MINTMARK_ISSUER: `${origin}/tenant/a`,
    MINTMARK_OPERATOR_PORT: String(operatorPort),
  });
  const documents = [
    `${origin}/.well-known/oauth-authorization-server/tenant/a`,
    `${origin}/.well-known/openid-configuration/tenant/a`,
    `${origin}/tenant/a/.well-known/openid-configuration`,
  ];
  for (const url of documents) {
    t.match(await (await fetch(url)).json(), {
      issuer: tenant.issuer,
      token_endpoint: `${origin}/tenant/a/token`,
      jwks_uri: `${origin}/tenant/a/.well-known/jwks.json`,
    });
  }
  t.equal((await fetch(`${origin}/tenant/a/.well-known/jwks.json`)).status, 200);
  const client = await tenant.client({});
  const answer = await tenant.token(
    { grant_type: 'client_credentials' },
    basic(client.client_id, client.client_secret),
  );
  t.equal(answer.status, 200);
  for (const path of ['/token', '/.well-known/jwks.json', '/.well-known/openid-configuration']) {
    t.equal((await fetch(origin + path)).status, 404, `${path} is another issuer’s`);
  }

  for (const path of ['/livez', '/readyz', '/metrics']) {
    t.equal((await fetch(origin + path)).status, 404, `${path} is not for everybody`);
    t.equal((await fetch(`http://localhost:${operatorPort}${path}`)).status, 200);
  }
  t.equal((await fetch(`http://localhost:${operatorPort}/tenant/a/token`)).status, 404);
});

t.test('the tag is the digest of what is sent, so every replica has the same', async (t) => {
  const response = await fetch(`${issuer}/.well-known/openid-configuration`);
  const digest = createHash('sha256')
    .update(await response.text())
    .digest('base64url');
  t.equal(response.headers.get('etag'), `"${digest.slice(0, 27)}"`);
});
