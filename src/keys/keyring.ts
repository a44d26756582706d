// The live set of signing keys: signs with the key of the moment, publishes the JWKS, reloads from the store.
//
// Everything is answered from memory by what lifecycle.ts computes for t, so planned changes happen on time and the
// JWKS is served with every store down (K13). It fails closed: a replica whose clock is wrong, or that has not seen
// the store for longer than a planned removal allows, does not sign.
import type { KeyObject } from 'node:crypto';
import type { Clock } from '../clock.ts';
import { oneAfterAnother } from '../one-after-another.ts';
import type { KeyRecord, KeyStore, SigningAlg, StoreHealth } from '../stores/stores.ts';
import { clockDrift, clockDriftLimit, driftProblem } from './clock-drift.ts';
import { preparePrivateKey } from './custody.ts';
import { createIssuedLedger, type IssuedLedger } from './issued-figures.ts';
import type { KeyEncryptionKeys } from './key-encryption-keys.ts';
import { isPublished, settleTime, signingHorizon, stateOf, type Timetable } from './lifecycle.ts';
import type { Signer } from './signer.ts';
import { SigningUnavailableError } from './signing-unavailable.ts';
import { type PublishedJwks, type View, viewAt } from './view.ts';

export interface SignRequest {
  readonly alg: SigningAlg;
  /** `at+jwt`, `JWT`, `logout+jwt`: kinds of token differ in typ (RFC 8725 3.11) */
  readonly typ: string;
  /** without `exp` where it is read at once, and then never again */
  readonly claims: Readonly<Record<string, unknown>> & { readonly iat: number; readonly exp?: number };
}

export interface Keyring {
  /** Does what leads to a call of `sign` when that need not wait for long. Throws as Signer.inTurn. */
  inTurn: Signer['inTurn'];
  /** A compact JWS. Throws SigningUnavailableError where no key may sign now. */
  sign(request: SignRequest): Promise<string>;
  jwks(): PublishedJwks;
  /** Seconds that a token may live which a published key verifies: as configured, or as one has signed. */
  longestLifetime(): number;
  /** Every key the store has, as this replica sees it, and t, which never goes backwards. */
  snapshot(): { readonly keys: readonly KeyRecord[]; readonly t: number; readonly revision: number };
  /** Reads the store and the clocks. Throws where the store is away; what is known serves on. */
  reload(): Promise<void>;
  /** Writes behind what was signed since the last call (`exp`, lifetime and number per key). */
  flushIssued(): Promise<void>;
  /** In words, why this replica is not ready; empty when it is. */
  faults(): readonly string[];
  /** Every revocation that this replica has seen, also of keys that a restored store takes for good. */
  revocations(): ReadonlyMap<string, number>;
  /** Whether the store, as it was read last, has forgotten one of them: it was restored from a backup. */
  remembersMore(): boolean;
}

export interface KeyringParts {
  readonly keys: KeyStore;
  readonly health: Pick<StoreHealth, 'now'>;
  readonly clock: Clock;
  readonly timetable: Timetable;
  readonly signer: Signer;
  /** asked again whenever a wrapped key names one that is not known */
  readonly keyEncryptionKeys: () => KeyEncryptionKeys;
  /** revocations noted outside the store */
  readonly revokedElsewhere: () => ReadonlyMap<string, number>;
}

/** An empty ring: `reload` fills it. */
export const createKeyring = (parts: KeyringParts): Keyring => new LiveKeyring(parts);

class LiveKeyring implements Keyring {
  // Two at once could end with the older picture, and what it takes for good might be revoked.
  readonly reload = oneAfterAnother(() => this.#load());
  readonly inTurn: Signer['inTurn'] = (work) => this.#parts.signer.inTurn(work);
  readonly #parts: KeyringParts;
  readonly #issued: IssuedLedger;
  readonly #prepared = new Map<string, KeyObject>();
  readonly #undecryptable = new Map<string, string>();
  readonly #revoked = new Map<string, number>();
  readonly #headers = new Map<string, string>();
  #known: readonly KeyRecord[] = [];
  #revision = 0;
  #lastT = 0;
  #loadedAt = Number.NEGATIVE_INFINITY;
  #drift = 0;
  #leap = 0;
  #remembersMore = false;
  #view: View | undefined;

  constructor(parts: KeyringParts) {
    this.#parts = parts;
    this.#issued = createIssuedLedger(parts.keys);
  }

  async #load(): Promise<void> {
    const { keys, health, clock } = this.#parts;
    const askedAt = this.#now();
    const set = await keys.read();
    this.#drift = await clockDrift(health, clock);
    this.#leap = this.#lastT - Math.max(set.lastT, clock.now() + this.#drift);
    this.#lastT = Math.max(this.#lastT, set.lastT);
    const known = this.#keepRevocations(set.keys);
    for (const key of known) if (this.#isLive(key)) await this.#prepare(key);
    this.#known = known;
    this.#revision = set.revision;
    this.#loadedAt = askedAt;
    this.#view = undefined;
    this.#forgetDeadKeys();
  }

  async sign(request: SignRequest): Promise<string> {
    const { alg, typ, claims } = request;
    const t = this.#now();
    const unfit = this.#unfitness(t)[0];
    if (unfit) throw new SigningUnavailableError(unfit);
    const key = this.#viewAt(t).signers.get(alg);
    const privateKey = key && this.#prepared.get(key.kid);
    if (!privateKey) throw new SigningUnavailableError(`no ${alg} key may sign now`);
    const { iat, exp = iat } = claims;
    if (!this.#isReckonedWith(key.kid, exp - iat)) return this.#signOnceWritten(key.kid, request);
    this.#issued.record(key.kid, iat, claims.exp);
    const input = `${this.#headerOf(key, typ)}.${base64url(JSON.stringify(claims))}`;
    return `${input}.${await this.#parts.signer.sign(alg, privateKey, input)}`;
  }

  /** Whether the key's removal waits for such a token, should this replica crash or be cut off. */
  #isReckonedWith(kid: string, lifetime: number): boolean {
    return lifetime <= this.#parts.timetable.longestTokenLifetime || this.#issued.hasWritten(kid, lifetime);
  }

  /** A resource or client may have longer tokens than the plan reckons with: the store knows before anybody has one. */
  async #signOnceWritten(kid: string, request: SignRequest): Promise<string> {
    const { iat, exp = iat } = request.claims;
    try {
      await this.#issued.write(kid, iat, exp);
    } catch {
      throw new SigningUnavailableError('a token that lives this long has to be written down first');
    }
    return this.sign(request);
  }

