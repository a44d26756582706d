// The introspection endpoint, free of HTTP: RFC 7662 2, RFC 9701 4 and 5. The rule it keeps: only whoever a token is
// for learns what it says; to everybody else it is as inactive as one that never was.
import type { AuthorizationServer } from './authorization-server.ts';
import { authenticateClient } from './client-authentication.ts';
import { OAuthError } from './errors.ts';
import { type ActiveToken, judgeToken } from './introspect.ts';
import type { BackchannelRequest } from './messages.ts';
import { presentedTo } from './subject.ts';

/** RFC 7662 2.2 */
export type IntrospectionResponse = Readonly<Record<string, unknown>> & { readonly active: boolean };

export interface Introspection {
  readonly response: IntrospectionResponse;
  /** who asked */
  readonly clientId: string;
}

/** Throws OAuthError, StoreUnavailableError or MacKeyMissingError. */
export async function introspect(
  as: AuthorizationServer,
  request: BackchannelRequest,
): Promise<Introspection> {
  const { clientId, metadata } = await authenticateClient(as, request);
  // RFC 7662 2.1: who need not show who it is could try out tokens.
  if (metadata.token_endpoint_auth_method === 'none') throw new OAuthError('client_public', { clientId });
  const text = request.parameters.values.get('token');
  if (text === undefined) throw new OAuthError('token_missing', { clientId });
  const token = await judgeToken(as, text);
  const mayKnow = token !== undefined && isFor(clientId, token);
  return { clientId, response: mayKnow ? await membersOf(as, token) : { active: false } };
}

/** The client that has the token, and the resource server that is shown it: a client by the name of the audience. */
const isFor = (asking: string, token: ActiveToken): boolean =>
  asking === token.clientId || (token.kind === 'access_token' && asking === token.claims.aud);

async function membersOf(as: AuthorizationServer, token: ActiveToken): Promise<IntrospectionResponse> {
  // After the claims: no account's claim may speak for us.
  if (token.kind === 'access_token') return { ...token.claims, token_type: 'Bearer', active: true };
  const { family, issuedAt, expiresAt } = token;
  const client = await as.clients.find(family.clientId);
  const { sub, sid } = await presentedTo(as, client?.metadata ?? {}, {
    sub: family.sub,
    sid: family.session,
  });
  return {
    active: true,
    iss: as.issuer,
    sub,
    client_id: family.clientId,
    ...(family.scope !== null && { scope: family.scope }),
    iat: issuedAt,
    ...(expiresAt !== undefined && { exp: Math.floor(expiresAt) }),
    auth_time: Math.floor(family.authTime),
    acr: family.acr,
    amr: family.amr,
    sid,
  };
}

/** What RFC 9701 signs a response with where a client asks for nothing else. */
export const introspectionAlg = 'RS256';

/**
 * The response as a JWT for whoever asked: RFC 9701 5. It has neither `sub` nor `exp`, so that nobody takes it for an
 * access token. Throws SigningUnavailableError.
 */
export const signedIntrospection = (
  { issuer, clock, keyring }: Pick<AuthorizationServer, 'issuer' | 'clock' | 'keyring'>,
  { clientId, response }: Introspection,
): Promise<string> =>
  keyring.sign({
    alg: introspectionAlg,
    typ: 'token-introspection+jwt',
    claims: {
      iss: issuer,
      aud: clientId,
      iat: Math.floor(clock.now()),
      token_introspection: response,
    },
  });
