// Refusals: RFC 6749 5.2, RFC 8707 2. Many reasons, few codes: the reason goes to the log and the counter, the
// code and its description to the caller. docs/errors.md is this table, and a test says so.
// biome-ignore-all lint/style/noExcessiveLinesPerFile: one table, to be read in one place.

type ErrorCode =
  | 'invalid_request'
  | 'invalid_client'
  | 'invalid_grant'
  | 'unauthorized_client'
  | 'unsupported_grant_type'
  | 'invalid_scope'
  | 'invalid_target'
  // RFC 6750 3.1
  | 'invalid_token'
  | 'insufficient_scope'
  // RFC 9470 3
  | 'insufficient_user_authentication'
  | 'temporarily_unavailable'
  | 'server_error'
  | 'not_found'
  // RFC 6749 4.1.2.1, OpenID Connect Core 3.1.2.6, Core Unmet Authentication Requirements 1.0
  | 'access_denied'
  | 'unsupported_response_type'
  | 'login_required'
  | 'consent_required'
  | 'request_not_supported'
  | 'request_uri_not_supported'
  | 'registration_not_supported'
  | 'unmet_authentication_requirements';

/** What the caller is told of a refusal. */
export interface Refusal {
  readonly error: ErrorCode;
  readonly status: number;
  /** of the characters that RFC 6749 5.2 allows: no quotes, no backslash, ASCII */
  readonly description: string;
}

const request = (description: string, status = 400): Refusal => ({
  error: 'invalid_request',
  status,
  description,
});
const client = (description: string): Refusal => ({ error: 'invalid_client', status: 401, description });
const target = (description: string): Refusal => ({ error: 'invalid_target', status: 400, description });
const scope = (description: string): Refusal => ({ error: 'invalid_scope', status: 400, description });
const unavailable = (description: string): Refusal => ({
  error: 'temporarily_unavailable',
  status: 503,
  description,
});

/** For the client, by way of the browser; the status is that of the page where nobody can be answered. */
const asked = (error: ErrorCode, description: string): Refusal => ({ error, status: 400, description });

/** One answer for all of them, so that whoever found a code learns nothing from it. */
const codeNotGranted: Refusal = {
  error: 'invalid_grant',
  status: 400,
  description: 'The authorization code is invalid, expired or was used before.',
};
const verifierNotGranted: Refusal = {
  error: 'invalid_grant',
  status: 400,
  description: 'code_verifier is not the one behind code_challenge.',
};

/** One answer for all of them, so that whoever found a token learns nothing from it. */
const notGranted: Refusal = {
  error: 'invalid_grant',
  status: 400,
  description: 'The refresh token is invalid, expired or revoked.',
};

/** RFC 6750 3.1 */
const notGood: Refusal = {
  error: 'invalid_token',
  status: 401,
  description: 'The token is invalid, expired or revoked.',
};

/** One answer for all of them, so that nobody learns which accounts exist, and which are disabled. */
const notSignedIn: Refusal = {
  error: 'access_denied',
  status: 401,
  description: 'No active account found with the given credentials',
};

/** One answer for all of them, so that nobody learns which clients exist, and which are disabled. */
const notAuthenticated = client('The client could not be authenticated.');

