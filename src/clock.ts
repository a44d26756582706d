// The only reader of the time. Everything else takes a Clock, so that a test can hold the hands.

/** Instants are epoch seconds, with a fraction. */
export interface Clock {
  now(): number;
}

export const systemClock: Clock = { now: () => Date.now() / 1000 };
