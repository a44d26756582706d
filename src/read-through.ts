// A cache that is read through, and that knows what to do when its source is away: serve what is known for a
// while. What the source does not have is never remembered, so something new is found at once.
import type { Clock } from './clock.ts';

export interface ReadThrough<T> {
  /** The value, not older than `freshFor`; in an outage not older than `staleFor`. Rejects as the source does. */
  find(key: string): Promise<T | undefined>;
  /** The value as the source has it now, unless the source was asked less than `cooldown` ago. */
  reload(key: string): Promise<T | undefined>;
}

export interface ReadThroughParts<T> {
  readonly read: (key: string) => Promise<T | undefined>;
  /** whether a rejection of `read` means that the source is away, and not that something is broken here */
  readonly isOutage: (error: unknown) => boolean;
  readonly clock: Clock;
  /** seconds */
  readonly freshFor: number;
  /** seconds that a value serves on while the source is away */
  readonly staleFor: number;
  /** seconds after an attempt in which `reload` asks for nothing */
  readonly cooldown: number;
  /** seconds after a failed attempt in which the source is left in peace */
  readonly retryAfter: number;
  /** whether a key that nothing is known of is left in peace too; only where nobody can invent keys */
  readonly rememberFailures: boolean;
  /** how many values are kept; the ones read longest ago go first */
  readonly capacity: number;
}

interface Entry<T> {
  readonly value: T | undefined;
  readonly readAt: number;
  readonly attemptedAt: number;
  /** why the last attempt failed; absent where it did not */
  readonly outage?: unknown;
}

/** The newest goes to the end; the one at the front was read longest ago. */
function keep<T>(entries: Map<string, Entry<T>>, capacity: number, key: string, entry: Entry<T>): void {
  entries.delete(key);
  if (entries.size >= capacity) entries.delete(entries.keys().next().value as string);
  entries.set(key, entry);
}

/** What is kept after a failed attempt: the value, for as long as it may serve. */
function afterOutage<T>(entry: Entry<T> | undefined, attemptedAt: number, staleFor: number, outage: unknown) {
  const readAt = entry?.readAt ?? Number.NEGATIVE_INFINITY;
  return { value: attemptedAt - readAt < staleFor ? entry?.value : undefined, readAt, attemptedAt, outage };
}

/** Whoever asks while the task runs for the same key waits for that one. */
function oneAtATime<T>(task: (key: string) => Promise<T>): (key: string) => Promise<T> {
  const pending = new Map<string, Promise<T>>();
  return (key) => {
    const started = pending.get(key) ?? task(key).finally(() => pending.delete(key));
    pending.set(key, started);
    return started;
  };
}

/** Makes a cache. One read of a key at a time, whoever asks. */
export function readThrough<T>(parts: ReadThroughParts<T>): ReadThrough<T> {
  const { clock, freshFor, staleFor, cooldown, retryAfter } = parts;
  const entries = new Map<string, Entry<T>>();
  // A clock that was set back makes nothing young again.
  const since = (instant: number): number => Math.abs(clock.now() - instant);

  async function attempt(key: string): Promise<T | undefined> {
    const attemptedAt = clock.now();
    try {
      const value = await parts.read(key);
      if (value === undefined) entries.delete(key);
      else keep(entries, parts.capacity, key, { value, readAt: attemptedAt, attemptedAt });
      return value;
    } catch (error) {
      if (!parts.isOutage(error)) throw error;
      const entry = afterOutage(entries.get(key), attemptedAt, staleFor, error);
      if (entry.value !== undefined || parts.rememberFailures) keep(entries, parts.capacity, key, entry);
      if (entry.value === undefined) throw error;
      return entry.value;
    }
  }

  const read = oneAtATime(attempt);

  async function reload(key: string): Promise<T | undefined> {
    const entry = entries.get(key);
    if (entry === undefined) return read(key);
    const pause = entry.outage === undefined ? cooldown : retryAfter;
    if (since(entry.attemptedAt) >= pause) return read(key);
    if (entry.value === undefined || since(entry.readAt) >= staleFor) throw entry.outage;
    return entry.value;
  }

  async function find(key: string): Promise<T | undefined> {
    const entry = entries.get(key);
    if (entry === undefined) return read(key);
    const age = since(entry.readAt);
    if (age < freshFor) return entry.value;
    if (entry.outage === undefined) return read(key);
    if (entry.value === undefined || age >= staleFor) return reload(key);
    // The source was away a moment ago: somebody asks again, and nobody waits for the answer.
    reload(key).catch(() => undefined);
    return entry.value;
  }

  return { find, reload };
}
