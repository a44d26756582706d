// Redis keeps what is hot and expires, and a command runs at most once, whatever happens to the line.
import { setTimeout as sleep } from 'node:timers/promises';
import { type Cluster, Redis, type RedisOptions } from 'ioredis';
import t, { type Test } from 'tap';
import { systemClock } from '../../src/clock.ts';
import { type FamilyState, firstState } from '../../src/oauth/refresh-family.ts';
import { newFamilyId } from '../../src/oauth/refresh-token.ts';
import { OperatorError } from '../../src/operator-error.ts';
import { systemRandom } from '../../src/random.ts';
import { openRedis, type RedisConnection, settings } from '../../src/stores/redis/connection.ts';
import { redisStores } from '../../src/stores/redis/redis-stores.ts';
import { type RedisNode, readRedisUrl } from '../../src/stores/redis/redis-url.ts';
import { redisReplays } from '../../src/stores/redis/replays.ts';
import { assertSentOnce } from '../../src/stores/redis/self-test.ts';
import { StoreUnavailableError } from '../../src/stores/stores.ts';
import { type Line, startLine } from '../helpers/line.ts';
import { findRedis, freePort, startRedis, type TestServer } from '../helpers/servers.ts';
import { fresh } from './conformance/setting.ts';
import { everyVerbIsUnavailable, hotStoresKeepTheirPromises } from './conformance.ts';

const url = process.env.TEST_REDIS_URL ?? '';
const given = { skip: url ? false : 'TEST_REDIS_URL names no Redis server' };
const own = { skip: findRedis() ? false : 'there is no redis-server on PATH' };

async function open(t: Test, url: string): Promise<RedisConnection> {
  const connection = await openRedis(url);
  t.teardown(() => connection.close());
  return connection;
}

async function start(t: Test, ...how: Parameters<typeof startRedis>): Promise<TestServer> {
  const server = await startRedis(...how);
  t.teardown(() => server.stop());
  return server;
}

/** A connection through a line that can be cut. */
async function openThroughLine(t: Test): Promise<RedisConnection & { line: Line }> {
  const { hostname, port } = new URL(url);
  const line = await startLine(hostname, Number(port || 6379));
  t.teardown(() => line.cut());
  const through = Object.assign(new URL(url), { hostname: '127.0.0.1', port: String(line.port) });
  return { ...(await open(t, through.href)), line };
}

const use = ({ redis }: RedisConnection, id = fresh('jti')) =>
  redisReplays(redis).useOnce('redis.test', id, systemClock.now() + 60, systemClock.now());

/** Calls until it is answered, and fails where that takes longer than a backoff may. */
async function answered<T>(call: () => Promise<T>): Promise<T> {
  for (const until = systemClock.now() + 10; ; await sleep(20)) {
    const outcome = await call().catch((error: unknown) => error);
    if (!(outcome instanceof Error)) return outcome as T;
    if (systemClock.now() > until) throw outcome;
  }
}

/** What became of a call that must fail, and after how many seconds. */
async function failed(call: Promise<unknown>): Promise<{ outcome: unknown; seconds: number }> {
  const since = systemClock.now();
  const outcome = await call.catch((error: unknown) => error);
  return { outcome, seconds: systemClock.now() - since };
}

const hotStores = ({ redis }: Pick<RedisConnection, 'redis'>, ahead = () => 0) => redisStores(redis, ahead);

/** A hundred at once may wait longer than a request does: on a busy machine, or in process, that proves nothing. */
function beQuick(yes: boolean, clients: Redis[]): void {
  const { commandTimeout, socketTimeout } = settings;
  const patience = { commandTimeout: 30_000, socketTimeout: 30_000 };
  for (const { options } of clients)
    Object.assign(options, yes ? { commandTimeout, socketTimeout } : patience);
}

/** A family's state in Redis, and the swap that takes it one generation further. */
async function begin(connection: Pick<RedisConnection, 'redis'>, more: Partial<FamilyState> = {}) {
  const { familyStates } = hotStores(connection);
  const id = newFamilyId(systemRandom);
  const { now } = await familyStates.find(id);
  const state = { ...firstState(now, 1), ...more };
  const change = { id, deadline: now + 60, expiresAt: now + 60 };
  await familyStates.compareAndSwap({ ...change, expected: undefined, next: state });
  const next = { ...state, generation: state.generation + 1 };
  return { familyStates, id, state, next, further: { ...change, expected: state, next } };
}

