// The authorization response on its way through the browser: RFC 6749 4.1.2, OAuth 2.0 Form Post Response Mode. 303, so
// that what was posted here is never posted there (RFC 9700 4.12).
import type { FastifyReply, FastifyRequest } from 'fastify';
import { type AuthorizationResponse, locationOf } from '../../oauth/authorization-response.ts';
import type { Desk } from './desk.ts';
import { textsFor } from './language.ts';

export function answer(
  { pages }: Pick<Desk, 'pages'>,
  request: FastifyRequest,
  reply: FastifyReply,
  response: AuthorizationResponse,
  uiLocales: readonly string[] = [],
): FastifyReply {
  const { responseMode, redirectUri } = response.target;
  if (responseMode === 'query') return reply.code(303).header('location', locationOf(response)).send();
  const texts = textsFor(uiLocales, request.headers['accept-language']);
  const { host, protocol } = new URL(redirectUri);
  const { html, headers } = pages.formPost(texts, {
    app: host || protocol.slice(0, -1),
    action: redirectUri,
    parameters: Object.entries(response.parameters),
  });
  return reply.code(200).headers(headers).send(html);
}
