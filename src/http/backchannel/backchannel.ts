// The back channel: clients with credentials. Form in, JSON out, no-store, errors by RFC 6749 5.2.
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { Events } from '../../events.ts';
import type { AuthorizationServer } from '../../oauth/authorization-server.ts';
import { answerError, asOAuthError } from '../errors.ts';
import { acceptForms } from '../forms.ts';
import { basicChallenge, noStore } from '../headers.ts';
import { introspect } from './introspect.ts';
import { revoke } from './revoke.ts';
import { token } from './token.ts';

export interface BackchannelParts {
  readonly as: AuthorizationServer;
  readonly events: Events;
}

/** The scope. Mount it under the issuer's path. */
export async function backchannel(scope: FastifyInstance, { as, events }: BackchannelParts): Promise<void> {
  scope.addHook('onRequest', (_request, reply, done) => {
    reply.headers(noStore);
    done();
  });
  acceptForms(scope);
  const answer = answerError({ events, random: as.random });
  const challenge = basicChallenge(as.issuer);
  scope.setErrorHandler((error: unknown, request: FastifyRequest, reply: FastifyReply) => {
    const isUnauthenticated = asOAuthError(error).refusal.error === 'invalid_client';
    if (isUnauthenticated && request.headers.authorization !== undefined) {
      reply.header('www-authenticate', challenge);
    }
    return answer(error, request, reply);
  });
  for (const route of [token, introspect, revoke]) route(scope, { as, events });
}