/** A command whose reply is lost ran once, as such and in a script. */
async function runsOnceWhereRepliesAreLost(
  t: Test,
  { redis }: RedisConnection,
  lines: Line[],
): Promise<void> {
  const script = "return redis.call('INCR', KEYS[1])";
  for (const run of [(key: string) => redis.incr(key), (key: string) => redis.eval(script, 1, key)]) {
    let lost = false;
    while (!lost) {
      const key = `mm:{${fresh('test')}}`;
      // The reply that is lost may be one to a question that ioredis, or a sentinel, asks by itself: then the line may
      // be gone before the command is sent, and there has to be another one.
      for (const line of lines) line.loseNextReply();
      const { outcome } = await failed(run(key));
      const count = await answered(() => redis.get(key));
      t.ok(
        count === '1' || (count === null && outcome instanceof Error),
        `a command ran once, or not: ${count}`,
      );
      lost = outcome instanceof Error && count === '1';
    }
  }
}

t.test('on Redis, from two replicas', given, async (t) => {
  const [one, two] = [await open(t, url), await open(t, url)];
  const redis = one.redis as Redis;
  beQuick(false, [redis, two.redis as Redis]);
  await hotStoresKeepTheirPromises(t, async (ahead) => [hotStores(one, ahead), hotStores(two, ahead)]);

  await t.test('every key is short, ours, for one slot, and expires', async (t) => {
    const { attempts, replays, familyStates } = hotStores(one);
    const key = 'x'.repeat(100_000);
    const before = new Set(await redis.keys('*'));
    await replays.useOnce('redis.test', fresh(key), systemClock.now() + 60, systemClock.now());
    await attempts.take(fresh(key), 5, 60);
    await attempts.take(fresh(key), 5, 60);
    const [again, over] = [fresh('again'), fresh('over')];
    for (const name of [again, again, over]) await attempts.take(name, 5, 60);
    for (const name of [again, over]) await attempts.giveBack(name);
    const { id, further } = await begin(one);
    await familyStates.compareAndSwap(further);
    const keys = (await redis.keys('*')).filter((key) => !before.has(key));
    t.equal(keys.length, 5, 'what was given back whole is not kept');
    t.ok(keys.includes(`mm:{${id}}`));
    for (const key of keys) {
      t.match(key, /^mm:\{[^{}]+\}$/);
      t.ok(Buffer.byteLength(key) < 70);
      const left = await redis.pttl(key);
      t.ok(left > 0 && left <= 60_000, 'none is for ever');
    }
  });

  await t.test('a script that Redis has forgotten is sent again, and runs once', async (t) => {
    const { familyStates, id, next, further } = await begin(one);
    const { attempts } = hotStores(one);
    const key = fresh('flush');
    await redis.script('FLUSH');
    t.equal(await familyStates.compareAndSwap(further), 'swapped');
    await redis.script('FLUSH');
    t.strictSame((await familyStates.find(id)).state, next);
    await redis.script('FLUSH');
    t.equal(await attempts.take(key, 2, 60), 0);
    await redis.script('FLUSH');
    await attempts.giveBack(key);
    t.equal(await attempts.take(key, 2, 60), 0);
    t.equal(await attempts.take(key, 2, 60), 0);
    t.ok((await attempts.take(key, 2, 60)) > 0);
  });

  await t.test('a state that cannot be read is a fault, and stays as it is', async (t) => {
    const { familyStates, id, further } = await begin(one);
    await redis.set(`mm:{${id}}`, '2 of another version', 'KEEPTTL');
    await t.rejects(familyStates.find(id), { name: 'RangeError' });
    t.equal(await familyStates.compareAndSwap(further), 'lost');
    t.equal(await redis.get(`mm:{${id}}`), '2 of another version');
  });

  await t.test('a Redis that answers and evicts nothing is healthy', async (t) => {
    t.strictSame(await one.health(), { faults: [], warnings: [] });
  });
});

