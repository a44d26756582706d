// A history of refresh tokens, lived by the real engine: clients whose tabs share a chain, that lose answers and ask
// again, thieves, replicas with clocks of their own that are killed, stores that lose, are away, answer late or never.
// The stores are a stage (refresh-stages.ts); what must hold is in refresh-truth.ts.
import { hmacSha256 } from '../../src/hmac.ts';
import type { AuthorizationServer } from '../../src/oauth/authorization-server.ts';
import { type ClientMetadata, parseClientMetadata } from '../../src/oauth/client.ts';
import type { AuthenticatedClient } from '../../src/oauth/client-authentication.ts';
import { OAuthError } from '../../src/oauth/errors.ts';
import { createFloorLedger } from '../../src/oauth/floor-ledger.ts';
import { drainTombstones, revokeFamily, SWAP_LIFETIME } from '../../src/oauth/refresh-families.ts';
import type { MacKey, MacKeys } from '../../src/oauth/refresh-token.ts';
import { decodeRefreshToken } from '../../src/oauth/refresh-token.ts';
import { authorizeSignIn } from '../../src/oauth/sign-in.ts';
import { systemRandom } from '../../src/random.ts';
import { type FamilyStateStore, type FamilyStore, StoreUnavailableError } from '../../src/stores/stores.ts';
import type { Stored } from './memory-families.ts';
import { type Engine, realEngine } from './refresh-engine.ts';
import { CLIENTS, clientRecord, type Stage } from './refresh-stages.ts';
import {
  type Attempt,
  attemptOf,
  Broken,
  type FamilyTruth,
  holdRefusal,
  holdSuccess,
  type Invariant,
  type Issued,
  Watch,
} from './refresh-truth.ts';

export interface Setting {
  /** seconds */
  readonly retryWindow: number;
  readonly lifetime: number;
  readonly idleLifetime: number;
  /** how far each replica's clock is off */
  readonly skews: readonly number[];
  readonly families: number;
}

/** The newest token of a client, one that a tab of it still holds, or the thief's. */
export type Who = { readonly by: 'newest' | 'thief' } | { readonly by: 'tab'; readonly back: number };

/**
 * How it ends: the answer arrives, or is lost; the replica is killed between its commit and the answer; the swap is
 * stuck on its way, and the replica gives up; the swap is made, and the replica never hears of it.
 */
export type Fate = 'answered' | 'lost' | 'killed' | 'stuck' | 'unheard';

export interface Presentation {
  readonly who: Who;
  readonly replica: number;
  readonly fate: Fate;
}

/** What can happen at any moment, to everybody. */
export type Act =
  | { readonly do: 'snapshot' | 'flush' | 'drain' | 'renew' }
  | { readonly do: 'restore' | 'repeat'; readonly which: number }
  | { readonly do: 'mirror' | 'kill'; readonly replica: number }
  | { readonly do: 'revoke' | 'sign out' | 'disable'; readonly family: number; readonly replica: number };

type Ending = Extract<Act, { do: 'revoke' | 'sign out' | 'disable' }>;

/** Time passes in the midst of a race; a racer goes on with what it got, so many times. */
export type Racer = (Presentation & { readonly times: number }) | Act | { readonly do: 'tick' };

export type Step =
  | Act
  | (Presentation & { readonly do: 'present'; readonly family: number })
  | {
      readonly do: 'race';
      readonly family: number;
      readonly racers: readonly Racer[];
      readonly order: readonly number[];
    }
  | { readonly do: 'wait'; readonly seconds: number }
  /** to the edge of what a consumed token is worth */
  | {
      readonly do: 'meet';
      readonly family: number;
      readonly which: number;
      readonly edge: 'window' | 'deadline' | 'idle' | 'expiry';
      readonly by: number;
    }
  | { readonly do: 'steal'; readonly family: number; readonly which: number }
  | { readonly do: 'alter'; readonly family: number; readonly at: number; readonly to: string }
  | { readonly do: 'stranger'; readonly family: number }
  | { readonly do: 'cut'; readonly store: 'hot' | 'durable' }
  | { readonly do: 'mend' };

export type Tally = Record<string, number>;

