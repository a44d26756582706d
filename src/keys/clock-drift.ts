// How far a replica's clock is from the store's. Instants are planned by one clock and lived by another, so a clock
// that is wrong must neither plan nor sign.
import type { Clock } from '../clock.ts';
import type { StoreHealth } from '../stores/stores.ts';
import type { Timetable } from './lifecycle.ts';

/** Seconds: a clock that is further from the store's is wrong, whatever the timetable. */
export const CLOCK_DRIFT_LIMIT = 5;

/** S has room for one reload and for two clocks that are wrong by this much, in opposite directions. */
export const clockDriftLimit = ({ reloadInterval }: Pick<Timetable, 'reloadInterval'>): number =>
  Math.min(CLOCK_DRIFT_LIMIT, reloadInterval / 2);

/**
 * Seconds that the clock is behind the store's, negative where it is ahead: as far as it is certain, since the
 * store answers somewhere between the question and the answer.
 */
export async function clockDrift(health: Pick<StoreHealth, 'now'>, clock: Clock): Promise<number> {
  const askedAt = clock.now();
  const storeNow = await health.now();
  const answeredAt = clock.now();
  return storeNow > answeredAt ? storeNow - answeredAt : Math.min(0, storeNow - askedAt);
}

/** The drift in words, where it is too much. */
export function driftProblem(drift: number, timetable: Timetable): string | undefined {
  if (Math.abs(drift) <= clockDriftLimit(timetable)) return undefined;
  return `this machine's clock is ${Math.abs(drift).toFixed(1)} s ${drift > 0 ? 'behind' : 'ahead of'} the store's`;
}
