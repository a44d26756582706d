// The connection to Redis: one server, sentinels or a cluster, with the settings that "exactly once" rests on.
//
// ioredis sends a command again whose reply was lost, and queues commands while it is not connected. Here it may
// do neither: a command runs at most once, is answered within commandTimeout, and a time-out means unknown, never
// "not done". The connection comes back by itself, for ever, and its loss is no crash.
import { once } from 'node:events';
import { Cluster, Redis, type RedisOptions } from 'ioredis';
import { type RedisHealth, redisHealth } from './health.ts';
import { type RedisNode, type RedisTarget, readRedisUrl } from './redis-url.ts';
import { assertSentOnce } from './self-test.ts';

export type RedisClient = Redis | Cluster;

export interface RedisConnection {
  readonly redis: RedisClient;
  /** Asks every primary. Never throws: what is wrong is in the answer. */
  health(): Promise<RedisHealth>;
  close(): void;
}

// All of these are milliseconds, since ioredis counts in them.
const COMMAND_TIMEOUT = 250;
/** By then the caller of a command has been told something, by a client that keeps to it. */
const ANSWER_LIMIT = COMMAND_TIMEOUT + 50;
const CONNECT_TIMEOUT = 2_000;
/** A connection that is owed a reply and hears nothing is dead, whatever TCP still hopes for. */
const SOCKET_TIMEOUT = 1_000;

/** Of every connection to every server. */
export const settings = {
  // Each alone is wrong: without the second the first waits for ever, without the first the second still re-sends.
  autoResendUnfulfilledCommands: false,
  commandTimeout: COMMAND_TIMEOUT,
  enableOfflineQueue: false,
  maxRetriesPerRequest: 0,
  // A primary that was demoted: connect to the new one. True reconnects; 2 would send the command again.
  reconnectOnError: (error) => error.message.startsWith('READONLY'),
  connectTimeout: CONNECT_TIMEOUT,
  socketTimeout: SOCKET_TIMEOUT,
} satisfies RedisOptions;

/** Milliseconds before the next attempt to connect; there is always a next one. */
const backoff = (attempt: number): number => Math.min(50 * attempt, 1_000);

/**
 * Connects to the Redis of a REDIS_URL. Returns once it is connected or the first attempt has failed: then it goes
 * on trying, and `health` says why. Throws OperatorError where the URL cannot be read, and where a client with these
 * settings does not keep its word (self-test.ts).
 */
export async function openRedis(url: string): Promise<RedisConnection> {
  const redis = connect(readRedisUrl(url));
  if (redis instanceof Redis) sendTogether(redis);
  let fault: string | undefined;
  redis.on('error', (error: Error) => {
    fault = error.message;
  });
  redis.on('ready', () => {
    fault = undefined;
  });
  const ready = once(redis, 'ready', { signal: AbortSignal.timeout(CONNECT_TIMEOUT) }).catch(() => undefined);
  try {
    await assertSentOnce(connectToServer, ANSWER_LIMIT / 1000);
  } catch (error) {
    redis.disconnect();
    throw error;
  }
  await ready;
  return { redis, health: () => redisHealth(redis, fault), close: () => redis.disconnect() };
}

const connectToServer = (node: RedisNode): Redis =>
  connect({ kind: 'server', nodes: [node], tls: false, db: 0 }) as Redis;

function connect({ kind, nodes, name, tls, username, password, db }: RedisTarget): RedisClient {
  const options = { ...settings, ...(username && { username }), ...(password && { password }) };
  if (kind === 'cluster') {
    return new Cluster([...nodes], {
      redisOptions: options,
      enableOfflineQueue: false,
      retryDelayOnFailover: 0,
      retryDelayOnClusterDown: 0,
      scaleReads: 'master',
      clusterRetryStrategy: backoff,
    });
  }
  const single = { ...options, db, retryStrategy: backoff };
  if (kind === 'server') return new Redis({ ...single, ...nodes[0], ...(tls && { tls: {} }) });
  return new Redis({
    ...single,
    sentinels: [...nodes],
    ...(name !== undefined && { name }),
    // One password for all: a sentinel that wants none takes any.
    ...(password && { sentinelPassword: password }),
    sentinelCommandTimeout: CONNECT_TIMEOUT,
    sentinelRetryStrategy: backoff,
  });
}

/** The commands of one turn of the event loop leave in one piece: each piece is a system call, and wakes the server. */
function sendTogether(redis: Redis): void {
  redis.on('connect', () => {
    const { stream } = redis;
    const { write } = stream;
    stream.write = (...piece: unknown[]) => {
      if (stream.writableCorked === 0) {
        stream.cork();
        setImmediate(() => stream.uncork());
      }
      return Reflect.apply(write, stream, piece);
    };
  });
}
