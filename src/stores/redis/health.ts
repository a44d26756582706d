// Is this Redis fit to keep what must not be forgotten? It answers, and it evicts nothing.
import { Cluster, type Redis } from 'ioredis';
import type { RedisClient } from './connection.ts';

/** In words; both empty = fit. A fault makes a replica not ready, a warning does not. */
export interface RedisHealth {
  readonly faults: readonly string[];
  readonly warnings: readonly string[];
}

/** Asks every primary. `connectionFault` is what the connection last met, where it is down. */
export async function redisHealth(
  redis: RedisClient,
  connectionFault: string | undefined,
): Promise<RedisHealth> {
  const servers = redis instanceof Cluster ? redis.nodes('master') : [redis];
  if (servers.length === 0) return { faults: [silent(connectionFault ?? 'no node is known')], warnings: [] };
  const found = await Promise.all(servers.map((server) => serverHealth(server, connectionFault)));
  return {
    faults: [...new Set(found.flatMap(({ faults }) => faults))],
    warnings: [...new Set(found.flatMap(({ warnings }) => warnings))],
  };
}

async function serverHealth(server: Redis, connectionFault: string | undefined): Promise<RedisHealth> {
  try {
    await server.ping();
  } catch (error) {
    // ioredis speaks of streams and queues where there is just no connection.
    const reason = server.status === 'ready' ? (error as Error).message : 'not connected';
    return { faults: [silent(connectionFault ?? reason)], warnings: [] };
  }
  const policy = await evictionPolicy(server);
  if (policy === 'noeviction') return { faults: [], warnings: [] };
  const remedy = 'set maxmemory-policy to noeviction, or it may forget what was used';
  if (policy) return { faults: [`Redis evicts keys (${policy}): ${remedy}`], warnings: [] };
  return { faults: [], warnings: [`Redis does not tell its eviction policy: ${remedy}`] };
}

/** Managed services and ACLs forbid the one question or the other, so both are asked. */
async function evictionPolicy(server: Redis): Promise<string | undefined> {
  const answers = await Promise.allSettled([server.config('GET', 'maxmemory-policy'), server.info('memory')]);
  const text = answers
    .map((answer) => (answer.status === 'fulfilled' ? String(answer.value) : ''))
    .join('\n');
  return /\bmaxmemory.policy[,:]([\w-]+)/.exec(text)?.[1];
}

const silent = (reason: string): string => `Redis does not answer: ${reason}`;
