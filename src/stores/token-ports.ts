// The ports of what tokens leave behind: families of refresh tokens (a durable row that is the authority, and a hot
// state that may be lost), access tokens that were revoked, the secrets that tokens are made with. What holds for
// every verb of every port is said in stores.ts.
import type { ClaimsRequest } from '../oauth/claims-request.ts';
import type { FamilyState, Head } from '../oauth/refresh-family.ts';
import type { AccountRecord, AuditEntry, Change, ClientRecord } from './stores.ts';

/** Why a family was ended. */
export type Revocation =
  | 'replayed'
  | 'code_replayed'
  | 'revoked_by_client'
  | 'revoked_by_operator'
  | 'revoked_by_account';

/** One sign-in, and the chain of refresh tokens that goes on from it: the durable half, one row for all of its life. */
export interface FamilyRecord {
  /** 16 random bytes, base64url; not a secret */
  readonly id: string;
  readonly clientId: string;
  readonly sub: string;
  /** `sid` of its tokens */
  readonly session: string;
  /** as granted; null = none */
  readonly scope: string | null;
  /** as granted, the default one first; empty: the issuer itself */
  readonly resources: readonly string[];
  /** claims that were asked for by name (OpenID Connect Core 5.5); null = none */
  readonly claimsRequest: ClaimsRequest | null;
  readonly authTime: number;
  readonly acr: string;
  readonly amr: readonly string[];
  readonly createdAt: number;
  /** absolute; no rotation moves it */
  readonly expiresAt: number;
  /** seconds that a token may wait to be used */
  readonly idleLifetime: number;
  /** `tokensValidAfter` of the account and of the client, as the sign-in saw them */
  readonly accountCutOff: number | null;
  readonly clientCutOff: number | null;
  /** the newest head that was mirrored here, at most a second behind */
  readonly floor: Head;
  readonly revokedAt: number | null;
  readonly revocation: Revocation | null;
}

/** All that decides whether a family lives, read at one moment. */
export interface FamilyVitals {
  readonly family: Pick<FamilyRecord, 'revokedAt' | 'accountCutOff' | 'clientCutOff' | 'expiresAt'>;
  readonly account: Pick<AccountRecord, 'disabledAt' | 'tokensValidAfter'>;
  readonly client: Pick<ClientRecord, 'disabledAt' | 'tokensValidAfter'>;
}

/** The same, and all else that is known of the family. */
export interface FamilyStanding extends FamilyVitals {
  readonly family: FamilyRecord;
  readonly account: Omit<AccountRecord, 'passwordHash' | 'createdAt'>;
  readonly client: Pick<ClientRecord, 'disabledAt' | 'tokensValidAfter'>;
}

/** The authority on families: durable, and read from the primary. */
export interface FamilyStore {
  /** Atomic with its entry. */
  open(family: FamilyRecord, audit: AuditEntry): Promise<void>;
  /** Undefined where the family, its account or its client is unknown. Reads of one moment may share a query. */
  find(id: string): Promise<FamilyStanding | undefined>;
  /** As `find`, for whoever has to know no more: it is asked for with every token that is introspected. */
  vitals(id: string): Promise<FamilyVitals | undefined>;
  /** The families of an account that have not expired at `now`, newest first. */
  listOf(sub: string, now: number): Promise<FamilyRecord[]>;
  /** Idempotent, order does not matter: a floor only rises. Unknown families are passed over. */
  raiseFloors(floors: readonly { readonly id: string; readonly head: Head }[]): Promise<void>;
  /** Ends a family for ever; a tombstone is due from then on. 'unchanged' where it has ended already. */
  revoke(id: string, at: number, revocation: Revocation, audit: AuditEntry): Promise<Change>;
  /** Families that have ended and whose tombstone is not known to stand in the hot store. */
  dueTombstones(limit: number): Promise<Pick<FamilyRecord, 'id' | 'expiresAt'>[]>;
  /** The tombstone of these stands. */
  tombstonesSet(ids: readonly string[]): Promise<void>;
}

