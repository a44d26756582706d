// Counters of failed sign-ins in Redis: a key that lives as long as its window. By digest: what is counted for may be
// an e-mail address.
import { replayDigest } from '../replay-digest.ts';
import type { AttemptStore } from '../stores.ts';
import type { RedisClient } from './connection.ts';
import { reply } from './reply.ts';
import { defineScript } from './script.ts';

const TAKE = `
  local count = tonumber(redis.call('GET', KEYS[1]) or 0)
  if count >= tonumber(ARGV[1]) then return math.max(1, redis.call('PTTL', KEYS[1])) end
  if count == 0 then redis.call('SET', KEYS[1], 1, 'PX', ARGV[2]) else redis.call('INCR', KEYS[1]) end
  return 0`;

// A count that went away with its window must not come back without one.
const GIVE_BACK = `
  if tonumber(redis.call('GET', KEYS[1]) or 0) > 1 then return redis.call('DECR', KEYS[1]) end
  return redis.call('DEL', KEYS[1])`;

export function redisAttempts(redis: RedisClient): AttemptStore {
  const take = defineScript(redis, TAKE);
  const giveBack = defineScript(redis, GIVE_BACK);
  const keyOf = (key: string) => `mm:{attempts:${replayDigest('attempts', key).toString('base64url')}}`;
  return {
    take: async (key, limit, window) =>
      ((await reply(take(keyOf(key), [limit, Math.ceil(window * 1000)]))) as number) / 1000,
    async giveBack(key) {
      await reply(giveBack(keyOf(key), []));
    },
  };
}
