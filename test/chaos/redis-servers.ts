// The hot stores that a deployment may have: one server, a primary with a copy that sentinels watch, a cluster of six.
import { execFile } from 'node:child_process';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { Redis } from 'ioredis';
import { findRedis, startRedis, type TestServer } from '../helpers/servers.ts';

export interface RedisServers {
  /** of REDIS_URL */
  readonly url: string;
  /** Kills a server that answers for families, and waits until another does. */
  failOver(): Promise<void>;
  stop(): Promise<void>;
}

/** Milliseconds until a server that says nothing counts as dead. */
const PATIENCE = 1_000;

/** kill -9. Its folder and its port stay. */
export async function crash(server: TestServer): Promise<void> {
  process.kill(server.pid, 'SIGKILL');
  await server.halt();
}

/** One command on a connection of its own. */
export async function command(port: number, ...words: string[]): Promise<unknown> {
  const [name = '', ...args] = words;
  const redis = new Redis(port, '127.0.0.1', { lazyConnect: true, retryStrategy: () => null });
  redis.on('error', () => {});
  try {
    await redis.connect();
    return await redis.call(name, ...args);
  } finally {
    redis.disconnect();
  }
}

async function until(what: string, isSo: () => Promise<boolean>): Promise<void> {
  for (let left = 300; !(await isSo().catch(() => false)); left -= 1) {
    if (left === 0) throw new Error(`${what}: not within 30 s`);
    await sleep(100);
  }
}

const stopAll = async (servers: readonly TestServer[]): Promise<void> =>
  void (await Promise.all(servers.map((server) => server.stop())));

/** A primary and a copy, and three sentinels that agree by two. */
export async function startSentinels(): Promise<RedisServers> {
  const primary = await startRedis();
  const copy = await startRedis({ replicaof: `127.0.0.1 ${primary.port}` });
  const watched = {
    'sentinel monitor': `main 127.0.0.1 ${primary.port} 2`,
    'sentinel down-after-milliseconds': `main ${PATIENCE}`,
    'sentinel failover-timeout': 'main 5000',
  };
  const sentinels = await Promise.all(['1', '2', '3'].map(() => startRedis(watched, ['--sentinel'])));
  const [first] = sentinels as [TestServer];
  const told = async (...words: string[]) => JSON.stringify(await command(first.port, 'SENTINEL', ...words));
  await until('the sentinels know each other', async () =>
    /"num-other-sentinels","2"/.test(await told('MASTER', 'main')),
  );
  await until('the copy is known', async () => (await told('REPLICAS', 'main')).includes(`"${copy.port}"`));
  return {
    url: `redis+sentinel://main@${sentinels.map(({ port }) => `127.0.0.1:${port}`).join(',')}`,
    async failOver() {
      await crash(primary);
      await until('the copy is the primary', async () =>
        String(await command(copy.port, 'ROLE')).startsWith('master'),
      );
    },
    stop: () => stopAll([...sentinels, copy, primary]),
  };
}

/** Three primaries and a copy of each. */
export async function startCluster(): Promise<RedisServers> {
  const settings = { 'cluster-enabled': 'yes', 'cluster-node-timeout': String(PATIENCE) };
  const servers = await Promise.all(Array.from({ length: 6 }, () => startRedis(settings)));
  const nodes = servers.map(({ port }) => `127.0.0.1:${port}`);
  const cli = join(dirname(findRedis() as string), 'redis-cli');
  await promisify(execFile)(cli, [
    '--cluster',
    'create',
    ...nodes,
    '--cluster-replicas',
    '1',
    '--cluster-yes',
  ]);
  const isWhole = async ({ port }: TestServer) =>
    /cluster_state:ok[\s\S]*cluster_known_nodes:6/.test(String(await command(port, 'CLUSTER', 'INFO')));
  const isCopied = async ({ port }: TestServer) => {
    const [role, , , state] = [await command(port, 'ROLE')].flat() as string[];
    return role === 'master' || state === 'connected';
  };
  for (const server of servers)
    await until('the cluster is whole', async () => (await isWhole(server)) && (await isCopied(server)));
  const [first, ...others] = servers as [TestServer, ...TestServer[]];
  return {
    url: `redis+cluster://${nodes.join(',')}`,
    async failOver() {
      await crash(first);
      const isFailed = async ({ port }: TestServer) => {
        const known = String(await command(port, 'CLUSTER', 'NODES'));
        return new RegExp(`:${first.port}@\\d+(,\\S*)? \\S*fail`).test(known) && (await isOk(port));
      };
      for (const server of others) await until('a copy took over', () => isFailed(server));
      await first.resume();
    },
    stop: () => stopAll(servers),
  };
}

const isOk = async (port: number): Promise<boolean> =>
  String(await command(port, 'CLUSTER', 'INFO')).includes('cluster_state:ok');
