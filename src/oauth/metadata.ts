// What this server says of itself: RFC 8414 2 and OpenID Connect Discovery 3, one document for both. The rule it
// keeps: it names what works, and nothing else (docs/choices.md).
import { reachableAcrs } from './acr.ts';
import { displays, prompts } from './authorization-request.ts';
import type { AuthorizationServer } from './authorization-server.ts';
import { clientAuthenticationMethods } from './client.ts';
import { assertionAlgs } from './client-assertion.ts';
import { grantTypes } from './grants/index.ts';
import { introspectionAlg } from './introspection-response.ts';
import { issuerScopes } from './scope.ts';
import { claimsSupported } from './standard-claims.ts';

/** The languages of the pages (OpenID Connect Discovery 3, RFC 5646). */
export const uiLocales = ['en', 'de'] as const;

/** What every ID token says. */
const idTokenClaims = 'iss sub aud exp iat auth_time acr amr azp sid'.split(' ');

/** RFC 7662 2.1: whoever introspects authenticates. */
const provenMethods = clientAuthenticationMethods.filter((method) => method !== 'none');

/** The members that exist today; clients find every path here. */
export const serverMetadata = ({
  issuer,
  endpoints,
  signingAlgs,
}: Pick<AuthorizationServer, 'issuer' | 'endpoints' | 'signingAlgs'>) => ({
  issuer,
  authorization_endpoint: endpoints.authorization,
  token_endpoint: endpoints.token,
  userinfo_endpoint: endpoints.userinfo,
  introspection_endpoint: endpoints.introspection,
  revocation_endpoint: endpoints.revocation,
  end_session_endpoint: endpoints.endSession,
  jwks_uri: endpoints.jwks,
  // Of our own: RFC 8414 2 leaves room for it.
  revoked_families_uri: endpoints.revokedFamilies,
  grant_types_supported: grantTypes,
  response_types_supported: ['code'],
  response_modes_supported: ['query', 'form_post'],
  code_challenge_methods_supported: ['S256'],
  scopes_supported: [...issuerScopes],
  claims_supported: [...idTokenClaims, ...claimsSupported],
  acr_values_supported: reachableAcrs,
  prompt_values_supported: prompts,
  display_values_supported: displays,
  ui_locales_supported: uiLocales,
  authorization_response_iss_parameter_supported: true,
  claims_parameter_supported: true,
  request_parameter_supported: false,
  request_uri_parameter_supported: false,
  token_endpoint_auth_methods_supported: clientAuthenticationMethods,
  token_endpoint_auth_signing_alg_values_supported: assertionAlgs,
  introspection_endpoint_auth_methods_supported: provenMethods,
  introspection_endpoint_auth_signing_alg_values_supported: assertionAlgs,
  introspection_signing_alg_values_supported: [introspectionAlg],
  revocation_endpoint_auth_methods_supported: clientAuthenticationMethods,
  revocation_endpoint_auth_signing_alg_values_supported: assertionAlgs,
  backchannel_logout_supported: true,
  backchannel_logout_session_supported: true,
  // Required by OpenID Connect Discovery; some verifiers read nothing without them.
  subject_types_supported: ['public', 'pairwise'],
  id_token_signing_alg_values_supported: signingAlgs,
  userinfo_signing_alg_values_supported: signingAlgs,
});

/**
 * The paths of the document: inserted before the issuer's path (RFC 8414 3.1 and 5), and appended to it (OpenID
 * Connect Discovery 4). Without a path the two are one.
 */
export function metadataPaths(issuer: string): readonly string[] {
  const path = issuerPath(issuer);
  return [
    ...new Set([
      `/.well-known/oauth-authorization-server${path}`,
      `/.well-known/openid-configuration${path}`,
      `${path}/.well-known/openid-configuration`,
    ]),
  ];
}

/** The path that everything of this issuer is under; empty where it has none. */
export const issuerPath = (issuer: string): string => new URL(issuer).pathname.replace(/\/$/, '');
