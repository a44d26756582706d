// The faults, and the controls: services that are wrong in one way, each of which the checker has to find out.
import { copyFileSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import { noDeadline, noFloor, randomSuccessors, resend } from './mutation.ts';
import { command, crash } from './redis-servers.ts';
import type { Scenario, Stage } from './scenario.ts';
import type { Replica, World } from './world.ts';

const redisSays = ({ world }: Stage, ...words: string[]): Promise<unknown> =>
  command(world.redis().port, ...words);

const linesOf = ({ world }: Stage) => world.replicas.map(({ line }) => line);

async function crashRedis({ world, wait }: Stage): Promise<void> {
  await crash(world.redis());
  await wait(1);
  await world.redis().resume();
  await wait(1);
}

async function flush(stage: Stage): Promise<void> {
  for (let times = 0; times < 3; times += 1) {
    await stage.losing(async () => void (await redisSays(stage, 'FLUSHALL')));
    await stage.wait(1);
  }
}

/**
 * Freezes Redis while commands are on their way, and between two commands: none is done whose reply is not on its way
 * back.
 */
async function freeze(stage: Stage): Promise<void> {
  const { pid } = stage.world.redis();
  for (const line of linesOf(stage)) line.delay(0.1);
  await sleep(500);
  await redisSays(stage, 'CLIENT', 'PAUSE', '200');
  await sleep(50);
  process.kill(pid, 'SIGSTOP');
  try {
    await stage.wait(10);
  } finally {
    process.kill(pid, 'SIGCONT');
    for (const line of linesOf(stage)) line.delay(0);
  }
  await stage.wait(1);
}

/** Loses a reply now and then, and with it all that was on its way on that connection. */
async function loseReplies(stage: Stage): Promise<void> {
  const timers = linesOf(stage).map((line) => setInterval(() => line.loseNextReply(), 300));
  try {
    await stage.wait(6);
  } finally {
    for (const timer of timers) clearInterval(timer);
  }
}

async function restoreOld(stage: Stage): Promise<void> {
  const { world, wait } = stage;
  await redisSays(stage, 'SAVE');
  const [, folder] = (await redisSays(stage, 'CONFIG', 'GET', 'dir')) as [string, string];
  const [dump, kept] = [join(folder, 'dump.rdb'), join(folder, 'kept.rdb')];
  copyFileSync(dump, kept);
  await wait(4);
  await stage.losing(async () => {
    await crash(world.redis());
    copyFileSync(kept, dump);
    await world.redis().resume();
  });
  await wait(1);
}

async function slowDown(stage: Stage): Promise<void> {
  for (const line of linesOf(stage)) line.delay(0.3);
  await stage.wait(5);
  for (const line of linesOf(stage)) line.delay(0);
}

async function slowDownPostgres({ world, wait }: Stage): Promise<void> {
  world.databaseLine.delay(0.3);
  await wait(5);
  world.databaseLine.delay(0);
}

async function usedMemory(stage: Stage): Promise<number> {
  const info = String(await redisSays(stage, 'INFO', 'memory'));
  return Number(/used_memory:(\d+)/.exec(info)?.[1]);
}

async function evict(stage: Stage): Promise<void> {
  const { world, wait } = stage;
  await stage.losing();
  await redisSays(stage, 'CONFIG', 'SET', 'maxmemory-policy', 'allkeys-lru');
  await redisSays(stage, 'CONFIG', 'SET', 'maxmemory', String((await usedMemory(stage)) + 100_000));
  for (let times = 0; times < 20; times += 1) {
    const fill = "for i = 1, 100 do redis.call('SET', KEYS[1] .. i, string.rep('x', 2000), 'PX', 60000) end";
    await redisSays(stage, 'EVAL', fill, '1', `filling ${times} `);
    await wait(0.1);
  }
  for (const { port } of world.replicas) {
    const { status } = await fetch(`http://127.0.0.1:${port}/readyz`);
    if (status !== 503) throw new Error(`a replica whose Redis evicts says that it is ready: ${status}`);
  }
  const evicted = /evicted_keys:(\d+)/.exec(String(await redisSays(stage, 'INFO', 'stats')))?.[1];
  if (Number(evicted) === 0) throw new Error('nothing was evicted');
  await redisSays(stage, 'CONFIG', 'SET', 'maxmemory', '0');
  await redisSays(stage, 'CONFIG', 'SET', 'maxmemory-policy', 'noeviction');
  await wait(1);
}

async function fill(stage: Stage): Promise<void> {
  await redisSays(stage, 'CONFIG', 'SET', 'maxmemory', '1000');
  await stage.wait(4);
  await redisSays(stage, 'CONFIG', 'SET', 'maxmemory', '0');
}

/** One after the other, each back before the next one goes. */
async function killReplicas({ world, wait, scale }: Stage): Promise<void> {
  const rounds: Replica[] = scale < 1 ? world.replicas.slice(0, 2) : [...world.replicas, ...world.replicas];
  for (const replica of rounds) {
    await replica.kill();
    await wait(0.5);
    await replica.start();
  }
}

async function failOver({ world, wait, losing }: Stage): Promise<void> {
  // What the old primary had acknowledged and the copy had not got.
  await losing();
  await world.redisServers?.failOver();
  await wait(3);
}

async function restartPostgres({ world, wait }: Stage): Promise<void> {
  await world.postgres.halt();
  await wait(3);
  await world.postgres.resume();
  await wait(1);
}

/** Freezes every process of Postgres: it accepts connections and answers nothing. */
async function freezePostgres({ world, wait }: Stage): Promise<void> {
  const { pid } = world.postgres;
  const children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8')
    .split(' ')
    .filter(Boolean)
    .map(Number);
  const frozen = [pid, ...children];
  const all = (signal: NodeJS.Signals) => {
    for (const one of frozen) process.kill(one, signal);
  };
  all('SIGSTOP');
  try {
    await wait(5);
  } finally {
    all('SIGCONT');
  }
  await wait(1);
}

/** Faults of Redis beside faults of replicas and of Postgres, in any order and at any distance. */
async function storm(stage: Stage): Promise<void> {
  const { wait } = stage;
  const shuffled = <T>(list: readonly T[]): T[] =>
    list
      .map((one) => ({ one, at: Math.random() }))
      .sort((a, b) => a.at - b.at)
      .map(({ one }) => one);
  const inTurn = async (faults: readonly (() => Promise<unknown>)[]) => {
    for (const fault of shuffled(faults)) {
      await fault();
      await wait(Math.random());
    }
  };
  await stage.losing();
  await Promise.all([
    inTurn([
      () => crashRedis(stage),
      () => redisSays(stage, 'FLUSHALL'),
      () => loseReplies(stage),
      () => slowDown(stage),
      () => redisSays(stage, 'FLUSHALL'),
      () => crashRedis(stage),
    ]),
    inTurn([
      () => killReplicas({ ...stage, scale: 0.5 }),
      () => restartPostgres(stage),
      () => killReplicas(stage),
    ]),
  ]);
  await wait(1);
}

/** kill -9 the primary, promote the standby, lead everybody there. */
async function promote({ world, wait }: Stage): Promise<void> {
  const { standby } = world as World & { standby: NonNullable<World['standby']> };
  await crash(world.postgres);
  await wait(2);
  const client = new pg.Client(standby.url);
  await client.connect();
  await client.query('SELECT pg_promote(true)');
  // It was copied from a primary that waits for its standby, and has none.
  await client.query("ALTER SYSTEM SET synchronous_standby_names = ''");
  await client.query('SELECT pg_reload_conf()');
  await client.end();
  world.databaseLine.lead(standby.port);
  await wait(2);
}

const server = { kind: 'server' } as const;
const AOF = { appendonly: 'yes', appendfsync: 'everysec' };

export const scenarios: readonly Scenario[] = [
  { ...server, name: 'nothing', fault: ({ wait }) => wait(4) },
  { ...server, name: 'replica-killed', fault: killReplicas },
  { ...server, name: 'redis-killed-aof', redis: AOF, fault: crashRedis },
  {
    ...server,
    name: 'redis-killed-rdb',
    async fault(stage) {
      await redisSays(stage, 'SAVE');
      await stage.wait(2);
      await stage.losing(() => crashRedis(stage));
    },
  },
  { ...server, name: 'redis-killed-empty', fault: (stage) => stage.losing(() => crashRedis(stage)) },
  { ...server, name: 'redis-flushed', fault: flush },
  { ...server, name: 'redis-restored-old', fault: restoreOld },
  // With a window that is shorter than the fault: nothing may have been consumed while it lasted.
  { ...server, name: 'redis-stopped', client: 'brisk', fault: freeze },
  { ...server, name: 'replies-lost', fault: loseReplies },
  { ...server, name: 'latency', fault: slowDown },
  { ...server, name: 'eviction', fault: evict },
  { ...server, name: 'out-of-memory', fault: fill },
  { ...server, name: 'postgres-restarted', fault: restartPostgres },
  { ...server, name: 'postgres-stopped', fault: freezePostgres },
  { ...server, name: 'postgres-slow', fault: slowDownPostgres },
  { ...server, name: 'storm', fault: storm },
  { kind: 'sentinels', name: 'sentinel-failover', fault: failOver },
  { kind: 'cluster', name: 'cluster-failover', fault: failOver },
  { kind: 'standby', name: 'standby-promoted', fault: promote },
];

export const controls: readonly Scenario[] = [
  {
    ...server,
    name: 'control: resend',
    control: { mutation: resend, breaks: ['sent once', 'who lives answers'] },
    fault: loseReplies,
  },
  {
    ...server,
    name: 'control: no deadline',
    client: 'brisk',
    control: { mutation: noDeadline, breaks: ['the newest is not refused'] },
    fault: freeze,
  },
  {
    ...server,
    name: 'control: random successors',
    control: { mutation: randomSuccessors, breaks: ['one token a generation'] },
    fault: ({ wait }) => wait(2),
  },
  {
    ...server,
    name: 'control: no floor',
    control: { mutation: noFloor, breaks: ['nothing after its window'] },
    fault: (stage) => stage.losing(async () => void (await redisSays(stage, 'FLUSHALL'))),
  },
];
