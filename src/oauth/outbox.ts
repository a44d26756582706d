// Telling others what stands in an outbox until they have been told: notices to clients, letters to people. The rules it
// keeps: what is written there is tried again, ever more seldom, until it is out or too old; and nobody who cannot be
// told keeps another waiting.
import type { Clock } from '../clock.ts';

export interface Outbox<T> {
  take(now: number, until: number, limit: number): Promise<T[]>;
  postpone(item: T, at: number): Promise<void>;
  remove(item: T): Promise<void>;
}

/** What became of an attempt. `not_wanted`: there is nobody to be told. */
export interface Attempted {
  readonly outcome: 'delivered' | 'postponed' | 'not_wanted';
  /** what went wrong */
  readonly cause?: unknown;
}

export interface Told<T> extends Omit<Attempted, 'outcome'> {
  readonly item: T;
  readonly outcome: Attempted['outcome'] | 'given_up';
}

export interface Delivery<T> {
  readonly clock: Clock;
  readonly outbox: Outbox<T>;
  /** when the item was written */
  readonly since: (item: T) => number;
  /** seconds from then, after which nobody tries any more */
  readonly lifetime: number;
  /** Never rejects. */
  readonly attempt: (item: T) => Promise<Attempted>;
  readonly tell: (told: Told<T>) => void;
}

/** Seconds that an item is one replica's alone: longer than an attempt may take. */
const TAKEN_FOR = 30;
const TAKEN_AT_ONCE = 20;
/** Seconds from the first attempt to the second; every further one waits twice as long, up to the longest. */
const FIRST_DELAY = 5;
const LONGEST_DELAY = 600;

/** Tries all that is due. Throws StoreUnavailableError; then what was taken is due again by itself. */
export async function deliverDue<T extends { readonly attempts: number }>(
  delivery: Delivery<T>,
): Promise<void> {
  const { clock, outbox, tell } = delivery;
  for (;;) {
    const now = clock.now();
    const taken = await outbox.take(now, now + TAKEN_FOR, TAKEN_AT_ONCE);
    await Promise.all(taken.map(async (item) => tell(await settle(delivery, item))));
    if (taken.length < TAKEN_AT_ONCE) return;
  }
}

async function settle<T extends { readonly attempts: number }>(
  { clock, outbox, since, lifetime, attempt }: Delivery<T>,
  item: T,
): Promise<Told<T>> {
  const attempted = await attempt(item);
  if (attempted.outcome !== 'postponed') {
    await outbox.remove(item);
    return { ...attempted, item };
  }
  const next = clock.now() + Math.min(FIRST_DELAY * 2 ** (item.attempts - 1), LONGEST_DELAY);
  if (next > since(item) + lifetime) {
    await outbox.remove(item);
    return { ...attempted, item, outcome: 'given_up' };
  }
  await outbox.postpone(item, next);
  return { ...attempted, item };
}
