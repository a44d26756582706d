// A browser's sign-in: OpenID Connect Core 3.1.2.3. The rule it keeps: it ends by itself, by two lives and with every
// cut-off of its account, and it is told by its value that the account was cut off since.
import type { AccountRecord } from '../stores/stores.ts';

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
