// What may be used once, in Redis: a key that is set where there is none, and that Redis lets expire.
import { replayDigest } from '../replay-digest.ts';
import type { ReplayStore } from '../stores.ts';
import type { RedisClient } from './connection.ts';
import { reply } from './reply.ts';

export function redisReplays(redis: RedisClient): ReplayStore {
  return {
    async useOnce(scope, id, expiresAt, now) {
      const key = `mm:{replay:${replayDigest(scope, id).toString('base64url')}}`;
      return (await reply(redis.set(key, 1, 'PX', milliseconds(expiresAt - now), 'NX'))) === 'OK';
    },
  };
}

/** Rounded up, and never none: a key without an expiry would stay for ever. */
const milliseconds = (seconds: number): number =>
  Math.min(Math.max(Math.ceil(seconds * 1_000), 1), Number.MAX_SAFE_INTEGER);
