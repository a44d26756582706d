// Ends the sign-ins that had tokens signed by a key, where a compromise of the key may have been one of more: whoever
// took it may hold tokens as well. The rule it keeps: a sign-in too many is ended, and none too few.
import type { EndingStore } from '../stores/stores.ts';
import { CLOCK_SKEW, type KeyTimes, settleTime, type Timetable } from './lifecycle.ts';

export interface CutOffParts {
  readonly endings: Pick<EndingStore, 'countUsed' | 'endUsed'>;
  readonly timetable: Timetable;
  /** as in an audit entry */
  readonly actor: string;
}

/** Few enough that no statement is long. */
const BITE = 1_000;

/**
 * Ends every sign-in that was used while the key may have signed; answers how many. Access tokens of them are in the
 * revocation feed from then on. Run again it ends what is left. Throws StoreUnavailableError.
 */
export async function cutOffFamilies(
  { endings, timetable, actor }: CutOffParts,
  { kid, activateAt, retireAt }: Pick<KeyTimes, 'kid' | 'activateAt' | 'retireAt'>,
  at: number,
  { dryRun, reason }: { readonly dryRun?: boolean | undefined; readonly reason: string },
): Promise<number> {
  // Replicas follow within S, by clocks of their own, and what a family was used for last is written a little later.
  const margin = settleTime(timetable) + CLOCK_SKEW;
  const used = { from: activateAt - margin, until: Math.min(retireAt + margin, at), at };
  if (dryRun) return endings.countUsed(used);
  let ended = 0;
  for (let after = ''; ; ) {
    const { count, last } = await endings.endUsed({ ...used, after, limit: BITE }, actor, { kid, reason });
    ended += count;
    if (last === undefined) return ended;
    after = last;
  }
}
