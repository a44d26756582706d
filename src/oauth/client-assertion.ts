// private_key_jwt: RFC 7523 3, OpenID Connect Core 9, RFC 8725. What can be refused from the assertion alone is
// refused in words; whatever depends on the client is refused without a hint whether the client exists.
import {
  type CompactJWSHeaderParameters,
  compactVerify,
  createLocalJWKSet,
  decodeJwt,
  decodeProtectedHeader,
  errors,
  type JSONWebKeySet,
  type JWTPayload,
  type LocalJWKSet,
} from 'jose';
import type { AuthorizationServer } from './authorization-server.ts';
import type { ClientMetadata } from './client.ts';
import { OAuthError } from './errors.ts';

/** The algorithms that assertions may be signed with; a client may be registered for one of them alone. */
export const assertionAlgs: readonly string[] = ['RS256', 'PS256', 'ES256', 'EdDSA'];

const lifetimeLimit = 300;
/** How far ahead of ours a client's clock may be (FAPI 2.0 security profile 5.3.2.1). */
const clockSkew = 30;
const types = new Set(['jwt', 'client-authentication+jwt']);

/** An assertion that says the right things; nobody has looked at its signature yet. */
export interface ClientAssertion {
  readonly jws: string;
  readonly alg: string;
  readonly clientId: string;
  readonly jti: string;
  readonly exp: number;
}

type Context = Pick<AuthorizationServer, 'issuer' | 'endpoints'> & { readonly now: number };

/** Reads an assertion and checks all that it claims. Throws OAuthError. */
export function readClientAssertion(as: Context, jws: string, clientId: string | undefined): ClientAssertion {
  const { header, claims } = decodeAssertion(jws);
  if (header.crit !== undefined) throw new OAuthError('client_assertion_malformed');
  const alg = header.alg ?? '';
  if (!assertionAlgs.includes(alg)) throw new OAuthError('client_assertion_alg');
  if (header.typ !== undefined && !types.has(header.typ.toLowerCase().replace(/^application\//, ''))) {
    throw new OAuthError('client_assertion_typ');
  }
  const { iss, sub, jti } = claims;
  if (!isText(sub) || iss !== sub) throw new OAuthError('client_assertion_subject');
  if (clientId !== undefined && clientId !== sub) throw new OAuthError('client_ids_differ');
  assertAudience(as, claims.aud);
  const exp = assertTimes(as.now, claims);
  if (!isText(jti)) throw new OAuthError('client_assertion_jti');
  return { jws, alg, clientId: sub, jti, exp };
}

function decodeAssertion(jws: string): { header: CompactJWSHeaderParameters; claims: JWTPayload } {
  try {
    const header = decodeProtectedHeader(jws) as CompactJWSHeaderParameters;
    const claims = decodeJwt(jws);
    if (header.typ !== undefined && typeof header.typ !== 'string')
      throw new TypeError('typ is not a string');
    return { header, claims };
  } catch (cause) {
    throw new OAuthError('client_assertion_malformed', { cause });
  }
}

/** Something that a store can be asked for: Postgres takes no NUL in a text. */
const isText = (value: unknown): value is string =>
  typeof value === 'string' && value !== '' && value.length <= 256 && !value.includes('\0');

/** Alone: an assertion that names several audiences could be replayed between them. */
function assertAudience({ issuer, endpoints }: Context, aud: unknown): void {
  const audience = Array.isArray(aud) && aud.length === 1 ? aud[0] : aud;
  if (audience !== issuer && audience !== endpoints.token) throw new OAuthError('client_assertion_audience');
}

function assertTimes(now: number, { exp, iat, nbf }: JWTPayload): number {
  const isTime = (value: unknown) => value === undefined || Number.isFinite(value);
  if (exp === undefined || ![exp, iat, nbf].every(isTime)) throw new OAuthError('client_assertion_times');
  if (exp <= now) throw new OAuthError('client_assertion_expired');
  if (exp > now + lifetimeLimit + clockSkew) throw new OAuthError('client_assertion_too_long');
  if (iat !== undefined && iat < now - lifetimeLimit) throw new OAuthError('client_assertion_too_old');
  if (Math.max(iat ?? 0, nbf ?? 0) > now + clockSkew) throw new OAuthError('client_assertion_not_yet_valid');
  return exp;
}

/** Whether one of the client's own keys signed it. Rejects where its jwks_uri cannot be read. */
export async function isSignedBy(
  { remoteJwks }: Pick<AuthorizationServer, 'remoteJwks'>,
  { jwks, jwks_uri, token_endpoint_auth_signing_alg: registered }: ClientMetadata,
  { jws, alg }: ClientAssertion,
): Promise<boolean> {
  if (registered !== undefined && registered !== alg) return false;
  if (jwks_uri === undefined) return (await compare(jws, alg, jwks)) === 'signed';
  const first = await compare(jws, alg, await remoteJwks.find(jwks_uri));
  if (first !== 'key unknown') return first === 'signed';
  return (await compare(jws, alg, await remoteJwks.reload(jwks_uri))) === 'signed';
}

/** Keys are imported once for as long as their set is known. */
const resolvers = new WeakMap<object, LocalJWKSet>();

function resolverOf(jwks: object): LocalJWKSet {
  const resolver = resolvers.get(jwks) ?? createLocalJWKSet(jwks as JSONWebKeySet);
  resolvers.set(jwks, resolver);
  return resolver;
}

async function compare(
  jws: string,
  alg: string,
  jwks: object = { keys: [] },
): Promise<'signed' | 'not signed' | 'key unknown'> {
  const algorithms = [alg];
  try {
    await compactVerify(jws, resolverOf(jwks), { algorithms });
    return 'signed';
  } catch (error) {
    if (error instanceof errors.JWKSNoMatchingKey) return 'key unknown';
    if (!(error instanceof errors.JWKSMultipleMatchingKeys)) return 'not signed';
    for await (const key of error) {
      if (await compactVerify(jws, key, { algorithms }).catch(() => undefined)) return 'signed';
    }
    return 'not signed';
  }
}
