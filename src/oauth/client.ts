// Client metadata: RFC 7591 2, OpenID Connect Dynamic Client Registration 2, and our own members. Strict: what is
// not understood is refused, so that no setting is believed to hold while it does nothing.
import { type Static, Type } from 'typebox';
import { reachableAcrs } from './acr.ts';
import { accountPath } from './claims.ts';
import { clientProblems } from './client-rules.ts';
import { type Problem, RegistrationError, shapeCheck } from './registration.ts';
import { scopePattern } from './scope.ts';

const uri = Type.String({ minLength: 1, maxLength: 2048 });
const uris = Type.Array(uri, { maxItems: 100, uniqueItems: true });
const text = Type.String({ minLength: 1, maxLength: 1000 });
const seconds = Type.Integer({ minimum: 1 });

/** The algorithms that a client may sign with, and have its ID tokens signed with. */
export const signingAlg = Type.Enum(['RS256', 'PS256', 'ES256', 'EdDSA']);

export const clientAuthenticationMethods = [
  'client_secret_basic',
  'client_secret_post',
  'private_key_jwt',
  'none',
] as const;

const ClientMetadataDocument = Type.Object(
  {
    // RFC 7591
    redirect_uris: Type.Optional(uris),
    token_endpoint_auth_method: Type.Optional(Type.Enum([...clientAuthenticationMethods])),
    grant_types: Type.Optional(Type.Array(Type.String(), { minItems: 1, uniqueItems: true })),
    response_types: Type.Optional(Type.Array(Type.String(), { uniqueItems: true })),
    client_name: Type.Optional(text),
    client_uri: Type.Optional(uri),
    logo_uri: Type.Optional(Type.String({ minLength: 1, maxLength: 50_000 })),
    scope: Type.Optional(Type.String({ pattern: scopePattern, maxLength: 4096 })),
    contacts: Type.Optional(Type.Array(text, { maxItems: 20 })),
    tos_uri: Type.Optional(uri),
    policy_uri: Type.Optional(uri),
    jwks_uri: Type.Optional(uri),
    jwks: Type.Optional(
      Type.Object({
        keys: Type.Array(Type.Record(Type.String(), Type.Unknown()), { minItems: 1, maxItems: 20 }),
      }),
    ),
    software_id: Type.Optional(text),
    software_version: Type.Optional(text),
    // OpenID Connect
    application_type: Type.Optional(Type.Enum(['web', 'native'])),
    subject_type: Type.Optional(Type.Enum(['public', 'pairwise'])),
    sector_identifier_uri: Type.Optional(uri),
    token_endpoint_auth_signing_alg: Type.Optional(signingAlg),
    id_token_signed_response_alg: Type.Optional(signingAlg),
    userinfo_signed_response_alg: Type.Optional(signingAlg),
    default_max_age: Type.Optional(seconds),
    default_acr_values: Type.Optional(Type.Array(text, { maxItems: 20, uniqueItems: true })),
    require_auth_time: Type.Optional(Type.Boolean()),
    initiate_login_uri: Type.Optional(uri),
    post_logout_redirect_uris: Type.Optional(uris),
    backchannel_logout_uri: Type.Optional(uri),
    backchannel_logout_session_required: Type.Optional(Type.Boolean()),
    // ours
    colour: Type.Optional(Type.String({ pattern: '^#[0-9a-fA-F]{6}$' })),
    require_pkce: Type.Optional(Type.Boolean()),
    first_party: Type.Optional(Type.Boolean()),
    password_suffices: Type.Optional(Type.Boolean()),
    require_acr: Type.Optional(Type.Enum([...reachableAcrs])),
    default_resource: Type.Optional(uri),
    resources: Type.Optional(uris),
    access_token_lifetime: Type.Optional(seconds),
    refresh_token_lifetime: Type.Optional(seconds),
    refresh_token_idle_lifetime: Type.Optional(seconds),
    refresh_retry_window: Type.Optional(Type.Integer({ minimum: 0, maximum: 120 })),
    claims: Type.Optional(Type.Record(Type.String({ minLength: 1 }), Type.String({ pattern: accountPath }))),
  },
  { additionalProperties: false },
);

/** As an operator writes it. */
export type ClientMetadataDocument = Readonly<Static<typeof ClientMetadataDocument>>;

/** As it is registered: what RFC 7591 gives a default is always there. Lifetimes in seconds. */
export type ClientMetadata = ClientMetadataDocument &
  Required<Pick<ClientMetadataDocument, 'token_endpoint_auth_method' | 'grant_types' | 'response_types'>>;

const shapeProblems = shapeCheck(ClientMetadataDocument);

function defaultGrantType({
  redirect_uris,
  token_endpoint_auth_method,
  first_party,
}: ClientMetadataDocument) {
  if (redirect_uris) return 'authorization_code';
  // It gets its tokens by /api/token/, and can get none by itself.
  return first_party && token_endpoint_auth_method === 'none' ? 'refresh_token' : 'client_credentials';
}

function withDefaults(document: ClientMetadataDocument): ClientMetadata {
  const grantTypes = document.grant_types ?? [defaultGrantType(document)];
  return {
    ...document,
    token_endpoint_auth_method: document.token_endpoint_auth_method ?? 'client_secret_basic',
    grant_types: grantTypes,
    response_types: document.response_types ?? (grantTypes.includes('authorization_code') ? ['code'] : []),
  };
}

/**
 * Checks metadata and fills in the defaults. Lifetimes are checked to be positive; their upper bounds are the
 * configuration's, and the caller's to check. Throws RegistrationError with every problem.
 */
export function parseClientMetadata(document: unknown): ClientMetadata {
  const misshapen = shapeProblems(document);
  if (misshapen.length > 0) throw new RegistrationError(misshapen);
  const metadata = withDefaults(document as ClientMetadataDocument);
  const problems: readonly Problem[] = clientProblems(metadata);
  if (problems.length > 0) throw new RegistrationError(problems);
  return metadata;
}
