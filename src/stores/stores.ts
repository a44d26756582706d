// The ports: what the cores ask of a store, and what every verb promises.
//
// Every promise here is held by test/stores/conformance.ts against every adapter. All verbs may throw
// StoreUnavailableError: then the outcome is unknown, never "not done". A verb that takes an AuditEntry writes
// it in the same transaction as the change, so there is no acknowledged change without its entry. Instants are
// epoch seconds, passed in by the caller: a store never reads its own clock to decide, but where a verb says so.

import type { KeyTimes } from '../keys/lifecycle.ts';
import type { ClientMetadata } from '../oauth/client.ts';
import type { AttemptStore } from './attempt-ports.ts';
import type { ConsentStore, DocumentStore, LogoutNoticeStore, SessionStore } from './browser-ports.ts';
import type { FactorStore } from './factor-ports.ts';
import type { LetterStore } from './letter-ports.ts';
import type {
  EndingStore,
  FamilyStateStore,
  FamilyStore,
  PairwiseSecretStore,
  RevokedTokenStore,
  RootSecretStore,
} from './token-ports.ts';

export type * from './attempt-ports.ts';
export type * from './browser-ports.ts';
export type * from './factor-ports.ts';
export type * from './letter-ports.ts';
export type * from './token-ports.ts';
export { StoreUnavailableError } from './unavailable.ts';

/** Something worth telling an auditor: who did what to whom. Never a secret in `details`. */
export interface AuditEntry {
  readonly at: number;
  /** dotted, past tense: `client.created`, `key.rotated` */
  readonly event: string;
  /** `operator:<name>` for the executable, `scheduler` for the service itself */
  readonly actor: string;
  /** the client_id, sub, kid or resource that it happened to */
  readonly subject: string;
  readonly details?: Readonly<Record<string, unknown>>;
}

/** What a verb that sets one fact found: it changed, it was so already, or there is no such record. */
export type Change = 'changed' | 'unchanged' | 'unknown';

export interface ClientSecret {
  readonly id: string;
  /** SHA-256 of the secret, base64url: a client secret has 256 random bits, so a slow hash adds nothing */
  readonly hash: string;
  readonly createdAt: number;
}

export interface ClientRecord {
  readonly clientId: string;
  readonly metadata: ClientMetadata;
  /** at most two, newest first */
  readonly secrets: readonly ClientSecret[];
  readonly createdAt: number;
  readonly updatedAt: number;
  readonly disabledAt: number | null;
  /** moves with every cut-off; a family lives only while it is as it was when the family was opened */
  readonly tokensValidAfter: number | null;
}

export interface ClientStore {
  /** Atomic; 'exists' leaves the earlier record as it was. */
  create(client: ClientRecord, audit: AuditEntry): Promise<'created' | 'exists'>;
  find(clientId: string): Promise<ClientRecord | undefined>;
  /** All of them, by client_id. */
  list(): Promise<ClientRecord[]>;
  replaceMetadata(clientId: string, metadata: ClientMetadata, audit: AuditEntry): Promise<Change>;
  /**
   * Atomic: adds a live secret. Where two live already it is 'full' and nothing changes, unless `retireOthers`,
   * which leaves the new one alone and cuts off the client's families: a secret that leaked may have opened some.
   */
  addSecret(
    clientId: string,
    secret: ClientSecret,
    retireOthers: boolean,
    audit: AuditEntry,
  ): Promise<'added' | 'full' | 'unknown'>;
  /** Atomic: leaves the newest secret alone; 'unchanged' where there was one or none. */
  retireOldSecrets(clientId: string, audit: AuditEntry): Promise<Change>;
  /** `at` disables, null enables. */
  setDisabled(clientId: string, at: number | null, audit: AuditEntry): Promise<Change>;
}

export type SigningAlg = 'RS256' | 'PS256' | 'ES256' | 'EdDSA';
export type TokenProfile = 'rfc9068' | 'plain' | 'simplejwt';

/** A resource server: who an access token is for (RFC 8707). */
export interface ResourceRecord {
  /** the absolute URI that stands in `aud` */
  readonly resource: string;
  readonly scopes: readonly string[];
  /** seconds; null = the issuer's setting */
  readonly accessTokenLifetime: number | null;
  readonly profile: TokenProfile;
  readonly signingAlg: SigningAlg;
  /** what its access tokens say at least of how a person signed in; null = anything */
  readonly requireAcr: string | null;
  readonly createdAt: number;
  readonly updatedAt: number;
}

export interface ResourceStore {
  create(resource: ResourceRecord, audit: AuditEntry): Promise<'created' | 'exists'>;
  find(resource: string): Promise<ResourceRecord | undefined>;
  /** All of them, by URI. */
  list(): Promise<ResourceRecord[]>;
  /** Replaces all but `createdAt`. */
  replace(resource: ResourceRecord, audit: AuditEntry): Promise<Change>;
  delete(resource: string, audit: AuditEntry): Promise<Change>;
}

export interface AccountRecord {
  /** opaque and stable; never reused */
  readonly sub: string;
  /** as the person wrote it; compared without regard to case */
  readonly email: string;
  readonly name: string | null;
  /** PHC string (argon2id), Django's `pbkdf2_sha256$...`, or null where the account has no password */
  readonly passwordHash: string | null;
  /** claims beyond e-mail and name: `attributes.roles`, standard claims */
  readonly claims: Readonly<Record<string, unknown>>;
  readonly createdAt: number;
  readonly updatedAt: number;
  readonly disabledAt: number | null;
  /**
   * Tokens issued before this instant are refused (sign-out everywhere, password change). It moves with every
   * cut-off; a family lives only while it is as it was when the family was opened.
   */
  readonly tokensValidAfter: number | null;
}

