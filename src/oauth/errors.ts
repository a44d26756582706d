// Refusals: RFC 6749 5.2, RFC 8707 2. Many reasons, few codes: the reason goes to the log and the counter, the
// code and its description to the caller. docs/errors.md is this table, and a test says so.

type ErrorCode =
  | 'invalid_request'
  | 'invalid_client'
  | 'invalid_grant'
  | 'unauthorized_client'
  | 'unsupported_grant_type'
  | 'invalid_scope'
  | 'invalid_target'
  | 'temporarily_unavailable'
  | 'server_error'
  | 'not_found';

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

/** One answer for all of them, so that whoever found a token learns nothing from it. */
const notGranted: Refusal = {
  error: 'invalid_grant',
  status: 400,
  description: 'The refresh token is invalid, expired or revoked.',
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

  // what is asked for
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
  resource_malformed: target('resource must be an absolute URI without a fragment.'),
  resource_unknown: target('The resource is unknown, or not for this client.'),
  resource_not_allowed: target('The resource is unknown, or not for this client.'),
  resource_not_granted: target('The resource is not one that this refresh token was issued for.'),
  scope_malformed: scope('scope must be scope tokens parted by single blanks (RFC 6749 3.3).'),
  scope_not_of_client: scope('The scope exceeds what the client is registered for.'),
  scope_not_of_resource: scope('The scope exceeds what the resource knows.'),

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
}

/** The caller is refused, for one reason of the table. All but the reason is for the log alone. */
export class OAuthError extends Error {
  readonly reason: Reason;
  /** who it was, or said it was */
  clientId: string | undefined;
  /** whose refresh token it was */
  readonly familyId: string | undefined;

  constructor(reason: Reason, options: OAuthErrorOptions = {}) {
    super(reason, options);
    this.name = 'OAuthError';
    this.reason = reason;
    this.clientId = options.clientId;
    this.familyId = options.familyId;
  }

  get refusal(): Refusal {
    return refusals[this.reason];
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
