// What a person allowed a client: OpenID Connect Core 3.1.2.4. It is kept, so that nobody is asked twice for the same,
// and it grows: what was allowed once stays so until the person takes it back.
import type { AuthorizationRequest } from './authorization-request.ts';
import type { ClaimsRequest } from './claims-request.ts';
import { scopeTokens } from './scope.ts';

export interface Consent {
  readonly scopes: readonly string[];
  readonly resources: readonly string[];
  /** claims that were asked for by name */
  readonly claims: readonly string[];
}

/** What a request asks a person to allow. */
export const askedFor = ({ scope, resources, claims }: AuthorizationRequest): Consent => ({
  scopes: scopeTokens(scope),
  resources,
  claims: claimNames(claims),
});

export function isConsentedTo(consent: Consent, request: AuthorizationRequest): boolean {
  const { scopes, resources, claims } = askedFor(request);
  return (
    scopes.every((one) => consent.scopes.includes(one)) &&
    resources.every((one) => consent.resources.includes(one)) &&
    claims.every((one) => consent.claims.includes(one))
  );
}

/** Both of them. */
export const joinConsents = (one: Consent | undefined, other: Consent): Consent => ({
  scopes: union(one?.scopes, other.scopes),
  resources: union(one?.resources, other.resources),
  claims: union(one?.claims, other.claims),
});

const union = (one: readonly string[] = [], other: readonly string[]): string[] => [
  ...new Set([...one, ...other]),
];

/** Claims that say nothing of a person need nobody's consent. */
const impersonal = new Set(['acr', 'amr', 'auth_time', 'sub', 'sid']);

function claimNames(request: ClaimsRequest | undefined): readonly string[] {
  const names = [...Object.keys(request?.userinfo ?? {}), ...Object.keys(request?.id_token ?? {})];
  return [...new Set(names)].filter((name) => !impersonal.has(name));
}
