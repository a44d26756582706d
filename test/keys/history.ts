// A history of the signing keys, lived by the real planner, the real rings and the real custody: replicas that come,
// go, crash, are cut off and have clocks of their own; operators; deploys; backups. Only the store is a model.
//
// Verifiers are not played but reckoned: every JWKS that any replica served is kept with the instant it was fetched,
// every token with the instant it was signed, and in the end each token is held against each JWKS that somebody
// could still have cached while the token was alive. That is every verifier there could have been.
import { createPublicKey, type KeyObject } from 'node:crypto';
import { generateSigningKey, unwrapPrivateKey } from '../../src/keys/custody.ts';
import type { KeyEncryptionKeys } from '../../src/keys/key-encryption-keys.ts';
import { createKeyring, type Keyring } from '../../src/keys/keyring.ts';
import {
  CLOCK_SKEW,
  type KeyState,
  leadTime,
  settleTime,
  signingHorizon,
  type Timetable,
} from '../../src/keys/lifecycle.ts';
import { earliestRemoval } from '../../src/keys/plan.ts';
import { removeKey } from '../../src/keys/remove.ts';
import { type KeyManagement, maintainKeys, revokeKey, rotateKeys } from '../../src/keys/rotate.ts';
import { SigningUnavailableError } from '../../src/keys/signing-unavailable.ts';
import { importKeys } from '../../src/keys/transfer.ts';
import { OperatorError } from '../../src/operator-error.ts';
import {
  type KeyRecord,
  type KeySet,
  type KeyStore,
  type SigningAlg,
  StoreUnavailableError,
} from '../../src/stores/stores.ts';
import { type MemoryKeys, memoryKeys } from './memory-keys.ts';

/** What keys.md promises, each by its name. A history in which one does not hold throws Broken. */
export const INVARIANTS = {
  K0: 'no good token is refused by a verifier whose JWKS is within the declared lifetime',
  K1: 'every algorithm has an active and a standby key',
  K2: 'nothing is signed by a key that some replica in touch does not publish',
  K4: 'kid and key are one to one for ever',
  K5: 'the kid of the header is the key that signed',
  K6: 'no private member is published',
  K7: 'the replicas publish the same within S',
  K8: 'no key goes back to an earlier state',
  K9: 'revoked is for ever, and survives a restore',
  K10: 'a restart and a new replica change nothing',
  K11: 'no private key is in the clear in the store, the audit log, an error or the JWKS',
  K12: 'kinds of token differ in typ',
  K13: 'the JWKS is served with the store away',
  fit: 'a replica in touch with the store always signs',
  horizon: 'a replica that is cut off for too long does not sign',
  told: 'a replica that is cut off for longer than S says so',
  fault: 'nothing but an operator error comes out',
} as const;
export type Invariant = keyof typeof INVARIANTS;

export class Broken extends Error {
  readonly invariant: Invariant;
  constructor(invariant: Invariant, how: string) {
    super(`${invariant} is broken, ${INVARIANTS[invariant]}: ${how}`);
    this.invariant = invariant;
  }
}

/** Where a history can be lived by something that is not quite the real thing: to see that it is found out. */
export interface Engine {
  /** the timetable that plans are made by */
  planning(timetable: Timetable): Timetable;
  /** the timetable that rings live by */
  ring(timetable: Timetable): Timetable;
  store(keys: KeyStore): KeyStore;
  maintain(management: KeyManagement): Promise<unknown>;
  noted(notes: ReadonlyMap<string, number>): ReadonlyMap<string, number>;
  /** a ring that starts anew at every look forgets the t that it has seen */
  readonly isForgetful: boolean;
}

export const realEngine: Engine = {
  planning: (timetable) => timetable,
  ring: (timetable) => timetable,
  store: (keys) => keys,
  maintain: maintainKeys,
  noted: (notes) => notes,
  isForgetful: false,
};

export type Step =
  | { readonly do: 'wait'; readonly seconds: number }
  /** to the instant, by this replica's clock, at which something changes by itself */
  | { readonly do: 'meet'; readonly replica: number; readonly boundary: number; readonly by: number }
  | { readonly do: 'sign'; readonly replica: number; readonly share: number }
  | { readonly do: 'maintain'; readonly replica: number }
  | { readonly do: 'rotate'; readonly now: boolean; readonly alg: number }
  | { readonly do: 'revoke' | 'remove'; readonly which: number }
  | { readonly do: 'outlive'; readonly by: number }
  | { readonly do: 'import'; readonly role: 'active' | 'standby' | 'retired' }
  | { readonly do: 'race'; readonly one: Step; readonly other: Step }
  | { readonly do: 'cut' | 'mend' | 'crash' | 'restart'; readonly replica: number }
  | { readonly do: 'outage' | 'end of outage' | 'join' | 'backup' | 'restore' | 'lose reply' }
  | { readonly do: 'clock'; readonly replica: number; readonly offset: number }
  | { readonly do: 'deploy'; readonly timetable: Partial<Timetable> };

