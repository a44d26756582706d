// What a schema cannot say of client metadata: which URIs are safe, which members need or exclude each other
// (RFC 7591 2, RFC 8252, RFC 9700).
import { issuerClaims } from './claims.ts';
import type { ClientMetadata } from './client.ts';
import { grantTypes } from './grants/index.ts';
import type { Problem } from './registration.ts';
import { isCarriedImage, isRedirectUri, isResourceUri, isSecureUri, isWebPage } from './uris.ts';

const web = { holds: isWebPage, problem: 'must be an http or https URL' };
const logo = {
  holds: (uri: string) => isWebPage(uri) || isCarriedImage(uri),
  problem: 'must be an http or https URL, or an image as a data: URI in base64, which pages show',
};
const secure = {
  holds: isSecureUri,
  problem: 'must be an https URL (http only on localhost, 127.0.0.1 or [::1])',
};
const redirect = {
  holds: isRedirectUri,
  problem:
    'must be an https URL without a fragment, http on localhost, 127.0.0.1 or [::1], or a private-use scheme with a dot (com.example.app:/callback)',
};
const resource = { holds: isResourceUri, problem: 'must be an absolute URI without a fragment' };

const uriRules = {
  redirect_uris: redirect,
  post_logout_redirect_uris: redirect,
  client_uri: web,
  logo_uri: logo,
  tos_uri: web,
  policy_uri: web,
  jwks_uri: secure,
  sector_identifier_uri: secure,
  initiate_login_uri: secure,
  backchannel_logout_uri: secure,
  default_resource: resource,
  resources: resource,
} as const;

function* uriProblems(metadata: ClientMetadata): Iterable<Problem> {
  for (const [member, rule] of Object.entries(uriRules)) {
    const value = metadata[member as keyof typeof uriRules];
    if (typeof value === 'string') {
      if (!rule.holds(value)) yield { member, problem: rule.problem };
    } else {
      for (const [index, one] of (value ?? []).entries()) {
        if (!rule.holds(one)) yield { member: `${member}[${index}]`, problem: rule.problem };
      }
    }
  }
}

/** The members of a JWK that are private (RFC 7518 6), the symmetric key's among them. */
const privateMembers = ['d', 'p', 'q', 'dp', 'dq', 'qi', 'oth', 'k'];

function* keyProblems({ jwks, jwks_uri, token_endpoint_auth_method }: ClientMetadata): Iterable<Problem> {
  if (jwks && jwks_uri)
    yield { member: 'jwks', problem: 'cannot stand beside jwks_uri (RFC 7591 2): give one' };
  if (token_endpoint_auth_method === 'private_key_jwt' && !jwks && !jwks_uri) {
    yield { member: 'token_endpoint_auth_method', problem: 'private_key_jwt needs jwks or jwks_uri' };
  }
  for (const [index, key] of (jwks?.keys ?? []).entries()) {
    const member = `jwks.keys[${index}]`;
    const found = privateMembers.find((name) => Object.hasOwn(key, name));
    if (found) yield { member, problem: `has the private member ${found}: register the public key alone` };
    if (typeof key.kty !== 'string') yield { member, problem: 'has no kty (RFC 7517 4.1)' };
  }
}

function* grantProblems(metadata: ClientMetadata): Iterable<Problem> {
  const isPublic = metadata.token_endpoint_auth_method === 'none';
  for (const type of metadata.grant_types) {
    if (!grantTypes.includes(type)) {
      yield {
        member: 'grant_types',
        problem: `${type} is not offered; this server offers ${grantTypes.join(', ')}`,
      };
    }
  }
  if (isPublic && metadata.grant_types.includes('client_credentials')) {
    yield {
      member: 'grant_types',
      problem: 'client_credentials needs a client that authenticates (RFC 6749 4.4)',
    };
  }
  const mayAsk = metadata.grant_types.includes('authorization_code') ? ['code'] : [];
  for (const type of metadata.response_types) {
    if (!mayAsk.includes(type)) {
      yield { member: 'response_types', problem: `${type} does not go with these grant_types` };
    }
  }
  if (metadata.grant_types.includes('authorization_code') && !metadata.redirect_uris?.length) {
    yield { member: 'redirect_uris', problem: 'authorization_code needs at least one' };
  }
  if (isPublic && metadata.require_pkce === false) {
    yield { member: 'require_pkce', problem: 'cannot be false for a public client (RFC 9700 2.1.1)' };
  }
}

function* otherProblems(metadata: ClientMetadata): Iterable<Problem> {
  const { token_endpoint_auth_method: method, token_endpoint_auth_signing_alg: alg } = metadata;
  if (alg && method !== 'private_key_jwt') {
    yield { member: 'token_endpoint_auth_signing_alg', problem: `means nothing with ${method}` };
  }
  const { resources, default_resource, password_suffices, first_party, require_acr } = metadata;
  if (password_suffices && !first_party) {
    yield { member: 'password_suffices', problem: 'means nothing without first_party' };
  }
  if (password_suffices && require_acr === 'aal2') {
    yield { member: 'password_suffices', problem: 'cannot stand beside require_acr aal2' };
  }
  if (resources && default_resource && !resources.includes(default_resource)) {
    yield { member: 'default_resource', problem: 'is not among resources' };
  }
  for (const claim of Object.keys(metadata.claims ?? {})) {
    if (issuerClaims.has(claim)) yield { member: `claims.${claim}`, problem: 'is set by the issuer itself' };
  }
}

/** OpenID Connect Core 8.1: where the sector is not named, the redirect URIs have to agree on it. */
function* sectorProblems(metadata: ClientMetadata): Iterable<Problem> {
  const { subject_type, sector_identifier_uri, redirect_uris = [] } = metadata;
  const member = 'sector_identifier_uri';
  if (subject_type !== 'pairwise') {
    if (sector_identifier_uri) yield { member, problem: 'means nothing unless subject_type is pairwise' };
  } else if (sector_identifier_uri === undefined) {
    const hosts = new Set(redirect_uris.map((uri) => (URL.canParse(uri) ? new URL(uri).hostname : '')));
    if (hosts.size === 1 && !hosts.has('')) return;
    const problem = 'is needed for pairwise subjects unless all redirect_uris have one host';
    yield { member, problem: `${problem} (OpenID Connect Core 8.1)` };
  }
}

/** Every rule that the metadata breaks. */
export const clientProblems = (metadata: ClientMetadata): Problem[] => [
  ...uriProblems(metadata),
  ...keyProblems(metadata),
  ...grantProblems(metadata),
  ...sectorProblems(metadata),
  ...otherProblems(metadata),
];
