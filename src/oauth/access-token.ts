// Access tokens: RFC 9068. Audience, lifetime, algorithm and profile are the resource's, since it is the resource
// that has to read the token and bears the risk of it.
import type { ResourceRecord, SigningAlg, TokenProfile } from '../stores/stores.ts';
import type { AuthorizationServer } from './authorization-server.ts';
import type { ClientMetadata } from './client.ts';

/** What an access token says, as far as a grant decides it. */
export interface AccessTokenFacts {
  readonly clientId: string;
  readonly client: Pick<ClientMetadata, 'access_token_lifetime'>;
  readonly sub: string;
  readonly scope: string | undefined;
  /** undefined: the issuer itself is the audience */
  readonly resource: ResourceRecord | undefined;
}

export interface AccessToken {
  readonly jws: string;
  readonly alg: SigningAlg;
  /** seconds */
  readonly lifetime: number;
}

/** RFC 9068 2.1 asks for at+jwt; the other two are for verifiers that refuse it. */
const typOf: Record<TokenProfile, string> = { rfc9068: 'at+jwt', plain: 'JWT', simplejwt: 'JWT' };

type Parts = Pick<AuthorizationServer, 'issuer' | 'accessTokenLifetime' | 'keyring' | 'clock' | 'random'>;

/** Signs an access token. Throws SigningUnavailableError. */
export async function mintAccessToken(as: Parts, facts: AccessTokenFacts): Promise<AccessToken> {
  const { clientId, client, sub, scope, resource } = facts;
  const { profile, signingAlg: alg } = resource ?? { profile: 'rfc9068', signingAlg: 'RS256' };
  const lifetime = resource?.accessTokenLifetime ?? client.access_token_lifetime ?? as.accessTokenLifetime;
  // Rounded down: a verifier without leeway must not see a token from the future.
  const iat = Math.floor(as.clock.now());
  const claims = {
    iss: as.issuer,
    sub,
    aud: resource?.resource ?? as.issuer,
    client_id: clientId,
    iat,
    exp: iat + lifetime,
    jti: as.random.id(),
    ...(scope !== undefined && { scope }),
    ...(profile === 'simplejwt' && { token_type: 'access', user_id: sub }),
  };
  return { jws: await as.keyring.sign({ alg, typ: typOf[profile], claims }), alg, lifetime };
}
