// Several replicas on one Postgres: they start at the same moment, and nobody makes anything twice; what is changed
// through one is served by all within S; and one that lacks the key-encryption key does not start.
import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { createLocalJWKSet, decodeJwt, type JSONWebKeySet, jwtVerify } from 'jose';
import pg from 'pg';
import t from 'tap';
import { ownDatabase } from '../helpers/database.ts';
import {
  drawToken,
  executable,
  registerShop,
  type ServiceProcess,
  scratchFolder,
  startService,
} from '../helpers/service.ts';

const REPLICAS = 4;
const RELOAD_INTERVAL = 1;
/** S: by then a slow replica has read the keys too. */
const SETTLE_TIME = 3 * RELOAD_INTERVAL;
const ISSUER = 'http://localhost:3000';
const AUDIENCE = 'https://api.example.com';

interface Published {
  readonly body: string;
  readonly etag: string;
}

async function jwksOf({ port }: ServiceProcess, headers: Record<string, string> = {}) {
  const response = await fetch(`http://127.0.0.1:${port}/.well-known/jwks.json`, { headers });
  return { status: response.status, body: await response.text(), etag: response.headers.get('etag') ?? '' };
}

const published = async (replicas: readonly ServiceProcess[]): Promise<Published[]> =>
  Promise.all(replicas.map(async (replica) => jwksOf(replica).then(({ body, etag }) => ({ body, etag }))));

/** Exit code and stderr. */
const ended = (work: Promise<unknown>): Promise<{ code: unknown; stderr: string }> =>
  work.then(
    () => ({ code: 0, stderr: '' }),
    ({ code, stderr }) => ({ code, stderr }),
  );

async function rowsOf(url: string, text: string): Promise<Record<string, unknown>[]> {
  const client = new pg.Client(url);
  await client.connect();
  try {
    return (await client.query(text)).rows;
  } finally {
    await client.end();
  }
}

t.test('replicas', async (t) => {
  const url = await ownDatabase(t);
  if (url === undefined) {
    t.comment('left out: they need a Postgres to share');
    return;
  }
  const { folder, remove } = scratchFolder();
  t.teardown(remove);
  const env = {
    DATABASE_URL: url,
    MINTMARK_ISSUER: ISSUER,
    MINTMARK_KEYS_RELOAD_INTERVAL: String(RELOAD_INTERVAL),
  };
  const start = () => startService({ folder, env });
  const replicas = await Promise.all(Array.from({ length: REPLICAS }, start));
  const [first] = replicas as [ServiceProcess];
  t.teardown(() => Promise.all(replicas.map(({ stop }) => stop())));

  t.test('that start at the same moment make one schema and one set of keys', async (t) => {
    const applied = await rowsOf(
      url,
      'SELECT count(*)::int AS times FROM schema_version WHERE version > 0 GROUP BY version',
    );
    t.ok(applied.length > 0 && applied.every(({ times }) => times === 1), 'every migration was applied once');
    const made = await rowsOf(url, "SELECT actor FROM audit_log WHERE event = 'key.created'");
    const keys = await rowsOf(url, 'SELECT kid FROM signing_keys');
    t.equal(keys.length, 2, 'one signs and one waits');
    t.equal(made.length, 2);
  });

  t.test('serve the same JWKS, byte for byte', async (t) => {
    const [one, ...others] = await published(replicas);
    for (const other of others) t.same(other, one);
    for (const replica of replicas) {
      t.equal((await jwksOf(replica, { 'if-none-match': one?.etag ?? '' })).status, 304);
    }
  });

  t.test('sign what any of them publishes', async (t) => {
    const client = await registerShop(first, AUDIENCE);
    const { body } = await jwksOf(first);
    const keys = createLocalJWKSet(JSON.parse(body) as JSONWebKeySet);
    for (const { port } of replicas) {
      const token = await drawToken(port, client);
      await t.resolves(jwtVerify(token, keys, { audience: AUDIENCE, issuer: ISSUER }));
      t.equal(decodeJwt(token).client_id, client.client_id);
    }
  });

  t.test('serve what a rotation by one operator made within S, and tell the other', async (t) => {
    const [before] = await published(replicas);
    const operators = [first.mintmark('keys', 'rotate'), first.mintmark('keys', 'rotate')].map(ended);
    const rotated = Promise.any(
      operators.map(async (operator) => ((await operator).code === 0 ? performance.now() : Promise.reject())),
    );
    const outcomes = await Promise.all(operators);
    t.same(outcomes.map(({ code }) => code).sort(), [0, 3], 'one applies, the other has nothing to do');
    t.match(outcomes.find(({ code }) => code === 3)?.stderr, /nothing to do: RS256 rotates at .+ already/);

    const kids = async () =>
      (await rowsOf(url, 'SELECT kid FROM signing_keys')).map(({ kid }) => kid as string);
    const expected = (await kids()).sort();
    const isServed = ({ body }: Published) =>
      JSON.stringify((JSON.parse(body) as JSONWebKeySet).keys.map(({ kid }) => kid).sort()) ===
      JSON.stringify(expected);
    let now = await published(replicas);
    while (!now.every(isServed) && performance.now() - (await rotated) < 30_000) {
      await sleep(20);
      now = await published(replicas);
    }
    const seconds = (performance.now() - (await rotated)) / 1000;
    t.ok(now.every(isServed), 'all serve the new set');
    t.ok(seconds < SETTLE_TIME, `within ${seconds.toFixed(2)} s`);
    t.equal(new Set(now.map(({ etag }) => etag)).size, 1);
    t.not(now[0]?.etag, before?.etag);
  });

  t.test('come and go without a change of the keys', async (t) => {
    const [before] = await published([first]);
    await replicas.pop()?.stop();
    const another = await start();
    replicas.push(another);
    t.same(
      await published(replicas),
      replicas.map(() => before),
    );
  });

  t.test('do not start without the key-encryption key, and make none', async (t) => {
    const other = scratchFolder();
    t.teardown(other.remove);
    const keys = join(other.folder, 'keys');
    const options = {
      env: { ...process.env, NODE_OPTIONS: '', ...env, PORT: String(first.port + 1), MINTMARK_KEYS: keys },
    };
    const { code, stderr } = await ended(
      new Promise((resolve, reject) => {
        execFile(process.execPath, [executable, 'start'], options, (error, _stdout, stderr) =>
          error ? reject(Object.assign(error, { stderr })) : resolve(undefined),
        );
      }),
    );
    t.equal(code, 4);
    t.match(
      stderr,
      /^mintmark: there is no key-encryption key in .+: put it there, or set MINTMARK_KEY\w+\n$/,
    );
    t.notOk(existsSync(join(keys, 'key-encryption-key')));
  });
});
