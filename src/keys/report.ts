// What an operator is told of the keys: how they stand, what happens next, which rule sets each time, and who would
// break if the next key signed now. Pure: from times, like the plan that it explains.
import type { KeyRecord, SigningAlg } from '../stores/stores.ts';
import { dateInWords, durationInWords } from '../words.ts';
import {
  activeKeys,
  CLOCK_SKEW,
  isPublished,
  type KeyState,
  type KeyTimes,
  leadTime,
  removalOf,
  settleTime,
  signerOf,
  signingHorizon,
  standbyKeys,
  stateOf,
  type Timetable,
} from './lifecycle.ts';
import { isDraft } from './plan.ts';
import { type Forecast, outageForecast } from './verifier-caches.ts';
import { laggards, type VerifierFetches } from './verifier-fetches.ts';

/** How one key stands. Instants in epoch seconds; null = not planned, or never. */
export interface KeyStanding {
  readonly kid: string;
  readonly alg: SigningAlg;
  readonly state: KeyState;
  /** new tokens of its algorithm are signed with this one */
  readonly signs: boolean;
  readonly publish_at: number;
  readonly activate_at: number | null;
  readonly retire_at: number | null;
  readonly remove_at: number | null;
  readonly revoked_at: number | null;
  /** how many tokens it has signed, about; what a replica has signed lately is not among them yet */
  readonly tokens_issued: number;
  /** the last of the tokens that it signed expires then; null = it signed none, or they are all dead */
  readonly tokens_until: number | null;
}

/** Something that time will do to a key. */
export interface Step {
  readonly at: number;
  readonly kid: string;
  readonly becomes: 'published' | 'active' | 'retired' | 'removed';
  readonly because: string;
}

export interface AlgorithmPlan {
  readonly alg: SigningAlg;
  /** the kid that signs now; null where none does yet */
  readonly signer: string | null;
  /** the kid that signs next */
  readonly next: string | null;
  /** in the order of time */
  readonly steps: readonly Step[];
  /** who refuses good tokens if the next key signed now, and for how many seconds at the most */
  readonly outage_if_now: readonly Forecast[];
  /** who was seen lately and has not fetched the next key yet */
  readonly laggards: readonly Laggard[];
}

export interface Laggard {
  readonly verifier: string;
  readonly fetched_at: number;
  /** its cache is older than `verifier_cache_lifetime` allows: it is gone, or keeps the JWKS for too long */
  readonly overdue: boolean;
}

/** Who fetches the JWKS. Instants in epoch seconds. */
export interface VerifierStanding {
  readonly verifier: string;
  readonly first_seen_at: number;
  readonly fetched_at: number;
  readonly fetches: number;
  /** the kids in the JWKS that it has not got yet */
  readonly lacks: readonly string[];
}

/** Every verifier that was seen lately, with what it lacks of the JWKS of t. */
export const verifierStandings = (
  fetches: readonly VerifierFetches[],
  keys: readonly KeyTimes[],
  t: number,
  timetable: Timetable,
): VerifierStanding[] =>
  fetches.map(({ name, firstAt, lastAt, fetches, hasUntil }) => ({
    verifier: name,
    first_seen_at: firstAt,
    fetched_at: lastAt,
    fetches,
    lacks: keys
      .filter((key) => key.publishAt > hasUntil && isPublished(stateOf(key, t, timetable)))
      .map(({ kid }) => kid),
  }));

const planned = (instant: number): number | null => (Number.isFinite(instant) ? instant : null);

/** Every key, in the order given. */
export function keyStandings(
  keys: readonly (KeyTimes & Pick<KeyRecord, 'tokensIssued'>)[],
  t: number,
  timetable: Timetable,
): KeyStanding[] {
  const signers = new Set(timetable.algs.map((alg) => signerOf(keys, alg, t, timetable)?.kid));
  return keys.map((key) => ({
    kid: key.kid,
    alg: key.alg,
    state: stateOf(key, t, timetable),
    signs: signers.has(key.kid),
    publish_at: key.publishAt,
    activate_at: planned(key.activateAt),
    retire_at: planned(key.retireAt),
    remove_at: planned(removalOf(key, timetable)),
    revoked_at: key.revokedAt,
    tokens_issued: key.tokensIssued,
    tokens_until: key.lastTokenExpiresAt > t ? key.lastTokenExpiresAt : null,
  }));
}

