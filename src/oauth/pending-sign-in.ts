// A sign-in that is half done: the password was shown, the second factor is owed (NIST SP 800-63B 2.2). The rules it
// keeps: it is no session and opens nothing, it is for one browser, it ends soon, and with every cut-off of its account.
import type { AccountRecord } from '../stores/stores.ts';
import type { AuthorizationServer } from './authorization-server.ts';

export interface PendingSignIn {
  readonly sub: string;
  readonly at: number;
  /** `tokensValidAfter` of the account, as the password saw it */
  readonly accountCutOff: number | null;
}

const KIND = 'pending-sign-in';

/** Seconds. */
const PENDING_LIFETIME = 600;

export const pendingOf = ({ sub, tokensValidAfter }: AccountRecord, at: number): PendingSignIn => ({
  sub,
  at,
  accountCutOff: tokensValidAfter,
});

/** Whether the second factor may still be shown. */
export const isWaitingFor = ({ at }: PendingSignIn, now: number): boolean => now < at + PENDING_LIFETIME;

type Parts = Pick<AuthorizationServer, 'accounts' | 'clock' | 'documents'>;

/** Whose it is; undefined where the account was cut off or disabled since. */
export async function accountOfPending(
  { accounts }: Pick<Parts, 'accounts'>,
  { sub, accountCutOff }: PendingSignIn,
): Promise<AccountRecord | undefined> {
  const account = await accounts.findBySub(sub);
  const isAlive = account?.disabledAt === null && account.tokensValidAfter === accountCutOff;
  return isAlive ? account : undefined;
}

/**
 * Keeps that of a browser at the issuer's own page, where no interaction keeps it; undefined: it is over. Where another
 * tab was faster its own stays. `browser`: digest of its secret. Throws StoreUnavailableError.
 */
export async function keepPending(
  { clock, documents }: Pick<Parts, 'clock' | 'documents'>,
  browser: string,
  pending: PendingSignIn | undefined,
): Promise<void> {
  const expected = await documents.find(KIND, browser);
  const next = pending && JSON.stringify(pending);
  if (expected === next) return;
  const expiresAt = clock.now() + PENDING_LIFETIME;
  await documents.compareAndSwap({ kind: KIND, id: browser, expected, next, expiresAt });
}

/** That of a browser at the issuer's own page, with its account; undefined where there is none (any more). */
export async function findPending(
  parts: Parts,
  browser: string,
): Promise<{ readonly pending: PendingSignIn; readonly account: AccountRecord } | undefined> {
  const text = await parts.documents.find(KIND, browser);
  const pending = text === undefined ? undefined : (JSON.parse(text) as PendingSignIn);
  if (pending === undefined || !isWaitingFor(pending, parts.clock.now())) return undefined;
  const account = await accountOfPending(parts, pending);
  return account && { pending, account };
}
