// The standard claims of an account: OpenID Connect Core 5.1, 5.4, 5.5. The rule it keeps: a client gets the claims
// that its scope or its request names, and no account's claim can pass for one that the issuer sets.
import type { AccountRecord } from '../stores/stores.ts';
import { issuerClaims } from './claims.ts';
import type { ClaimRequests } from './claims-request.ts';
import { scopeTokens } from './scope.ts';

/** 5.4 */
const claimsOfScope: Readonly<Record<string, readonly string[]>> = {
  profile: [
    'name',
    'family_name',
    'given_name',
    'middle_name',
    'nickname',
    'preferred_username',
    'profile',
    'picture',
    'website',
    'gender',
    'birthdate',
    'zoneinfo',
    'locale',
    'updated_at',
  ],
  email: ['email', 'email_verified'],
  address: ['address'],
  phone: ['phone_number', 'phone_number_verified'],
};

/** What the metadata says may be asked for. */
export const claimsSupported: readonly string[] = [...new Set(Object.values(claimsOfScope).flat())];

/** The claims that a scope stands for. */
export const namesOfScope = (scope: string | undefined): readonly string[] =>
  scopeTokens(scope).flatMap((token) =>
    Object.hasOwn(claimsOfScope, token) ? (claimsOfScope[token] ?? []) : [],
  );

/** The claims of the account by these names; what it does not have is left out (5.3.2). */
export function standardClaims(
  account: Pick<AccountRecord, 'email' | 'name' | 'claims'> & { readonly updatedAt?: number },
  names: Iterable<string>,
): Record<string, unknown> {
  const facts: Record<string, unknown> = {
    email_verified: false,
    ...account.claims,
    email: account.email,
    ...(account.name !== null && { name: account.name }),
    ...(account.updatedAt !== undefined && { updated_at: Math.floor(account.updatedAt) }),
  };
  const found = [...new Set(names)].filter((name) => Object.hasOwn(facts, name) && !issuerClaims.has(name));
  return Object.fromEntries(found.map((name) => [name, facts[name]]));
}

/** The names in one half of a `claims` request. */
export const requestedNames = (requests: ClaimRequests | undefined): readonly string[] =>
  Object.keys(requests ?? {});
