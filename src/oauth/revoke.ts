// The revocation endpoint, free of HTTP: RFC 7009 2. A refresh token takes its whole family along, an access token
// itself alone. The rule it keeps: nobody ends the token of another client, and nobody learns whether it was one.
import { CLOCK_SKEW } from '../keys/lifecycle.ts';
import type { AuthorizationServer } from './authorization-server.ts';
import { authenticateClient } from './client-authentication.ts';
import { OAuthError } from './errors.ts';
import { type AccessTokenClaims, readAccessToken } from './introspect.ts';
import type { BackchannelRequest } from './messages.ts';
import { revokeFamily } from './refresh-families.ts';
import { decodeRefreshToken, looksLikeRefreshToken } from './refresh-token.ts';

/** What became of it; the caller is not told. */
export interface RevocationOutcome {
  readonly clientId: string;
  /** none: unknown, malformed, expired, or another client's */
  readonly revoked: 'refresh_token' | 'access_token' | 'none';
  /** whose refresh token it was */
  readonly familyId?: string;
}

/** Throws OAuthError, StoreUnavailableError or MacKeyMissingError. */
export async function revokeToken(
  as: AuthorizationServer,
  request: BackchannelRequest,
): Promise<RevocationOutcome> {
  const { clientId } = await authenticateClient(as, request);
  // The token says itself of which kind it is, so token_type_hint is not looked at.
  const text = request.parameters.values.get('token');
  if (text === undefined) throw new OAuthError('token_missing', { clientId });
  return looksLikeRefreshToken(text)
    ? revokeRefreshToken(as, clientId, text)
    : revokeAccessToken(as, clientId, text);
}

async function revokeRefreshToken(
  as: AuthorizationServer,
  clientId: string,
  text: string,
): Promise<RevocationOutcome> {
  const token = decodeRefreshToken(as.issuer, as.macKeys(), text);
  const standing = token && (await as.families.find(token.familyId));
  if (standing === undefined || standing.family.clientId !== clientId) return { clientId, revoked: 'none' };
  const { family } = standing;
  // Also where it was revoked before: whoever tries again after a 503 needs the second half done.
  await revokeFamily(as, family, { revocation: 'revoked_by_client', actor: `client:${clientId}` });
  return { clientId, revoked: 'refresh_token', familyId: family.id };
}

async function revokeAccessToken(
  as: AuthorizationServer,
  clientId: string,
  text: string,
): Promise<RevocationOutcome> {
  const claims = await readAccessToken(as, text);
  if (claims?.client_id !== clientId || as.clock.now() >= claims.exp) return { clientId, revoked: 'none' };
  await as.revokedTokens.revoke(claims.jti, rememberedUntil(claims));
  return { clientId, revoked: 'access_token' };
}

/** A replica whose clock is behind must not find it forgotten before it has expired. */
const rememberedUntil = ({ exp }: AccessTokenClaims): number => exp + CLOCK_SKEW;
