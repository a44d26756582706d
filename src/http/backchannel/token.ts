// POST /token: RFC 6749 3.2.
import type { FastifyInstance } from 'fastify';
import { Type } from 'typebox';
import { OAuthError } from '../../oauth/errors.ts';
import type { Parameters } from '../../oauth/parameters.ts';
import { issueTokens } from '../../oauth/token.ts';
import { errorResponses } from '../errors.ts';
import type { BackchannelParts } from './backchannel.ts';

const TokenBody = Type.Object({
  access_token: Type.String(),
  token_type: Type.Literal('Bearer'),
  expires_in: Type.Integer(),
  scope: Type.Optional(Type.String()),
  refresh_token: Type.Optional(Type.String()),
  id_token: Type.Optional(Type.String()),
});

export function token(scope: FastifyInstance, { as, events }: BackchannelParts): void {
  scope.post<{ Body: Parameters | undefined }>(
    '/token',
    { schema: { response: { 200: TokenBody, ...errorResponses } } },
    async (request) => {
      const { url, headers, body } = request;
      // A URL ends up in logs and histories, so secrets in it are not taken (RFC 6749 2.3.1).
      if (url.includes('?')) throw new OAuthError('query_not_allowed');
      if (body === undefined) throw new OAuthError('content_type_not_form');
      const { authorization } = headers;
      const { response, ...issued } = await issueTokens(as, { authorization, parameters: body });
      events.tokensIssued(request, issued);
      return response;
    },
  );
}
