// Whatever went wrong, as the caller sees it: one JSON body (RFC 6749 5.2). The rule it keeps: wrong input never
// gets a 500, and a fault is logged whole and shown not at all.
import type { FastifyReply, FastifyRequest } from 'fastify';
import { Type } from 'typebox';
import { PasswordQueueFullError } from '../accounts/password-queue.ts';
import { endOfTurn } from '../end-of-turn.ts';
import type { Events } from '../events.ts';
import { SigningUnavailableError } from '../keys/signing-unavailable.ts';
import { OAuthError } from '../oauth/errors.ts';
import { MacKeyMissingError } from '../oauth/refresh-token.ts';
import type { Random } from '../random.ts';
import { StoreUnavailableError } from '../stores/stores.ts';

const ErrorBody = Type.Object({ error: Type.String(), error_description: Type.String() });

/** The response schemas of every error. */
export const errorResponses = { '4xx': ErrorBody, '5xx': ErrorBody };

/** RFC 6749 5.2; also what has no status of its own in the protocol. */
export const errorBody = ({ refusal }: OAuthError) => ({
  error: refusal.error,
  error_description: refusal.description,
});

/** What an error is to the caller. */
export function asOAuthError(error: unknown): OAuthError {
  if (error instanceof OAuthError) return error;
  const options = { cause: error };
  if (error instanceof StoreUnavailableError) return new OAuthError('store_unavailable', options);
  if (error instanceof SigningUnavailableError) return new OAuthError('signing_unavailable', options);
  if (error instanceof PasswordQueueFullError) return new OAuthError('sign_in_busy', options);
  if (error instanceof MacKeyMissingError) return new OAuthError('mac_key_unavailable', options);
  // Fastify's own refusals, and what the socket says of a caller that went away: before a handler is reached.
  const { code, statusCode } = (error ?? {}) as { code?: unknown; statusCode?: unknown };
  if (code === 'FST_ERR_CTP_BODY_TOO_LARGE') return new OAuthError('form_too_large', options);
  if (code === 'FST_ERR_CTP_INVALID_MEDIA_TYPE') return new OAuthError('content_type_not_form', options);
  const isCallers = typeof statusCode === 'number' && statusCode >= 400 && statusCode < 500;
  return new OAuthError(isCallers ? 'request_malformed' : 'fault', options);
}

/** A refusal in a caller's format. */
export interface ErrorAnswer {
  readonly status: number;
  readonly body: object | string;
  readonly headers?: Readonly<Record<string, string>>;
}

const oauthAnswer = (refused: OAuthError): ErrorAnswer => ({
  status: refused.refusal.status,
  body: errorBody(refused),
});

/** Tells of an error and answers it, in the caller's format. */
export function answerError(
  parts: { events: Events; random: Random },
  answerOf: (refused: OAuthError, request: FastifyRequest) => ErrorAnswer = oauthAnswer,
) {
  return async (error: unknown, request: FastifyRequest, reply: FastifyReply) => {
    const refused = asOAuthError(error);
    if (refused.reason === 'fault') parts.events.faulted(request, error);
    else parts.events.refused(request, refused);
    const { status, body, headers = {} } = answerOf(refused, request);
    // With jitter, so that those who were refused together do not come back together.
    const soon = status === 503 ? 1 + ((parts.random.bytes(1)[0] ?? 0) % 3) : undefined;
    const retryAfter = refused.retryAfter ?? soon;
    if (retryAfter !== undefined) reply.header('retry-after', Math.ceil(retryAfter));
    // Of many refusals at once each is done with at once, and their answers leave side by side.
    await endOfTurn();
    return reply.code(status).headers(headers).send(body);
  };
}