export interface AccountStore {
  /** Atomic; 'exists' where the e-mail (any case) or the sub is taken. */
  create(account: AccountRecord, audit: AuditEntry): Promise<'created' | 'exists'>;
  findByEmail(email: string): Promise<AccountRecord | undefined>;
  findBySub(sub: string): Promise<AccountRecord | undefined>;
  /** All of them, by e-mail. */
  list(): Promise<AccountRecord[]>;
  /** A new password cuts off what the old one opened: as `cutOff` does. */
  setPassword(sub: string, passwordHash: string, at: number, audit: AuditEntry): Promise<Change>;
  /** Disabling cuts off too, as `cutOff` does; enabling (null) leaves the cut-off. */
  setDisabled(sub: string, at: number | null, audit: AuditEntry): Promise<Change>;
  /** Moves `tokensValidAfter` to `at`, or forward by the least where it is later already: never 'unchanged'. */
  cutOff(sub: string, at: number, audit: AuditEntry): Promise<Change>;
  /** The account's address was shown to be its own: `email_verified`. 'unchanged' where that was known. */
  verifyEmail(sub: string, audit: AuditEntry): Promise<Change>;
  /**
   * Atomic: the same password under another hash, which cuts nothing off; 'unchanged' where the hash is no longer
   * `expected`.
   */
  replaceHash(sub: string, expected: string, passwordHash: string): Promise<Change>;
  /** The most iterations of any `pbkdf2_sha256$...` hash that is left; 0 = none. */
  longestImportedHash(): Promise<number>;
}

/** A signing key as stored: its times decide its state (keys/lifecycle.ts); the private half is a JWE. */
export interface KeyRecord extends KeyTimes {
  readonly publicJwk: Readonly<Record<string, string>>;
  /** compact JWE under a key-encryption key; null once the key is removed or revoked, and never again set */
  readonly privateJwe: string | null;
  /** how many tokens it has signed, about: told to people, and never what anything is decided by */
  readonly tokensIssued: number;
}

export interface KeySet {
  /** moves by one with every applied change; 0 = never initialised */
  readonly revision: number;
  /** the last t that a change was made at: t never goes behind it */
  readonly lastT: number;
  /** every key there ever was, revoked and removed ones too, by publishAt then kid */
  readonly keys: readonly KeyRecord[];
}

export interface KeyStore {
  read(): Promise<KeySet>;
  /**
   * Compare and swap: inserts the keys that are new by kid, rewrites the others' times, envelope and revocation,
   * moves the revision by one and lastT forward to `t`; 'stale' (nothing written) where the revision is another.
   * A kid's public key never changes, revokedAt once set stays as it was, and `tokensIssued` starts at 0 and moves by
   * `recordIssued` alone, whatever is passed.
   */
  apply(change: {
    readonly expectedRevision: number;
    readonly t: number;
    readonly keys: readonly KeyRecord[];
    readonly audit: readonly AuditEntry[];
  }): Promise<'applied' | 'stale'>;
  /**
   * Leaves the revision alone; order does not matter. What bounds a key's life only grows, however often it is told;
   * `tokens` is added each time, so that what is told again is counted again.
   */
  recordIssued(figures: readonly IssuedFigures[]): Promise<void>;
}

/** What a key has signed, as far as it bounds the key's life. */
export interface IssuedFigures {
  readonly kid: string;
  /** the largest `exp` */
  readonly lastTokenExpiresAt: number;
  /** seconds, the largest exp - iat */
  readonly longestLifetime: number;
  /** how many tokens since it was told of last */
  readonly tokens: number;
}

export interface LeaseStore {
  /**
   * Atomic: `holder` holds the lease until `until`, if nobody else does at `now`. Renewing one's own is allowed.
   * A lease only saves work that compare-and-swap would throw away: nothing may depend on it for safety.
   */
  acquire(name: string, holder: string, now: number, until: number): Promise<boolean>;
  release(name: string, holder: string): Promise<void>;
}

export interface ReplayStore {
  /**
   * True for the first caller with this (scope, id) and false for every other until `expiresAt`, across all
   * replicas. Expires by itself.
   */
  useOnce(scope: string, id: string, expiresAt: number, now: number): Promise<boolean>;
}

export interface AuditStore {
  append(entry: AuditEntry): Promise<void>;
  /** Newest first. */
  list(query: { readonly limit: number; readonly subject?: string }): Promise<AuditEntry[]>;
}

export interface StoreHealth {
  /** The store's own clock, epoch seconds: the reference that every replica is held against. */
  now(): Promise<number>;
  /** Names of the migrations that this build knows and the database lacks. */
  pendingMigrations(): Promise<string[]>;
}

/** Bounded clean-up of what has expired, called by the leader; returns how many rows went. */
export interface Sweeper {
  sweep(now: number, limit: number): Promise<number>;
}

export interface Stores {
  readonly clients: ClientStore;
  readonly resources: ResourceStore;
  readonly accounts: AccountStore;
  readonly keys: KeyStore;
  readonly rootSecrets: RootSecretStore;
  readonly pairwiseSecret: PairwiseSecretStore;
  readonly families: FamilyStore;
  readonly familyStates: FamilyStateStore;
  readonly endings: EndingStore;
  readonly revokedTokens: RevokedTokenStore;
  readonly attempts: AttemptStore;
  readonly documents: DocumentStore;
  readonly sessions: SessionStore;
  readonly logoutNotices: LogoutNoticeStore;
  readonly consents: ConsentStore;
  readonly factors: FactorStore;
  readonly letters: LetterStore;
  readonly leases: LeaseStore;
  readonly replays: ReplayStore;
  readonly audit: AuditStore;
  readonly health: StoreHealth;
  readonly sweeper: Sweeper;
}
