// The authorization request, checked: RFC 6749 4.1.1, OpenID Connect Core 3.1.2.2, RFC 7636, RFC 8707, RFC 9700 4.1.
// Checks in order, each with a name. The rule it keeps: before the client and its redirect URI are trusted a failure is
// shown to the person, after that it is told to the client, and the two are of different types.
import type { ClientRecord } from '../stores/stores.ts';
import { type AuthorizationRequest, displays, type Prompt, prompts } from './authorization-request.ts';
import { type AuthorizationResponse, errorResponse, type ResponseTarget } from './authorization-response.ts';
import type { AuthorizationServer } from './authorization-server.ts';
import { type ClaimsRequest, readClaimsRequest } from './claims-request.ts';
import { OAuthError } from './errors.ts';
import { readSubjectHint } from './id-token-hint.ts';
import type { Parameters } from './parameters.ts';
import { readChallenge } from './pkce.ts';
import { isRegisteredRedirectUri } from './redirect-uri.ts';
import { allowedResource } from './resource.ts';
import { requestableScope } from './scope.ts';

type Parts = Pick<AuthorizationServer, 'issuer' | 'clients' | 'resources' | 'verifier'>;

/** What becomes of a request. */
export type Authorize =
  | { readonly outcome: 'good'; readonly request: AuthorizationRequest; readonly client: ClientRecord }
  /** nobody is trusted yet: for the person's eyes */
  | { readonly outcome: 'page'; readonly error: OAuthError }
  /** for the client */
  | { readonly outcome: 'respond'; readonly response: AuthorizationResponse; readonly error: OAuthError };

/** Never throws for a bad request. Throws StoreUnavailableError. */
export async function authorize(as: Parts, parameters: Parameters): Promise<Authorize> {
  let trusted: Trusted;
  try {
    trusted = await trust(as, parameters);
  } catch (error) {
    if (error instanceof OAuthError) return { outcome: 'page', error };
    throw error;
  }
  try {
    const request = await check(as, parameters, trusted);
    return { outcome: 'good', request, client: trusted.client };
  } catch (error) {
    if (!(error instanceof OAuthError)) throw error;
    error.clientId = trusted.client.clientId;
    return { outcome: 'respond', response: errorResponse(as, trusted.target, error), error };
  }
}

interface Trusted {
  readonly client: ClientRecord;
  readonly target: ResponseTarget;
}

/** The client and where it may be answered. Throws OAuthError for a page. */
async function trust(as: Parts, { values }: Parameters): Promise<Trusted> {
  const clientId = values.get('client_id');
  if (clientId === undefined) throw new OAuthError('client_id_missing');
  const client = await as.clients.find(clientId);
  if (client === undefined) throw new OAuthError('authorize_client_unknown', { clientId });
  if (client.disabledAt !== null) throw new OAuthError('authorize_client_disabled', { clientId });
  const redirectUri = values.get('redirect_uri');
  if (redirectUri === undefined) throw new OAuthError('redirect_uri_missing', { clientId });
  if (!isRegisteredRedirectUri(redirectUri, client.metadata.redirect_uris ?? [])) {
    throw new OAuthError('redirect_uri_not_registered', { clientId });
  }
  // A mode that is not known is refused below, in the one that always works.
  const responseMode = values.get('response_mode') === 'form_post' ? 'form_post' : 'query';
  return { client, target: { redirectUri, responseMode, state: values.get('state') } };
}

type Values = Parameters['values'];

async function check(
  as: Parts,
  { values, resources }: Parameters,
  { client, target }: Trusted,
): Promise<AuthorizationRequest> {
  const { clientId, metadata } = client;
  noRequestObject(values);
  responseMode(values);
  responseType(values, client);
  display(values);
  const asked = await resourcesOf(as, client, resources);
  const claims = readClaimsRequest(values.get('claims'));
  return {
    ...target,
    clientId,
    nonce: values.get('nonce'),
    scope: requestableScope(values.get('scope'), metadata.scope, asked),
    resources: asked.map(({ resource }) => resource),
    codeChallenge: readChallenge(values, metadata.require_pkce ?? true),
    prompts: promptsOf(values),
    maxAge: maxAge(values, client),
    loginHint: values.get('login_hint'),
    uiLocales: list(values, 'ui_locales'),
    acrValues: list(values, 'acr_values'),
    claims,
    subjectHint: subjectHint(as, values.get('id_token_hint'), clientId, claims),
  };
}

/** OpenID Connect Core 3.1.2.6: what is not supported is refused by its name, never passed over. */
function noRequestObject(values: Values): void {
  if (values.has('request')) throw new OAuthError('request_not_supported');
  if (values.has('request_uri')) throw new OAuthError('request_uri_not_supported');
  if (values.has('registration')) throw new OAuthError('registration_not_supported');
}

function responseMode(values: Values): void {
  const mode = values.get('response_mode') ?? 'query';
  if (mode !== 'query' && mode !== 'form_post') throw new OAuthError('response_mode_unsupported');
}

function responseType(values: Values, { metadata }: ClientRecord): void {
  const type = values.get('response_type');
  if (type === undefined) throw new OAuthError('response_type_missing');
  if (type !== 'code') throw new OAuthError('response_type_unsupported');
  if (!metadata.response_types.includes('code')) throw new OAuthError('response_type_not_registered');
}

/** RFC 8707 2.1: each one that is asked for; none: what the client's tokens are for by default. */
const resourcesOf = (as: Parts, { metadata }: ClientRecord, asked: readonly string[]) => {
  const fallback = metadata.default_resource === undefined ? [] : [metadata.default_resource];
  const uris = asked.length > 0 ? [...new Set(asked)] : fallback;
  return Promise.all(uris.map((uri) => allowedResource(as, metadata, uri)));
};

function promptsOf(values: Values): readonly Prompt[] {
  const asked = [...new Set(list(values, 'prompt'))];
  if (!asked.every((one): one is Prompt => (prompts as readonly string[]).includes(one))) {
    throw new OAuthError('prompt_unsupported');
  }
  if (asked.includes('none') && asked.length > 1) throw new OAuthError('prompt_none_not_alone');
  return asked;
}

function maxAge(values: Values, { metadata }: ClientRecord): number | undefined {
  const text = values.get('max_age');
  if (text === undefined) return metadata.default_max_age;
  if (!/^\d{1,9}$/.test(text)) throw new OAuthError('max_age_malformed');
  return Number(text);
}

/** OpenID Connect Core 3.1.2.1, 5.5.1: a hint and a `sub` that is asked for by its value both say who may answer. */
function subjectHint(
  as: Parts,
  hint: string | undefined,
  clientId: string,
  claims: ClaimsRequest | undefined,
): string | undefined {
  const hinted = readSubjectHint(as, hint, clientId);
  const requested = claims?.id_token?.sub?.value;
  if (requested === undefined) return hinted;
  if (hinted !== undefined && hinted !== requested) throw new OAuthError('subjects_differ');
  return String(requested);
}

/** What is no display is refused, though it would decide nothing. */
function display(values: Values): void {
  const wanted = values.get('display');
  if (wanted === undefined || displays.includes(wanted)) return;
  throw new OAuthError('display_unsupported');
}

/** Values parted by blanks, no more of them than anybody means. */
function list(values: Values, name: string): readonly string[] {
  const items =
    values
      .get(name)
      ?.split(' ')
      .filter((item) => item !== '') ?? [];
  if (items.length > 20) throw new OAuthError('too_many_values');
  return items;
}
