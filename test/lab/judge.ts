// Judges a history of the laboratory; knows nothing of how the issuer works.
import { outageForecast, type VerifierCache } from '../../src/keys/verifier-caches.ts';
import type { Emergency, Fetch, History, Kind, Showing } from './history.ts';

/** Seconds by which what is seen may be later than what was foretold: processes are not at once. */
export const BAND = 2;
/** S of the timetable: by then every replica has reloaded. */
const SETTLE = 3;

export type Rule =
  | 'every client gets its token'
  | 'no good token is refused'
  | 'refused no longer than the plan said'
  | 'refused as long as its cache is old'
  | 'a revoked key is distrusted in time'
  | 'it was asked';

export interface Violation {
  readonly rule: Rule;
  readonly what: string;
}

/** One verifier's part of the history. Seconds where it says so. */
export interface Row {
  readonly kind: Kind;
  readonly shown: number;
  readonly fetches: number;
  /** good tokens refused, of keys that had their lead */
  readonly refused: number;
  /** seconds in emergencies: the plan's worst case, what its cache made of it, and what was seen */
  readonly planned: number;
  readonly expected: number;
  readonly seen: number;
  readonly refusedInEmergency: number;
  /** seconds after its revocation at which a key was last trusted; undefined = never shown */
  readonly trustedFor: number | undefined;
  readonly violations: readonly Violation[];
}

/** Seconds for which a verifier does not learn of a new key after a fetch. */
export const blindness = ({ cacheLifetime, unknownKidCooldown }: VerifierCache): number =>
  Math.min(cacheLifetime, unknownKidCooldown ?? Number.POSITIVE_INFINITY);

const newest = (instants: readonly number[]): number => Math.max(...instants, Number.NEGATIVE_INFINITY);

/** One row a verifier, in the order of the kinds. */
export function judge(history: History): Row[] {
  return history.kinds.map((kind) => rowOf(history, kind));
}

/** What no verifier is to blame for. */
export function judgeIssuer({ drawn, undrawn }: History): Violation[] {
  const rule = 'every client gets its token';
  if (undrawn.length > 0) return [{ rule, what: `${undrawn.length} times not, first: ${undrawn[0]}` }];
  return drawn > 0 ? [] : [{ rule, what: 'nobody asked for one' }];
}

function rowOf(history: History, kind: Kind): Row {
  const revokedAt = new Map(history.revocations.map(({ kid, revokedAt }) => [kid, revokedAt]));
  const shown = history.showings.filter(({ verifier }) => verifier === kind.name);
  const fetches = history.fetches.filter(({ verifier }) => verifier === kind.name);
  // Unexpired and unrevoked until after the answer.
  const isGood = ({ kid, answeredAt, expiresAt }: Showing) =>
    answeredAt < expiresAt && answeredAt < (revokedAt.get(kid) ?? Number.POSITIVE_INFINITY);
  const refusals = shown.filter((one) => one.refusal !== undefined && isGood(one));
  const hasty = new Map(history.emergencies.map((one) => [one.kid, one]));
  const untimely = refusals.filter(({ kid }) => !hasty.has(kid));
  const recent = history.emergencies.filter(({ decidedAt }) => decidedAt >= history.since);
  const outages = recent.map((one) => outageOf(history, kind, one, shown, refusals, fetches));
  const trust = trustOf(history, kind, shown);
  return {
    kind,
    shown: shown.length,
    fetches: fetches.filter(({ at }) => at >= history.since).length,
    refused: untimely.length,
    planned: Math.max(0, ...outages.map(({ planned }) => planned)),
    expected: Math.max(0, ...outages.map(({ expected }) => expected)),
    seen: Math.max(0, ...outages.map(({ seen }) => seen)),
    refusedInEmergency: refusals.length - untimely.length,
    trustedFor: trust.trustedFor,
    violations: [
      ...(shown.length > 0 ? [] : [{ rule: 'it was asked' as const, what: 'it was shown nothing' }]),
      ...(kind.isCareless ? [] : untimelyViolations(untimely)),
      ...(kind.isCareless ? [] : outages.flatMap(({ violations }) => violations)),
      ...trust.violations,
    ],
  };
}