/** The hot half of a family. It may lose what it knows, and never makes anything up. */
export interface FamilyStateStore {
  /** The state, if any, and the store's own clock: ages are never computed from a replica's. */
  find(id: string): Promise<{ readonly state: FamilyState | undefined; readonly now: number }>;
  /**
   * Atomic: `next` takes the place of exactly `expected` (undefined: nothing), until it expires by itself at
   * `expiresAt`. 'lost' where something else stands there, 'late' where `deadline` or `expiresAt` has passed; then
   * nothing is written. All instants are the store's own: a command that was stuck on its way does nothing, and one
   * that comes twice meets what it has written the first time.
   */
  compareAndSwap(change: {
    readonly id: string;
    readonly expected: FamilyState | undefined;
    readonly next: FamilyState;
    readonly deadline: number;
    readonly expiresAt: number;
  }): Promise<'swapped' | 'lost' | 'late'>;
}

/** A family or a client whose tokens are no longer good. */
export interface Ending {
  /** the family, or the client_id */
  readonly id: string;
  readonly at: number;
}

/** What lives at `at`, was begun no later than `until`, and used last no sooner than `from`: a family, or a session. */
export interface UsedBetween {
  readonly from: number;
  readonly until: number;
  readonly at: number;
}

/** Those of them after the one that is named `after` ('' = all), in the order of their names, and how many at the most. */
export interface Bite extends UsedBetween {
  readonly after: string;
  readonly limit: number;
}

/** How many of a bite were ended, and the last that was looked at; undefined: there are no more. */
export interface Bitten {
  readonly count: number;
  readonly last: string | undefined;
}

/** What has ended lately, for those who verify tokens without asking; and endings of many. */
export interface EndingStore {
  /**
   * The families that were revoked, or whose account was cut off, and the clients that were disabled or cut off, at
   * `since` or later; of each the latest `limit`, the latest first. One query.
   */
  since(
    since: number,
    limit: number,
  ): Promise<{ readonly families: readonly Ending[]; readonly clients: readonly Ending[] }>;
  countUsed(used: UsedBetween): Promise<number>;
  /** Atomic: revokes families, by id, by an operator, with an entry for each; tombstones are due from then on. */
  endUsed(bite: Bite, actor: string, details: Readonly<Record<string, unknown>>): Promise<Bitten>;
  /** Accounts that have a family or a session that was used then, and were not cut off since it was begun. */
  countAccountsUsed(used: UsedBetween): Promise<number>;
  /** Atomic: cuts such accounts off, by sub, as `AccountStore.cutOff` does at `at`, with an entry for each. */
  cutOffUsed(bite: Bite, actor: string, details: Readonly<Record<string, unknown>>): Promise<Bitten>;
}

/** Access tokens that were revoked one by one (RFC 7009), until they would have expired. */
export interface RevokedTokenStore {
  /** Idempotent, order does not matter: the latest `expiresAt` counts. */
  revoke(jti: string, expiresAt: number): Promise<void>;
  /** Reads of one moment may share a query. */
  isRevoked(jti: string): Promise<boolean>;
}

/** Root secrets by their fingerprints, so that all replicas agree which one signs. */
export interface RootSecretRecord {
  /** 1 to 255; the number of the MAC key in every token */
  readonly number: number;
  /** base64url; gives nothing away of the secret */
  readonly fingerprint: string;
  /** signs from then on, until the next one does */
  readonly since: number;
  /** verifies until then; Infinity where no other has followed */
  readonly until: number;
}

export interface RootSecretStore {
  /** All of them, by number. */
  list(): Promise<RootSecretRecord[]>;
  /**
   * Atomic: adds the next number, and gives the one before it its end; 'stale' (nothing written) where another
   * number is the newest. The first may come without an end to give.
   */
  add(record: RootSecretRecord, endOfFormer: number, audit: AuditEntry): Promise<'added' | 'stale'>;
}

/** The one secret that pairwise subjects are derived by, as a compact JWE under a key-encryption key. */
export interface PairwiseSecretStore {
  /** Undefined until there is one. */
  read(): Promise<string | undefined>;
  /** Atomic; 'exists' leaves the earlier one as it was. */
  create(jwe: string, audit: AuditEntry): Promise<'created' | 'exists'>;
  /** Compare and swap, for another envelope; 'stale' (nothing written) where it is not `expected`. */
  replace(expected: string, next: string, audit: AuditEntry): Promise<'replaced' | 'stale'>;
}
