// What people do with their own account: look through their sessions and apps, end them, change the password. The rule it
// keeps: nobody reaches further than their own account, and whatever ends here ends for the clients, too.
import type { AccountRecord, AuditEntry, ClientRecord, FamilyRecord } from '../stores/stores.ts';
import type { AuthorizationServer } from './authorization-server.ts';
import type { Consent } from './consent.ts';
import { revokeFamily } from './refresh-families.ts';
import { scopeTokens } from './scope.ts';
import { endSession, isSessionAlive, type Session } from './session.ts';

/** A client that a person has let in. */
export interface App {
  readonly client: ClientRecord;
  /** of the first sign-in that lives, or of the consent */
  readonly since: number;
  /** when its newest tokens were issued; undefined where none live */
  readonly lastUsedAt: number | undefined;
  /** what its newest sign-in may do, or what was allowed */
  readonly allowed: Consent;
}

type Parts = Pick<
  AuthorizationServer,
  | 'accounts'
  | 'clients'
  | 'clock'
  | 'consents'
  | 'families'
  | 'familyStates'
  | 'sessions'
  | 'sessionLifetimes'
>;

/** The sessions of an account that are alive, the latest seen first. Throws StoreUnavailableError. */
export async function sessionsOf(as: Parts, account: AccountRecord): Promise<Session[]> {
  const now = as.clock.now();
  const sessions = await as.sessions.listOf(account.sub, now);
  return sessions.filter((session) => isSessionAlive(session, account, as.sessionLifetimes, now));
}

/** The apps of an account, by client: those that have tokens, and those that were allowed to get them. */
export async function appsOf(as: Parts, account: AccountRecord): Promise<App[]> {
  const now = as.clock.now();
  const [families, consents] = await Promise.all([
    as.families.listOf(account.sub, now),
    as.consents.listOf(account.sub),
  ]);
  const clientIds = new Set([...families, ...consents].map(({ clientId }) => clientId));
  const apps = await Promise.all(
    [...clientIds].map(async (clientId) => {
      const client = await as.clients.find(clientId);
      if (client === undefined) return undefined;
      const consent = consents.find((one) => one.clientId === clientId);
      const alive = families.filter((one) => one.clientId === clientId && isAlive(one, account, client, now));
      const [newest] = alive;
      if (newest === undefined && consent === undefined) return undefined;
      const since = [...alive.map(({ createdAt }) => createdAt), ...(consent ? [consent.grantedAt] : [])];
      const used = alive.map(({ floor }) => floor.since);
      return {
        client,
        since: Math.min(...since),
        lastUsedAt: used.length > 0 ? Math.max(...used) : undefined,
        allowed: allowedBy(newest, consent),
      };
    }),
  );
  return apps.filter((app) => app !== undefined);
}

/** As refresh-families.ts has it, and not idle: by the floor, which is a second behind at most. */
const isAlive = (family: FamilyRecord, account: AccountRecord, client: ClientRecord, now: number): boolean =>
  family.revokedAt === null &&
  family.accountCutOff === account.tokensValidAfter &&
  family.clientCutOff === client.tokensValidAfter &&
  client.disabledAt === null &&
  now < family.floor.since + family.idleLifetime;

const allowedBy = (newest: FamilyRecord | undefined, consent: Consent | undefined): Consent => ({
  scopes: newest === undefined ? (consent?.scopes ?? []) : scopeTokens(newest.scope ?? undefined),
  resources: newest?.resources ?? consent?.resources ?? [],
  claims: consent?.claims ?? [],
});

/** Ends those of the account's sessions that `isMeant` names. Throws StoreUnavailableError; then some may have ended. */
export async function endSessions(
  as: Parts,
  account: AccountRecord,
  isMeant: (session: Session) => boolean,
): Promise<Session[]> {
  const meant = (await sessionsOf(as, account)).filter(isMeant);
  for (const session of meant) await endSession(as, session);
  return meant;
}

/** Takes back what the account allowed the client, and ends all of its sign-ins there. Throws StoreUnavailableError. */
export async function endApp(as: Parts, { sub }: AccountRecord, clientId: string): Promise<void> {
  const at = as.clock.now();
  const actor = `account:${sub}`;
  const details = { client_id: clientId };
  await as.consents.withdraw(sub, clientId, { at, event: 'consent.withdrawn', actor, subject: sub, details });
  const families = await as.families.listOf(sub, at);
  for (const family of families.filter((one) => one.clientId === clientId && one.revokedAt === null))
    await revokeFamily(as, family, { revocation: 'revoked_by_account', actor });
}

/**
 * Gives the account the password of this hash, which cuts off all that the old one opened, and ends every session. The answer is the account as
 * it is then. Throws StoreUnavailableError.
 */
export async function changePassword(
  as: Parts,
  account: AccountRecord,
  passwordHash: string,
): Promise<AccountRecord> {
  const { sub } = account;
  // Before the cut-off, after which none of them counts as alive.
  const sessions = await sessionsOf(as, account);
  const at = as.clock.now();
  const audit: AuditEntry = { at, event: 'account.password_set', actor: `account:${sub}`, subject: sub };
  await as.accounts.setPassword(sub, passwordHash, at, audit);
  for (const session of sessions) await endSession(as, session);
  return (await as.accounts.findBySub(sub)) ?? account;
}
