// The ports of signing people in: what waits while a person answers, who is signed in where, who allowed what. What
// holds for every verb of every port is said in stores.ts.
import type { Consent } from '../oauth/consent.ts';
import type { Session } from '../oauth/session.ts';
import type { AccountRecord, AuditEntry, Change } from './stores.ts';

/** What waits to be used: an interaction, an authorization code. Texts that a store keeps and does not read. */
export interface DocumentStore {
  /** `id` may be a secret: only its digest is kept. */
  find(kind: string, id: string): Promise<string | undefined>;
  /**
   * Atomic: `next` takes the place of exactly `expected` (undefined: nothing), until `expiresAt`, when it is gone by
   * itself. False where something else stands there; then nothing is written.
   */
  compareAndSwap(change: {
    readonly kind: string;
    readonly id: string;
    readonly expected: string | undefined;
    readonly next: string | undefined;
    readonly expiresAt: number;
  }): Promise<boolean>;
}

export interface SessionStore {
  /**
   * `id` is the secret that the browser holds: only its digest is kept. Atomic with its entry; where the `sid` is known
   * already, `id` and all else take the place of what was there, and the former id finds nothing.
   */
  create(id: string, session: Session, audit: AuditEntry): Promise<void>;
  /** The session with its account, whether they are still good or not. */
  find(id: string): Promise<{ readonly session: Session; readonly account: AccountRecord } | undefined>;
  /** It was seen at `at`: never moves back. */
  touch(id: string, at: number): Promise<void>;
  /** A client gets tokens in this session, by `sid`. False where there is none (any more). */
  addClient(sid: string, clientId: string): Promise<boolean>;
  /**
   * By `sid`; 'unknown' where there is none (any more). Atomic with its entry, and with a notice to every client of the
   * session, due at once.
   */
  end(sid: string, audit: AuditEntry): Promise<Change>;
  /** Those of an account that have not expired at `now`, the latest seen first. */
  listOf(sub: string, now: number): Promise<Session[]>;
}

/** That a client is to be told of the end of a session (OpenID Connect Back-Channel Logout 2.5). */
export interface LogoutNotice {
  readonly sid: string;
  readonly clientId: string;
  readonly sub: string;
  readonly endedAt: number;
  /** how often it was taken, this time too */
  readonly attempts: number;
}

type NoticeName = Pick<LogoutNotice, 'sid' | 'clientId'>;

export interface LogoutNoticeStore {
  /** Atomic: some that are due at `now`, the longest due first. Nobody else is given them before `until`. */
  take(now: number, until: number, limit: number): Promise<LogoutNotice[]>;
  /** It is due again at `at`. */
  postpone(notice: NoticeName, at: number): Promise<void>;
  /** Idempotent: nothing is left to be told. */
  remove(notice: NoticeName): Promise<void>;
}

export interface ConsentRecord extends Consent {
  readonly clientId: string;
  readonly grantedAt: number;
}

export interface ConsentStore {
  find(sub: string, clientId: string): Promise<ConsentRecord | undefined>;
  /** Atomic: adds to what was allowed before. */
  add(sub: string, consent: ConsentRecord, audit: AuditEntry): Promise<void>;
  /** 'unknown' where there was none. */
  withdraw(sub: string, clientId: string, audit: AuditEntry): Promise<Change>;
  /** All of an account, the newest first. */
  listOf(sub: string): Promise<ConsentRecord[]>;
}
