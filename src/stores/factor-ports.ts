// The port of second factors: what an account shows beside its password. What holds for every verb of every port is
// said in stores.ts.
import type { AuditEntry } from './stores.ts';

/** A secret that an app makes codes of (RFC 6238). */
export interface TotpRecord {
  /** compact JWE under a key-encryption key: unlike a password it has to be known to verify a code */
  readonly jwe: string;
  /** the time step of the last code that was taken: no code of it, or of one before, is taken again */
  readonly lastStep: number;
  readonly addedAt: number;
}

/** A credential of WebAuthn, which is kept by its public half alone. */
export interface PasskeyRecord {
  /** base64url, as the authenticator chose it */
  readonly id: string;
  /** COSE_Key, base64url */
  readonly publicKey: string;
  /** signatures that the authenticator says it has made; many say 0 for ever */
  readonly counter: number;
  readonly transports: readonly string[];
  /** it may leave its device, by a backup of its owner's (WebAuthn 6.1.3) */
  readonly isBackupEligible: boolean;
  /** as its owner calls it */
  readonly name: string;
  readonly addedAt: number;
  readonly lastUsedAt: number | null;
}

/** All second factors of an account. */
export interface Factors {
  /** user handle of WebAuthn, base64url: says nothing of whom it is for */
  readonly handle: string;
  readonly totp: TotpRecord | null;
  /** SHA-256 of those that are left, base64url: each has 120 random bits, so a slow hash adds nothing */
  readonly recoveryCodes: readonly string[];
  readonly passkeys: readonly PasskeyRecord[];
}

export interface FactorsOfAccount {
  readonly sub: string;
  readonly factors: Factors;
}

export interface FactorStore {
  find(sub: string): Promise<Factors | undefined>;
  findByHandle(handle: string): Promise<FactorsOfAccount | undefined>;
  /** Of every account that has any, by sub. */
  list(): Promise<FactorsOfAccount[]>;
  /**
   * Atomic with its entries: `next` takes the place of exactly `expected`; undefined is none at all. False where
   * something else stands there, or the handle is taken; then nothing is written.
   */
  compareAndSwap(change: {
    readonly sub: string;
    readonly expected: Factors | undefined;
    readonly next: Factors | undefined;
    readonly audit: readonly AuditEntry[];
  }): Promise<boolean>;
}
