// What answers to bearers of our tokens: UserInfo. Errors by RFC 6750 3, no-store, and CORS for every origin: a token
// in a header is no cookie that a browser would send along by itself.
import type { FastifyInstance } from 'fastify';
import { Type } from 'typebox';
import type { Events } from '../../events.ts';
import type { AuthorizationServer } from '../../oauth/authorization-server.ts';
import { userinfo } from '../../oauth/userinfo.ts';
import { answerPreflight, everyOrigin } from '../cors.ts';
import { errorResponses } from '../errors.ts';
import { acceptForms } from '../forms.ts';
import { noStore } from '../headers.ts';
import { assertBearer, bearerToken, verifyBearers } from './bearer.ts';
import { answerBearer } from './challenge.ts';

export interface ResourceParts {
  readonly as: AuthorizationServer;
  readonly events: Events;
}

/** The scope. Mount it under the issuer's path. */
export async function resource(scope: FastifyInstance, { as, events }: ResourceParts): Promise<void> {
  scope.addHook('onRequest', (_request, reply, done) => {
    reply.headers({ ...noStore, ...everyOrigin });
    done();
  });
  acceptForms(scope);
  await verifyBearers(scope, as);
  scope.setErrorHandler(answerBearer({ as, events }));
  const schema = { response: { 200: Type.Unknown(), ...errorResponses } };
  scope.route({
    method: ['GET', 'POST'],
    url: '/userinfo',
    schema,
    preHandler: assertBearer,
    handler: async (request, reply) => {
      const shown = await userinfo(as, bearerToken(request));
      if ('claims' in shown) return shown.claims;
      return reply.type('application/jwt').serializer(String).send(shown.jwt);
    },
  });
  answerPreflight(scope, '/userinfo', { methods: 'GET, POST', headers: 'authorization, content-type' });
}
