// POST /revoke: RFC 7009 2. Whatever became of the token, the answer is the same, and every origin may ask.
import type { FastifyInstance } from 'fastify';
import { Type } from 'typebox';
import { revokeToken } from '../../oauth/revoke.ts';
import { allowEveryOrigin, answerPreflight } from '../cors.ts';
import { errorResponses } from '../errors.ts';
import type { BackchannelParts } from './backchannel.ts';
import { backchannelRequest, type FormRoute } from './request.ts';

export function revoke(scope: FastifyInstance, { as, events }: BackchannelParts): void {
  answerPreflight(scope, '/revoke', { methods: 'POST', headers: 'authorization, content-type' });
  scope.post<FormRoute>(
    '/revoke',
    { schema: { response: { 200: Type.Null(), ...errorResponses } }, onRequest: allowEveryOrigin },
    async (request, reply) => {
      events.tokenRevoked(request, await revokeToken(as, backchannelRequest(request)));
      return reply.send();
    },
  );
}
