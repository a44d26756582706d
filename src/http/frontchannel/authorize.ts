// GET and POST /authorize: RFC 6749 3.1, OpenID Connect Core 3.1.2.1. A good request waits as an interaction, and the
// browser goes there.
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { authorize } from '../../oauth/authorize.ts';
import { OAuthError } from '../../oauth/errors.ts';
import { beginInteraction } from '../../oauth/interactions.ts';
import { type Parameters, parseForm } from '../../oauth/parameters.ts';
import { queryOf } from '../query.ts';
import { answer } from './answer.ts';
import { browserOf, knownBrowser } from './browser.ts';
import { type Desk, pageResponses } from './desk.ts';

export function authorizeRoutes(scope: FastifyInstance, desk: Desk): void {
  const schema = { response: pageResponses };
  scope.get('/authorize', { schema, exposeHeadRoute: false }, (request, reply) =>
    begin(desk, request, reply, parseForm(Buffer.from(queryOf(request)))),
  );
  scope.post<{ Body: Parameters | undefined }>('/authorize', { schema }, async (request, reply) => {
    if (request.body === undefined) throw new OAuthError('content_type_not_form');
    return begin(desk, request, reply, request.body);
  });
}

async function begin(
  desk: Desk,
  request: FastifyRequest,
  reply: FastifyReply,
  parameters: Parameters,
): Promise<FastifyReply> {
  const { as, events, browserCookie } = desk;
  const result = await authorize(as, parameters);
  if (result.outcome === 'page') throw result.error;
  if (result.outcome === 'respond') {
    events.refused(request, result.error);
    return answer(desk, request, reply, result.response);
  }
  // What another site posts comes without our cookies, so that the browser is asked for them at its next step.
  const browser =
    request.method === 'GET'
      ? knownBrowser(browserCookie, as.random, request, reply)
      : browserOf(browserCookie, request);
  const id = await beginInteraction(as, result.request, browser?.digest);
  return reply.code(303).header('location', `${as.endpoints.authorization}/${id}`).send();
}
