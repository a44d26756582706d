// POST /introspect: RFC 7662 2; as a signed JWT for whoever asks for one, RFC 9701 4 and 5.
import type { FastifyInstance } from 'fastify';
import { Type } from 'typebox';
import { introspect as introspected, signedIntrospection } from '../../oauth/introspection-response.ts';
import { errorResponses } from '../errors.ts';
import type { BackchannelParts } from './backchannel.ts';
import { backchannelRequest, type FormRoute } from './request.ts';

const IntrospectionBody = Type.Object({ active: Type.Boolean() }, { additionalProperties: true });

const jwtType = 'application/token-introspection+jwt';

const asksForJwt = (accept = ''): boolean =>
  accept.split(',').some((range) => range.split(';')[0]?.trim().toLowerCase() === jwtType);

export function introspect(scope: FastifyInstance, { as, events }: BackchannelParts): void {
  scope.post<FormRoute>(
    '/introspect',
    { schema: { response: { 200: IntrospectionBody, ...errorResponses } } },
    async (request, reply) => {
      const introspection = await introspected(as, backchannelRequest(request));
      const isSigned = asksForJwt(request.headers.accept);
      const body = isSigned ? await signedIntrospection(as, introspection) : introspection.response;
      events.introspected(request, {
        clientId: introspection.clientId,
        active: introspection.response.active,
      });
      if (isSigned) reply.type(jwtType);
      return body;
    },
  );
}