export const refusals = {
  // the request itself
  request_malformed: request('The request is not well-formed HTTP.'),
  not_found: { error: 'not_found', status: 404, description: 'There is nothing at this path.' },
  method_not_allowed: request('This path does not answer to this method.', 405),
  query_not_allowed: request('Parameters belong in the body, not in the URL.'),
  content_type_not_form: request('The body must be application/x-www-form-urlencoded, in UTF-8.'),
  json_malformed: request('JSON parse error - the body is not well-formed JSON'),
  fields_unfit: request('A field is missing, blank or no text.'),
  form_too_large: request('The body is larger than 65536 bytes.'),
  too_many_parameters: request('There are more than 100 parameters.'),
  parameter_repeated: request('A parameter is given more than once.'),
  parameter_nul: request('A parameter has a NUL in it.'),
  parameter_percent_encoding: request('A percent sign is not followed by two hexadecimal digits.'),
  parameter_not_utf8: request('A parameter is not UTF-8.'),

  // who asks
  several_client_authentications: request('The client authenticates in more than one way.'),
  client_authentication_missing: client('The client does not authenticate.'),
  authorization_scheme_unsupported: client('The Authorization header must be Basic.'),
  authorization_header_malformed: client(
    'The Authorization header is not well-formed Basic (RFC 6749 2.3.1).',
  ),
  client_ids_differ: client('client_id is not the client that authenticates.'),
  client_unknown: notAuthenticated,
  client_disabled: notAuthenticated,
  client_not_first_party: notAuthenticated,
  client_secret_wrong: notAuthenticated,
  client_method_not_registered: notAuthenticated,
  client_keys_unavailable: notAuthenticated,
  client_assertion_signature: notAuthenticated,
  client_assertion_incomplete: request('client_assertion and client_assertion_type go together.'),
  client_assertion_type_unsupported: request(
    'client_assertion_type must be urn:ietf:params:oauth:client-assertion-type:jwt-bearer.',
  ),
  client_assertion_malformed: client('The client assertion is not a signed JWT.'),
  client_assertion_alg: client('The client assertion must be signed with RS256, PS256, ES256 or EdDSA.'),
  client_assertion_typ: client('The typ of the client assertion is that of another kind of JWT.'),
  client_assertion_subject: client('iss and sub of the client assertion must be the client_id.'),
  client_assertion_audience: client(
    'aud of the client assertion must be the issuer or the token endpoint alone.',
  ),
  client_assertion_times: client('exp is required in a client assertion, and times are whole seconds.'),
  client_assertion_expired: client('The client assertion has expired.'),
  client_assertion_too_long: client('The client assertion expires more than 5 minutes ahead.'),
  client_assertion_too_old: client('The client assertion was issued more than 5 minutes ago.'),
  client_assertion_not_yet_valid: client('The client assertion is not valid yet.'),
  client_assertion_jti: client('jti is required in a client assertion, of at most 256 characters.'),
  client_assertion_replayed: client('The client assertion was used before.'),

  client_public: client('Only a client that authenticates may ask this.'),

  // what is asked for
  token_missing: request('token is missing.'),
  grant_type_missing: request('grant_type is missing.'),
  grant_type_unsupported: {
    error: 'unsupported_grant_type',
    status: 400,
    description: 'This server does not offer this grant_type.',
  },
  grant_type_not_registered: {
    error: 'unauthorized_client',
    status: 400,
    description: 'The client is not registered for this grant_type.',
  },
  several_resources: target('A token is for one resource: give resource once.'),
  resource_missing: request('resource is missing.'),
  resource_malformed: target('resource must be an absolute URI without a fragment.'),
  resource_unknown: target('The resource is unknown, or not for this client.'),
  resource_not_allowed: target('The resource is unknown, or not for this client.'),
  resource_not_granted: target('The resource is not one that this refresh token was issued for.'),
  scope_malformed: scope('scope must be scope tokens parted by single blanks (RFC 6749 3.3).'),
  scope_not_of_client: scope('The scope exceeds what the client is registered for.'),
  scope_not_of_resource: scope('The scope exceeds what the resource knows.'),

  // what a browser brings
  client_id_missing: request('client_id is missing.'),
  authorize_client_unknown: request('There is no such client.'),
  authorize_client_disabled: request('There is no such client.'),
  redirect_uri_missing: request('redirect_uri is missing.'),
  redirect_uri_not_registered: request('redirect_uri is not one that the client is registered with.'),
  request_not_supported: asked('request_not_supported', 'Request objects are not supported.'),
  request_uri_not_supported: asked('request_uri_not_supported', 'request_uri is not supported.'),
  registration_not_supported: asked('registration_not_supported', 'registration is not supported.'),
  response_mode_unsupported: request('response_mode must be query or form_post.'),
  response_type_missing: request('response_type is missing.'),
  response_type_unsupported: asked('unsupported_response_type', 'response_type must be code.'),
  response_type_not_registered: {
    error: 'unauthorized_client',
    status: 400,
    description: 'The client is not registered for response_type code.',
  },
  pkce_required: request('code_challenge is missing: PKCE is required (RFC 7636).'),
  pkce_challenge_missing: request('code_challenge_method comes without code_challenge.'),
  pkce_method_unsupported: request('code_challenge_method must be S256.'),
  pkce_challenge_malformed: request('code_challenge must be the base64url of a SHA-256 digest.'),
  prompt_unsupported: request('prompt must be of none, login, consent, select_account.'),
  prompt_none_not_alone: request('prompt none cannot stand with others.'),
  max_age_malformed: request('max_age must be a number of seconds.'),
  display_unsupported: request('display must be page, popup, touch or wap.'),
  too_many_values: request('A parameter has more than 20 values.'),
  claims_malformed: request('claims is not a claims request (OpenID Connect Core 5.5).'),
  subjects_differ: request('id_token_hint is of another subject than claims ask for.'),
  id_token_hint_invalid: request('id_token_hint is not an ID token that this client was issued.'),
  login_required: asked('login_required', 'The person has to sign in.'),
  consent_required: asked('consent_required', 'The person has to be asked for consent.'),
  acr_not_reachable: asked(
    'unmet_authentication_requirements',
    'The authentication context class that is asked for cannot be reached.',
  ),
  acr_given_up: asked(
    'unmet_authentication_requirements',
    'The authentication context class that is asked for was not reached.',
  ),
  logout_hint_invalid: request('id_token_hint is not an ID token of this issuer.'),
  logout_client_unknown: request('There is no such client.'),
  logout_client_differs: request('client_id is not the client of id_token_hint.'),
  post_logout_redirect_uri_not_registered: request(
    'post_logout_redirect_uri is not one that the client is registered with.',
  ),
  consent_refused: asked('access_denied', 'The person did not allow it.'),

  // what a person's browser brings
  interaction_unknown: request('There is no such sign-in, or it has expired.', 404),
  interaction_of_another_browser: request('The sign-in was begun in another browser.', 403),
  ticket_unknown: request('There is no such link, or it was used, or is too old.', 404),
  csrf_token_wrong: request('The form is not one that this browser was given.', 403),
  wrong_host: request('The issuer is known by another name.'),

  // who signs in
  account_unknown: notSignedIn,
  account_disabled: notSignedIn,
  password_wrong: notSignedIn,
  second_factor_required: {
    error: 'unmet_authentication_requirements',
    status: 401,
    description: 'A second factor is required: sign in with a browser',
  },
  second_factor_wrong: request('The code is not right.', 403),
  second_factor_used: request('The code was used before.', 403),
  passkey_wrong: request('The passkey is not right.', 403),
  sign_in_throttled: {
    error: 'temporarily_unavailable',
    status: 429,
    description: 'Request was throttled.',
  },

  // authorization codes
  code_missing: request('code is missing.'),
  code_unknown: codeNotGranted,
  code_of_another_client: codeNotGranted,
  code_replayed: codeNotGranted,
  code_signed_out: codeNotGranted,
  code_redirect_uri_differs: {
    error: 'invalid_grant',
    status: 400,
    description: 'redirect_uri is not that of the authorization request.',
  },
  pkce_verifier_missing: verifierNotGranted,
  pkce_verifier_wrong: verifierNotGranted,
  pkce_verifier_without_challenge: verifierNotGranted,

  // tokens of people who have shown too little
  acr_too_low: {
    error: 'invalid_grant',
    status: 400,
    description: 'A stronger sign-in is required: ask for acr_values aal2 (RFC 9470).',
  },

  // refresh tokens
  refresh_token_missing: request('refresh_token is missing.'),
  refresh_token_malformed: notGranted,
  refresh_token_unknown: notGranted,
  refresh_token_of_another_client: notGranted,
  refresh_token_expired: notGranted,
  refresh_token_idle: notGranted,
  refresh_token_revoked: notGranted,
  refresh_token_signed_out: notGranted,
  refresh_token_account_disabled: notGranted,
  refresh_token_client_disabled: notGranted,
  refresh_token_client_cut_off: notGranted,
  refresh_token_suspect: notGranted,
  refresh_token_replayed: notGranted,

  // tokens that are shown to be verified
  token_inactive: notGood,
  token_not_of_first_party: notGood,

  // bearers of our tokens
  bearer_token_missing: { error: 'invalid_token', status: 401, description: 'An access token is missing.' },
  bearer_token_twice: request('The access token is given in more than one way.'),
  bearer_token_invalid: {
    error: 'invalid_token',
    status: 401,
    description: 'The access token is invalid, expired or revoked.',
  },
  bearer_scope_insufficient: {
    error: 'insufficient_scope',
    status: 403,
    description: 'The access token is not for this: openid is not in its scope.',
  },
  bearer_of_another_resource: {
    error: 'invalid_token',
    status: 401,
    description: 'The access token is for another resource.',
  },
  bearer_scope_too_small: {
    error: 'insufficient_scope',
    status: 403,
    description: 'The access token has less scope than this needs.',
  },
  bearer_acr_too_low: {
    error: 'insufficient_user_authentication',
    status: 401,
    description: 'A stronger sign-in is required.',
  },

  // not the caller's fault
  store_unavailable: unavailable('A store cannot be reached: try again.'),
  signing_unavailable: unavailable('No token can be signed now: try again.'),
  sign_in_busy: unavailable('Too many wait to sign in: try again.'),
  mac_key_unavailable: unavailable('This replica cannot read the refresh token: try again.'),
  fault: { error: 'server_error', status: 500, description: 'Something went wrong here, and is in the log.' },
} as const satisfies Record<string, Refusal>;

