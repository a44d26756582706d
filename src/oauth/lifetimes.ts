// The longest that a client or a resource may have its tokens live: what the configuration allows for everybody.
import type { Problem } from './registration.ts';

const day = 86_400;

/** Seconds, by member. */
export const lifetimeLimits = {
  access_token_lifetime: day,
  refresh_token_lifetime: 365 * day,
  refresh_token_idle_lifetime: 365 * day,
} as const;

type Lifetimes = { readonly [Member in keyof typeof lifetimeLimits]?: number | null | undefined };

/** Every lifetime that is longer than it may be. */
export function lifetimeProblems(lifetimes: Lifetimes): Problem[] {
  return Object.entries(lifetimeLimits).flatMap(([member, limit]) =>
    (lifetimes[member as keyof Lifetimes] ?? 0) > limit
      ? [{ member, problem: `must be at most ${limit} (seconds)` }]
      : [],
  );
}
