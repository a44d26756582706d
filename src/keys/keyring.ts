// The live set of signing keys: signs with the key of the moment, publishes the JWKS, reloads from the store.
//
// Everything is answered from memory by what lifecycle.ts computes for t, so planned changes happen on time and the
// JWKS is served with every store down (K13). It fails closed: a replica whose clock is wrong, or that has not seen
// the store for longer than a planned removal allows, does not sign.
import { createHash, type KeyObject } from 'node:crypto';
import type { Clock } from '../clock.ts';
import type { KeyRecord, KeyStore, SigningAlg, StoreHealth } from '../stores/stores.ts';
import { privateKeyObject, publicJwkOf, unwrapPrivateKey } from './custody.ts';
import { createIssuedLedger, type IssuedLedger } from './issued-figures.ts';
import type { KeyEncryptionKeys } from './key-encryption-keys.ts';
import {
  isPublished,
  nextChangeAfter,
  signerOf,
  signingHorizon,
  stateOf,
  type Timetable,
} from './lifecycle.ts';
import { type Signer, SigningUnavailableError } from './signer.ts';

/** A replica whose clock is further from the store's than this is not ready and does not sign. */
export const CLOCK_DRIFT_LIMIT = 5;

export interface SignRequest {
  readonly alg: SigningAlg;
  /** `at+jwt`, `JWT`, `logout+jwt`: kinds of token differ in typ (RFC 8725 3.11) */
  readonly typ: string;
  readonly claims: Readonly<Record<string, unknown>> & { readonly iat: number; readonly exp: number };
}

export interface PublishedJwks {
  readonly body: string;
  /** strong and quoted, the same on every replica with the same keys */
  readonly etag: string;
}

export interface Keyring {
  /** A compact JWS. Throws SigningUnavailableError where no key may sign now. */
  sign(request: SignRequest): Promise<string>;
  jwks(): PublishedJwks;
  /** Every key the store has, as this replica sees it, and t, which never goes backwards. */
  snapshot(): { readonly keys: readonly KeyRecord[]; readonly t: number; readonly revision: number };
  /** Reads the store and the clocks. Throws where the store is away; what is known serves on. */
  reload(): Promise<void>;
  /** Writes behind what was signed since the last call (`exp` and lifetime per key). */
  flushIssued(): Promise<void>;
  /** In words, why this replica is not fit to sign; empty when it is. */
  faults(): readonly string[];
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

interface View {
  readonly validUntil: number;
  readonly signers: ReadonlyMap<SigningAlg, KeyRecord>;
  readonly jwks: PublishedJwks;
}

/** An empty ring: `reload` fills it. */
export const createKeyring = (parts: KeyringParts): Keyring => new LiveKeyring(parts);

class LiveKeyring implements Keyring {
  readonly #parts: KeyringParts;
  readonly #issued: IssuedLedger;
  readonly #prepared = new Map<string, KeyObject>();
  readonly #undecryptable = new Map<string, string>();
  readonly #headers = new Map<string, string>();
  #known: readonly KeyRecord[] = [];
  #revision = 0;
  #lastT = 0;
  #loadedAt = Number.NEGATIVE_INFINITY;
  #drift = 0;
  #view: View | undefined;

  constructor(parts: KeyringParts) {
    this.#parts = parts;
    this.#issued = createIssuedLedger(parts.keys);
  }