t.test('a family takes less than 250 bytes of Redis, all in', own, async (t) => {
  // A client without our time limits: hundreds at once on a busy machine may take longer.
  const redis = new Redis((await start(t)).url);
  t.teardown(() => redis.disconnect());
  const { familyStates } = redisStores(redis, () => 0);
  const used = async () => Number(/used_memory:(\d+)/.exec(await redis.info('memory'))?.[1]);
  const { now } = await familyStates.find('');
  // Just past a power of two, where the tables of Redis have doubled; as a family stands after a refresh.
  const count = 16_500;
  const consumed = [{ generation: 41, at: now }];
  const next = { ...firstState(now, 1), generation: 42, consumed, quarantineUntil: now };
  const before = await used();
  for (let left = count; left > 0; left -= 500) {
    await Promise.all(
      Array.from({ length: 500 }, () => {
        const change = { id: newFamilyId(systemRandom), expected: undefined, next };
        return familyStates.compareAndSwap({ ...change, deadline: now + 60, expiresAt: now + 1_209_600 });
      }),
    );
  }
  const family = ((await used()) - before) / count;
  t.comment(`${family.toFixed(0)} bytes a family`);
  t.ok(family < 250, `${family}`);

  const full = Array.from({ length: 32 }, (_, i) => ({ generation: 1_000 + i, at: now }));
  const { id } = await begin({ redis }, { generation: 1_032, consumed: full });
  const most = Number(await redis.memory('USAGE', `mm:{${id}}`));
  t.comment(`${most} bytes with 32 consumptions`);
  t.ok(most < 1_000, `${most}`);
});

t.test('a line that is cut', given, async (t) => {
  const connection = await openThroughLine(t);
  t.equal(await use(connection), true);
  await connection.line.cut();
  await everyVerbIsUnavailable(t, hotStores(connection), 0.3);
  t.match(await connection.health(), {
    faults: [/^Redis does not answer: .*(not connected|ECONNREFUSED)/],
    warnings: [],
  });
  await connection.line.mend();
  t.equal(await answered(() => use(connection)), true, 'and mended connects again by itself');
  t.strictSame(await connection.health(), { faults: [], warnings: [] });
});

t.test('a command whose reply is lost is unknown, and ran once', given, async (t) => {
  const connection = await openThroughLine(t);
  const { redis, line } = connection;
  const key = `mm:{${fresh('test')}}`;
  for (const run of [() => redis.incr(key), () => redis.eval("return redis.call('INCR', KEYS[1])", 1, key)]) {
    await redis.set(key, 0, 'EX', 60);
    line.loseNextReply();
    const { outcome, seconds } = await failed(run());
    t.ok(outcome instanceof Error, String(outcome));
    t.ok(seconds < 0.3);
    await answered(() => redis.ping());
    t.equal(await redis.get(key), '1');
  }
  const { familyStates, id: family, next, further } = await begin(connection);
  line.loseNextReply();
  t.ok((await failed(familyStates.compareAndSwap(further))).outcome instanceof StoreUnavailableError);
  const found = await answered(() => familyStates.find(family));
  t.strictSame(found.state, next, 'unknown, and done once');
  t.equal(await familyStates.compareAndSwap(further), 'lost');
  line.loseNextReply();
  const id = fresh('lost');
  t.ok((await failed(use(connection, id))).outcome instanceof StoreUnavailableError);
  t.equal(await answered(() => use(connection, id)), false, 'unknown is not "not done"');
});

t.test('a line that falls silent is unknown in time, and replaced', given, async (t) => {
  const connection = await openThroughLine(t);
  connection.line.silence();
  const { outcome, seconds } = await failed(use(connection));
  t.ok(outcome instanceof StoreUnavailableError, String(outcome));
  t.ok(seconds >= 0.2 && seconds < 0.4, `${seconds}`);
  t.equal(await answered(() => use(connection)), true);
});

t.test('a client that keeps its word passes its test, quickly, and leaves nothing behind', async (t) => {
  const open = (node: RedisNode) => new Redis({ ...settings, ...node, retryStrategy: () => 50 });
  const before = process.getActiveResourcesInfo().length;
  const taken: number[] = [];
  while (taken.length < 3) {
    const since = performance.now();
    await assertSentOnce(open, 0.3);
    taken.push(performance.now() - since);
  }
  t.ok(Math.min(...taken) < 300, `${taken}`);
  await answered(async () => {
    const left = process.getActiveResourcesInfo();
    if (left.length > before) throw new Error(`${left}`);
  });
});