function untimelyViolations(refusals: readonly Showing[]): Violation[] {
  const [first] = refusals;
  if (!first) return [];
  return [
    {
      rule: 'no good token is refused',
      what: `${refusals.length} were, first at ${first.at.toFixed(2)}, of ${first.kid}: ${first.refusal}`,
    },
  ];
}

interface Outage {
  readonly planned: number;
  readonly expected: number;
  readonly seen: number;
  readonly violations: readonly Violation[];
}

/** What one emergency was to one verifier. */
function outageOf(
  history: History,
  kind: Kind,
  { kid, publishedAt, decidedAt, planned: declared }: Emergency,
  shown: readonly Showing[],
  refusals: readonly Showing[],
  fetches: readonly Fetch[],
): Outage {
  const own = shown.filter((one) => one.kid === kid);
  const signAt = Math.min(...own.map(({ at }) => at));
  if (own.length === 0) return { planned: 0, expected: 0, seen: 0, violations: [] };
  const refused = refusals.filter((one) => one.kid === kid);
  const forecast = outageForecast(publishedAt, decidedAt, history.timetable, [kind]);
  const planned = forecast.find(({ verifier }) => verifier === kind.name)?.seconds ?? 0;
  // The last JWKS that it saw before the key was in one.
  const first = fetches.findIndex(({ kids }) => kids.includes(kid));
  const lastWithout = fetches[first < 0 ? fetches.length - 1 : first - 1]?.at ?? Number.NEGATIVE_INFINITY;
  const blindUntil = lastWithout + blindness(kind);
  const lastRefusal = newest(refused.map(({ at }) => at));
  const violations: Violation[] = [];
  const latest = decidedAt + Math.min(planned, declared);
  if (refused.length > 0 && lastRefusal > latest + SETTLE + BAND)
    violations.push({
      rule: 'refused no longer than the plan said',
      what: `${kid} until ${(lastRefusal - decidedAt).toFixed(1)} s after the plan, which said ${planned.toFixed(1)} s`,
    });
  const isTooLate = refused.length > 0 && lastRefusal > blindUntil + BAND;
  // It knows the key before it can, so its cache is not what it says.
  const isTooEarly =
    !kind.isBounded && own.some((one) => one.refusal === undefined && one.answeredAt < blindUntil - BAND);
  if (isTooLate || isTooEarly)
    violations.push({
      rule: 'refused as long as its cache is old',
      what: `${kid}: its cache says until ${(blindUntil - signAt).toFixed(1)} s after the first signature, seen ${(lastRefusal - signAt).toFixed(1)} s`,
    });
  return {
    planned,
    expected: Math.max(0, blindUntil - signAt),
    seen: refused.length > 0 ? lastRefusal - signAt : 0,
    violations,
  };
}

/** For how long it trusted keys that were revoked. */
function trustOf({ revocations }: History, kind: Kind, shown: readonly Showing[]) {
  const bound = kind.keepsRemovedKeys ? Number.POSITIVE_INFINITY : kind.cacheLifetime + SETTLE + BAND;
  let trustedFor: number | undefined;
  const violations: Violation[] = [];
  for (const { kid, revokedAt } of revocations) {
    const after = shown.filter((one) => one.kid === kid && one.at > revokedAt && one.at < one.expiresAt);
    if (after.length === 0) continue;
    const accepted = after.filter(({ refusal }) => refusal === undefined).map(({ at }) => at - revokedAt);
    const longest = Math.max(0, newest(accepted));
    trustedFor = Math.max(trustedFor ?? 0, longest);
    if (longest > bound)
      violations.push({
        rule: 'a revoked key is distrusted in time',
        what: `${kid} was trusted ${longest.toFixed(1)} s after its revocation, and its cache lives ${kind.cacheLifetime} s`,
      });
  }
  return { trustedFor, violations };
}
