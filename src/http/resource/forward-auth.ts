// GET /forward-auth: what a proxy asks before it passes a request on (Caddy forward_auth, Traefik ForwardAuth, nginx
// auth_request). The request that it sends is the client's own but for the URL: any method, and no body that is looked at.
// The rule it keeps: every header that the service behind believes is on every good answer, so that a proxy that copies
// them overwrites what a client has sent.
import type { FastifyInstance } from 'fastify';
import { Type } from 'typebox';
import { admit, forwardAuthRequest } from '../../oauth/forward-auth.ts';
import { parseForm } from '../../oauth/parameters.ts';
import { errorResponses } from '../errors.ts';
import { noStore } from '../headers.ts';
import { queryOf } from '../query.ts';
import { bearerToken } from './bearer.ts';
import { answerBearer } from './challenge.ts';
import type { ResourceParts } from './resource.ts';

/** The scope. Mount it under the issuer's path. No page of any origin asks here, so it has no CORS. */
export async function forwardAuth(scope: FastifyInstance, { as, events }: ResourceParts): Promise<void> {
  scope.addHook('onRequest', (_request, reply, done) => {
    reply.headers(noStore);
    done();
  });
  scope.setErrorHandler(answerBearer({ as, events }));
  scope.route({
    // Envoy asks by the method of the client.
    method: ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'],
    url: '/forward-auth',
    schema: { response: { 200: Type.Null(), ...errorResponses } },
    handler: async (request, reply) => {
      const asked = forwardAuthRequest(parseForm(Buffer.from(queryOf(request))));
      const { headers } = request;
      const { subject, clientId, scope } = await admit(as, asked, bearerToken({ headers, body: undefined }));
      reply.headers({ 'x-auth-subject': subject, 'x-auth-client': clientId, 'x-auth-scope': scope });
      return reply.send();
    },
  });
}
