// Telling clients that a session has ended: OpenID Connect Back-Channel Logout 1.0 2.5 to 2.8. The rules it keeps: a
// notice was written where the session ended, and stands until it is delivered or an hour has passed; no client keeps
// another one waiting.
import { hash } from 'node:crypto';
import type { LogoutNotice } from '../stores/stores.ts';
import type { AuthorizationServer } from './authorization-server.ts';
import { mintLogoutToken } from './logout-token.ts';

/**
 * Posts a form to a URL of somebody else's, following no redirect; the answer is its status. Rejects where there is none,
 * or where the URL may not be asked.
 */
export type PostForm = (url: string, form: Readonly<Record<string, string>>) => Promise<number>;

/** What became of a notice. `not_wanted`: the client is gone, disabled, or registered for none. */
export interface NoticeOutcome {
  readonly clientId: string;
  readonly sid: string;
  readonly attempts: number;
  readonly outcome: 'delivered' | 'postponed' | 'given_up' | 'not_wanted';
  /** what went wrong */
  readonly cause?: unknown;
}

/** Seconds that a notice is one replica's alone: longer than a delivery may take. */
const TAKEN_FOR = 30;
const TAKEN_AT_ONCE = 20;
/** Seconds from the first attempt to the second; every further one waits twice as long. */
const FIRST_DELAY = 5;
/** Seconds from the end of the session after which nobody tries any more. */
const NOTICE_LIFETIME = 3_600;

type Parts = Pick<
  AuthorizationServer,
  'clients' | 'clock' | 'issuer' | 'keyring' | 'logoutNotices' | 'postForm'
>;

/** Tries all that is due. Throws StoreUnavailableError; then what was taken is due again by itself. */
export async function deliverLogoutNotices(as: Parts, tell: (outcome: NoticeOutcome) => void): Promise<void> {
  for (;;) {
    const now = as.clock.now();
    const taken = await as.logoutNotices.take(now, now + TAKEN_FOR, TAKEN_AT_ONCE);
    await Promise.all(taken.map(async (notice) => tell(await settle(as, notice))));
    if (taken.length < TAKEN_AT_ONCE) return;
  }
}

async function settle(as: Parts, notice: LogoutNotice): Promise<NoticeOutcome> {
  const { sid, clientId, attempts, endedAt } = notice;
  const outcome = await attempt(as, notice);
  const told = { sid, clientId, attempts, ...outcome };
  if (outcome.outcome !== 'postponed') {
    await as.logoutNotices.remove(notice);
    return told;
  }
  const next = as.clock.now() + FIRST_DELAY * 2 ** (attempts - 1);
  if (next > endedAt + NOTICE_LIFETIME) {
    await as.logoutNotices.remove(notice);
    return { ...told, outcome: 'given_up' };
  }
  await as.logoutNotices.postpone(notice, next);
  return told;
}

async function attempt(
  as: Parts,
  { sid, clientId, sub }: LogoutNotice,
): Promise<Pick<NoticeOutcome, 'outcome' | 'cause'>> {
  try {
    const client = await as.clients.find(clientId);
    const uri = client?.metadata.backchannel_logout_uri;
    if (client === undefined || uri === undefined || client.disabledAt !== null)
      return { outcome: 'not_wanted' };
    // The same at every attempt, so that a client that was told already knows it.
    const jti = hash('sha256', `${sid} ${clientId}`, 'base64url');
    const token = await mintLogoutToken(as, { clientId, client: client.metadata, sub, sid, jti });
    const status = await as.postForm(uri, { logout_token: token });
    // 2.8: 200, and what frameworks make of an answer without a body.
    if (status === 200 || status === 204) return { outcome: 'delivered' };
    return { outcome: 'postponed', cause: new Error(`the answer has status ${status}`) };
  } catch (cause) {
    return { outcome: 'postponed', cause };
  }
}
