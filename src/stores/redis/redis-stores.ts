// The ports that Redis fills, where there is one: what is hot and expires.
import type { Stores } from '../stores.ts';
import { redisAttempts } from './attempts.ts';
import type { RedisClient } from './connection.ts';
import { redisDocuments } from './documents.ts';
import { redisFamilyStates } from './family-states.ts';
import { redisReplays } from './replays.ts';

/** `ahead`: seconds that the house's clock is ahead of the world's. */
export const redisStores = (
  redis: RedisClient,
  ahead: () => number,
): Pick<Stores, 'attempts' | 'documents' | 'familyStates' | 'replays'> => ({
  attempts: redisAttempts(redis),
  documents: redisDocuments(redis, ahead),
  familyStates: redisFamilyStates(redis, ahead),
  replays: redisReplays(redis),
});
