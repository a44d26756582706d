// A browser's sign-in: OpenID Connect Core 3.1.2.3. The rule it keeps: it ends by itself, by two lives and with every
// cut-off of its account, and it is told by its value that the account was cut off since.
import type { AccountRecord, AuditEntry, Change } from '../stores/stores.ts';
import { secondFactorAcr } from './acr.ts';
import type { AuthorizationServer } from './authorization-server.ts';

export interface Session {
  /** `sid` of the tokens that come of it; public, unlike what the browser holds */
  readonly sid: string;
  readonly sub: string;
  readonly authTime: number;
  readonly acr: string;
  readonly amr: readonly string[];
  readonly createdAt: number;
  readonly lastSeenAt: number;
  /** absolute */
  readonly expiresAt: number;
  /** `tokensValidAfter` of the account, as the sign-in saw it */
  readonly accountCutOff: number | null;
  /** for the person to recognise it by */
  readonly userAgent: string;
  readonly address: string;
}

export interface SessionLifetimes {
  /** seconds */
  readonly lifetime: number;
  readonly idleLifetime: number;
}

/** Whether the session is still good for this account. */
export function isSessionAlive(
  session: Session,
  account: Pick<AccountRecord, 'disabledAt' | 'tokensValidAfter'>,
  { idleLifetime }: SessionLifetimes,
  now: number,
): boolean {
  return (
    account.disabledAt === null &&
    account.tokensValidAfter === session.accountCutOff &&
    now < session.expiresAt &&
    now < session.lastSeenAt + idleLifetime
  );
}

/** Seconds between two notes that a session was seen, at least. */
const SEEN_INTERVAL = 60;

type Parts = Pick<AuthorizationServer, 'sessions' | 'sessionLifetimes' | 'clock' | 'random'>;

/** Who is signed in, as the browser's own secret says; undefined where nobody is, or no longer. */
export async function findSession(
  { sessions, sessionLifetimes, clock }: Parts,
  id: string | undefined,
): Promise<{ readonly session: Session; readonly account: AccountRecord } | undefined> {
  const found = id === undefined ? undefined : await sessions.find(id);
  const now = clock.now();
  if (id === undefined || found === undefined) return undefined;
  const { session, account } = found;
  if (!isSessionAlive(session, account, sessionLifetimes, now)) return undefined;
  // A short idle lifetime would end while nobody looks.
  const interval = Math.min(SEEN_INTERVAL, sessionLifetimes.idleLifetime / 10);
  if (now >= session.lastSeenAt + interval) await sessions.touch(id, now);
  return found;
}

/** Somebody has shown who they are, in a browser. */
export interface BrowserSignIn {
  /** as it was read before anything was verified */
  readonly account: AccountRecord;
  readonly acr: string;
  readonly amr: readonly string[];
  readonly userAgent: string;
  readonly address: string;
}

/**
 * Begins a session; the answer is its id, which the browser keeps. The id is new at every sign-in, so that nobody can
 * know it beforehand. Where the browser's session is of the same account it goes on under that id, with its `sid`, so
 * that signing out still ends all that came of it; where it is of another one it ends.
 */
export async function startSession(
  { sessions, sessionLifetimes, clock, random }: Parts,
  previous: Session | undefined,
  { account, acr, amr, userAgent, address }: BrowserSignIn,
): Promise<string> {
  const id = random.bytes(32).toString('base64url');
  const now = clock.now();
  const { sub } = account;
  const isSame = previous?.sub === sub;
  const session: Session = {
    sid: isSame ? previous.sid : random.id(),
    sub,
    authTime: now,
    acr,
    amr,
    createdAt: now,
    lastSeenAt: now,
    expiresAt: now + sessionLifetimes.lifetime,
    accountCutOff: account.tokensValidAfter,
    userAgent: userAgent.replaceAll('\0', '').slice(0, 256),
    address,
  };
  await sessions.create(id, session, entryOf('started', session, now));
  if (previous !== undefined && !isSame) await endSession({ sessions, clock }, previous);
  return id;
}

/**
 * The person of a session has shown a second factor, too (RFC 9470): it goes on under a new id, with the time of its
 * sign-in and the end that it had. The answer is the id. Throws StoreUnavailableError.
 */
export async function raiseSession(
  { sessions, clock, random }: Pick<Parts, 'sessions' | 'clock' | 'random'>,
  session: Session,
  amr: readonly string[],
): Promise<string> {
  const id = random.bytes(32).toString('base64url');
  const now = clock.now();
  const raised: Session = {
    ...session,
    acr: secondFactorAcr,
    amr: [...new Set([...session.amr, ...amr])],
    lastSeenAt: now,
  };
  await sessions.create(id, raised, entryOf('raised', raised, now));
  return id;
}

/** Ends a session, by its own person. 'unknown' where it has ended already. Throws StoreUnavailableError. */
export const endSession = (
  { sessions, clock }: Pick<Parts, 'sessions' | 'clock'>,
  session: Pick<Session, 'sid' | 'sub'>,
): Promise<Change> => sessions.end(session.sid, entryOf('ended', session, clock.now()));

const entryOf = (
  event: 'started' | 'raised' | 'ended',
  { sid, sub }: Pick<Session, 'sid' | 'sub'>,
  at: number,
): AuditEntry => ({
  at,
  event: `account.session_${event}`,
  actor: `account:${sub}`,
  subject: sub,
  details: { sid },
});
