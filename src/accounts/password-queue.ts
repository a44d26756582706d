// The queue that passwords are hashed through. They share four threads with the signatures of every token that is
// refreshed, and one of them takes as long as thirty of those: however many sign in at once, refreshing goes on.
import { availableParallelism } from 'node:os';
import { type BoundedQueue, createBoundedQueue } from '../bounded-queue.ts';

/** Too many wait to sign in. Nothing was looked at and nothing is counted; try again. */
export class PasswordQueueFullError extends Error {
  override readonly name = 'PasswordQueueFullError';
}

/** PBKDF2 that takes as long as an argon2 hash of today's cost, or rather longer. */
const iterationsPerHash = 50_000;

/** How much of the queue an attempt takes, in argon2 hashes: the same for everybody at one time. */
export const attemptWeight = (iterations: number): number => 1 + Math.ceil(iterations / iterationsPerHash);

/** Half of the cores, and never more than half of the threads, so that a signature always finds one. */
const passwordsAtOnce = Math.min(2, Math.max(1, Math.floor(availableParallelism() / 2)));

/** At 10 to 30 ms a hash the last of fifty waits about a second. */
export function createPasswordQueue({
  inFlight = passwordsAtOnce,
  waitingLimit = 50 * passwordsAtOnce,
} = {}): BoundedQueue {
  const full = () => new PasswordQueueFullError('too many wait to sign in');
  return createBoundedQueue({ inFlight, waitingLimit, full });
}
