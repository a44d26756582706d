// The doctor: over HTTP against an issuer that can be made ill, in the stores, and of the configuration alone.
import { renameSync } from 'node:fs';
import { createServer, type ServerResponse } from 'node:http';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { systemClock } from '../src/clock.ts';
import { loadConfig } from '../src/config.ts';
import { deploymentFindings } from '../src/doctor/deployment.ts';
import type { Finding } from '../src/doctor/finding.ts';
import { productionFindings } from '../src/doctor/production.ts';
import { storeFindings } from '../src/doctor/stores.ts';
import { maintainKeys } from '../src/keys/rotate.ts';
import { ensureSecrets, keyManagementOf, openHouse } from '../src/wire.ts';
import { freePort } from './helpers/servers.ts';
import { scratchFolder } from './helpers/service.ts';

/** The findings that are not well, by check. */
const illnesses = (findings: readonly Finding[]) =>
  Object.fromEntries(
    findings
      .filter(({ level }) => level !== 'ok')
      .map(({ check, level, message }) => [check, `${level}: ${message}`]),
  );

const port = await freePort();
const issuer = `http://localhost:${port}`;
const rsa = { kty: 'RSA', n: 'AQAB', e: 'AQAB', alg: 'RS256', use: 'sig' };
const well = {
  metadata: { issuer, token_endpoint: `${issuer}/token`, jwks_uri: `${issuer}/jwks` } as Record<
    string,
    unknown
  >,
  jwks: {
    keys: [
      { ...rsa, kid: 'a' },
      { ...rsa, kid: 'b' },
    ],
  } as unknown,
  headers: {
    'cache-control': 'public, max-age=300',
    etag: '"a"',
    'access-control-allow-origin': '*',
  } as Record<string, string>,
  honoursEtag: true,
  ready: [200, { checks: [{ name: 'postgres', ok: true }] }] as [status: number, body: unknown],
};

/** What the issuer shows while a test runs. */
let shown = well;

const server = createServer((request, response) => {
  const send = (status: number, body: unknown, headers = {}): ServerResponse =>
    response.writeHead(status, headers).end(JSON.stringify(body));
  if (request.url === '/.well-known/openid-configuration') return send(200, shown.metadata, shown.headers);
  if (request.url === '/readyz?verbose') return send(...shown.ready);
  if (request.url !== '/jwks') return send(404, {});
  const tag = request.headers['if-none-match'];
  const isKnown = shown.honoursEtag && tag !== undefined && tag === shown.headers.etag;
  return isKnown ? send(304, undefined) : send(200, shown.jwks, shown.headers);
});

const examined = (changes: Partial<typeof well> = {}, deployment = {}) => {
  shown = { ...well, ...changes };
  return deploymentFindings({
    issuer,
    operatorUrl: issuer,
    clock: systemClock,
    jwksMaxAge: 300,
    ...deployment,
  });
};

const withHeaders = (headers: Record<string, string>) => ({ headers: { ...well.headers, ...headers } });
const without = (name: string) => {
  const { [name]: _, ...headers } = well.headers;
  return { headers };
};

