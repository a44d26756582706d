// What bearers of our tokens are refused with: RFC 6750 3, RFC 9470 3. The rule it keeps: without a token there is nothing
// to say but how to bring one.
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Events } from '../../events.ts';
import type { AuthorizationServer } from '../../oauth/authorization-server.ts';
import type { OAuthError } from '../../oauth/errors.ts';
import { answerError, asOAuthError } from '../errors.ts';

export interface BearerParts {
  readonly as: Pick<AuthorizationServer, 'issuer' | 'random'>;
  readonly events: Events;
}

/** Tells of an error and answers it, with a challenge where there is one. */
export function answerBearer({ as, events }: BearerParts) {
  const answer = answerError({ events, random: as.random });
  return (error: unknown, request: FastifyRequest, reply: FastifyReply) => {
    const challenge = challengeOf(as.issuer, asOAuthError(error));
    if (challenge !== undefined) reply.header('www-authenticate', challenge);
    return answer(error, request, reply);
  };
}

function challengeOf(issuer: string, { reason, refusal, challenge }: OAuthError): string | undefined {
  const realm = `Bearer realm="${issuer}"`;
  if (reason === 'bearer_token_missing') return realm;
  if (refusal.status !== 401 && refusal.status !== 403 && reason !== 'bearer_token_twice') return undefined;
  const { error, description } = refusal;
  const parameters = Object.entries({ error, error_description: description, ...challenge });
  return [realm, ...parameters.map(([name, value]) => `${name}="${value}"`)].join(', ');
}
