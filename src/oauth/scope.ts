// Scope: RFC 6749 3.3. The rule it keeps: nobody gets more than both the client and the resource are registered
// for, and asking for more is refused and not cut.
import { OAuthError } from './errors.ts';

const token = '[\\x21\\x23-\\x5B\\x5D-\\x7E]+';

/** One scope token, as a JSON Schema pattern. */
export const scopeTokenPattern = `^${token}$`;

/** Scope tokens parted by single blanks, as a JSON Schema pattern. */
export const scopePattern = `^${token}( ${token})*$`;

const wellFormed = new RegExp(scopePattern);

/** Whether it is scope tokens parted by single blanks. */
export const isScope = (text: string): boolean => wellFormed.test(text);

/** The tokens of a scope that is known to be well-formed. */
export const scopeTokens = (scope: string | undefined): readonly string[] => scope?.split(' ') ?? [];

/** What both have, in the order of the first; undefined where that is nothing. */
export function sharedScope(one: string | undefined, other: string | undefined): string | undefined {
  const others = scopeTokens(other);
  return (
    scopeTokens(one)
      .filter((token) => others.includes(token))
      .join(' ') || undefined
  );
}

/** Scopes of the issuer itself (OpenID Connect Core 5.4, 11): they mean the same at every resource. */
export const issuerScopes: ReadonlySet<string> = new Set([
  'openid',
  'profile',
  'email',
  'address',
  'phone',
  'offline_access',
]);

/** Whether a resource, or the issuer itself (undefined), knows the scope. */
const isKnownTo = (resource: Resource | undefined, token: string): boolean =>
  resource === undefined || issuerScopes.has(token) || resource.scopes.includes(token);

interface Resource {
  readonly scopes: readonly string[];
}

/**
 * What an authorization request may be granted: of what it asks for, all that the client is registered for and one of
 * the resources knows. The rest is passed over (OpenID Connect Core 3.1.2.1), and the answer says what was granted
 * (RFC 6749 3.3). A client without a scope of its own may ask for the issuer's. Throws OAuthError.
 */
export function requestableScope(
  requested: string | undefined,
  ofClient: string | undefined,
  resources: readonly Resource[],
): string | undefined {
  if (requested !== undefined && !wellFormed.test(requested)) throw new OAuthError('scope_malformed');
  const own = ofClient === undefined ? [...issuerScopes] : scopeTokens(ofClient);
  const wanted =
    requested === undefined ? own.filter((token) => !issuerScopes.has(token)) : scopeTokens(requested);
  const known = (token: string) =>
    resources.length === 0 || resources.some((resource) => isKnownTo(resource, token));
  return [...new Set(wanted)].filter((token) => own.includes(token) && known(token)).join(' ') || undefined;
}

/** The part of a granted scope that a token for this resource has. */
export const scopeAt = (granted: string | undefined, resource: Resource | undefined): string | undefined =>
  scopeTokens(granted)
    .filter((token) => isKnownTo(resource, token))
    .join(' ') || undefined;

export interface ScopeRequest {
  /** as the client asks now; undefined = all that it may have */
  readonly requested: string | undefined;
  /** as the client is registered */
  readonly ofClient: string | undefined;
  /** as the resource knows them; undefined where the issuer itself is the audience */
  readonly ofResource: readonly string[] | undefined;
}

/** The scope of a token; undefined where it has none. Throws OAuthError. */
export function grantedScope({ requested, ofClient, ofResource }: ScopeRequest): string | undefined {
  const resource = ofResource && { scopes: ofResource };
  if (requested === undefined) return scopeAt(ofClient, resource);
  const own = scopeTokens(ofClient);
  if (!wellFormed.test(requested)) throw new OAuthError('scope_malformed');
  const wanted = new Set(scopeTokens(requested));
  for (const one of wanted) {
    if (!own.includes(one)) throw new OAuthError('scope_not_of_client');
    if (!isKnownTo(resource, one)) throw new OAuthError('scope_not_of_resource');
  }
  return [...wanted].join(' ');
}
