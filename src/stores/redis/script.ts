// A script by its digest: sent whole only to a Redis that does not know it, as after a restart or a failover.
import { createHash } from 'node:crypto';
import type { RedisClient } from './connection.ts';

/** The script on one key. NOSCRIPT says that it did not run, so sending it whole then runs it once. */
export function defineScript(redis: RedisClient, source: string) {
  const digest = createHash('sha1').update(source).digest('hex');
  return async (key: string, args: readonly (string | number)[]): Promise<unknown> => {
    try {
      return await redis.evalsha(digest, 1, key, ...args);
    } catch (error) {
      if (!(error instanceof Error && error.message.startsWith('NOSCRIPT'))) throw error;
      return redis.eval(source, 1, key, ...args);
    }
  };
}
