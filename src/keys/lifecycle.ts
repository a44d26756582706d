// The life of a signing key, computed from times and never stored as a flag.
//
// Pure: no clock, no dice, no store. Every replica that holds the same rows computes the same answer for the same
// t, so a rotation goes through on time even while the database is away. Two rules keep verifiers whole, and each
// allows for a replica that has been cut off from the store up to the horizon, since it signs and publishes on:
//   published before it signs:    a key waits for every verifier's JWKS cache, our max-age, S, and such a replica
//   removed after the last token: a key waits for the longest token it has signed, skew, S, and such a replica
import type { SigningAlg } from '../stores/stores.ts';

export type KeyState = 'standby' | 'active' | 'retired' | 'removed' | 'revoked';

/** All instants in epoch seconds; Infinity = not planned yet. publishAt <= activateAt <= retireAt <= removeAt. */
export interface KeyTimes {
  /** RFC 7638 thumbprint */
  readonly kid: string;
  readonly alg: SigningAlg;
  readonly publishAt: number;
  readonly activateAt: number;
  readonly retireAt: number;
  readonly removeAt: number;
  readonly revokedAt: number | null;
  /** the largest `exp` it has signed; 0 = none */
  readonly lastTokenExpiresAt: number;
  /** seconds, the largest `exp - iat` it has signed; 0 = none */
  readonly longestLifetime: number;
}

/** The operator's settings that bound the times; all in seconds. */
export interface Timetable {
  readonly algs: readonly SigningAlg[];
  readonly automaticRotation: boolean;
  readonly rotationPeriod: number;
  /** the longest that any verifier keeps a JWKS */
  readonly verifierCacheLifetime: number;
  readonly jwksMaxAge: number;
  readonly reloadInterval: number;
  /** the longest lifetime that a token may be issued with */
  readonly longestTokenLifetime: number;
}

/** How far apart the clocks of a verifier and this issuer may be. */
export const CLOCK_SKEW = 60;

/** S: by then every replica has reloaded, a slow one too. */
export const settleTime = (timetable: Pick<Timetable, 'reloadInterval'>): number =>
  3 * timetable.reloadInterval;

/** Seconds: how long clients are remembered while the store is away (stores/remembered.ts), so nobody signs longer. */
const OUTAGE_TOLERANCE = 3600;

/**
 * How old a replica's picture of the keys may be while it still signs. A replica cut off from the store signs on
 * with the keys it knows; removal waits this long, so nothing that it signs is ever orphaned.
 */
export const signingHorizon = (
  timetable: Pick<Timetable, 'verifierCacheLifetime' | 'reloadInterval'>,
): number => Math.min(timetable.verifierCacheLifetime, OUTAGE_TOLERANCE) + settleTime(timetable);

/**
 * How long a key must have been published before it may sign. A replica cut off from the store publishes what it
 * knew, for as long as it may; a shared cache keeps that for max-age and serves it stale for S, a verifier keeps it
 * for a cache's life: by then even that verifier has asked again.
 */
export const leadTime = (
  timetable: Pick<Timetable, 'verifierCacheLifetime' | 'jwksMaxAge' | 'reloadInterval'>,
): number =>
  signingHorizon(timetable) + timetable.jwksMaxAge + settleTime(timetable) + timetable.verifierCacheLifetime;

/** The key leaves the JWKS here: never while a token that it signed may be alive. */
export const removalOf = (key: KeyTimes, timetable: Timetable): number =>
  Math.max(key.removeAt, key.lastTokenExpiresAt + CLOCK_SKEW + settleTime(timetable));

export function stateOf(key: KeyTimes, t: number, timetable: Timetable): KeyState {
  if (key.revokedAt !== null) return 'revoked';
  if (t < key.activateAt) return 'standby';
  if (t < key.retireAt) return 'active';
  return t < removalOf(key, timetable) ? 'retired' : 'removed';
}

/** In the JWKS: standby, active and retired keys. */
export const isPublished = (state: KeyState): boolean => state !== 'removed' && state !== 'revoked';

const newestFirst = (a: KeyTimes, b: KeyTimes): number =>
  b.activateAt - a.activateAt || b.publishAt - a.publishAt || (a.kid < b.kid ? -1 : 1);
const nextFirst = (a: KeyTimes, b: KeyTimes): number =>
  (a.activateAt === b.activateAt ? 0 : a.activateAt - b.activateAt) ||
  a.publishAt - b.publishAt ||
  (a.kid < b.kid ? -1 : 1);

/** The keys of one algorithm that may sign now, newest first. */
export function activeKeys<K extends KeyTimes>(
  keys: readonly K[],
  alg: SigningAlg,
  t: number,
  timetable: Timetable,
): K[] {
  return keys.filter((key) => key.alg === alg && stateOf(key, t, timetable) === 'active').sort(newestFirst);
}

/** The keys of one algorithm that wait, the next one to sign first. */
export function standbyKeys<K extends KeyTimes>(
  keys: readonly K[],
  alg: SigningAlg,
  t: number,
  timetable: Timetable,
): K[] {
  return keys.filter((key) => key.alg === alg && stateOf(key, t, timetable) === 'standby').sort(nextFirst);
}

/**
 * The signer: the newest active key that has been active for S, since by then every replica publishes it. Where none
 * is that old (first start, or its elders were revoked), the eldest signs at once.
 */
export function signerOf<K extends KeyTimes>(
  keys: readonly K[],
  alg: SigningAlg,
  t: number,
  timetable: Timetable,
): K | undefined {
  const active = activeKeys(keys, alg, t, timetable);
  return active.find((key) => key.activateAt + settleTime(timetable) <= t) ?? active.at(-1);
}

/** The instant after t at which the next state changes by itself; Infinity where none is planned. */
export function nextChangeAfter(keys: readonly KeyTimes[], t: number, timetable: Timetable): number {
  const settle = settleTime(timetable);
  const instants = keys
    .filter((key) => key.revokedAt === null)
    .flatMap((key) => [key.activateAt, key.activateAt + settle, key.retireAt, removalOf(key, timetable)]);
  return Math.min(...instants.filter((instant) => instant > t), Number.POSITIVE_INFINITY);
}
