// What waits to be used, in Redis: a key that Redis lets expire, compared and swapped in one script.
import { replayDigest } from '../replay-digest.ts';
import type { DocumentStore } from '../stores.ts';
import type { RedisClient } from './connection.ts';
import { reply } from './reply.ts';
import { defineScript } from './script.ts';

// ARGV: expected, next (each empty for nothing), and the instant in milliseconds at which it expires; how far ahead the
// house's clock is.
const COMPARE_AND_SWAP = `
  if (redis.call('GET', KEYS[1]) or '') ~= ARGV[1] then return 0 end
  if ARGV[2] == '' then redis.call('DEL', KEYS[1]) return 1 end
  local time = redis.call('TIME')
  local now = time[1] * 1000 + math.floor(time[2] / 1000) + tonumber(ARGV[4])
  redis.call('SET', KEYS[1], ARGV[2], 'PX', math.max(1, math.ceil(tonumber(ARGV[3]) - now)))
  return 1`;

/** `ahead`: seconds that the house's clock is ahead of the world's. */
export function redisDocuments(redis: RedisClient, ahead: () => number): DocumentStore {
  const compareAndSwap = defineScript(redis, COMPARE_AND_SWAP);
  const keyOf = (kind: string, id: string) => `mm:{document:${replayDigest(kind, id).toString('base64url')}}`;
  return {
    find: async (kind, id) => (await reply(redis.get(keyOf(kind, id)))) ?? undefined,
    async compareAndSwap({ kind, id, expected = '', next = '', expiresAt }) {
      const args = [expected, next, Math.ceil(expiresAt * 1000), Math.round(ahead() * 1000)];
      return (await reply(compareAndSwap(keyOf(kind, id), args))) === 1;
    },
  };
}
