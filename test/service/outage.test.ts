// What goes on while a store is away, and that it all comes back by itself. One replica on a Postgres and a Redis of
// its own, which are frozen, ended and started again beneath it.
import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { Redis } from 'ioredis';
import { exportJWK, generateKeyPair, SignJWT } from 'jose';
import pg from 'pg';
import t, { type Test } from 'tap';
import { type Line, startLine } from '../helpers/line.ts';
import { findPostgres, findRedis, startPostgres, startRedis, startValkey } from '../helpers/servers.ts';
import { scratchFolder, startService } from '../helpers/service.ts';
import { type Answer, basic, type TestServer, testServer } from '../helpers/test-server.ts';

const CLIENT_CREDENTIALS = { grant_type: 'client_credentials' };

/** Seconds, with a margin for a busy machine: one to wait for a connection and one for the answer. */
const PATIENCE = 4;

interface Timed<T> {
  readonly answer: T;
  readonly seconds: number;
}

async function timed<T>(work: Promise<T>): Promise<Timed<T>> {
  const begun = performance.now();
  return { answer: await work, seconds: (performance.now() - begun) / 1000 };
}

/** Waits for what must come. */
async function until(t: Test, what: string, isSo: () => Promise<boolean>): Promise<void> {
  for (let left = 300; !(await isSo()); left -= 1) {
    if (left === 0) throw new Error(`${what}: not within 30 s`);
    await sleep(100);
  }
  t.pass(what);
}

interface Caller {
  known(): Promise<Answer>;
  unknown(): Promise<Answer>;
  status(path: string): Promise<number>;
}

/** A client that is known, one that nobody has heard of, and whoever reads what is public. */
async function callerOf({ token, client, issuer }: TestServer): Promise<Caller> {
  const { client_id, client_secret } = await client({ grant_types: ['client_credentials'] });
  return {
    known: () => token(CLIENT_CREDENTIALS, basic(client_id, client_secret)),
    unknown: () => token(CLIENT_CREDENTIALS, basic(randomUUID(), 'x'.repeat(43))),
    status: async (path) => (await fetch(`${issuer}${path}`)).status,
  };
}

const isReady = ({ issuer }: TestServer) => fetch(`${issuer}/readyz`).then(({ ok }) => ok);

/** What holds while Postgres is away, however it went. */
async function outage(t: Test, server: TestServer, { known, unknown, status }: Caller): Promise<void> {
  // Until what is remembered of a client is old enough to be read again.
  await sleep(1_100);
  const first = await timed(known());
  t.equal(first.answer.status, 200, 'a client that was seen before gets a token');
  t.ok(first.seconds < PATIENCE, `in ${first.seconds.toFixed(2)} s`);
  const second = await timed(known());
  t.equal(second.answer.status, 200, 'and another');
  t.ok(second.seconds < 1, `at once, in ${second.seconds.toFixed(2)} s`);

  const stranger = await timed(unknown());
  t.equal(stranger.answer.status, 503, 'one that was not may come again');
  t.equal(stranger.answer.body.error, 'temporarily_unavailable');
  t.match(stranger.answer.headers.get('retry-after'), /^[123]$/);
  t.ok(stranger.seconds < PATIENCE, `is told in ${stranger.seconds.toFixed(2)} s`);

  for (const path of ['/.well-known/jwks.json', '/.well-known/openid-configuration', '/livez', '/metrics'])
    t.equal(await status(path), 200, path);
  await until(t, 'the replica says that it is not ready', async () => !(await isReady(server)));
}

async function recovery(t: Test, server: TestServer, { known, unknown }: Caller): Promise<void> {
  await until(t, 'the replica is ready again', () => isReady(server));
  t.equal((await unknown()).status, 401, 'who is unknown is refused');
  t.equal((await known()).status, 200);
}

const processesOf = (pid: number): number[] => [
  pid,
  ...readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').split(' ').filter(Boolean).map(Number),
];

const postgres = findPostgres() ? await startPostgres() : undefined;
t.teardown(() => postgres?.stop());