const careless: [what: string, options: RedisOptions, refusal: RegExp][] = [
  [
    'sends again what was not answered',
    { autoResendUnfulfilledCommands: true, maxRetriesPerRequest: null },
    /sends a command again/,
  ],
  ['sends later what it could not send', { enableOfflineQueue: true }, /sends a command again/],
  [
    'never tells what became of a command',
    { commandTimeout: undefined, maxRetriesPerRequest: null },
    /does not say in time/,
  ],
  [
    'has the defaults of ioredis',
    {
      autoResendUnfulfilledCommands: true,
      enableOfflineQueue: true,
      maxRetriesPerRequest: 20,
      commandTimeout: undefined,
    },
    /sends a command again/,
  ],
];

for (const [what, options, message] of careless) {
  t.test(`with a client that ${what} the service does not start`, async (t) => {
    const kept = { ...settings };
    t.teardown(() => Object.assign(settings, kept));
    Object.assign(settings, options);
    await t.rejects(openRedis('redis://127.0.0.1:1'), { name: 'OperatorError', exitCode: 1, message });
  });
}

t.test('a Redis that is not there yet', given, async (t) => {
  const { hostname, port } = new URL(url);
  const line = await startLine(hostname, Number(port || 6379));
  t.teardown(() => line.cut());
  await line.cut();
  const connection = await open(t, `redis://127.0.0.1:${line.port}`);
  t.match(await connection.health(), { faults: [/^Redis does not answer: .*ECONNREFUSED/] });
  await line.mend();
  t.equal((await answered(() => connection.redis.ping())) as string, 'PONG');
});

t.test('a connection that was closed is unavailable and stays so', given, async (t) => {
  const connection = await openRedis(url);
  connection.close();
  t.ok((await failed(use(connection))).outcome instanceof StoreUnavailableError);
  t.match((await connection.health()).faults, [/^Redis does not answer/]);
});

t.test('a Redis that may forget is not healthy', own, async (t) => {
  const { url } = await start(t, { maxmemory: '100mb', 'maxmemory-policy': 'allkeys-lru' });
  const { health } = await open(t, url);
  t.match(await health(), { faults: [/allkeys-lru.*noeviction/], warnings: [] });
});

t.test('the eviction policy where a service hides it', own, async (t) => {
  const { url, port } = await start(t, { user: 'default on nopass ~* &* +@all' });
  const admin = new Redis(url);
  t.teardown(() => admin.disconnect());
  const { health } = await open(t, `redis://careful:secret@127.0.0.1:${port}`);
  const allowed = async (...rules: string[]) => {
    await admin.call('ACL', 'SETUSER', 'careful', 'reset', 'on', '>secret', '~*', '&*', '+@all', ...rules);
    return answered(async () => {
      const found = await health();
      if (found.faults.length > 0) throw new Error(found.faults.join());
      return found;
    });
  };
  t.strictSame(await allowed('-config'), { faults: [], warnings: [] }, 'INFO tells what CONFIG may not');
  t.strictSame(await allowed('-info'), { faults: [], warnings: [] }, 'and the other way round');
  t.match(await allowed('-config', '-info'), { faults: [], warnings: [/eviction policy/] });
});

t.test('a password in the URL', own, async (t) => {
  const password = 'p@ss:w/rd %#?é';
  const { port } = await start(t, { requirepass: `"${password}"` });
  const good = await open(t, `redis://:${encodeURIComponent(password)}@127.0.0.1:${port}/2`);
  t.strictSame(await good.health(), { faults: [], warnings: [] });
  t.equal(await use(good), true);
  t.match(await (good.redis as Redis).client('INFO'), / db=2 /);
  const named = await open(t, `redis://default:${encodeURIComponent(password)}@127.0.0.1:${port}`);
  t.equal(await use(named), true);

  const bad = await open(t, `redis://:wrong-one@127.0.0.1:${port}`);
  const { faults } = await bad.health();
  t.match(faults, [/^Redis does not answer: WRONGPASS/]);
  t.notMatch(faults, [/wrong-one/]);
  const { outcome } = await failed(use(bad));
  t.ok(outcome instanceof StoreUnavailableError);
  const { cause } = outcome as Error;
  t.notMatch(JSON.stringify({ ...(outcome as Error), ...(cause as Error) }), 'wrong-one');
});