const ills: [what: string, changes: Partial<typeof well>, found: Record<string, RegExp>][] = [
  [
    'another issuer',
    { metadata: { ...well.metadata, issuer: 'https://x' } },
    { metadata: /problem: .* issuer https:\/\/x, not/ },
  ],
  [
    'an endpoint elsewhere',
    { metadata: { ...well.metadata, token_endpoint: 'http://10.0.0.1/token' } },
    { metadata: /problem: token_endpoint lie/ },
  ],
  ['no jwks_uri', { metadata: { issuer } }, { jwks: /problem: the metadata names no jwks_uri/ }],
  ['a proxy that eats the JWKS', { jwks: 'sorry' }, { jwks: /problem: there is no JWK Set/ }],
  [
    'a private key in public',
    { jwks: { keys: [{ ...rsa, d: 'x' }] } },
    { jwks: /problem: the JWKS has the members d/ },
  ],
  ['no keys', { jwks: { keys: [] } }, { jwks: /problem: the JWKS is empty/ }],
  ['no standby key', { jwks: { keys: [rsa] } }, { jwks: /problem: no standby key for RS256/ }],
  [
    'no caching',
    withHeaders({ 'cache-control': 'no-store' }),
    { 'jwks caching': /problem: Cache-Control is "no-store"/ },
  ],
  [
    'another max-age',
    withHeaders({ 'cache-control': 'public, max-age=86400' }),
    { 'jwks caching': /problem: max-age is 86400, and keys.jwks_max_age is 300/ },
  ],
  [
    'a cache that is behind',
    withHeaders({ age: '4000' }),
    { 'jwks caching': /problem: a cache serves a JWKS that is 4000 s old/ },
  ],
  ['no ETag', without('etag'), { 'jwks etag': /warning: there is no ETag/ }],
  ['a weak ETag', withHeaders({ etag: 'W/"a"' }), { 'jwks etag': /warning: the ETag was made weak/ }],
  [
    'an ETag that means nothing',
    { honoursEtag: false },
    { 'jwks etag': /warning: a second question gets 200, not 304/ },
  ],
  ['no CORS', without('access-control-allow-origin'), { 'jwks cors': /warning: browsers of other origins/ }],
  [
    'a clock that is behind',
    withHeaders({ date: new Date(Date.now() - 3_600_000).toUTCString() }),
    { clock: /problem: the service's clock is 3[56]\d\d\.\d s behind/ },
  ],
  ['no clock', withHeaders({ date: 'noon' }), { clock: /warning: the answers have no Date/ }],
  [
    'a store away',
    { ready: [503, { checks: [{ name: 'postgres', ok: false }] }] },
    { readiness: /problem: not ready \(503\): postgres/ },
  ],
];

t.test('over HTTP', async (t) => {
  await new Promise<void>((listening) => server.listen(port, 'localhost', listening));
  t.teardown(() => server.close());

  await t.test('a deployment that is well has nothing to tell', async (t) => {
    const findings = await examined();
    t.same(illnesses(findings), {});
    t.same(
      findings.map(({ check }) => check),
      ['metadata', 'clock', 'jwks', 'jwks caching', 'jwks etag', 'jwks cors', 'readiness'],
    );
    t.match(await examined(withHeaders({ age: '20' })), {
      3: { message: 'max-age 300, 20 s old from a cache' },
    });
    t.match(await examined({ ready: [404, {}] }), { 6: { level: 'ok', message: /a port of its own/ } });
  });

  for (const [what, changes, found] of ills) {
    await t.test(`${what} is found, and nothing else`, async (t) => {
      const ill = illnesses(await examined(changes));
      t.match(ill, found);
      t.same(Object.keys(ill), Object.keys(found));
    });
  }

  await t.test('where nobody answers, that is all there is to say', async (t) => {
    const findings = await examined({}, { issuer: `http://localhost:${await freePort()}` });
    t.match(findings, [{ check: 'metadata', level: 'problem', message: /does not answer \(ECONNREFUSED\)/ }]);
    t.equal(findings.length, 1);
    const unsafe = await examined({}, { issuer: 'http://id.example.com' });
    t.match(
      unsafe,
      [{ level: 'problem', message: /give an https URL/ }],
      'and http is asked of this machine alone',
    );
  });

  await t.test('an answer that is no metadata is told as such', async (t) => {
    const findings = await examined({ metadata: [] as never });
    t.match(findings[0], { level: 'problem', message: /there is no issuer's metadata at/ });
  });
});

/** A house whose keys do not rotate by themselves; the test closes it. */
async function houseAt(t: Test) {
  const { folder, remove } = scratchFolder();
  t.teardown(remove);
  const keys = join(folder, 'keys');
  const manual = { MINTMARK_KEYS_AUTOMATIC_ROTATION: 'false' };
  const env = { MINTMARK_DATA: join(folder, 'data'), MINTMARK_KEYS: keys, ...manual };
  const { config } = loadConfig({ env });
  let ahead = 0;
  const clock = { now: () => systemClock.now() + ahead };
  // The doctor has to see that the house's clock is another than the stores'.
  const house = await openHouse(config, { beside: true, clock, storesAhead: () => 0 });
  return { house, keys, advance: (seconds: number) => (ahead += seconds) };
}

t.test('the stores', async (t) => {
  const { house, keys, advance } = await houseAt(t);
  t.match(illnesses(await storeFindings(house)), {
    keys: /warning: there are none yet/,
    'root secret': /warning: there is none yet/,
  });

  await ensureSecrets(house);
  await maintainKeys(keyManagementOf(house, 'scheduler'));
  const findings = await storeFindings(house);
  t.same(illnesses(findings), {}, 'are well once there are keys');
  t.match(
    findings.map(({ message }) => message).join('\n'),
    /embedded store in .*\n.*\n.*\n\S+ has signed for \d+ s, and 1 wait\nall 2 private keys open.*\nnumber 1 makes refresh tokens, and all 1 in use are at hand/,
  );

  const secret = join(keys, 'key-encryption-key');
  renameSync(secret, `${secret}x`);
  t.match(illnesses(await storeFindings(house)), {
    'key custody': /problem: there is no key-encryption key in/,
  });
  renameSync(`${secret}x`, secret);

  const root = join(keys, 'root-secret');
  renameSync(root, `${root}x`);
  t.match(illnesses(await storeFindings(house)), {
    'root secret': /problem: number 1 is missing: this machine answers 503/,
  });
  renameSync(`${root}x`, root);

  advance(-10);
  t.match(illnesses(await storeFindings(house)), {
    database: /problem: its clock is \d+\.\d s ahead of this one/,
    'key times': /problem: the keys were changed by a clock that was ahead/,
  });

  advance(70 * 86_400);
  t.match(illnesses(await storeFindings(house)), {
    'keys RS256': /warning: \S+ has signed for 70 d, and 1 wait: twice the rotation_period/,
    database: /behind this one/,
  });
  await house.close();
  t.match(
    illnesses(await storeFindings(house)),
    { database: /problem/, keys: /problem/, 'root secret': /problem/ },
    'and away they are a problem',
  );
});

const production = {
  NODE_ENV: 'production',
  DATABASE_URL: 'postgres://mintmark@db/mintmark?sslmode=verify-full',
  REDIS_URL: 'rediss://redis',
  MINTMARK_ISSUER: 'https://id.example.com',
  MINTMARK_MAIL_SMTP_URL: 'smtps://mail',
  MINTMARK_MAIL_FROM: 'accounts@example.com',
  MINTMARK_TRUSTED_PROXIES: '10.0.0.0/8',
  MINTMARK_OPERATOR_PORT: '9000',
  MINTMARK_KEYS: '/run/mintmark-keys',
  MINTMARK_KEYS_VERIFIER_CACHE_LIFETIME: '3600',
};

const unfit: [env: Record<string, string>, found: Record<string, RegExp>][] = [
  [{ NODE_ENV: '' }, { NODE_ENV: /problem/ }],
  [
    { DATABASE_URL: '', MINTMARK_EMBEDDED: 'allow', HOST: '0.0.0.0' },
    { store: /problem: the embedded store/ },
  ],
  [
    { DATABASE_URL: 'postgres://mintmark@db/mintmark' },
    { 'database TLS': /warning: sslmode is none towards db/ },
  ],
  [{ DATABASE_URL: 'postgres://mintmark@localhost/mintmark' }, {}],
  [{ REDIS_URL: '' }, { redis: /warning: none/ }],
  [{ MINTMARK_MAIL_SMTP_URL: '', MINTMARK_MAIL_FROM: '' }, { mail: /warning: none/ }],
  [{ MINTMARK_ISSUER: 'http://localhost:3000' }, { issuer: /problem: \S+ is this machine alone/ }],
  [{ MINTMARK_TRUSTED_PROXIES: '' }, { TLS: /problem: neither a certificate nor a trusted proxy/ }],
  [{ HOST: '127.0.0.1' }, { listening: /problem: 127.0.0.1:3000 is reached from this machine alone/ }],
  [{ HOST: '127.0.0.1', MINTMARK_TRUSTED_PROXIES: 'loopback' }, {}],
  [{ MINTMARK_OPERATOR_PORT: '' }, { 'operator port': /warning: \/metrics/ }],
  [{ MINTMARK_KEYS: '' }, { 'keys folder': /problem: \S+keys lies in a checkout/ }],
  [{ MINTMARK_KEYS: '', MINTMARK_KEY_ENCRYPTION_KEY: 'c2VjcmV0c2VjcmV0c2VjcmV0c2VjcmV0c2VjcmV0c2U' }, {}],
  [
    { MINTMARK_KEYS_VERIFIER_CACHE_LIFETIME: '' },
    { 'verifier cache': /warning: 86400 s, which nobody has chosen/ },
  ],
  [{ MINTMARK_KEYS_AUTOMATIC_ROTATION: 'false' }, { rotation: /warning/ }],
  [{ LOG_LEVEL: 'trace' }, { log: /warning: the level is trace/ }],
];

t.test('what is missing for production', async (t) => {
  const examine = (env: Record<string, string>) =>
    illnesses(productionFindings({ env: { ...production, ...env }, flags: {} }));
  t.same(examine({}), {}, 'a deployment that is ready lacks nothing');
  for (const [env, found] of unfit) {
    const ill = examine(env);
    t.match(ill, found, JSON.stringify(env));
    t.same(Object.keys(ill), Object.keys(found));
  }
  t.match(
    productionFindings({ env: {}, flags: {} })[0],
    { check: 'configuration', level: 'problem', message: /^DATABASE_URL: absent/, fix: /^set DATABASE_URL/ },
    'what a start would refuse comes first',
  );
});
