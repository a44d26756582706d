// The port of limits against guessing. What holds for every verb of every port is said in stores.ts.

/** Counters of failed sign-ins, by what they are counted for. */
export interface AttemptStore {
  /**
   * Atomic: counts an attempt for `key` and answers 0, unless it has had `limit` of them in the `window` (seconds)
   * that began with the first: then the answer is the seconds until that window ends. Expires by itself, by the
   * store's own clock.
   */
  take(key: string, limit: number, window: number): Promise<number>;
  /** One attempt was none after all. */
  giveBack(key: string): Promise<void>;
}
