// Clients and resources, remembered for a moment, so that a token costs no query and goes on being issued while
// the store is away (docs/decisions). Somebody disabled is refused everywhere within a second.
import type { Clock } from '../clock.ts';
import { type ReadThrough, readThrough } from '../read-through.ts';
import { StoreUnavailableError } from './unavailable.ts';

/** Wraps the `find` of a store. */
export const remembered = <T>(find: (id: string) => Promise<T | undefined>, clock: Clock): ReadThrough<T> =>
  readThrough({
    read: find,
    isOutage: (error) => error instanceof StoreUnavailableError,
    clock,
    freshFor: 1,
    staleFor: 3600,
    cooldown: 0,
    retryAfter: 1,
    // Whoever makes up client ids in an outage would push out the ones that are known.
    rememberFailures: false,
    capacity: 10_000,
  });