  jwks(): PublishedJwks {
    return this.#viewAt(this.#now()).jwks;
  }

  snapshot() {
    return { keys: this.#known.map(this.#issued.merge), t: this.#now(), revision: this.#revision };
  }

  longestLifetime(): number {
    const signed = this.snapshot().keys.filter((key) => this.#isLive(key));
    const { longestTokenLifetime } = this.#parts.timetable;
    return Math.max(longestTokenLifetime, ...signed.map((key) => key.longestLifetime));
  }

  flushIssued(): Promise<void> {
    return this.#issued.flush();
  }

  faults(): readonly string[] {
    const t = this.#now();
    const age = t - this.#loadedAt;
    if (age === Number.POSITIVE_INFINITY) return ['the keys have not been read from the store yet'];
    const { timetable } = this.#parts;
    const isStale = age > settleTime(timetable) && age <= signingHorizon(timetable);
    const stale = isStale ? [`the keys were read from the store ${age.toFixed(0)} s ago`] : [];
    const missing = timetable.algs.filter((alg) => {
      // The first key of an algorithm that was added lately may still be waiting out its lead: that is as planned.
      const known = this.#known.filter((key) => key.alg === alg);
      const isWaiting = known.length > 0 && known.every((key) => key.activateAt > t);
      return !isWaiting && !this.#viewAt(t).signers.has(alg);
    });
    const lost = this.#known.flatMap((key) =>
      this.#isLive(key) ? (this.#undecryptable.get(key.kid) ?? []) : [],
    );
    const none = missing.map((alg) => `there is no ${alg} key`);
    return [...new Set([...lost, ...this.#unfitness(t), ...stale, ...none])];
  }

  revocations(): ReadonlyMap<string, number> {
    for (const [kid, at] of this.#parts.revokedElsewhere()) this.#revoked.set(kid, at);
    return this.#revoked;
  }

  remembersMore(): boolean {
    return this.#remembersMore;
  }

  /** t: never goes backwards, whatever the clock does. */
  #now(): number {
    this.#lastT = Math.max(this.#lastT, this.#parts.clock.now());
    return this.#lastT;
  }

  #unfitness(t: number): string[] {
    const { timetable } = this.#parts;
    const list: string[] = [];
    const drift = driftProblem(this.#drift, timetable);
    if (drift) list.push(drift);
    // The clock is right again, but what this replica did by t may not be undone: t waits for the time to come.
    if (this.#leap > clockDriftLimit(timetable)) {
      list.push(
        `this machine's clock was ${this.#leap.toFixed(1)} s ahead for a while: start this replica anew`,
      );
    }
    const age = t - this.#loadedAt;
    if (age > signingHorizon(timetable)) {
      list.push(`the keys were read from the store ${age.toFixed(0)} s ago: too long to sign with them`);
    }
    return list;
  }

  #viewAt(t: number): View {
    if (!this.#view || t >= this.#view.validUntil) {
      this.#view = viewAt(this.#known.map(this.#issued.merge), t, this.#parts.timetable);
    }
    return this.#view;
  }

  #isLive(key: KeyRecord): boolean {
    return isPublished(stateOf(key, this.#now(), this.#parts.timetable));
  }

  async #prepare(key: KeyRecord): Promise<void> {
    if (key.privateJwe === null || this.#prepared.has(key.kid)) return;
    try {
      const privateKey = await preparePrivateKey(key.kid, key.privateJwe, this.#parts.keyEncryptionKeys());
      this.#prepared.set(key.kid, privateKey);
      this.#undecryptable.delete(key.kid);
    } catch (error) {
      this.#undecryptable.set(key.kid, error instanceof Error ? error.message : String(error));
    }
  }

  #forgetDeadKeys(): void {
    const live = new Set(this.#known.filter((key) => this.#isLive(key)).map((key) => key.kid));
    for (const kid of this.#prepared.keys()) if (!live.has(kid)) this.#prepared.delete(kid);
  }

  /** K9: what this replica has seen revoked stays revoked, even where the store was restored from a backup. */
  #keepRevocations(keys: readonly KeyRecord[]): KeyRecord[] {
    for (const { kid, revokedAt } of keys) if (revokedAt !== null) this.#revoked.set(kid, revokedAt);
    const revoked = this.revocations();
    this.#remembersMore = keys.some(({ kid, revokedAt }) => revokedAt === null && revoked.has(kid));
    return keys.map((key) => ({ ...key, revokedAt: revoked.get(key.kid) ?? null }));
  }

  #headerOf({ kid, alg }: KeyRecord, typ: string): string {
    const id = `${typ}:${kid}`;
    const header = this.#headers.get(id) ?? base64url(JSON.stringify({ alg, typ, kid }));
    this.#headers.set(id, header);
    return header;
  }
}

const base64url = (text: string): string => Buffer.from(text, 'utf8').toString('base64url');