  async reload(): Promise<void> {
    const { keys, health, clock } = this.#parts;
    const set = await keys.read();
    const asked = clock.now();
    const storeNow = await health.now();
    this.#drift = storeNow - (asked + clock.now()) / 2;
    this.#lastT = Math.max(this.#lastT, set.lastT);
    const known = this.#keepRevocations(set.keys);
    for (const key of known) if (this.#isLive(key)) await this.#prepare(key);
    this.#known = known;
    this.#revision = set.revision;
    this.#loadedAt = this.#now();
    this.#view = undefined;
    this.#forgetDeadKeys();
  }

  async sign({ alg, typ, claims }: SignRequest): Promise<string> {
    const t = this.#now();
    const unfit = this.#unfitness(t)[0];
    if (unfit) throw new SigningUnavailableError(unfit);
    const key = this.#viewAt(t).signers.get(alg);
    const privateKey = key && this.#prepared.get(key.kid);
    if (!privateKey) throw new SigningUnavailableError(`no ${alg} key may sign now`);
    this.#issued.record(key.kid, claims.iat, claims.exp);
    const input = `${this.#headerOf(key, typ)}.${base64url(JSON.stringify(claims))}`;
    return `${input}.${await this.#parts.signer.sign(alg, privateKey, input)}`;
  }

  jwks(): PublishedJwks {
    return this.#viewAt(this.#now()).jwks;
  }

  snapshot() {
    return { keys: this.#known.map(this.#issued.merge), t: this.#now(), revision: this.#revision };
  }

  flushIssued(): Promise<void> {
    return this.#issued.flush();
  }

  faults(): readonly string[] {
    const t = this.#now();
    const { timetable } = this.#parts;
    const missing = timetable.algs.filter((alg) => {
      // A key of an algorithm that was added lately may still be waiting out its lead: that is as planned.
      const isWaiting = this.#known.some(
        (key) => key.alg === alg && stateOf(key, t, timetable) === 'standby',
      );
      return !isWaiting && !this.#viewAt(t).signers.has(alg);
    });
    const lost = this.#known.flatMap((key) =>
      this.#isLive(key) ? (this.#undecryptable.get(key.kid) ?? []) : [],
    );
    return [...new Set([...lost, ...this.#unfitness(t), ...missing.map((alg) => `there is no ${alg} key`)])];
  }

  /** t: never goes backwards, whatever the clock does. */
  #now(): number {
    this.#lastT = Math.max(this.#lastT, this.#parts.clock.now());
    return this.#lastT;
  }

  #unfitness(t: number): string[] {
    const list: string[] = [];
    if (Math.abs(this.#drift) > CLOCK_DRIFT_LIMIT) {
      const drift = `${Math.abs(this.#drift).toFixed(1)} s ${this.#drift > 0 ? 'behind' : 'ahead of'}`;
      list.push(`this machine's clock is ${drift} the store's`);
    }
    if (t - this.#loadedAt > signingHorizon(this.#parts.timetable)) {
      list.push('the keys have not been read from the store for too long');
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
      const privateJwk = await unwrapPrivateKey(key.privateJwe, this.#parts.keyEncryptionKeys());
      this.#prepared.set(key.kid, privateKeyObject(privateJwk));
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
    const noted = this.#parts.revokedElsewhere();
    const seen = new Map(this.#known.map((key) => [key.kid, key.revokedAt]));
    return keys.map((key) => ({
      ...key,
      revokedAt: key.revokedAt ?? seen.get(key.kid) ?? noted.get(key.kid) ?? null,
    }));
  }

  #headerOf({ kid, alg }: KeyRecord, typ: string): string {
    const id = `${typ}:${kid}`;
    const header = this.#headers.get(id) ?? base64url(JSON.stringify({ alg, typ, kid }));
    this.#headers.set(id, header);
    return header;
  }
}

const base64url = (text: string): string => Buffer.from(text, 'utf8').toString('base64url');

function viewAt(keys: readonly KeyRecord[], t: number, timetable: Timetable): View {
  const signers = timetable.algs.flatMap((alg) => {
    const key = signerOf(keys, alg, t, timetable);
    return key ? [[alg, key] as const] : [];
  });
  const published = keys.filter((key) => isPublished(stateOf(key, t, timetable)));
  return {
    validUntil: nextChangeAfter(keys, t, timetable),
    signers: new Map(signers),
    jwks: publishedJwks(published),
  };
}

/** In the order of the kids: nobody can rely on the place of the signing key. */
function publishedJwks(keys: readonly KeyRecord[]): PublishedJwks {
  const ordered = [...keys].sort((a, b) => (a.kid < b.kid ? -1 : 1));
  const body = JSON.stringify({ keys: ordered.map((key) => publicJwkOf(key.publicJwk, key.kid, key.alg)) });
  return { body, etag: `"${createHash('sha256').update(body).digest('base64url').slice(0, 27)}"` };
}