/** Seconds that a tick of a race takes: two of them, and a swap comes too late. */
const TICK = 0.6;
/** Seconds that an honest client is on its way, of the one that the window leaves it. */
const ON_ITS_WAY = 0.4;
const ISSUER = 'https://id.example.com';

interface Replica {
  readonly skew: number;
  ledger: ReturnType<typeof createFloorLedger>;
}

type Swap = Parameters<FamilyStateStore['compareAndSwap']>[0];
/** Every call to a store goes through one: a race decides there who is next. */
type Gate = <T>(call: () => Promise<T>) => Promise<T>;
const open: Gate = (call) => call();

/** Lives the history. Throws Broken at the first promise that does not hold. */
export async function live(
  stage: Stage,
  setting: Setting,
  steps: readonly Step[],
  engine: Engine = realEngine,
): Promise<Tally> {
  const world = new World(stage, setting, engine);
  await world.begin();
  for (const step of steps) await world.take(step);
  await world.end();
  return world.tally;
}

class World {
  readonly tally: Tally = {};
  readonly #stage: Stage;
  readonly #setting: Setting;
  readonly #engine: Engine;
  readonly #watch: Watch;
  readonly #client: AuthenticatedClient;
  readonly #stranger: AuthenticatedClient;
  readonly #replicas: Replica[];
  readonly #macKeys: MacKey[] = [macKey(1)];
  readonly #snapshots: Map<FamilyTruth, Stored | undefined>[] = [];
  readonly #commands: { readonly change: Swap; readonly givenUpAt: number }[] = [];
  readonly #cut = { hot: false, durable: false };

  constructor(stage: Stage, setting: Setting, engine: Engine) {
    this.#stage = stage;
    this.#setting = setting;
    this.#engine = engine;
    this.#watch = new Watch(stage);
    const metadata = metadataOf(setting);
    this.#client = { ...clientRecord(CLIENTS[0]), metadata } as AuthenticatedClient;
    this.#stranger = { ...clientRecord(CLIENTS[1]), metadata } as AuthenticatedClient;
    this.#replicas = setting.skews.map((skew) => ({ skew, ledger: this.#ledger() }));
  }

  async begin(): Promise<void> {
    for (let i = 0; i < this.#setting.families; i += 1) await this.#signIn();
  }

  async end(): Promise<void> {
    for (const family of this.#watch.families.values()) {
      await this.#bothActive(family);
      const stored = await this.#stage.peek(family.id);
      if (stored?.expiresAt === Number.POSITIVE_INFINITY) this.#fail('I12', stored.text);
    }
  }

  async take(step: Step): Promise<void> {
    switch (step.do) {
      case 'present':
        return this.#present(this.#family(step), step);
      case 'race':
        return this.#race(this.#family(step), step.racers, step.order);
      case 'wait':
        return this.#wait(step.seconds);
      case 'meet':
        return this.#meet(this.#family(step), step);
      case 'steal': {
        const family = this.#family(step);
        family.loot = pick(family.issued, step.which);
        return;
      }
      case 'alter':
        return this.#alter(this.#family(step), step);
      case 'stranger':
        return this.#presentAsStranger(this.#family(step));
      case 'cut':
        this.#cut[step.store] = true;
        return;
      case 'mend':
        return this.#mend();
      default:
        return this.#act(step);
    }
  }

  // ---- what happens to everybody

  async #act(act: Act): Promise<void> {
    this.#count(act.do);
    switch (act.do) {
      case 'snapshot':
        this.#snapshots.push(await this.#photograph());
        return;
      case 'flush':
        return this.#restore(new Map());
      case 'restore': {
        const snapshot = pick(this.#snapshots, act.which);
        return snapshot && this.#restore(snapshot);
      }
      case 'repeat':
        return this.#repeat(act.which);
      case 'mirror':
        return this.#mirror(this.#replica(act));
      case 'kill':
        return this.#kill(this.#replica(act));
      case 'drain':
        return this.#unlessAway(() => drainTombstones(this.#parts(this.#replica({ replica: 0 }))));
      case 'renew':
        this.#macKeys.push(macKey(this.#macKeys.length + 1));
        return;
      default:
        return this.#endFamily(act);
    }
  }

  async #photograph(): Promise<Map<FamilyTruth, Stored | undefined>> {
    const photograph = new Map<FamilyTruth, Stored | undefined>();
    for (const family of this.#watch.families.values()) {
      photograph.set(family, await this.#stage.peek(family.id));
    }
    return photograph;
  }

  /** The whole hot store as it was; what it had not yet then is gone. */
  async #restore(snapshot: ReadonlyMap<FamilyTruth, Stored | undefined>): Promise<void> {
    for (const family of this.#watch.families.values()) {
      const now = await this.#stage.peek(family.id);
      const then = snapshot.get(family);
      if (now?.text === then?.text) continue;
      await this.#stage.put(family.id, then);
      const { state } = await this.#stage.hot.find(family.id);
      family.lost(state && !state.revoked ? state.generation : -1, then?.expiresAt ?? 0);
    }
  }

