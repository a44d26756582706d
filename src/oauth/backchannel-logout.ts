// Telling clients that a session has ended: OpenID Connect Back-Channel Logout 1.0 2.5 to 2.8. The rules it keeps: a
// notice was written where the session ended, and stands until it is delivered or an hour has passed; no client keeps
// another one waiting.
import { hash } from 'node:crypto';
import type { LogoutNotice } from '../stores/stores.ts';
import type { AuthorizationServer } from './authorization-server.ts';
import { mintLogoutToken } from './logout-token.ts';
import { type Attempted, deliverDue, type Told } from './outbox.ts';
import { presentedTo } from './subject.ts';

/**
 * Posts a form to a URL of somebody else's, following no redirect; the answer is its status. Rejects where there is none,
 * or where the URL may not be asked.
 */
export type PostForm = (url: string, form: Readonly<Record<string, string>>) => Promise<number>;

/** What became of a notice. `not_wanted`: the client is gone, disabled, or registered for none. */
export type NoticeOutcome = Omit<Told<LogoutNotice>, 'item'> &
  Pick<LogoutNotice, 'clientId' | 'sid' | 'attempts'>;

/** Seconds from the end of the session. */
const NOTICE_LIFETIME = 3_600;

type Parts = Pick<
  AuthorizationServer,
  'clients' | 'clock' | 'issuer' | 'keyring' | 'logoutNotices' | 'pairwiseSecret' | 'postForm'
>;

/** Tries all that is due. Throws StoreUnavailableError; then what was taken is due again by itself. */
export const deliverLogoutNotices = (as: Parts, tell: (outcome: NoticeOutcome) => void): Promise<void> =>
  deliverDue<LogoutNotice>({
    clock: as.clock,
    outbox: as.logoutNotices,
    since: ({ endedAt }) => endedAt,
    lifetime: NOTICE_LIFETIME,
    attempt: (notice) => attempt(as, notice),
    tell({ item: { sid, clientId, attempts }, ...outcome }) {
      tell({ sid, clientId, attempts, ...outcome });
    },
  });

async function attempt(as: Parts, { sid, clientId, sub }: LogoutNotice): Promise<Attempted> {
  try {
    const client = await as.clients.find(clientId);
    const uri = client?.metadata.backchannel_logout_uri;
    if (client === undefined || uri === undefined || client.disabledAt !== null)
      return { outcome: 'not_wanted' };
    // The same at every attempt, so that a client that was told already knows it.
    const jti = hash('sha256', `${sid} ${clientId}`, 'base64url');
    const known = await presentedTo(as, client.metadata, { sub, sid });
    const token = await mintLogoutToken(as, { clientId, client: client.metadata, ...known, jti });
    const status = await as.postForm(uri, { logout_token: token });
    // 2.8: 200, and what frameworks make of an answer without a body.
    if (status === 200 || status === 204) return { outcome: 'delivered' };
    return { outcome: 'postponed', cause: new Error(`the answer has status ${status}`) };
  } catch (cause) {
    return { outcome: 'postponed', cause };
  }
}
