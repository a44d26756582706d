// The plan: what the set of keys becomes. Pure, from times; every writer of keys goes through `settle`.
//
// An intent (rotate, revoke, import) changes one fact about one key, and `settle` makes the set whole again: each
// algorithm has a signer and a standby key, the next activation is planned, each key retires S after its
// successor activates, and is removed when nothing it signed can be alive.
import type { SigningAlg } from '../stores/stores.ts';
import { dateInWords } from '../words.ts';
import {
  activeKeys,
  CLOCK_SKEW,
  type KeyTimes,
  leadTime,
  removalOf,
  settleTime,
  signingHorizon,
  standbyKeys,
  stateOf,
  type Timetable,
} from './lifecycle.ts';

/** A key that is planned but not made yet has a kid that starts with this. */
const DRAFT = 'draft:';
export const isDraft = (key: Pick<KeyTimes, 'kid'>): boolean => key.kid.startsWith(DRAFT);

/** An intent that changes nothing, with the reason in words. */
export interface NothingToDo {
  readonly nothingToDo: string;
}

const when = (t: number): string => new Date(t * 1000).toISOString();

function draft(alg: SigningAlg, count: number, publishAt: number, activateAt: number): KeyTimes {
  return {
    kid: `${DRAFT}${alg}:${count}`,
    alg,
    publishAt,
    activateAt,
    retireAt: Number.POSITIVE_INFINITY,
    removeAt: Number.POSITIVE_INFINITY,
    revokedAt: null,
    lastTokenExpiresAt: 0,
    longestLifetime: 0,
  };
}

const replace = (keys: readonly KeyTimes[], changed: KeyTimes): KeyTimes[] =>
  keys.map((key) => (key.kid === changed.kid ? changed : key));

/** When a key that retires at `retireAt` may leave the JWKS: nothing it signed, here or cut off, is alive. */
export function removalAfter(retireAt: number, key: KeyTimes, timetable: Timetable): number {
  const longest = Math.max(timetable.longestTokenLifetime, key.longestLifetime);
  return retireAt + signingHorizon(timetable) + longest + CLOCK_SKEW + settleTime(timetable);
}

/** Whether it has ever been active, as far as its times tell. */
const wasActive = (key: KeyTimes, t: number): boolean =>
  key.activateAt <= Math.min(t, key.revokedAt ?? t) && key.activateAt < key.retireAt;

/**
 * Gives the algorithm a key that signs: at once at the first start and in an emergency, where there is nothing else
 * to sign with. An algorithm that joins a set in use waits for the lead, like every key that verifiers do not know.
 */
function ensureSigner(
  keys: readonly KeyTimes[],
  alg: SigningAlg,
  t: number,
  timetable: Timetable,
): KeyTimes[] {
  if (activeKeys(keys, alg, t, timetable).length > 0) return [...keys];
  const known = keys.filter((key) => key.alg === alg);
  const [next] = standbyKeys(keys, alg, t, timetable);
  const isJoining = keys.some((key) => wasActive(key, t)) && !known.some((key) => wasActive(key, t));
  const key = next ?? draft(alg, known.length, t, Number.POSITIVE_INFINITY);
  const activateAt = isJoining ? Math.max(t, key.publishAt + leadTime(timetable)) : t;
  return next ? replace(keys, { ...key, activateAt }) : [...keys, { ...key, activateAt }];
}

