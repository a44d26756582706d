// The `id_token_hint`: OpenID Connect Core 3.1.2.1, RP-Initiated Logout 2. The rule it keeps: it is one of our own ID
// tokens and was issued to the client that shows it; that it has expired takes nothing from it.
import type { AuthorizationServer } from './authorization-server.ts';
import { OAuthError } from './errors.ts';

export interface IdTokenHint {
  readonly sub: string;
  readonly clientId: string;
  /** of the session that it came of */
  readonly sid: string | undefined;
}

type Parts = Pick<AuthorizationServer, 'issuer' | 'verifier'>;

/** What an ID token of ours says; undefined for every other text. */
export function readIdToken(as: Parts, text: string): IdTokenHint | undefined {
  const token = as.verifier.verify(text);
  if (token === undefined) return undefined;
  const { iss, sub, aud, sid, client_id, auth_time } = token.claims;
  // RFC 8725 3.12: an access token has a client_id, a logout token no auth_time.
  const isIdToken = token.header.typ === 'JWT' && client_id === undefined && auth_time !== undefined;
  if (!isIdToken || iss !== as.issuer || typeof sub !== 'string' || typeof aud !== 'string') return undefined;
  return { sub, clientId: aud, sid: typeof sid === 'string' ? sid : undefined };
}

/** The subject that a request means; undefined where it has no hint. Throws OAuthError. */
export function readSubjectHint(as: Parts, text: string | undefined, clientId: string): string | undefined {
  if (text === undefined) return undefined;
  const hint = readIdToken(as, text);
  if (hint?.clientId !== clientId) throw new OAuthError('id_token_hint_invalid');
  return hint.sub;
}