t.test('what Redis refuses is told as it is, and what it cannot do now is unavailable', own, async (t) => {
  const server = await start(t);
  const connection = await open(t, server.url);
  const admin = new Redis(server.url);
  t.teardown(() => admin.disconnect());
  await admin.config('SET', 'maxmemory', '1');
  t.ok((await failed(use(connection))).outcome instanceof StoreUnavailableError, 'OOM');
  await admin.config('SET', 'maxmemory', '0');
  await admin.call('ACL', 'SETUSER', 'default', '-set');
  const { outcome } = await failed(use(connection));
  t.match(outcome, { name: 'ReplyError', message: /NOPERM/ });
  t.notOk('command' in (outcome as Error), 'without the command, which may hold a secret');
  await admin.call('ACL', 'SETUSER', 'default', '+set');
  await admin.call('REPLICAOF', '127.0.0.1', '1');
  t.ok((await failed(use(connection))).outcome instanceof StoreUnavailableError, 'READONLY');
  await admin.call('REPLICAOF', 'NO', 'ONE');
  t.equal(await answered(() => use(connection)), true);
});

t.test('through sentinels, to the primary and to the one after it', own, async (t) => {
  const password = 'shared';
  const auth = { requirepass: password, masterauth: password, 'shutdown-timeout': '0' };
  const [first, second] = [await start(t, auth), await start(t, auth)];
  const toFirst = await startLine('127.0.0.1', first.port);
  t.teardown(() => toFirst.cut());
  const monitor = (server: { readonly port: number }) => ({
    sentinel: `monitor main 127.0.0.1 ${server.port} 1\nsentinel auth-pass main ${password}`,
  });
  const sentinels = [
    await start(t, monitor(toFirst), ['--sentinel']),
    await start(t, { ...monitor(toFirst), requirepass: password }, ['--sentinel']),
  ];
  const through = (...ports: number[]) =>
    open(t, `redis+sentinel://main:${password}@${ports.map((port) => `127.0.0.1:${port}`).join()}`);
  const [trusting, careful] = sentinels as [TestServer, TestServer];
  const line = await startLine('127.0.0.1', trusting.port);
  t.teardown(() => line.cut());
  await line.cut();
  const patient = await through(line.port);
  t.match(await patient.health(), { faults: [/sentinels are unreachable/], warnings: [] });
  await line.mend();
  t.equal(await answered(() => use(patient, 'at last')), true, 'sentinels are asked until one answers');

  const connection = await through(await freePort(), careful.port);
  t.strictSame(await connection.health(), { faults: [], warnings: [] });
  t.equal(await use(connection, 'before'), true);
  const stored = new Redis(`redis://:${password}@127.0.0.1:${first.port}`);
  t.teardown(() => stored.disconnect());
  t.equal(await stored.dbsize(), 2);

  await runsOnceWhereRepliesAreLost(t, connection, [toFirst]);

  const sentinel = new Redis(careful.port, { password });
  t.teardown(() => sentinel.disconnect());
  await sentinel.call('SENTINEL', 'REMOVE', 'main');
  await sentinel.call('SENTINEL', 'MONITOR', 'main', '127.0.0.1', second.port, 1);
  await stored.call('REPLICAOF', '127.0.0.1', second.port);
  t.equal(await answered(() => use(connection, 'after')), true);
  t.equal((connection.redis as Redis).stream.remotePort, second.port);
});