export interface Setting {
  readonly timetable: Timetable;
  readonly replicas: number;
  /** whether the keys folder can be written: where it cannot, only running replicas remember a revocation */
  readonly hasNotes: boolean;
}

export interface Tally {
  tokens: number;
  jwks: number;
  /** pairs of a token and a JWKS without its key, each held against the exemptions */
  absences: number;
  restores: number;
  refusals: number;
  switches: number;
  removals: number;
}

interface Replica {
  readonly name: number;
  offset: number;
  inTouch: boolean;
  ring: Keyring;
  management: KeyManagement;
  /** when the store was last read, in true time, and the timeline that it was on then */
  pictureAt: number;
  timeline: number;
  nextRoundAt: number;
  /** the furthest state of every key that this process has seen */
  ranks: Map<string, number>;
  revoked: Set<string>;
}

/** Tokens of one key and one timeline whose lives overlap: they ask the same of every JWKS. */
interface Tokens {
  readonly kid: string;
  readonly timeline: number;
  readonly from: number;
  /** a verifier whose clock is behind takes the last of them till then */
  until: number;
  readonly by: Set<number>;
}

interface Jwks {
  readonly kids: ReadonlySet<string>;
  readonly fetchedAt: number;
  /** in true time: nobody within the declared lifetimes has it any more */
  cachedUntil: number;
  readonly pictureAt: number;
  readonly timeline: number;
  readonly by: number;
  /** how long the replica had been cut off while others went on; 0 where there was nothing to miss */
  readonly behindBy: number;
}

/** What is true of a key, whoever knows it. */
interface Truth {
  readonly alg: SigningAlg;
  readonly publicKey: string;
  readonly publishedAt: number;
  revokedAt: number;
  /** it was made to sign before its lead was over: by --now, an import, the first start, an emergency */
  isForced: boolean;
  /** till then there is no elder key to sign while the replicas get to know it */
  aloneUntil: number;
}

const START = 1_800_000_000;
const TICK = 1 / 1024;
const RANK: Record<KeyState, number> = { standby: 0, active: 1, retired: 2, removed: 3, revoked: 4 };
const kek = { kid: 'test', secret: Buffer.alloc(32, 7) };
const keyEncryptionKeys = (): KeyEncryptionKeys => ({ current: kek, all: [kek] });

/** Lives the history. Throws Broken at the first promise that does not hold. */
export async function live(
  setting: Setting,
  steps: readonly Step[],
  engine: Engine = realEngine,
): Promise<Tally> {
  const world = new World(setting, engine);
  await world.begin();
  for (const step of steps) await world.take(step);
  await world.end();
  return world.tally;
}

class World {
  readonly tally: Tally = {
    tokens: 0,
    jwks: 0,
    absences: 0,
    restores: 0,
    refusals: 0,
    switches: 0,
    removals: 0,
  };
  readonly #setting: Setting;
  readonly #engine: Engine;
  readonly #store: MemoryKeys;
  readonly #replicas: Replica[] = [];
  readonly #truths = new Map<string, Truth>();
  readonly #notes = new Map<string, number>();
  readonly #tokens = new Map<string, Tokens[]>();
  readonly #seen: Jwks[] = [];
  readonly #backups: { readonly set: KeySet }[] = [];
  readonly #said: string[] = [];
  readonly #everActive = new Set<SigningAlg>();
  /** active by the slowest clock too */
  readonly #signing = new Set<SigningAlg>();
  readonly #publicKeys = new WeakMap<KeyObject, string>();
  #timetable: Timetable;
  #now = START;
  #changedAt = START;
  /** a key was noted to sign for longer than before */
  #lengthenedAt = START;
  #shortestHorizon = Number.POSITIVE_INFINITY;
  #timeline = 0;
  #restoredAt = START;
  #crashedAt = 0;
  #isOut = false;
  #names = 0;
  #rounds = 0;
  #operatorOffset = 0;
  #signedWith: KeyObject | undefined;

  constructor(setting: Setting, engine: Engine) {
    this.#setting = setting;
    this.#engine = engine;
    this.#timetable = setting.timetable;
    this.#shortestHorizon = this.#cutOffLimit();
    this.#store = memoryKeys((after) => this.#applied(after));
  }

