// Whether a proxy may pass a request on, free of HTTP: RFC 6750 3.1, RFC 9068 4, RFC 9470 3. The rule it keeps: a token is
// judged before anything is said of the resource that is asked for, and as at introspection, so that what was revoked is
// refused at once.
import { reaches } from './acr.ts';
import type { AuthorizationServer } from './authorization-server.ts';
import { OAuthError } from './errors.ts';
import { type JudgeParts, judgeToken } from './introspect.ts';
import type { Parameters } from './parameters.ts';
import { isScope, scopeTokens } from './scope.ts';
import { isResourceUri } from './uris.ts';

/** Whom the service behind the proxy has before it. */
export interface Admitted {
  readonly subject: string;
  readonly clientId: string;
  /** empty: none */
  readonly scope: string;
}

/** What a proxy asks for: a resource, and the scope that the request needs. Throws OAuthError. */
export function forwardAuthRequest({ resources, values }: Parameters) {
  const [resource, ...others] = resources;
  if (resource === undefined) throw new OAuthError('resource_missing');
  if (others.length > 0) throw new OAuthError('several_resources');
  if (!isResourceUri(resource)) throw new OAuthError('resource_malformed');
  const scope = values.get('scope');
  if (scope !== undefined && !isScope(scope)) throw new OAuthError('scope_malformed');
  return { resource, scope };
}

/** The bearer of a token that is good for this, now. Throws OAuthError or StoreUnavailableError. */
export async function admit(
  as: JudgeParts & Pick<AuthorizationServer, 'resources'>,
  { resource: uri, scope }: ReturnType<typeof forwardAuthRequest>,
  accessToken: string,
): Promise<Admitted> {
  const token = await judgeToken(as, accessToken);
  if (token?.kind !== 'access_token') throw new OAuthError('bearer_token_invalid');
  const { claims, clientId, familyId } = token;
  const resource = await as.resources.find(uri);
  if (resource === undefined) throw new OAuthError('resource_unknown', { clientId });
  if (claims.aud !== uri) throw new OAuthError('bearer_of_another_resource', { clientId });
  const { requireAcr } = resource;
  // It may have been asked for since the token was issued; a client that acts for itself has no sign-in.
  if (familyId !== undefined && requireAcr !== null && !reaches(String(claims.acr), requireAcr))
    throw new OAuthError('bearer_acr_too_low', { clientId, challenge: { acr_values: requireAcr } });
  const granted = typeof claims.scope === 'string' ? claims.scope : undefined;
  if (!scopeTokens(scope).every((one) => scopeTokens(granted).includes(one)))
    throw new OAuthError('bearer_scope_too_small', { clientId, challenge: { scope: scope ?? '' } });
  return { subject: claims.sub, clientId, scope: granted ?? '' };
}