/** Plans the next activation: never sooner than the lead, by itself never later than the rotation period. */
function planNext(keys: readonly KeyTimes[], alg: SigningAlg, t: number, timetable: Timetable): KeyTimes[] {
  const count = () => planned.filter((key) => key.alg === alg).length;
  let planned = [...keys];
  const active = activeKeys(planned, alg, t, timetable);
  const waiting = active[0] ? [] : standbyKeys(planned, alg, t, timetable).slice(0, 1);
  const current = active[0] ?? waiting[0];
  if (!current) return planned;
  const queue = () => standbyKeys(planned, alg, t, timetable).filter((key) => key.kid !== current.kid);

  if (queue().length === 0) planned.push(draft(alg, count(), t, Number.POSITIVE_INFINITY));
  const next = queue()[0] as KeyTimes;
  const safeAt = next.publishAt + leadTime(timetable);
  const dueAt = timetable.automaticRotation
    ? Math.max(current.activateAt + timetable.rotationPeriod, t)
    : Infinity;
  const activateAt = Math.max(safeAt, Math.min(next.activateAt, dueAt));
  planned = replace(planned, { ...next, activateAt });
  // It is active already, and its own successor is planned.
  if (activateAt <= t) return planNext(planned, alg, t, timetable);
  // The reserve is published a full lead before it becomes the only standby key: a switch in need costs nothing.
  if (activateAt <= t + leadTime(timetable) && queue().length < 2) {
    planned.push(draft(alg, count(), t, Number.POSITIVE_INFINITY));
  }
  return planned;
}

/**
 * Each key retires S after its successor activates, since by then every replica signs with the successor. The
 * removal of one that has retired moves on where it turns out that its tokens live longer.
 */
function planRetirement(
  keys: readonly KeyTimes[],
  alg: SigningAlg,
  t: number,
  timetable: Timetable,
): KeyTimes[] {
  const chain = [...activeKeys(keys, alg, t, timetable).reverse(), ...standbyKeys(keys, alg, t, timetable)];
  return keys.map((key) => {
    if (key.alg === alg && stateOf(key, t, timetable) === 'retired') {
      return { ...key, removeAt: Math.max(key.removeAt, removalAfter(key.retireAt, key, timetable)) };
    }
    const place = chain.indexOf(key);
    if (place < 0) return key;
    const successor = chain[place + 1];
    const retireAt = successor ? successor.activateAt + settleTime(timetable) : Number.POSITIVE_INFINITY;
    return { ...key, retireAt, removeAt: removalAfter(retireAt, key, timetable) };
  });
}

/**
 * Makes the set whole at t: idempotent, and all that scheduled maintenance does. Keys of an algorithm that is no
 * longer configured are left as they are.
 */
export function settle(keys: readonly KeyTimes[], t: number, timetable: Timetable): KeyTimes[] {
  // The emptiness of the whole set decides what a first key may do, so every algorithm gets its signer first.
  const signed = timetable.algs.flatMap((alg) =>
    ensureSigner(keys, alg, t, timetable).filter((key) => key.alg === alg),
  );
  const others = keys.filter((key) => !timetable.algs.includes(key.alg));
  return timetable.algs.reduce<KeyTimes[]>(
    (planned, alg) => planRetirement(planNext(planned, alg, t, timetable), alg, t, timetable),
    [...others, ...signed],
  );
}

export interface RotateIntent {
  readonly alg: SigningAlg;
  /** skip the lead */
  readonly now: boolean;
}

/**
 * Brings the next activation forward to the earliest safe instant; asked twice, the second time is nothing. `now`
 * asked twice within S is one rotation too: of two operators in an emergency, the second would use up the reserve.
 */
export function rotate(
  keys: readonly KeyTimes[],
  t: number,
  timetable: Timetable,
  intent: RotateIntent,
): KeyTimes[] | NothingToDo {
  if (!timetable.algs.includes(intent.alg))
    return { nothingToDo: `${intent.alg} is not among keys.signing_algs: nothing is signed with it` };
  const whole = settle(keys, t, timetable);
  const [current] = activeKeys(whole, intent.alg, t, timetable);
  const [next] = standbyKeys(whole, intent.alg, t, timetable);
  if (!current || !next)
    return { nothingToDo: `${intent.alg} does not sign yet: its first key is being published` };
  const hasPredecessor = whole.some(
    (key) =>
      key.alg === intent.alg &&
      key.kid !== current.kid &&
      (intent.now || key.revokedAt === null) &&
      wasActive(key, t) &&
      // The same instant, where t waits for a clock that is behind.
      key.activateAt <= current.activateAt,
  );
  const pause = intent.now ? settleTime(timetable) : leadTime(timetable);
  if (hasPredecessor && current.activateAt + pause > t) {
    return { nothingToDo: `${intent.alg} was rotated at ${when(current.activateAt)} already` };
  }
  if (intent.now) return settle(replace(whole, { ...next, activateAt: t }), t, timetable);

  const earliestAt = Math.max(t, next.publishAt + leadTime(timetable));
  if (next.activateAt <= earliestAt) {
    return {
      nothingToDo: `${intent.alg} rotates at ${when(next.activateAt)} already, the earliest safe instant`,
    };
  }
  return settle(replace(whole, { ...next, activateAt: earliestAt }), t, timetable);
}

