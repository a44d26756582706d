// Refusals in the format of Django REST framework: `detail` in its words, and simplejwt's `code` where a token is not
// good. The rule it keeps: a caller that was written for simplejwt cannot tell the difference.
import type { FastifyRequest } from 'fastify';
import { Type } from 'typebox';
import type { OAuthError } from '../../oauth/errors.ts';
import type { ErrorAnswer } from '../errors.ts';
import { basicChallenge, basicOf } from '../headers.ts';
import { required, UnfitFieldsError } from './fields.ts';

const ErrorBody = Type.Object(
  { detail: Type.Optional(Type.String()), code: Type.Optional(Type.String()) },
  { additionalProperties: Type.Array(Type.String()) },
);

/** The response schemas of every error. */
export const errorResponses = { '4xx': ErrorBody, '5xx': ErrorBody };

/** What the caller of an issuer's door is told. */
export const answerOf =
  (issuer: string) =>
  (refused: OAuthError, request: FastifyRequest): ErrorAnswer => {
    const { status, body } = statusAndBody(refused, request);
    if (status === 405) return { status, body, headers: { allow: 'POST' } };
    if (status !== 401) return { status, body };
    const isBasic = refused.refusal.error === 'invalid_client' && basicOf(request) !== undefined;
    return { status, body, headers: { 'www-authenticate': isBasic ? basicChallenge(issuer) : bearer } };
  };

const bearer = 'Bearer realm="api"';

function statusAndBody(refused: OAuthError, { method, headers }: FastifyRequest): ErrorAnswer {
  const { error, status, description } = refused.refusal;
  if (refused instanceof UnfitFieldsError) return { status, body: refused.problems };
  // For an app to open a browser: told to whoever has given the right password, or a token, alone.
  if (refused.reason === 'second_factor_required' || refused.reason === 'acr_too_low')
    return { status: 401, body: { detail: description, code: refused.reason } };
  if (error === 'invalid_grant' || error === 'invalid_token') {
    return { status: 401, body: { detail: 'Token is invalid or expired', code: 'token_not_valid' } };
  }
  switch (refused.reason) {
    case 'client_authentication_missing':
      return { status: 400, body: { client_id: [required] } };
    case 'content_type_not_form':
      return {
        status: 415,
        body: { detail: `Unsupported media type "${headers['content-type'] ?? ''}" in request.` },
      };
    case 'not_found':
      return { status, body: { detail: 'Not found.' } };
    case 'method_not_allowed':
      return { status, body: { detail: `Method "${method}" not allowed.` } };
    case 'sign_in_throttled':
      return { status, body: { detail: `${description} ${available(Math.ceil(refused.retryAfter ?? 1))}` } };
    default:
      return { status, body: { detail: description } };
  }
}

const available = (wait: number): string => `Expected available in ${wait} second${wait === 1 ? '' : 's'}.`;
