// Logout tokens: OpenID Connect Back-Channel Logout 1.0 2.4. The rule they keep: their typ and their events say what they
// are, and no nonce and no auth_time lets one pass for an ID token.
import type { AuthorizationServer } from './authorization-server.ts';
import type { ClientMetadata } from './client.ts';

const EVENT = 'http://schemas.openid.net/event/backchannel-logout';
/** Seconds: 2.4 recommends two minutes at most. */
const LIFETIME = 120;

export interface LogoutTokenFacts {
  readonly clientId: string;
  readonly client: Pick<ClientMetadata, 'id_token_signed_response_alg'>;
  readonly sub: string;
  readonly sid: string;
  /** the same for every attempt to deliver it */
  readonly jti: string;
}

type Parts = Pick<AuthorizationServer, 'issuer' | 'clock' | 'keyring'>;

/** Signs a logout token. Throws SigningUnavailableError. */
export function mintLogoutToken(
  as: Parts,
  { clientId, client, sub, sid, jti }: LogoutTokenFacts,
): Promise<string> {
  const iat = Math.floor(as.clock.now());
  const claims = {
    iss: as.issuer,
    sub,
    aud: clientId,
    iat,
    exp: iat + LIFETIME,
    jti,
    sid,
    events: { [EVENT]: {} },
  };
  return as.keyring.sign({ alg: client.id_token_signed_response_alg ?? 'RS256', typ: 'logout+jwt', claims });
}
