// Scope: RFC 6749 3.3. The rule it keeps: nobody gets more than both the client and the resource are registered
// for, and asking for more is refused and not cut.
import { OAuthError } from './errors.ts';

const token = '[\\x21\\x23-\\x5B\\x5D-\\x7E]+';

/** One scope token, as a JSON Schema pattern. */
export const scopeTokenPattern = `^${token}$`;

/** Scope tokens parted by single blanks, as a JSON Schema pattern. */
export const scopePattern = `^${token}( ${token})*$`;

const wellFormed = new RegExp(scopePattern);

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
  if (requested === undefined) {
    return ofResource === undefined ? ofClient : sharedScope(ofClient, ofResource.join(' '));
  }
  const own = scopeTokens(ofClient);
  if (!wellFormed.test(requested)) throw new OAuthError('scope_malformed');
  const wanted = new Set(scopeTokens(requested));
  for (const one of wanted) {
    if (!own.includes(one)) throw new OAuthError('scope_not_of_client');
    if (ofResource !== undefined && !ofResource.includes(one)) throw new OAuthError('scope_not_of_resource');
  }
  return [...wanted].join(' ');
}