  /** A command that was sent before, made or not, comes again. */
  async #repeat(which: number): Promise<void> {
    const command = pick(this.#commands, which);
    if (command === undefined || this.#cut.hot) return;
    const outcome = await this.#watch.hot.compareAndSwap(command.change);
    this.#count(`repeated: ${outcome}`);
    if (outcome === 'swapped' && this.#stage.now() > command.givenUpAt + SWAP_LIFETIME + 0.1) {
      this.#fail('I10', 'a command that was stuck was carried out after its time');
    }
  }

  #kill(replica: Replica): void {
    replica.ledger = this.#ledger();
  }

  #mirror({ ledger }: Replica): Promise<void> {
    return this.#unlessAway(() => ledger.flush());
  }

  async #endFamily({ do: how, ...step }: Ending, gate: Gate = open): Promise<void> {
    const family = this.#family(step);
    if (this.#cut.durable) return;
    if (how === 'revoke') {
      const parts = this.#parts(this.#replica(step), 'answered', gate);
      const standing = await gate(() => this.#stage.families.find(family.id));
      const ending = { revocation: 'revoked_by_client', actor: 'test' } as const;
      return this.#unlessAway(() => revokeFamily(parts, standing?.family as never, ending).then(() => {}));
    }
    await (how === 'disable' ? this.#stage.disable(family.sub) : this.#stage.signOut(family.sub));
    family.isDead = true;
  }

  #mend(): void {
    this.#cut.hot = false;
    this.#cut.durable = false;
  }

  // ---- time

  /** A second is enough for all that is written behind, and for an honest client to ask again. */
  async #wait(seconds: number): Promise<void> {
    await this.#settle(seconds);
    if (seconds >= 1) {
      for (const replica of this.#replicas) await this.#mirror(replica);
      await this.#act({ do: 'drain' });
    }
    this.#stage.advance(seconds);
  }

  async #meet(family: FamilyTruth, { which, edge, by }: Extract<Step, { do: 'meet' }>): Promise<void> {
    const consumed = pick([...family.lastConsumedAt.values()], which);
    const since = pick(family.issued, which)?.issuedAt ?? 0;
    const { retryWindow } = this.#setting;
    const edges = {
      window: consumed === undefined ? 0 : consumed + retryWindow,
      deadline: consumed === undefined ? 0 : consumed + retryWindow + SWAP_LIFETIME,
      idle: since + family.idleLifetime,
      expiry: family.expiresAt,
    };
    const seconds = edges[edge] + by - this.#stage.now();
    if (seconds > 0) await this.#wait(seconds);
  }

  /** Who has a token that was consumed without an answer asks again while the window is open. */
  async #settle(seconds: number): Promise<void> {
    for (const family of this.#watch.families.values()) {
      this.#look(family);
      if (!family.isHonest || family.isDead) continue;
      if (!this.#isInTime(family, family.newest, seconds)) {
        this.#mend();
        await this.#presentUntilAnswered(family, { by: 'newest' });
      }
    }
  }

  /** Whether the holder of a token may still present it after so many seconds. */
  #isInTime(family: FamilyTruth, { generation }: Issued, seconds = 0): boolean {
    const askedAt = family.firstAskedAt.get(generation) ?? Number.POSITIVE_INFINITY;
    return this.#stage.now() + seconds - askedAt <= this.#setting.retryWindow + ON_ITS_WAY;
  }

  /** Without a window, a swap that was held up leaves no time to ask again. */
  #look(family: FamilyTruth): void {
    if (this.#setting.retryWindow === 0 && !this.#isInTime(family, family.newest)) family.hasLapsed = true;
  }

  // ---- presenting

  async #presentUntilAnswered(family: FamilyTruth, who: Who): Promise<void> {
    for (let tries = 0; tries < 5; tries += 1) {
      const before = this.tally.away ?? 0;
      await this.#present(family, { who, replica: tries, fate: 'answered' });
      if ((this.tally.away ?? 0) === before) return;
    }
    this.#fail('newest', 'no answer, though every store is there');
  }

  async #present(family: FamilyTruth, presentation: Presentation): Promise<void> {
    const { calls, writes } = this.#watch;
    const isCut = this.#cut.hot || this.#cut.durable;
    const outcome = await this.#presentation(family, presentation, open);
    if (isCut && (outcome !== 'away' || this.#watch.writes !== writes || this.#watch.calls - calls > 1)) {
      this.#fail('I10', `${outcome}, with ${this.#watch.writes - writes} writes`);
    }
  }

  /** One presentation, from the choice of the token to what the client makes of the answer. */
  async #presentation(
    family: FamilyTruth,
    { who, replica, fate }: Presentation,
    gate: Gate,
    carried?: Issued,
    ticks = 0,
  ): Promise<'success' | 'refused' | 'away'> {
    this.#look(family);
    const isThief = who.by === 'thief' && family.loot !== undefined;
    const token = carried ?? (isThief ? (family.loot as Issued) : this.#choose(family, who, ticks));
    const at = this.#stage.now();
    const attempt = attemptOf(family, token, this.#setting.retryWindow, at);
    const of = this.#replica({ replica });
    try {
      const parts = this.#parts(of, fate, gate);
      const { response, refresh } = await this.#engine.issue(parts, this.#client, token.text);
      const outcome = refresh?.outcome as string;
      this.#count(outcome);
      const heir = this.#issued(family, response.refresh_token as string);
      holdSuccess(attempt, outcome, heir);
      if (family.losses === attempt.losses) {
        family.answered(heir.generation, heir.text, response.access_token);
      }
      if (fate === 'killed') this.#kill(of);
      if (fate === 'lost' || fate === 'killed') return 'success';
      if (isThief) family.loot = heir;
      else this.#store(family, heir);
      return 'success';
    } catch (error) {
      return this.#failed(attempt, isThief, error);
    }
  }

  #failed(attempt: Attempt, isThief: boolean, error: unknown): 'refused' | 'away' {
    if (error instanceof StoreUnavailableError) {
      this.#count('away');
      return 'away';
    }
    if (!(error instanceof OAuthError)) return this.#fault(error);
    this.#count(error.reason);
    if (!isThief) holdRefusal(attempt, error.reason, this.#stage.now());
    return 'refused';
  }

  #choose(family: FamilyTruth, who: Who, ticks: number): Issued {
    const held = who.by === 'tab' ? family.stored.at(-1 - who.back) : undefined;
    return held !== undefined && this.#isInTime(family, held, ticks * TICK) ? held : family.newest;
  }

  /** The client's storage keeps the newest. */
  #store(family: FamilyTruth, heir: Issued): void {
    if (heir.generation >= family.newest.generation && heir.text !== family.newest.text) {
      family.stored.push(heir);
    }
  }

  #issued(family: FamilyTruth, text: string): Issued {
    const token = decodeRefreshToken(ISSUER, this.#keys(), text);
    if (token?.familyId !== family.id) return this.#fail('I2', `an answer has ${text}`);
    const known = family.issued.find((one) => one.text === text);
    if (known) return known;
    const { generation, issuedAt } = token;
    const issued = { text, generation, issuedAt };
    family.issued.push(issued);
    return issued;
  }

  /** All at once, and `order` says who is next wherever somebody asks a store. */
  async #race(family: FamilyTruth, all: readonly Racer[], order: readonly number[]): Promise<void> {
    this.#mend();
    const isTick = (racer: Racer) => 'do' in racer && racer.do === 'tick';
    // Where nothing may be asked twice, nobody can be honest and slow.
    const racers = this.#setting.retryWindow === 0 ? all.filter((racer) => !isTick(racer)) : all;
    const ticks = racers.filter(isTick).length;
    await this.#settle(ticks * TICK);
    const waiting: (() => Promise<void>)[] = [];
    const gate: Gate = (call) =>
      new Promise((resolve, reject) => {
        waiting.push(() => call().then(resolve, reject));
      });
    let left = racers.length;
    const running = racers.map((racer) =>
      this.#racer(family, racer, gate, ticks).finally(() => {
        left -= 1;
      }),
    );
    const ended = Promise.all(running);
    ended.catch(() => undefined);
    for (let turn = 0; left > 0; ) {
      await new Promise(setImmediate);
      const next = waiting.splice((order[turn % order.length] ?? 0) % waiting.length, 1)[0];
      if (next === undefined) continue;
      turn += 1;
      await next();
    }
    await ended;
  }

  async #racer(family: FamilyTruth, racer: Racer, gate: Gate, ticks: number): Promise<void> {
    if (!('do' in racer)) {
      let carried: Issued | undefined;
      for (let time = 0; time < racer.times; time += 1) {
        const before = family.newest;
        await this.#presentation(family, racer, gate, carried, ticks);
        if (family.newest === before) return;
        carried = family.newest;
      }
      return;
    }
    if (racer.do === 'tick') return gate(async () => this.#stage.advance(TICK));
    // In two steps, the durable one first: others may come between.
    if (racer.do === 'revoke') return this.#endFamily(racer, gate);
    return gate(() => this.#act(racer));
  }

  // ---- what must change nothing

  async #alter(family: FamilyTruth, { at, to }: Extract<Step, { do: 'alter' }>): Promise<void> {
    const { text } = family.newest;
    const place = at % text.length;
    const altered = text.slice(0, place) + to + text.slice(place + 1);
    if (altered === text) return;
    const { calls } = this.#watch;
    const outcome = await this.#ask(this.#client, altered);
    if (outcome !== 'refresh_token_malformed' || this.#watch.calls !== calls) this.#fail('I7', outcome);
  }

  async #presentAsStranger(family: FamilyTruth): Promise<void> {
    this.#mend();
    const { writes } = this.#watch;
    const outcome = await this.#ask(this.#stranger, family.newest.text);
    const isRefused = outcome === 'refresh_token_of_another_client';
    if (!isRefused || this.#watch.writes !== writes) this.#fail('I8', outcome);
  }

  async #ask(client: AuthenticatedClient, text: string): Promise<string> {
    try {
      await this.#engine.issue(this.#parts(this.#replica({ replica: 0 })), client, text);
      return 'success';
    } catch (error) {
      if (error instanceof OAuthError) return error.reason;
      return error instanceof StoreUnavailableError ? 'away' : this.#fault(error);
    }
  }

  /** I6: each presents what it has, in turn, and each time the window of the other has passed. */
  async #bothActive(family: FamilyTruth): Promise<void> {
    if (family.loot === undefined || family.isDead) return;
    const pause = this.#setting.retryWindow + SWAP_LIFETIME + 0.5;
    const end = this.#stage.now() + 5 * pause + 2;
    const oldest = Math.min(family.loot.issuedAt, family.newest.issuedAt);
    if (end >= family.expiresAt || end >= oldest + family.idleLifetime) return;
    this.#mend();
    await this.#wait(1);
    this.#count('both active');
    for (let presentation = 0; presentation < 4; presentation += 1) {
      await this.#presentUntilAnswered(family, { by: presentation % 2 ? 'thief' : 'newest' });
      if (family.isDead) return;
      this.#stage.advance(pause);
    }
    this.#fail('I6', `${family.newest.generation} and ${family.loot.generation} live`);
  }

  // ---- the house

  async #signIn(): Promise<void> {
    const account = await this.#stage.account();
    const parts = this.#parts(this.#replica({ replica: 0 }));
    const signIn = { account, acr: '1', amr: ['pwd'] };
    const { response } = await this.#engine.mintAndCommit(parts, this.#client, () =>
      authorizeSignIn(parts, this.#client, signIn),
    );
    const family = [...this.#watch.families.values()].at(-1) as FamilyTruth;
    const first = this.#issued(family, response.refresh_token as string);
    family.stored.push(first);
    family.answered(0, first.text, response.access_token);
  }

  /** What a replica works with: the stores as the engine, this request's fate and the race let it have them. */
  #parts(replica: Replica, fate: Fate = 'answered', gate: Gate = open): AuthorizationServer {
    const { retryWindow, lifetime, idleLifetime } = this.#setting;
    // All that a sign-in and a refresh have to do with.
    const parts = {
      issuer: ISSUER,
      accessTokenLifetime: 300,
      refresh: { retryWindow, lifetime, idleLifetime },
      claims: {},
      resources: { find: async () => undefined, reload: async () => undefined },
      keyring: {
        inTurn: (work: () => unknown) => work(),
        sign: async ({ claims }: { claims: object }) => JSON.stringify(claims),
      },
      random: systemRandom,
      clock: { now: () => this.#stage.now() + replica.skew },
      macKeys: () => this.#keys(),
      floors: replica.ledger,
      families: this.#durable(gate),
      familyStates: this.#engine.hot(this.#hot(fate, gate)),
    };
    return parts as unknown as AuthorizationServer;
  }

  #ledger() {
    return createFloorLedger(this.#durable(open));
  }

  #durable(gate: Gate): FamilyStore {
    const store = this.#engine.families(this.#watch.durable);
    const reached = <A extends unknown[], R>(verb: (...args: A) => Promise<R>) => {
      return async (...args: A): Promise<R> => {
        if (this.#cut.durable) throw new StoreUnavailableError('Postgres is away');
        return gate(() => verb(...args));
      };
    };
    const verbs = Object.entries(store).map(([name, verb]) => [name, reached(verb)]);
    return Object.fromEntries(verbs) as FamilyStore;
  }

  #hot(fate: Fate, gate: Gate): FamilyStateStore {
    const store = this.#watch.hot;
    const reached = <T>(call: () => Promise<T>): Promise<T> => {
      if (this.#cut.hot) return Promise.reject(new StoreUnavailableError('Redis is away'));
      return gate(call);
    };
    return {
      find: (id) => reached(() => store.find(id)),
      compareAndSwap: (change) =>
        reached(async () => {
          this.#commands.push({ change, givenUpAt: this.#stage.now() });
          if (fate === 'stuck') throw new StoreUnavailableError('nothing came back');
          const outcome = await store.compareAndSwap(change);
          if (fate === 'unheard') throw new StoreUnavailableError('nothing came back');
          return outcome;
        }),
    };
  }

  #keys(): MacKeys {
    const current = this.#macKeys.at(-1) as MacKey;
    return { current, find: (number) => this.#macKeys[number - 1] };
  }

  #family({ family }: { readonly family: number }): FamilyTruth {
    return pick([...this.#watch.families.values()], family) as FamilyTruth;
  }

  #replica({ replica }: { readonly replica: number }): Replica {
    return pick(this.#replicas, replica) as Replica;
  }

  async #unlessAway(task: () => Promise<void>): Promise<void> {
    try {
      await task();
    } catch (error) {
      if (!(error instanceof StoreUnavailableError)) throw error;
    }
  }

  #count(what: string): void {
    this.tally[what] = (this.tally[what] ?? 0) + 1;
  }

  #fail(invariant: Invariant, how: string): never {
    throw new Broken(invariant, how);
  }

  #fault(error: unknown): never {
    throw error instanceof Broken ? error : new Broken('fault', (error as Error).stack ?? String(error));
  }
}

const pick = <T>(all: readonly T[], which: number): T | undefined => all[which % all.length];

const macKey = (number: number): MacKey => ({ number, mac: hmacSha256(Buffer.alloc(32, number)) });

const metadataOf = ({ retryWindow }: Setting): ClientMetadata =>
  parseClientMetadata({
    grant_types: ['refresh_token'],
    token_endpoint_auth_method: 'none',
    scope: 'read',
    refresh_retry_window: retryWindow,
  });
