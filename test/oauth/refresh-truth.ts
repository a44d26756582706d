// What is true of a family of refresh tokens, whoever knows it: written down beneath the engine, at the stores, and
// held against every answer. A history in which an invariant does not hold throws Broken, by its name.
import { SWAP_LIFETIME } from '../../src/oauth/refresh-families.ts';
import type { FamilyRecord, FamilyStateStore, FamilyStore } from '../../src/stores/stores.ts';
import type { Stage } from './refresh-stages.ts';

/** What refresh.md promises, each by its name; the last three are what it comes to for a client. */
export const INVARIANTS = {
  I1: 'at most one rotation per generation',
  I2: 'every success yields a successor on the one chain',
  I3: 'the generation falls only by loss of state',
  I4: 'no success after an acknowledged revocation',
  I5: 'an honest client is never revoked, whatever the infrastructure does',
  I6: 'where thief and victim are both active, the family is dead within four presentations',
  I7: 'a token of which anything is altered changes nothing, and no store is asked',
  I8: 'another client changes nothing',
  I9: 'nothing is honoured past its absolute expiry, or past its idle lifetime',
  I10: 'a store that is away: no success and no change, then or later',
  I11: 'ahead only after a loss',
  I12: 'every key has an end',
  I13: 'a consumed token whose consumption reached the floor is not honoured again, after any rollback or flush',
  I14: 'a token that was consumed longer ago than the window is not honoured',
  I15: 'one jti per family and generation, unless the hot store has lost something',
  bytes: 'one answer per family and generation, unless the hot store has lost something',
  newest:
    'the newest token of an honest client is not refused, nor an earlier one inside the window without a loss',
  fault: 'nothing but a refusal or a store that is away comes out',
} as const;
export type Invariant = keyof typeof INVARIANTS;

export class Broken extends Error {
  readonly invariant: Invariant;
  constructor(invariant: Invariant, how: string) {
    super(`${invariant} is broken, ${INVARIANTS[invariant]}: ${how}`);
    this.invariant = invariant;
  }
}

/** A token of a family as somebody was given it. */
export interface Issued {
  readonly text: string;
  readonly generation: number;
  readonly issuedAt: number;
}

export class FamilyTruth {
  readonly id: string;
  readonly sub: string;
  readonly expiresAt: number;
  readonly idleLifetime: number;
  /** every token that ever left the house, whether it arrived or not */
  readonly issued: Issued[] = [];
  /** what the client's storage held, which its tabs share: the newest last */
  readonly stored: Issued[] = [];
  /** somebody else has a token: from then on the client is promised nothing but an end */
  loot: Issued | undefined;
  isDead = false;
  /** the generation in the hot store, -1 where there is none, and all that it was */
  top = -1;
  readonly tops: number[] = [];
  /** when the hot store drops what it has, which is no loss: by then every token has waited too long */
  hotUntil = 0;
  /** how often the hot store lost something of it */
  losses = 0;
  /** the highest generation that the durable store acknowledged */
  floor = 0;
  /** an honest client came too late, or could not ask again in time */
  hasLapsed = false;
  /** when the request came that was the first to consume a generation, and when the last one did */
  readonly firstAskedAt = new Map<number, number>();
  readonly lastConsumedAt = new Map<number, number>();
  readonly #heads = new Set<string>();
  readonly #heirs = new Set<string>();
  readonly #consumedSinceLoss = new Set<number>();
  readonly #answers = new Map<number, { readonly refresh: string; readonly access: string }>();

  constructor({ id, sub, expiresAt, idleLifetime, floor }: FamilyRecord) {
    this.id = id;
    this.sub = sub;
    this.expiresAt = expiresAt;
    this.idleLifetime = idleLifetime;
    this.#heads.add(JSON.stringify([floor.generation, floor.since, floor.macKey]));
    this.#heirs.add(`${floor.generation} ${Math.floor(floor.since)}`);
  }

  /** Whether its client is owed the care that an honest one gets. */
  get isHonest(): boolean {
    return this.loot === undefined && !this.hasLapsed;
  }

  get newest(): Issued {
    return this.stored.at(-1) as Issued;
  }

