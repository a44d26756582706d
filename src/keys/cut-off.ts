// Ends the sign-ins that had tokens signed by a key, where a compromise of the key may have been one of more: whoever
// took it may hold tokens as well. The rule it keeps: a sign-in too many is ended, and none too few.
import type { Bite, Bitten, EndingStore, UsedBetween } from '../stores/stores.ts';
import { CLOCK_SKEW, type KeyTimes, settleTime, type Timetable } from './lifecycle.ts';

export interface CutOffParts {
  readonly endings: Pick<EndingStore, 'countUsed' | 'endUsed' | 'countAccountsUsed' | 'cutOffUsed'>;
  readonly timetable: Timetable;
  /** as in an audit entry */
  readonly actor: string;
}

/** How many were ended, or would be. */
export interface CutOff {
  readonly families: number;
  /** signed out everywhere, browsers too */
  readonly accounts: number;
}

/** Few enough that no statement is long. */
const BITE = 1_000;

/** Seconds: a session, or a family, is noted to have been used so much later, at the most (oauth/session.ts). */
const NOTED_WITHIN = 60;

/**
 * Ends every family that was used while the key may have signed, and cuts off the accounts of these and of browsers'
 * sessions that were seen then: such a session gets ID tokens and goes on without a family. What ended is in the
 * revocation feed from then on. Run again it ends what is left. Throws StoreUnavailableError.
 */
export async function cutOffUsers(
  { endings, timetable, actor }: CutOffParts,
  key: Pick<KeyTimes, 'kid' | 'activateAt' | 'retireAt' | 'revokedAt'>,
  at: number,
  { dryRun, reason }: { readonly dryRun?: boolean | undefined; readonly reason: string },
): Promise<CutOff> {
  const used = { ...whileItSigned(key, at, timetable), at };
  if (dryRun) {
    const [families, accounts] = await Promise.all([
      endings.countUsed(used),
      endings.countAccountsUsed(used),
    ]);
    return { families, accounts };
  }
  const details = { kid: key.kid, reason };
  // Accounts first: they are told by families that live.
  const accounts = await bitten(used, (bite) => endings.cutOffUsed(bite, actor, details));
  const families = await bitten(used, (bite) => endings.endUsed(bite, actor, details));
  return { families, accounts };
}

/** Replicas follow within S, by clocks of their own, and what something was used for last is written later. */
function whileItSigned(
  { activateAt, retireAt, revokedAt }: Pick<KeyTimes, 'activateAt' | 'retireAt' | 'revokedAt'>,
  at: number,
  timetable: Timetable,
) {
  const margin = settleTime(timetable) + CLOCK_SKEW;
  const endedAt = Math.min(retireAt, revokedAt ?? at);
  return { from: activateAt - margin - NOTED_WITHIN, until: Math.min(endedAt + margin, at) };
}

async function bitten(used: UsedBetween, take: (bite: Bite) => Promise<Bitten>): Promise<number> {
  let ended = 0;
  for (let after = ''; ; ) {
    const { count, last } = await take({ ...used, after, limit: BITE });
    ended += count;
    if (last === undefined) return ended;
    after = last;
  }
}