export type Reason = keyof typeof refusals;

export interface OAuthErrorOptions extends ErrorOptions {
  readonly clientId?: string;
  readonly familyId?: string;
  /** seconds in which asking again would be in vain */
  readonly retryAfter?: number;
  /** what the challenge says would do: RFC 6750 3, RFC 9470 3 */
  readonly challenge?: Challenge;
}

/** Parameters of a challenge; of the characters that a quoted string may have. */
export type Challenge = Readonly<Partial<Record<'scope' | 'acr_values', string>>>;

/** The caller is refused, for one reason of the table. All but the reason is for the log alone. */
export class OAuthError extends Error {
  readonly reason: Reason;
  /** who it was, or said it was */
  clientId: string | undefined;
  /** whose refresh token it was */
  readonly familyId: string | undefined;
  /** seconds in which asking again would be in vain */
  readonly retryAfter: number | undefined;
  /** what would do; for bearers of our tokens */
  readonly challenge: Challenge;

  constructor(reason: Reason, options: OAuthErrorOptions = {}) {
    super(reason, options);
    this.name = 'OAuthError';
    this.reason = reason;
    this.clientId = options.clientId;
    this.familyId = options.familyId;
    this.retryAfter = options.retryAfter;
    this.challenge = options.challenge ?? {};
  }

  get refusal(): Refusal {
    return refusals[this.reason];
  }
}

/** Does `work` on behalf of a client: what it refuses is told with the client that asked. */
export async function onBehalfOf<T>(clientId: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof OAuthError) error.clientId = clientId;
    throw error;
  }
}

/** The table as docs/errors.md shows it (`npm run schema`). */
export const refusalTable = (): string =>
  [
    '| reason | status | `error` | `error_description` |',
    '|---|---|---|---|',
    ...Object.entries(refusals).map(
      ([reason, { status, error, description }]) =>
        `| \`${reason}\` | ${status} | \`${error}\` | ${description} |`,
    ),
  ].join('\n');