  /** Where the chain was written on, or seen, in the hot store. */
  stands(generation: number): void {
    this.top = generation;
    this.tops.push(generation);
  }

  /** A head was written: a new one consumes the generation before it. */
  headed(head: { generation: number; since: number; macKey: number }, at: number): void {
    const { generation, since, macKey } = head;
    if (generation < this.top) throw new Broken('I3', `${this.top} was followed by ${generation}`);
    const name = JSON.stringify([generation, since, macKey]);
    const isNew = !this.#heads.has(name);
    this.stands(generation);
    if (!isNew) return;
    this.#heads.add(name);
    this.#heirs.add(`${generation} ${Math.floor(since)}`);
    const consumed = generation - 1;
    if (this.#consumedSinceLoss.has(consumed)) throw new Broken('I1', `${consumed} was rotated twice`);
    this.#consumedSinceLoss.add(consumed);
    if (!this.firstAskedAt.has(consumed)) this.firstAskedAt.set(consumed, since);
    this.lastConsumedAt.set(consumed, at);
  }

  isOnChain({ generation, issuedAt }: Issued): boolean {
    return this.#heirs.has(`${generation} ${issuedAt}`);
  }

  lost(top: number, hotUntil: number): void {
    this.losses += 1;
    this.hotUntil = hotUntil;
    this.#consumedSinceLoss.clear();
    this.#answers.clear();
    this.stands(top);
  }

  /** Holds an answer against the others of its generation. */
  answered(generation: number, refresh: string, access: string): void {
    const known = this.#answers.get(generation);
    if (known === undefined) return void this.#answers.set(generation, { refresh, access });
    const [one, other] = [jtiOf(known.access), jtiOf(access)];
    if (one !== other) throw new Broken('I15', `generation ${generation} has ${one} and ${other}`);
    if (known.refresh !== refresh || known.access !== access) {
      throw new Broken('bytes', `generation ${generation}: ${JSON.stringify([known, { refresh, access }])}`);
    }
  }
}

/** The histories' access tokens are their claims in JSON. */
const jtiOf = (access: string): string => JSON.parse(access).jti;

/** The stores of a stage, with somebody who writes down what they did. */
export class Watch {
  readonly families = new Map<string, FamilyTruth>();
  /** how often a store was asked, and how often it changed something */
  calls = 0;
  writes = 0;
  readonly hot: FamilyStateStore;
  readonly durable: FamilyStore;
  readonly #stage: Stage;

  constructor(stage: Stage) {
    this.#stage = stage;
    this.hot = this.#watchedHot();
    this.durable = this.#watchedDurable();
  }

  #watchedHot(): FamilyStateStore {
    const { hot } = this.#stage;
    return {
      find: async (id) => {
        this.calls += 1;
        const found = await hot.find(id);
        const top = this.families.get(id)?.top ?? -1;
        if (found.state && !found.state.revoked && found.state.generation < top) {
          throw new Broken('I3', `${top} was followed by ${found.state.generation}`);
        }
        return found;
      },
      compareAndSwap: async (change) => {
        this.calls += 1;
        const outcome = await hot.compareAndSwap(change);
        if (outcome === 'swapped') this.#swapped(change);
        return outcome;
      },
    };
  }

  #swapped({ id, next, expiresAt }: Parameters<FamilyStateStore['compareAndSwap']>[0]): void {
    this.writes += 1;
    const family = this.families.get(id);
    if (family === undefined) return;
    const now = this.#stage.now();
    const latest = next.revoked ? family.expiresAt : Math.min(now + family.idleLifetime, family.expiresAt);
    if (!(expiresAt <= latest + 0.001)) throw new Broken('I12', `a state is kept for ${expiresAt - now} s`);
    if (now >= family.hotUntil) family.top = -1;
    family.hotUntil = expiresAt;
    if (!next.revoked) family.headed(next, now);
  }

  #watchedDurable(): FamilyStore {
    const { families } = this.#stage;
    const counted = <A extends unknown[], R>(verb: (...args: A) => Promise<R>) => {
      return (...args: A): Promise<R> => {
        this.calls += 1;
        return verb(...args);
      };
    };
    return {
      open: counted(async (family, audit) => {
        await families.open(family, audit);
        this.families.set(family.id, new FamilyTruth(family));
      }),
      find: counted(families.find),
      vitals: counted(families.vitals),
      listOf: counted(families.listOf),
      raiseFloors: counted(async (floors) => {
        await families.raiseFloors(floors);
        this.writes += 1;
        for (const { id, head } of floors) {
          const family = this.families.get(id);
          if (family) family.floor = Math.max(family.floor, head.generation);
        }
      }),
      revoke: counted(async (id, at, revocation, audit) => {
        const change = await families.revoke(id, at, revocation, audit);
        this.writes += 1;
        const family = this.families.get(id) as FamilyTruth;
        family.isDead = true;
        if (revocation === 'replayed' && family.isHonest) {
          throw new Broken('I5', 'a family that nobody stole from was revoked');
        }
        return change;
      }),
      dueTombstones: counted(families.dueTombstones),
      tombstonesSet: counted(families.tombstonesSet),
    };
  }
}

