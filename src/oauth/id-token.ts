// ID tokens: OpenID Connect Core 2, 3.1.3.6, 12.2. The rule they keep: an ID token says who signed in and how, to one
// client; it is no access token, and its typ and claims say so (RFC 8725 3.11).
import { hash } from 'node:crypto';
import type { SigningAlg } from '../stores/stores.ts';
import type { AuthorizationServer } from './authorization-server.ts';
import type { ClientMetadata } from './client.ts';
import type { Login } from './grants/grant.ts';

export interface IdTokenFacts {
  readonly clientId: string;
  readonly client: Pick<ClientMetadata, 'id_token_signed_response_alg'>;
  readonly sub: string;
  readonly login: Login;
  /** of the authorization request; a refreshed one has none (12.2) */
  readonly nonce: string | undefined;
  /** claims of the account that were asked for in the ID token (5.5) */
  readonly claims: Readonly<Record<string, unknown>>;
  /** the access token that it comes with */
  readonly accessToken: string;
  /** epoch seconds, whole */
  readonly issuedAt: number;
}

type Parts = Pick<AuthorizationServer, 'issuer' | 'idTokenLifetime' | 'keyring'>;

/** Signs an ID token. Throws SigningUnavailableError. */
export function mintIdToken(as: Parts, facts: IdTokenFacts): Promise<string> {
  const { clientId, client, sub, login, nonce, issuedAt } = facts;
  const alg = client.id_token_signed_response_alg ?? 'RS256';
  const claims = {
    ...facts.claims,
    iss: as.issuer,
    sub,
    aud: clientId,
    azp: clientId,
    iat: issuedAt,
    exp: issuedAt + as.idTokenLifetime,
    auth_time: Math.floor(login.authTime),
    acr: login.acr,
    amr: login.amr,
    sid: login.session,
    at_hash: leftHalf(alg, facts.accessToken),
    ...(nonce !== undefined && { nonce }),
  };
  return as.keyring.sign({ alg, typ: 'JWT', claims });
}

/** 3.1.3.6: the left half of the hash that the algorithm uses; Ed25519 hashes with SHA-512 (RFC 8032 5.1). */
function leftHalf(alg: SigningAlg, token: string): string {
  const digest = Buffer.from(hash(alg === 'EdDSA' ? 'sha512' : 'sha256', token, 'hex'), 'hex');
  return digest.subarray(0, digest.length / 2).toString('base64url');
}