const noPostgres = !postgres && 'there is no Postgres to take away';
t.test('Postgres goes away', { skip: noPostgres }, async (t) => {
  if (!postgres) return;
  const server = await testServer(t, { DATABASE_URL: postgres.url, MINTMARK_KEYS_RELOAD_INTERVAL: '1' });
  const caller = await callerOf(server);
  await caller.known();
  await until(t, 'the replica is ready', () => isReady(server));

  t.test('it stops', async (t) => {
    await postgres.halt();
    await outage(t, server, caller);
    await postgres.resume();
    await recovery(t, server, caller);
  });

  t.test('it hangs', { skip: process.platform !== 'linux' && 'needs /proc' }, async (t) => {
    const { folder, remove } = scratchFolder();
    t.teardown(remove);
    const { keys_folder } = server.service.house.config;
    const env = {
      DATABASE_URL: postgres.url,
      MINTMARK_KEYS: keys_folder,
      MINTMARK_KEYS_RELOAD_INTERVAL: '1',
    };
    const another = await startService({ folder, env });
    const frozen = processesOf(postgres.pid);
    for (const pid of frozen) process.kill(pid, 'SIGSTOP');
    try {
      await outage(t, server, caller);
      const { answer, seconds } = await timed(another.stop());
      t.equal(answer, 0, 'a replica that is stopped meanwhile ends');
      t.ok(seconds < 9, `in ${seconds.toFixed(1)} s`);
    } finally {
      for (const pid of frozen) process.kill(pid, 'SIGCONT');
    }
    await recovery(t, server, caller);
  });

  t.test('its clock and this one differ by ten seconds', async (t) => {
    const { service, clock, issuer } = server;
    const jwks = async () => (await fetch(`${issuer}/.well-known/jwks.json`)).json();
    const before = await jwks();
    const isUnfit = async () => {
      await service.care().catch(() => undefined);
      const { status, body } = await caller.known();
      t.equal(status, 503, 'nothing is signed');
      t.equal(body.error, 'temporarily_unavailable');
      await until(t, 'the replica says that it is not ready', async () => !(await isReady(server)));
      t.same(await jwks(), before, 'the keys are as they were');
    };
    clock.drift(-10);
    await isUnfit();
    clock.drift(10);
    await service.care();
    t.equal((await caller.known()).status, 200, 'once the clock is right it goes on');
    await until(t, 'the replica is ready again', () => isReady(server));
    clock.drift(10);
    await isUnfit();
  });
});

/** A database of its own on the same server: quicker to come by than the embedded store. */
async function another({ url }: { url: string }): Promise<string> {
  const client = new pg.Client(url);
  await client.connect();
  await client.query('CREATE DATABASE another');
  await client.end();
  return Object.assign(new URL(url), { pathname: '/another' }).href;
}

/** A Redis, and the line to it. */
async function startRedisOnALine(t: Test): Promise<{ line: Line; url: string; serverUrl: string }> {
  const redis = findRedis() ? await startRedis() : await startValkey();
  const line = await startLine('127.0.0.1', redis.port);
  t.teardown(async () => {
    await line.cut();
    await redis.stop();
  });
  return { line, url: `redis://127.0.0.1:${line.port}`, serverUrl: redis.url };
}

/** A client that proves itself by a key, and its next proof. */
async function keyHolder({ client, issuer, token }: TestServer): Promise<() => Promise<Answer>> {
  const { publicKey, privateKey } = await generateKeyPair('ES256', { extractable: true });
  const { client_id } = await client({
    grant_types: ['client_credentials'],
    token_endpoint_auth_method: 'private_key_jwt',
    jwks: { keys: [{ ...(await exportJWK(publicKey)), alg: 'ES256', kid: 'one' }] },
  });
  return async () => {
    const assertion = new SignJWT({ jti: randomUUID() })
      .setProtectedHeader({ alg: 'ES256', kid: 'one' })
      .setIssuer(client_id)
      .setSubject(client_id)
      .setAudience(issuer)
      .setIssuedAt()
      .setExpirationTime('1m');
    return token({
      ...CLIENT_CREDENTIALS,
      client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
      client_assertion: await assertion.sign(privateKey),
    });
  };
}

t.test('Redis goes away', async (t) => {
  const { line, url, serverUrl } = await startRedisOnALine(t);
  const server = await testServer(t, {
    REDIS_URL: url,
    ...(postgres && { DATABASE_URL: await another(postgres) }),
  });
  const caller = await callerOf(server);
  const prove = await keyHolder(server);
  t.equal((await prove()).status, 200);
  await until(t, 'the replica is ready', () => isReady(server));

  const away = async (t: Test) => {
    const { answer, seconds } = await timed(prove());
    t.equal(answer.status, 503, 'whether an assertion was used before cannot be known');
    t.match(answer.headers.get('retry-after'), /^[123]$/);
    t.ok(seconds < PATIENCE, `${seconds.toFixed(2)} s`);
    t.equal((await caller.known()).status, 200, 'a secret is as good as ever');
    t.equal((await caller.unknown()).status, 401);
    await until(t, 'the replica says that it is not ready', async () => !(await isReady(server)));
  };
  const back = async (t: Test) => {
    await until(t, 'the replica is ready again', () => isReady(server));
    await until(t, 'assertions are taken again', async () => (await prove()).status === 200);
  };

  t.test('the line is cut', async (t) => {
    await line.cut();
    await away(t);
    await line.mend();
    await back(t);
  });

  t.test('it hangs', async (t) => {
    line.silence();
    const { answer, seconds } = await timed(prove());
    t.equal(answer.status, 503);
    t.ok(seconds < PATIENCE, `${seconds.toFixed(2)} s`);
    await back(t);
  });

  t.test('it may forget what was used', async (t) => {
    const redis = new Redis(serverUrl);
    t.teardown(() => redis.disconnect());
    await redis.config('SET', 'maxmemory-policy', 'allkeys-lru');
    await until(t, 'the replica says that it is not ready', async () => !(await isReady(server)));
    await redis.config('SET', 'maxmemory-policy', 'noeviction');
    await back(t);
  });
});