  async begin(): Promise<void> {
    // All at once: one set of keys comes of it.
    const first = this.#switching('first start');
    const started = Array.from({ length: this.#setting.replicas }, () => this.#start());
    this.#replicas.push(...(await Promise.all(started)).filter((replica) => replica !== undefined));
    first();
    await this.#observe();
    // What happens next is no part of the picture that they have.
    this.#now += TICK;
  }

  async end(): Promise<void> {
    const { verifierCacheLifetime, longestTokenLifetime } = this.#timetable;
    await this.take({ do: 'end of outage' });
    for (const replica of this.#replicas) replica.inTouch = true;
    if (this.#replicas.length === 0) await this.take({ do: 'join' });
    await this.#advance(this.#now + 2 * settleTime(this.#timetable));
    this.#alike();
    await this.#advance(this.#now + 2 * leadTime(this.#timetable));
    await this.#advance(this.#now + 2 * (verifierCacheLifetime + longestTokenLifetime) + CLOCK_SKEW);
    this.#alike();
    this.#reckon();
    await this.#searchForPrivateKeys();
  }

  async take(step: Step): Promise<void> {
    await this.#act(step);
    this.#now += TICK;
    await this.#observe();
  }

  // ---- what can happen

  async #act(step: Step): Promise<void> {
    switch (step.do) {
      case 'wait':
        return this.#advance(this.#now + step.seconds);
      case 'meet':
        return this.#meet(step);
      case 'sign':
        return this.#signLong(this.#pick(step.replica), step.share);
      case 'maintain':
        return this.#round(this.#pick(step.replica), true);
      case 'rotate':
      case 'revoke':
      case 'remove':
      case 'import':
      case 'race':
        return this.#operate(step);
      case 'outlive':
        return this.#outlive(step.by);
      case 'cut':
      case 'mend':
        for (const replica of this.#pick(step.replica)) replica.inTouch = step.do === 'mend';
        return;
      case 'crash':
      case 'restart':
        return this.#leave(this.#pick(step.replica), step.do === 'restart');
      case 'join':
        return this.#join();
      case 'outage':
      case 'end of outage':
        this.#isOut = step.do === 'outage';
        return;
      case 'lose reply':
        return this.#store.loseNextReply();
      case 'backup':
        this.#backups.push({ set: this.#store.now() });
        return;
      case 'restore':
        return this.#restore();
      case 'clock':
        for (const replica of this.#pick(step.replica)) replica.offset = step.offset * this.#drift();
        this.#operatorOffset = -step.offset * this.#drift();
        return;
      case 'deploy':
        return this.#deploy(step.timetable);
    }
  }

  /** For as long as this the promises hold for a replica that is cut off; S more and it signs no longer. */
  #cutOffLimit(): number {
    return signingHorizon(this.#timetable) - settleTime(this.#timetable);
  }

  /** Clocks may be this far from the store's before a replica is unfit. */
  #drift(): number {
    return Math.min(5, this.#timetable.reloadInterval / 2);
  }

  #pick(index: number): Replica[] {
    return this.#replicas.length > 0 ? [this.#replicas[index % this.#replicas.length] as Replica] : [];
  }

  async #meet({ replica: index, boundary, by }: Step & { do: 'meet' }): Promise<void> {
    const [replica] = this.#pick(index);
    const instants = [...new Set(this.#instants())].filter((at) => at > this.#now + 10).sort((a, b) => a - b);
    const at = instants[boundary % Math.min(instants.length, 4)];
    if (!replica || at === undefined) return;
    // What is far away is not waited for.
    await this.#advance(Math.min(at - replica.offset + by, this.#now + 20 * leadTime(this.#timetable)));
  }

  async #operate(step: Step): Promise<void> {
    const management = this.#managementFor(`operator`, { offset: this.#operatorOffset, inTouch: true });
    if (step.do === 'race') {
      await Promise.all([this.#operate(step.one), this.#operate(step.other)]);
    } else if (step.do === 'rotate') {
      const alg = this.#timetable.algs[step.alg % this.#timetable.algs.length] as SigningAlg;
      const switched = step.now ? this.#switching('now') : () => undefined;
      await this.#told(() => rotateKeys(management, alg, { now: step.now, reason: 'a test' }));
      switched();
    } else if (step.do === 'import') {
      const alg = this.#timetable.algs[0] as SigningAlg;
      const { privateJwk } = await generateSigningKey(alg, 2048);
      const text = JSON.stringify(privateJwk);
      const switched = step.role === 'active' ? this.#switching('now') : () => undefined;
      await this.#told(() => importKeys(management, { text, role: step.role, alg }));
      switched();
    } else if (step.do === 'revoke') {
      const key = this.#keyAt(step.which);
      if (key) await this.#revoke(key, management);
    } else if (step.do === 'remove') {
      await this.#remove(this.#keyAt(step.which, 'retired'), management);
    }
  }

  async #remove(key: KeyRecord | undefined, management: KeyManagement): Promise<void> {
    if (key && (await this.#told(() => removeKey(management, key.kid)))) this.tally.removals += 1;
  }

  /** A key retires, lives become shorter, and it goes as soon as it may. */
  async #outlive(by: number): Promise<void> {
    await this.#operate({ do: 'rotate', now: true, alg: 0 });
    await this.#advance(this.#now + 2 * settleTime(this.#timetable) + 1);
    await this.#deploy({ longestTokenLifetime: 5, verifierCacheLifetime: 5 });
    const key = this.#keyAt(0, 'retired');
    if (key) await this.#advance(Math.max(this.#now, earliestRemoval(key, this.#timetable) + by));
    await this.#operate({ do: 'remove', which: 0 });
  }

  #keyAt(which: number, state?: KeyState): KeyRecord | undefined {
    const t = Math.max(this.#now, this.#store.now().lastT);
    const keys = this.#store
      .now()
      .keys.filter((key) => state === undefined || this.#stateAt(key, t) === state)
      .sort((a, b) => a.publishAt - b.publishAt || a.activateAt - b.activateAt || 0);
    return keys[which % Math.max(keys.length, 1)];
  }

  async #revoke(key: KeyRecord, management: KeyManagement): Promise<void> {
    const switched = this.#switching('emergency');
    const change = await this.#told(() => revokeKey(management, key.kid, { reason: 'a test' }));
    switched();
    if (change && this.#setting.hasNotes) this.#notes.set(key.kid, change.t);
  }

  /** One that comes, as src/service.ts does it: what is due is made, the ring is filled, then it serves. */
  async #start(offset = 0): Promise<Replica | undefined> {
    if (this.#isOut) return undefined;
    const at = { offset, inTouch: true };
    const replica: Replica = Object.assign(at, {
      name: this.#names++,
      ring: undefined as unknown as Keyring,
      management: undefined as unknown as KeyManagement,
      pictureAt: Number.NEGATIVE_INFINITY,
      timeline: this.#timeline,
      nextRoundAt: this.#now + this.#timetable.reloadInterval,
      ranks: new Map<string, number>(),
      revoked: new Set<string>(),
    });
    replica.management = this.#managementFor('scheduler', replica);
    replica.ring = this.#newRing(replica);
    await this.#told(() => this.#maintain(replica));
    await this.#reload(replica);
    return replica;
  }

  #newRing(replica: Pick<Replica, 'offset' | 'inTouch'>): Keyring {
    return createKeyring({
      keys: this.#storeFor(replica),
      health: { now: async () => this.#storeTime(replica) },
      clock: { now: () => this.#now + replica.offset },
      timetable: this.#engine.ring(this.#timetable),
      // The signature itself is signer.test.ts's: here counts with which key it would be made.
      signer: {
        inTurn: (work) => work(),
        sign: async (_alg, key) => {
          this.#signedWith = key;
          return 'c2ln';
        },
      },
      keyEncryptionKeys,
      revokedElsewhere: () => this.#engine.noted(this.#notes),
    });
  }

  #managementFor(
    actor: string,
    who: Pick<Replica, 'offset' | 'inTouch'> & { ring?: Keyring },
  ): KeyManagement {
    return {
      keys: this.#storeFor(who),
      health: { now: async () => this.#storeTime(who) },
      clock: { now: () => this.#now + who.offset },
      timetable: this.#engine.planning(this.#timetable),
      rsaModulusLength: 2048,
      keyEncryptionKeys,
      actor,
      revokedElsewhere: () =>
        this.#engine.noted(
          (who.ring as { revocations(): ReadonlyMap<string, number> } | undefined)?.revocations?.() ??
            this.#notes,
        ),
    } as KeyManagement;
  }

  #storeTime({ inTouch }: Pick<Replica, 'inTouch'>): number {
    if (this.#isOut || !inTouch) throw new StoreUnavailableError('away');
    return this.#now;
  }

  #storeFor(who: Pick<Replica, 'inTouch'>): KeyStore {
    const keys = this.#engine.store(this.#store);
    const reached = async <T>(ask: () => Promise<T>): Promise<T> => {
      this.#storeTime({ inTouch: who.inTouch });
      return ask();
    };
    return {
      read: () => reached(() => keys.read()),
      apply: (change) => reached(() => keys.apply(change)),
      recordIssued: (figures) =>
        reached(async () => {
          const before = this.#longestLifetimes();
          await keys.recordIssued(figures);
          if (this.#longestLifetimes() !== before) this.#lengthenedAt = this.#now;
        }),
    };
  }

  #longestLifetimes(): string {
    return this.#store
      .now()
      .keys.map(({ longestLifetime }) => longestLifetime)
      .join();
  }

  async #maintain(replica: Replica): Promise<void> {
    const switched = this.#switching('emergency');
    await this.#engine.maintain(replica.management);
    switched();
    this.#whole();
  }

  async #reload(replica: Replica): Promise<void> {
    const [at, timeline] = [this.#now, this.#timeline];
    if (this.#engine.isForgetful) replica.ring = this.#newRing(replica);
    await replica.ring.reload();
    // One that was cut off has lived by a plan that may have been changed meanwhile: by a revocation, a key that was
    // to retire signs on.
    const wasCutOff = at - replica.pictureAt > this.#timetable.reloadInterval + 1;
    if (timeline !== replica.timeline || wasCutOff) replica.ranks.clear();
    Object.assign(replica, { pictureAt: at, timeline });
  }

  /** What a replica does by itself, as src/keys/care.ts does it. */
  async #round([replica]: Replica[], isLeader: boolean): Promise<void> {
    if (!replica) return;
    replica.nextRoundAt = this.#now + this.#timetable.reloadInterval;
    await this.#told(() => replica.ring.flushIssued());
    if (isLeader || replica.ring.remembersMore()) await this.#told(() => this.#maintain(replica));
    await this.#told(() => this.#reload(replica));
  }

  async #leave([replica]: Replica[], inOrder: boolean): Promise<void> {
    if (!replica) return;
    this.#replicas.splice(this.#replicas.indexOf(replica), 1);
    if (!inOrder) {
      this.#crashedAt = this.#now;
      return;
    }
    await this.#told(() => replica.ring.flushIssued());
    const leader = this.#replicas.find(({ inTouch }) => inTouch);
    if (!leader || this.#isOut || !replica.inTouch) return this.#join(replica.offset);
    await this.#told(() => this.#maintain(leader));
    const before = this.#store.now().revision;
    // The clock that comes may be ahead of the leader's, across a boundary; then something is due indeed.
    const isSame = leader.offset === replica.offset;
    await this.#join(replica.offset);
    if (isSame && this.#store.now().revision !== before)
      throw new Broken('K10', 'a restart moved the revision');
  }

  async #join(offset = 0): Promise<void> {
    if (this.#replicas.length >= 4) return;
    const replica = await this.#start(offset);
    if (replica) this.#replicas.push(replica);
  }

  #restore(): void {
    const backup = this.#backups.at(-1);
    if (!backup) return;
    this.tally.restores += 1;
    this.#store.restore(backup.set);
    this.#timeline += 1;
    this.#changedAt = this.#now;
    this.#restoredAt = this.#now;
    // An algorithm that the backup does not know joins once more.
    this.#everActive.clear();
    this.#signing.clear();
  }

  /** Every process is stopped in order and started with the new settings; one that is cut off is brought back first. */
  async #deploy(settings: Partial<Timetable>): Promise<void> {
    // What a crash lost is covered by the setting that the tokens were made by, not by a shorter one.
    const { longestTokenLifetime, verifierCacheLifetime } = { ...this.#timetable, ...settings };
    const isShorter =
      longestTokenLifetime < this.#timetable.longestTokenLifetime ||
      verifierCacheLifetime < this.#timetable.verifierCacheLifetime;
    const lost = 4 * this.#timetable.longestTokenLifetime + signingHorizon(this.#timetable);
    if (isShorter && this.#now - this.#crashedAt < lost) return;
    this.#isOut = false;
    for (const replica of this.#replicas) replica.inTouch = true;
    for (const replica of this.#replicas) await this.#told(() => replica.ring.flushIssued());
    this.#timetable = { ...this.#timetable, ...settings };
    this.#shortestHorizon = Math.min(this.#shortestHorizon, this.#cutOffLimit());
    const { jwksMaxAge } = this.#timetable;
    // The declaration holds for the verifiers that have a JWKS already.
    for (const jwks of this.#seen) {
      jwks.cachedUntil = Math.min(
        jwks.cachedUntil,
        jwks.fetchedAt + jwksMaxAge + settleTime(this.#timetable) + verifierCacheLifetime,
      );
    }
    const offsets = this.#replicas.splice(0).map(({ offset }) => offset);
    for (const offset of offsets) await this.#join(offset);
  }

  /** Runs something that may fail as an operator is told; anything else is a fault. */
  async #told<T>(work: () => Promise<T>): Promise<T | undefined> {
    try {
      return await work();
    } catch (error) {
      if (error instanceof Broken) throw error;
      this.#said.push(String((error as Error).stack), JSON.stringify(error));
      if (error instanceof OperatorError || error instanceof StoreUnavailableError) return undefined;
      throw new Broken('fault', String((error as Error).stack));
    }
  }

  // ---- time

  /** Every instant at which something changes, here or in the picture of a replica that is cut off. */
  #instants(): number[] {
    const { rotationPeriod } = this.#timetable;
    const [lead, settle, horizon] = [leadTime, settleTime, signingHorizon].map((of) =>
      of(this.#timetable),
    ) as [number, number, number];
    const ofKeys = this.#store.now().keys.flatMap((key) => {
      const { publishAt, activateAt, retireAt, removeAt, lastTokenExpiresAt } = key;
      const removal = Math.max(removeAt, lastTokenExpiresAt + CLOCK_SKEW + settle);
      const planned = [activateAt - lead, activateAt, activateAt + settle, activateAt + rotationPeriod];
      return [publishAt + lead, ...planned, retireAt, removeAt, removal];
    });
    const cutOff = this.#replicas.filter((replica) => this.#isOut || !replica.inTouch);
    const ofCutOff = cutOff.flatMap(({ pictureAt }) => [
      pictureAt + settle,
      pictureAt + this.#cutOffLimit(),
      pictureAt + horizon,
    ]);
    return [...ofKeys, ...ofCutOff];
  }

  /** Lets time pass. Where nothing can happen it leaps, since rounds that find nothing to do leave no trace. */
  async #advance(to: number): Promise<void> {
    const { reloadInterval } = this.#timetable;
    const drift = this.#drift();
    while (this.#now < to) {
      const busyUntil = this.#changedAt + settleTime(this.#timetable);
      const next = Math.min(to, ...this.#instants().filter((at) => at > this.#now - drift - reloadInterval));
      const leapTo = next - drift - 2 * reloadInterval;
      if (this.#now > busyUntil && leapTo > this.#now + reloadInterval) this.#now = leapTo;
      const due = Math.min(...this.#replicas.map(({ nextRoundAt }) => Math.max(nextRoundAt, this.#now)));
      this.#now = Math.min(to, Number.isFinite(due) ? due : this.#now + reloadInterval);
      for (const replica of [...this.#replicas]) {
        if (replica.nextRoundAt > this.#now) continue;
        // The lease goes round: whoever comes first in a turn has it.
        const isLeader = this.#rounds++ % Math.max(this.#replicas.length, 1) === 0;
        await this.#round([replica], isLeader);
      }
      await this.#observe();
    }
  }

  // ---- what is true

  #applied(after: KeySet): void {
    this.#changedAt = this.#now;
    for (const key of after.keys) {
      const { kid, alg, publicJwk, revokedAt } = key;
      const publicKey = JSON.stringify([publicJwk.kty, publicJwk.x, publicJwk.y, publicJwk.n]);
      const truth = this.#truths.get(kid) ?? {
        alg,
        publicKey,
        publishedAt: this.#now,
        revokedAt: Number.POSITIVE_INFINITY,
        isForced: false,
        aloneUntil: 0,
      };
      if (truth.publicKey !== publicKey || truth.alg !== alg)
        throw new Broken('K4', `${kid} became another key`);
      this.#truths.set(kid, truth);
      if (revokedAt !== null) truth.revokedAt = Math.min(truth.revokedAt, this.#now);
    }
  }

  /**
   * Notes which keys are made to sign before their lead is over by what happens until the returned function is
   * called. `now` was asked for and costs what it costs; the others have nothing else to sign with.
   */
  #switching(why: 'first start' | 'now' | 'emergency'): () => void {
    const { keys } = this.#store.now();
    return () => {
      // By the clock of whoever planned, which may be ahead: for it an elder has retired that signs here still.
      const before = this.#activeKids(keys);
      const after = this.#activeKids();
      for (const alg of new Set(this.#store.now().keys.map((key) => key.alg))) {
        const isOf = (kid: string) => this.#truths.get(kid)?.alg === alg;
        const had = before.filter(isOf);
        const were = had.filter(this.#isGood);
        const are = after.filter(isOf);
        const isJoining = this.#everActive.size > 0 && !this.#everActive.has(alg);
        if (are.length > 0 && are.join() !== were.join()) this.tally.switches += 1;
        if (why !== 'now' && (were.length > 0 || isJoining)) {
          // An elder may be young itself: who is left after a revocation signs, however young.
          if (had.length !== were.length) this.#alone(are);
          continue;
        }
        if (why !== 'now') this.#alone(are);
        for (const kid of are.filter((kid) => !were.includes(kid))) {
          const truth = this.#truths.get(kid) as Truth;
          if (truth.publishedAt + leadTime(this.#timetable) > this.#now) truth.isForced = true;
        }
      }
      this.#noteActive(after);
    };
  }

  #noteActive(kids: readonly string[]): void {
    for (const kid of kids) this.#everActive.add((this.#truths.get(kid) as Truth).alg);
  }

  #alone(kids: readonly string[]): void {
    const until = this.#now + this.#timetable.reloadInterval + 1;
    for (const kid of kids) (this.#truths.get(kid) as Truth).aloneUntil = until;
  }

  #isGood = (kid: string): boolean => {
    const truth = this.#truths.get(kid);
    return truth !== undefined && truth.revokedAt > this.#now && !this.#notes.has(kid);
  };

  #activeKids(
    keys: readonly KeyRecord[] = this.#store.now().keys,
    t = Math.max(this.#now, this.#store.now().lastT),
  ): string[] {
    return keys.filter((key) => this.#stateAt(key, t) === 'active').map(({ kid }) => kid);
  }

  /** The states of keys.md, told once more. */
  #stateAt(key: KeyRecord, t: number): KeyState {
    if (key.revokedAt !== null) return 'revoked';
    if (t < key.activateAt) return 'standby';
    if (t < key.retireAt) return 'active';
    const margin = CLOCK_SKEW + settleTime(this.#timetable);
    return t < Math.max(key.removeAt, key.lastTokenExpiresAt + margin) ? 'retired' : 'removed';
  }

  // ---- what has to hold

  /** K1, after every maintenance; and K9, what was noted is in the store again. */
  #whole(): void {
    const { keys, lastT } = this.#store.now();
    const t = Math.max(this.#now, lastT);
    for (const alg of this.#timetable.algs) {
      const states = keys.filter((key) => key.alg === alg).map((key) => this.#stateAt(key, t));
      const count = (state: KeyState) => states.filter((one) => one === state).length;
      // An algorithm that has just joined waits for its lead: then one more key is in store.
      const needed = count('active') > 0 ? 1 : 2;
      if (count('active') === 0 && this.#everActive.has(alg))
        throw new Broken('K1', `${alg} has no active key`);
      if (count('standby') < needed) throw new Broken('K1', `${alg} has ${count('standby')} standby keys`);
    }
    for (const kid of this.#notes.keys()) {
      const key = keys.find((candidate) => candidate.kid === kid);
      if (key && key.revokedAt === null)
        throw new Broken('K9', `${kid} is not revoked in the restored store`);
    }
  }

  async #observe(): Promise<void> {
    this.#noteActive(this.#activeKids());
    for (const kid of this.#activeKids(this.#store.now().keys, this.#now - this.#drift()))
      this.#signing.add((this.#truths.get(kid) as Truth).alg);
    for (const replica of this.#replicas) {
      if (this.#engine.isForgetful && !this.#isOut && replica.inTouch) await this.#reload(replica);
      const jwks = this.#fetch(replica);
      this.#ranked(replica);
      for (const alg of this.#timetable.algs)
        await this.#sign(replica, alg, this.#timetable.longestTokenLifetime, jwks);
      const age = this.#now - replica.pictureAt;
      if (age > settleTime(this.#timetable) + 2 * this.#drift() && replica.ring.faults().length === 0) {
        throw new Broken('told', `${age} s`);
      }
    }
  }

  /** A replica in touch: it has read the store within the reload interval. */
  #isInTouch = ({ inTouch, pictureAt }: Replica): boolean =>
    inTouch && !this.#isOut && this.#now - pictureAt <= this.#timetable.reloadInterval + 1;

  #fetch(replica: Replica): Jwks {
    const { verifierCacheLifetime, jwksMaxAge } = this.#timetable;
    let published: { keys: Record<string, string>[] };
    try {
      published = JSON.parse(replica.ring.jwks().body);
    } catch (error) {
      throw new Broken('K13', String(error));
    }
    for (const jwk of published.keys) {
      const members = Object.keys(jwk).filter((name) => !/^(kty|n|e|crv|x|y|kid|alg|use)$/.test(name));
      if (members.length > 0) throw new Broken('K6', members.join());
    }
    const jwks: Jwks = {
      kids: new Set(published.keys.map(({ kid }) => kid as string)),
      fetchedAt: this.#now,
      cachedUntil: this.#now + jwksMaxAge + settleTime(this.#timetable) + verifierCacheLifetime,
      pictureAt: replica.pictureAt,
      timeline: replica.timeline,
      by: replica.name,
      behindBy:
        Math.max(this.#changedAt, this.#lengthenedAt) > replica.pictureAt ? this.#now - replica.pictureAt : 0,
    };
    for (const kid of jwks.kids) this.#neverAgain(replica, kid, 'published');
    this.#seen.push(jwks);
    this.tally.jwks += 1;
    return jwks;
  }

  /** K9, for one replica: what it knows to be revoked, or could know, is not used. */
  #neverAgain(replica: Replica, kid: string, how: string): void {
    const truth = this.#truths.get(kid) as Truth;
    const isKnown = replica.revoked.has(kid) || (this.#notes.has(kid) && truth.revokedAt < replica.pictureAt);
    if (isKnown) throw new Broken('K9', `${kid} is revoked, and replica ${replica.name} ${how} it`);
  }

  #ranked(replica: Replica): void {
    const { keys, t } = replica.ring.snapshot();
    for (const key of keys) {
      // A change of state is final once every clock that may plan has passed it: before that, a revocation may need a
      // key again that a clock ahead of the planner's has retired.
      const state = this.#stateAt(key, Math.min(t, this.#now - this.#drift()));
      if (state === 'revoked') replica.revoked.add(key.kid);
      const rank = RANK[state];
      const before = replica.ranks.get(key.kid) ?? 0;
      // A restored store has older times, and a replica may have seen what it has forgotten.
      const isRestored = this.#timeline > 0;
      if (rank < before && !isRestored) throw new Broken('K8', `${key.kid} went back to ${state}`);
      replica.ranks.set(key.kid, rank);
    }
  }

  async #signLong([replica]: Replica[], share: number): Promise<void> {
    if (!replica) return;
    const lifetime = Math.max(1, Math.round(share * this.#timetable.longestTokenLifetime));
    for (const alg of this.#timetable.algs) await this.#sign(replica, alg, lifetime, this.#fetch(replica));
  }

  async #sign(replica: Replica, alg: SigningAlg, lifetime: number, jwks: Jwks): Promise<void> {
    const iat = Math.floor(this.#now + replica.offset);
    const exp = iat + lifetime;
    const request = { alg, typ: 'at+jwt', claims: { iat, exp } };
    const jws = await replica.ring.sign(request).catch((error: unknown) => {
      if (error instanceof SigningUnavailableError) return undefined;
      throw new Broken('fault', String((error as Error).stack));
    });
    const age = this.#now - replica.pictureAt;
    if (jws === undefined) {
      this.tally.refusals += 1;
      const isRestored = this.#now - this.#restoredAt <= 3 * this.#timetable.reloadInterval;
      if (this.#isInTouch(replica) && this.#signing.has(alg) && !isRestored) {
        throw new Broken(
          'fit',
          `replica ${replica.name} has no signature for ${alg}: ${replica.ring.faults()}`,
        );
      }
      return;
    }
    if (age > signingHorizon(this.#timetable) + 2 * this.#drift()) {
      throw new Broken('horizon', `replica ${replica.name} has been cut off for ${age} s and signs`);
    }
    const header = JSON.parse(Buffer.from(jws.split('.')[0] as string, 'base64url').toString());
    if (header.typ !== 'at+jwt' || header.alg !== alg) throw new Broken('K12', JSON.stringify(header));
    this.#signed(replica, header.kid, exp, jwks);
  }

  #signed(replica: Replica, kid: string, exp: number, jwks: Jwks): void {
    const truth = this.#truths.get(kid) as Truth;
    if (this.#publicOf(this.#signedWith as KeyObject) !== truth.publicKey) throw new Broken('K5', kid);
    this.#neverAgain(replica, kid, 'signed with');
    if (!jwks.kids.has(kid))
      throw new Broken('K2', `replica ${replica.name} signs with ${kid}, hidden by itself`);
    this.tally.tokens += 1;
    const { name: by, timeline } = replica;
    this.#issued(kid, timeline, exp + CLOCK_SKEW, by);
    if (truth.aloneUntil > this.#now || truth.revokedAt <= this.#now) return;
    for (const other of this.#replicas) {
      if (other.timeline !== replica.timeline || !this.#isInTouch(other)) continue;
      if (!other.ring.jwks().body.includes(kid)) {
        throw new Broken(
          'K2',
          `replica ${by} signs with ${kid}, and replica ${other.name} does not publish it`,
        );
      }
    }
  }

  #issued(kid: string, timeline: number, until: number, by: number): void {
    const line = this.#tokens.get(`${timeline} ${kid}`) ?? [];
    this.#tokens.set(`${timeline} ${kid}`, line);
    const last = line.at(-1);
    if (last && this.#now <= last.until) {
      last.until = Math.max(last.until, until);
      last.by.add(by);
    } else line.push({ kid, timeline, from: this.#now, until, by: new Set([by]) });
  }

  #publicOf(key: KeyObject): string {
    const known = this.#publicKeys.get(key);
    if (known) return known;
    const { kty, x, y, n } = createPublicKey(key).export({ format: 'jwk' });
    const found = JSON.stringify([kty, x, y, n]);
    this.#publicKeys.set(key, found);
    return found;
  }

  /** K7, where everybody has had the time to read, and nothing changes just now. */
  #alike(): void {
    const isNear = this.#instants().some((at) => Math.abs(at - this.#now) <= 2 * this.#drift() + 1);
    const inTouch = this.#replicas.filter(this.#isInTouch);
    if (isNear || this.#now - this.#changedAt < settleTime(this.#timetable)) return;
    const published = new Set(inTouch.map(({ ring }) => ring.jwks().etag + ring.jwks().body));
    if (published.size > 1) throw new Broken('K7', [...published].join(' and '));
  }

  /**
   * Every token against every JWKS. A token is alive until it expires by a clock that is CLOCK_SKEW behind, or its
   * key is revoked. Let off are only
   *   another timeline: a restored store has forgotten the keys, or the removals, of one of the two;
   *   a stale replica: cut off for longer than the horizon allows for (the shortest that was declared) while the
   *     keys went on changing;
   *   a forced key and a picture from before it was published: --now, an import as active, the first start, or
   *   an emergency in which the standby key had not been published for its lead.
   */
  #reckon(): void {
    for (const tokens of [...this.#tokens.values()].flat()) {
      const truth = this.#truths.get(tokens.kid) as Truth;
      const aliveUntil = Math.min(tokens.until, truth.revokedAt);
      for (const jwks of this.#seen) {
        const from = Math.max(tokens.from, jwks.fetchedAt);
        if (from >= Math.min(aliveUntil, jwks.cachedUntil) || jwks.kids.has(tokens.kid)) continue;
        this.tally.absences += 1;
        if (jwks.timeline !== tokens.timeline || jwks.behindBy > this.#shortestHorizon) continue;
        if (truth.isForced && jwks.pictureAt <= truth.publishedAt) continue;
        throw new Broken('K0', this.#refusal(tokens, jwks, truth));
      }
    }
  }

  #refusal(tokens: Tokens, jwks: Jwks, truth: Truth): string {
    const at = (instant: number) => (instant - START).toFixed(3);
    const cached = `at ${at(jwks.fetchedAt)}, cached until ${at(jwks.cachedUntil)}`;
    return [
      `${tokens.kid}, published at ${at(truth.publishedAt)}`,
      `has tokens of replica ${[...tokens.by]} alive from ${at(tokens.from)} until ${at(tokens.until)}`,
      `replica ${jwks.by} with a picture of ${at(jwks.pictureAt)} served a JWKS without it ${cached}`,
      JSON.stringify(this.#timetable),
    ].join('; ');
  }

  async #searchForPrivateKeys(): Promise<void> {
    const everything = [
      JSON.stringify(this.#store.now()),
      JSON.stringify(this.#store.audit),
      ...this.#said,
      ...this.#replicas.map(({ ring }) => ring.jwks().body + ring.faults().join()),
    ].join('\n');
    for (const { privateJwe } of this.#store.now().keys) {
      if (privateJwe === null) continue;
      const { d } = await unwrapPrivateKey(privateJwe, keyEncryptionKeys());
      if (!d || everything.includes(d)) throw new Broken('K11', 'a private key lies in the open');
    }
  }
}