t.test('on a cluster', own, async (t) => {
  const settings = { 'cluster-enabled': 'yes', 'cluster-announce-ip': '127.0.0.1' };
  const nodes = [];
  for (const range of [
    [0, 8_191],
    [8_192, 16_383],
  ]) {
    const busPort = await freePort();
    const linePort = await freePort();
    const ports = { 'cluster-port': String(busPort), 'cluster-announce-port': String(linePort) };
    const { url, port } = await start(t, { ...settings, ...ports });
    const line = await startLine('127.0.0.1', port, linePort);
    t.teardown(() => line.cut());
    const admin = new Redis(url);
    t.teardown(() => admin.disconnect());
    await admin.call('CLUSTER', 'ADDSLOTSRANGE', ...range);
    nodes.push({ admin, line, port, busPort });
  }
  const [one, two] = nodes as [(typeof nodes)[0], (typeof nodes)[0]];
  await one.admin.call('CLUSTER', 'MEET', '127.0.0.1', two.port, two.busPort);
  for (const { admin } of nodes) {
    await answered(async () => {
      const state = String(await admin.cluster('INFO'));
      if (!/state:ok/.test(state) || !/assigned:16384/.test(state)) throw new Error(state);
    });
  }

  const connection = await open(t, `redis+cluster://127.0.0.1:${await freePort()},127.0.0.1:${one.port}`);
  await answered(() => use(connection));
  t.strictSame(await connection.health(), { faults: [], warnings: [] });
  const servers = (connection.redis as Cluster).nodes('master');
  beQuick(false, servers);
  await hotStoresKeepTheirPromises(t, async (ahead) => [hotStores(connection, ahead)]);
  beQuick(true, servers);
  for (const { admin } of nodes) t.ok((await admin.dbsize()) > 0, 'every node has its share');

  await two.admin.config('SET', 'maxmemory-policy', 'volatile-ttl');
  t.match(await connection.health(), { faults: [/volatile-ttl/] }, 'every node is asked');

  await runsOnceWhereRepliesAreLost(
    t,
    connection,
    nodes.map(({ line }) => line),
  );

  for (const { line } of nodes) await line.cut();
  await answered(async () => {
    if ((await connection.health()).faults.length === 0) throw new Error('still connected');
  });
  await everyVerbIsUnavailable(t, hotStores(connection), 0.4);
  for (const { line } of nodes) await line.mend();
  t.equal(await answered(() => use(connection)), true, 'and mended connects again by itself');
});

t.test('REDIS_URL, read', async (t) => {
  const server = { kind: 'server', nodes: [{ host: 'h', port: 6379 }], tls: false, db: 0 };
  const [h1, h2] = [
    { host: 'h1', port: 1 },
    { host: '::1', port: 2 },
  ];
  const read: Record<string, unknown> = {
    'redis://h': server,
    'redis://h:6380/3': { ...server, nodes: [{ host: 'h', port: 6380 }], db: 3 },
    'rediss://h/': { ...server, tls: true },
    'redis://[::1]:6380': { ...server, nodes: [{ host: '::1', port: 6380 }] },
    'redis://:p%40ss@h': { ...server, password: 'p@ss' },
    'redis://ann:p%3A%2F@h': { ...server, username: 'ann', password: 'p:/' },
    'redis+sentinel://main@h1:1,[::1]:2': { ...server, kind: 'sentinel', name: 'main', nodes: [h1, h2] },
    'redis+sentinel://main:pw@h1:1/4': {
      ...server,
      kind: 'sentinel',
      name: 'main',
      password: 'pw',
      nodes: [h1],
      db: 4,
    },
    'redis+cluster://h1:1,[::1]:2': { ...server, kind: 'cluster', nodes: [h1, h2] },
    'redis+cluster://ann:pw@h1:1': {
      ...server,
      kind: 'cluster',
      username: 'ann',
      password: 'pw',
      nodes: [h1],
    },
  };
  for (const [url, target] of Object.entries(read)) t.strictSame(readRedisUrl(url), target, url);

  const secret = 'hunter2';
  const refused = [
    'http://h',
    'redis://',
    `redis://:${secret}@`,
    `redis://:${secret}%@h`,
    `redis://:${secret}@h?enableOfflineQueue=true`,
    `redis://:${secret}@h#x`,
    'redis+sentinel://h1:1',
    'redis+cluster://h1:1,',
    'redis://h:port',
  ];
  for (const url of refused) {
    const { outcome } = await failed((async () => readRedisUrl(url))());
    t.ok(outcome instanceof OperatorError, url);
    t.notMatch((outcome as Error).message, secret);
  }
});