/** A token was presented, and what was true just before. */
export interface Attempt {
  readonly family: FamilyTruth;
  readonly token: Issued;
  /** seconds: the client's retry window */
  readonly retryWindow: number;
  readonly at: number;
  readonly isDead: boolean;
  readonly top: number;
  readonly floor: number;
  readonly losses: number;
  readonly seen: number;
  readonly newest: Issued;
}

export const attemptOf = (family: FamilyTruth, token: Issued, retryWindow: number, at: number): Attempt => {
  const { isDead, top, floor, losses, tops, newest } = family;
  return { family, token, retryWindow, at, isDead, top, floor, losses, seen: tops.length, newest };
};

/** Seconds by which our reading of the clock and the store's own may differ. */
const BLUR = 0.005;

/** Holds a success against all that was true. */
export function holdSuccess(attempt: Attempt, outcome: string, heir: Issued): void {
  const { family, token, at } = attempt;
  const { generation } = token;
  const how = `${generation} gave ${heir.generation} (${outcome})`;
  if (attempt.isDead) throw new Broken('I4', how);
  if (at >= family.expiresAt + BLUR) throw new Broken('I9', how);
  if (outcome !== 'retry' && at >= token.issuedAt + family.idleLifetime + BLUR) throw new Broken('I9', how);
  if (outcome === 'ahead' && family.losses === 0) throw new Broken('I11', how);
  const age = at - (family.lastConsumedAt.get(generation) ?? Number.NEGATIVE_INFINITY);
  const isHonoured = outcome === 'retry' && age <= attempt.retryWindow + SWAP_LIFETIME + BLUR;
  if (generation < attempt.floor && !isHonoured) throw new Broken('I13', `${how} after ${age} s`);
  const isLater = generation < attempt.top && family.losses === attempt.losses;
  if (isLater && !isHonoured) throw new Broken('I14', `${how} after ${age} s`);
  const tops = family.tops.slice(Math.max(0, attempt.seen - 1));
  const isNext = outcome === 'retry' ? heir.generation > generation : heir.generation === generation + 1;
  if (!isNext || !tops.includes(heir.generation) || !family.isOnChain(heir)) throw new Broken('I2', how);
}

/** More than so many consumptions in one window are not told apart (refresh-family.ts). */
const REMEMBERED = 31;

/** Holds the refusal of an honest client against what it is promised. */
export function holdRefusal(attempt: Attempt, reason: string, now: number): void {
  const { family, token } = attempt;
  if (!family.isHonest || family.isDead) return;
  const isOver = reason === 'refresh_token_expired' && now >= family.expiresAt - BLUR;
  const isIdle = reason === 'refresh_token_idle' && now >= token.issuedAt + family.idleLifetime - BLUR;
  // Whoever hears that gives up.
  if (isOver || isIdle) {
    family.hasLapsed = true;
    return;
  }
  const latest = Math.max(...family.tops);
  const isNewest = token === attempt.newest && latest <= token.generation + 1;
  const isKnown = family.losses === 0 && latest - token.generation <= REMEMBERED;
  if (isNewest || isKnown) {
    throw new Broken('newest', `${token.generation} of ${latest} was refused: ${reason}`);
  }
}
