// Logout: OpenID Connect RP-Initiated Logout 1.0. The rules it keeps: nobody is signed out by a link alone, unless the
// client shows an ID token of this very session; and nobody is sent to a URI that the client is not registered with.
import type { ClientRecord } from '../stores/stores.ts';
import type { AuthorizationServer } from './authorization-server.ts';
import { OAuthError } from './errors.ts';
import { type IdTokenHint, readIdToken } from './id-token-hint.ts';
import type { Parameters } from './parameters.ts';
import type { Session } from './session.ts';

export interface EndSessionRequest {
  /** who asks, as far as it says so */
  readonly client: ClientRecord | undefined;
  /** where to go afterwards, with `state` in it */
  readonly location: string | undefined;
  /** false: the person is asked first */
  readonly isConfirmed: boolean;
}

type Parts = Pick<AuthorizationServer, 'issuer' | 'clients' | 'verifier'>;

/** Reads a request to end `session`. Throws OAuthError for a page: nobody is redirected then. */
export async function readEndSession(
  as: Parts,
  { values }: Parameters,
  session: Session | undefined,
): Promise<EndSessionRequest> {
  const hintText = values.get('id_token_hint');
  const hint = hintText === undefined ? undefined : readIdToken(as, hintText);
  if (hintText !== undefined && hint === undefined) throw new OAuthError('logout_hint_invalid');
  const clientId = values.get('client_id') ?? hint?.clientId;
  if (hint !== undefined && hint.clientId !== clientId) throw new OAuthError('logout_client_differs');
  const client = clientId === undefined ? undefined : await as.clients.find(clientId);
  if (clientId !== undefined && client === undefined)
    throw new OAuthError('authorize_client_unknown', { clientId });
  return {
    client,
    location: locationOf(client, values),
    isConfirmed: session === undefined || isOfSession(hint, session),
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

const isOfSession = (hint: IdTokenHint | undefined, { sid, sub }: Session): boolean =>
  hint?.sub === sub && hint.sid === sid;