/** What happens to the keys of an algorithm after t. `keys` is a whole set, as `settle` leaves it. */
export function planReport(
  keys: readonly KeyTimes[],
  alg: SigningAlg,
  t: number,
  timetable: Timetable,
  fetches: readonly VerifierFetches[] = [],
): AlgorithmPlan {
  const [next] = standbyKeys(keys, alg, t, timetable);
  const own = keys.filter((key) => key.alg === alg && key.revokedAt === null);
  return {
    alg,
    signer: signerOf(keys, alg, t, timetable)?.kid ?? null,
    next: next?.kid ?? null,
    steps: own
      .flatMap((key) => stepsOf(key, own, t, timetable))
      .filter(({ at, becomes }) => Number.isFinite(at) && (at > t || becomes === 'published'))
      .sort((a, b) => a.at - b.at),
    outage_if_now: next ? outageForecast(next.publishAt, t, timetable) : [],
    laggards: next && !isDraft(next) ? laggardsOf(fetches, next.publishAt, t, timetable) : [],
  };
}

function laggardsOf(
  fetches: readonly VerifierFetches[],
  publishAt: number,
  t: number,
  timetable: Timetable,
): Laggard[] {
  const allowed = timetable.verifierCacheLifetime + timetable.jwksMaxAge + settleTime(timetable);
  return laggards(fetches, publishAt).map(({ name, lastAt }) => ({
    verifier: name,
    fetched_at: lastAt,
    overdue: lastAt + allowed < t,
  }));
}

function stepsOf(key: KeyTimes, own: readonly KeyTimes[], t: number, timetable: Timetable): Step[] {
  const { kid, activateAt, retireAt } = key;
  const made: Step = {
    at: key.publishAt,
    kid,
    becomes: 'published',
    because: 'a key waits for every algorithm, and one more from a full lead before the next change',
  };
  return [
    ...(isDraft(key) ? [made] : []),
    { at: activateAt, kid, becomes: 'active', because: activationRule(key, own, t, timetable) },
    { at: retireAt, kid, becomes: 'retired', because: retirementRule(timetable) },
    { at: removalOf(key, timetable), kid, becomes: 'removed', because: removalRule(key, timetable) },
  ];
}

const isSame = (a: number, b: number): boolean => Math.abs(a - b) < 0.001;

function activationRule(key: KeyTimes, own: readonly KeyTimes[], t: number, timetable: Timetable): string {
  const [current] = activeKeys(own, key.alg, t, timetable);
  if (current && isSame(key.activateAt, current.activateAt + timetable.rotationPeriod)) {
    return `rotation_period (${durationInWords(timetable.rotationPeriod)}) after the key that signs now`;
  }
  if (isSame(key.activateAt, key.publishAt + leadTime(timetable))) {
    const { verifierCacheLifetime, jwksMaxAge } = timetable;
    const caches = `verifier_cache_lifetime (${durationInWords(verifierCacheLifetime)}) + jwks_max_age (${durationInWords(jwksMaxAge)})`;
    const lag = `${settleWords(timetable)} + ${cutOffWords(timetable)}`;
    return `published since ${dateInWords(key.publishAt)}, and then ${caches} + ${lag}`;
  }
  return 'as it was asked for, no sooner than is safe';
}

const settleWords = (timetable: Timetable): string =>
  `S (${durationInWords(settleTime(timetable))}, 3 x reload_interval)`;

const cutOffWords = (timetable: Timetable): string =>
  `a replica that is cut off (${durationInWords(signingHorizon(timetable))})`;

const retirementRule = (timetable: Timetable): string =>
  `${settleWords(timetable)} after the next key is active: by then every replica signs with that one`;

function removalRule(key: KeyTimes, timetable: Timetable): string {
  const margin = `clock skew (${CLOCK_SKEW} s) + ${settleWords(timetable)}`;
  if (removalOf(key, timetable) > key.removeAt) {
    return `the last token that it signed expires at ${dateInWords(key.lastTokenExpiresAt)} + ${margin}`;
  }
  const longest = Math.max(timetable.longestTokenLifetime, key.longestLifetime);
  return `the longest token (${durationInWords(longest)}) + ${cutOffWords(timetable)} + ${margin}`;
}