/** Compromise: the key is out at once and for ever; where it was the signer the standby key signs at once. */
export function revoke(
  keys: readonly KeyTimes[],
  t: number,
  timetable: Timetable,
  kid: string,
): KeyTimes[] | NothingToDo | undefined {
  const key = keys.find((candidate) => candidate.kid === kid);
  if (!key) return undefined;
  if (key.revokedAt !== null) return { nothingToDo: `${kid} was revoked at ${when(key.revokedAt)} already` };
  return settle(replace(keys, { ...key, revokedAt: t }), t, timetable);
}

/**
 * The earliest instant at which a retired key may leave the JWKS: as if it retired by the settings of today. They may
 * have become shorter since, and the plan itself never brings a removal forward. A key of which no token is on record
 * may have signed elsewhere, so it waits for what was planned.
 */
export function earliestRemoval(key: KeyTimes, timetable: Timetable): number {
  const { lastTokenExpiresAt, retireAt, removeAt } = key;
  if (lastTokenExpiresAt === 0) return removalOf(key, timetable);
  const planned = Math.min(removeAt, removalAfter(retireAt, key, timetable));
  return removalOf({ ...key, removeAt: planned }, timetable);
}

/** An intent that would break tokens, with the reason in words. */
export interface Refused {
  readonly refused: string;
}

/** Out at once, where nothing that the key has signed can be alive. */
export function remove(
  keys: readonly KeyTimes[],
  t: number,
  timetable: Timetable,
  kid: string,
): KeyTimes[] | NothingToDo | Refused | undefined {
  const key = keys.find((candidate) => candidate.kid === kid);
  if (!key) return undefined;
  if (key.revokedAt !== null) return { nothingToDo: `${kid} was revoked at ${when(key.revokedAt)} already` };
  const state = stateOf(key, t, timetable);
  const plannedAt = removalOf(key, timetable);
  if (state === 'removed') return { nothingToDo: `${kid} was removed at ${when(plannedAt)} already` };
  if (state !== 'retired') {
    const way = 'a key is removed once it has retired, and one that is compromised is revoked';
    return { refused: `${kid} is ${state}: ${way}` };
  }
  const earliestAt = Math.ceil(earliestRemoval(key, timetable));
  if (t < earliestAt) {
    const alive = key.lastTokenExpiresAt > t ? 'are alive' : 'may be alive';
    const until = `${dateInWords(earliestAt)} (${Math.ceil(earliestAt - t)} s)`;
    const itself =
      earliestAt < plannedAt ? `by itself it goes at ${dateInWords(plannedAt)}` : 'then it goes by itself';
    return { refused: `${kid} stays in the JWKS until ${until}: tokens that it signed ${alive}; ${itself}` };
  }
  return settle(replace(keys, { ...key, removeAt: t }), t, timetable);
}

/** What an imported key is for: signing at once (verifiers know it already), waiting, or verifying only. */
export type ImportRole = 'active' | 'standby' | 'retired';

/** The times of a key that joins from elsewhere; `settle` then fits the others around it. */
export function importedTimes(
  kid: string,
  alg: SigningAlg,
  role: ImportRole,
  t: number,
  timetable: Timetable,
): KeyTimes {
  const times = { ...draft(alg, 0, t, role === 'standby' ? Number.POSITIVE_INFINITY : t), kid };
  if (role !== 'retired') return times;
  return { ...times, retireAt: t, removeAt: removalAfter(t, times, timetable) };
}
