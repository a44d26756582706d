// What a route of the back channel hands to the protocol.
import type { FastifyRequest } from 'fastify';
import { OAuthError } from '../../oauth/errors.ts';
import type { BackchannelRequest } from '../../oauth/messages.ts';
import type { Parameters } from '../../oauth/parameters.ts';

/** The body as parseForm has read it; undefined where there was none. */
export interface FormRoute {
  readonly Body: Parameters | undefined;
}

/** Throws OAuthError. */
export function backchannelRequest({ url, headers, body }: FastifyRequest<FormRoute>): BackchannelRequest {
  // A URL ends up in logs and histories, so secrets in it are not taken (RFC 6749 2.3.1).
  if (url.includes('?')) throw new OAuthError('query_not_allowed');
  if (body === undefined) throw new OAuthError('content_type_not_form');
  return { authorization: headers.authorization, parameters: body };
}
