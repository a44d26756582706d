// How a client says who it is: RFC 6749 2.3.1 and 3.2.1, RFC 7521 4.2. The rule it keeps: at most one way at once.
import { OAuthError } from './errors.ts';
import type { BackchannelRequest } from './messages.ts';
import { decode } from './parameters.ts';

/** What was presented, not believed yet. */
export type PresentedCredentials =
  | {
      readonly method: 'client_secret_basic' | 'client_secret_post';
      readonly clientId: string;
      readonly secret: string;
    }
  | { readonly method: 'private_key_jwt'; readonly clientId: string | undefined; readonly assertion: string }
  | { readonly method: 'none'; readonly clientId: string };

const assertionType = 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer';

/** Reads the one way in which the client authenticates. Throws OAuthError where there is none, or several. */
export function presentedCredentials({
  authorization,
  parameters,
}: BackchannelRequest): PresentedCredentials {
  const clientId = parameters.values.get('client_id');
  const secret = parameters.values.get('client_secret');
  const assertion = parameters.values.get('client_assertion');
  const type = parameters.values.get('client_assertion_type');
  const ways = [authorization, secret, assertion ?? type].filter((way) => way !== undefined).length;
  if (ways > 1) throw new OAuthError('several_client_authentications');
  if (authorization !== undefined) return fromHeader(authorization, clientId);
  if (assertion !== undefined || type !== undefined) {
    if (assertion === undefined || type === undefined) throw new OAuthError('client_assertion_incomplete');
    if (type !== assertionType) throw new OAuthError('client_assertion_type_unsupported');
    return { method: 'private_key_jwt', clientId, assertion };
  }
  if (clientId === undefined) throw new OAuthError('client_authentication_missing');
  return secret === undefined
    ? { method: 'none', clientId }
    : { method: 'client_secret_post', clientId, secret };
}

/** Both halves of Basic are form-encoded (RFC 6749 2.3.1). */
function fromHeader(authorization: string, parameter: string | undefined): PresentedCredentials {
  const [, scheme, encoded] = /^([^ ]+) *(.*)$/.exec(authorization) ?? [];
  if (scheme?.toLowerCase() !== 'basic') throw new OAuthError('authorization_scheme_unsupported');
  const pair = Buffer.from(encoded ?? '', 'base64').toString('utf8');
  const colon = pair.indexOf(':');
  if (!/^[A-Za-z0-9+/]+={0,2}$/.test(encoded ?? '') || colon < 1) {
    throw new OAuthError('authorization_header_malformed');
  }
  const clientId = decodeHalf(pair.slice(0, colon));
  const secret = decodeHalf(pair.slice(colon + 1));
  if (parameter !== undefined && parameter !== clientId) throw new OAuthError('client_ids_differ');
  return { method: 'client_secret_basic', clientId, secret };
}

function decodeHalf(half: string): string {
  try {
    return decode(half);
  } catch (cause) {
    throw new OAuthError('authorization_header_malformed', { cause });
  }
}
