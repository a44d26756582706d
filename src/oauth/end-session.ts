// Logout: OpenID Connect RP-Initiated Logout 1.0. The rules it keeps: nobody is signed out by a link alone, unless the
// client shows an ID token of this very session; and nobody is sent to a URI that the client is not registered with.
import { findDocument, keepDocument } from '../kept-document.ts';
import type { ClientRecord } from '../stores/stores.ts';
import type { AuthorizationServer } from './authorization-server.ts';
import { OAuthError } from './errors.ts';
import { type IdTokenHint, readIdToken } from './id-token-hint.ts';
import type { Parameters } from './parameters.ts';
import type { Session } from './session.ts';
import { presentedTo } from './subject.ts';

const KIND = 'logout';

/** Seconds that a request waits for the person to answer. */
const LOGOUT_LIFETIME = 3_600;

export interface EndSessionRequest {
  /** who asks, as far as it says so */
  readonly clientId: string | undefined;
  /** where to go afterwards, with `state` in it */
  readonly location: string | undefined;
  /** whose session it means */
  readonly hint: Pick<IdTokenHint, 'sub' | 'sid'> | undefined;
  readonly uiLocales: readonly string[];
}

type Parts = Pick<AuthorizationServer, 'issuer' | 'clients' | 'verifier'>;

/** Reads a request to end a session. Throws OAuthError for a page: nobody is redirected then. */
export async function readEndSession(as: Parts, { values }: Parameters): Promise<EndSessionRequest> {
  const hintText = values.get('id_token_hint');
  const hint = hintText === undefined ? undefined : readIdToken(as, hintText);
  if (hintText !== undefined && hint === undefined) throw new OAuthError('logout_hint_invalid');
  const clientId = values.get('client_id') ?? hint?.clientId;
  if (hint !== undefined && hint.clientId !== clientId) throw new OAuthError('logout_client_differs');
  const client = clientId === undefined ? undefined : await as.clients.find(clientId);
  if (clientId !== undefined && client?.disabledAt !== null)
    throw new OAuthError('logout_client_unknown', { clientId });
  return {
    clientId,
    location: locationOf(client, values),
    hint: hint && { sub: hint.sub, sid: hint.sid },
    uiLocales: values.get('ui_locales')?.split(' ') ?? [],
  };
}

/** RP-Initiated Logout 3: exactly as registered. */
function locationOf(client: ClientRecord | undefined, values: Parameters['values']): string | undefined {
  const uri = values.get('post_logout_redirect_uri');
  if (uri === undefined) return undefined;
  if (!client?.metadata.post_logout_redirect_uris?.includes(uri)) {
    throw new OAuthError('post_logout_redirect_uri_not_registered', client && { clientId: client.clientId });
  }
  const state = values.get('state');
  if (state === undefined) return uri;
  return `${uri}${uri.includes('?') ? '&' : '?'}${new URLSearchParams({ state }).toString()}`;
}

/** Whether the client has shown that it means this very session, so that nobody has to be asked. */
export async function isOfSession(
  as: Pick<AuthorizationServer, 'clients' | 'pairwiseSecret'>,
  { hint, clientId = '' }: EndSessionRequest,
  session: Session,
): Promise<boolean> {
  const client = hint && (await as.clients.find(clientId));
  if (!client) return false;
  const { sub, sid } = await presentedTo(as, client.metadata, session);
  return hint.sub === sub && hint.sid === sid;
}

/**
 * Lets a request wait, for what another site posts comes without our cookies (SameSite): the browser brings them at its
 * next step. The answer is its id. Throws StoreUnavailableError.
 */
export const beginEndSession = (
  as: Pick<AuthorizationServer, 'documents' | 'clock' | 'random'>,
  request: EndSessionRequest,
): Promise<string> => keepDocument(as, KIND, request, LOGOUT_LIFETIME);

/** Undefined where there is none (any more). */
export async function findEndSession(
  as: Pick<AuthorizationServer, 'documents'>,
  id: string,
): Promise<EndSessionRequest | undefined> {
  const text = await findDocument(as, KIND, id);
  return text === undefined ? undefined : (JSON.parse(text) as EndSessionRequest);
}
