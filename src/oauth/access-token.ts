// Access tokens: RFC 9068. Audience, lifetime, algorithm and profile are the resource's, since it is the resource
// that has to read the token and bears the risk of it.
import type { ResourceRecord, SigningAlg, TokenProfile } from '../stores/stores.ts';
import type { AuthorizationServer } from './authorization-server.ts';
import type { ClientMetadata } from './client.ts';
import type { Login, RefreshedFamily } from './grants/grant.ts';
import { accessTokenId, type MacKey } from './refresh-token.ts';

/** What an access token says, as far as a grant decides it. */
export interface AccessTokenFacts {
  readonly clientId: string;
  readonly client: Pick<ClientMetadata, 'access_token_lifetime'>;
  readonly sub: string;
  readonly scope: string | undefined;
  /** undefined: the issuer itself is the audience */
  readonly resource: ResourceRecord | undefined;
  readonly login?: Login | undefined;
  /** the generation that the token goes with: the same one gives the same token again */
  readonly refresh?:
    | (Pick<RefreshedFamily, 'familyId' | 'head' | 'expiresAt'> & { readonly macKey: MacKey })
    | undefined;
}

export interface AccessToken {
  readonly jws: string;
  readonly alg: SigningAlg;
  /** seconds from now */
  readonly expiresIn: number;
}

/** RFC 9068 2.1 asks for at+jwt; the other two are for verifiers that refuse it. */
const typOf: Record<TokenProfile, string> = { rfc9068: 'at+jwt', plain: 'JWT', simplejwt: 'JWT' };

type Parts = Pick<AuthorizationServer, 'issuer' | 'accessTokenLifetime' | 'keyring' | 'clock' | 'random'>;

/** Seconds: the resource bears the risk of the token and comes first, then the client, then the configuration. */
export const accessTokenLifetime = (
  as: Pick<AuthorizationServer, 'accessTokenLifetime'>,
  client: AccessTokenFacts['client'],
  resource: ResourceRecord | undefined,
): number => resource?.accessTokenLifetime ?? client.access_token_lifetime ?? as.accessTokenLifetime;

/** Signs an access token. Throws SigningUnavailableError. */
export async function mintAccessToken(as: Parts, facts: AccessTokenFacts): Promise<AccessToken> {
  const { clientId, client, sub, scope, resource, login, refresh } = facts;
  const { profile, signingAlg: alg } = resource ?? { profile: 'rfc9068', signingAlg: 'RS256' };
  const now = as.clock.now();
  // Rounded down: a verifier without leeway must not see a token from the future.
  const iat = Math.floor(refresh?.head.since ?? now);
  const lifetime = accessTokenLifetime(as, client, resource);
  const exp = Math.floor(Math.min(iat + lifetime, refresh?.expiresAt ?? Number.POSITIVE_INFINITY));
  const claims = {
    ...login?.claims,
    iss: as.issuer,
    sub,
    aud: resource?.resource ?? as.issuer,
    client_id: clientId,
    iat,
    exp,
    jti: tokenId(as, facts),
    scope,
    auth_time: login && Math.floor(login.authTime),
    acr: login?.acr,
    amr: login?.amr,
    sid: login?.session,
    ...(profile === 'simplejwt' && { token_type: 'access', user_id: sub }),
  };
  const jws = await as.keyring.sign({ alg, typ: typOf[profile], claims });
  // A retry gets the token of the first answer, which is as old as that; in whole seconds, as iat is.
  return { jws, alg, expiresIn: Math.max(0, exp - Math.floor(now)) };
}

function tokenId(as: Parts, { resource, scope, refresh }: AccessTokenFacts): string {
  if (refresh === undefined) return as.random.id();
  const { familyId, head, macKey } = refresh;
  const audience = resource?.resource ?? as.issuer;
  return accessTokenId(as.issuer, macKey, { familyId, generation: head.generation, audience, scope });
}
