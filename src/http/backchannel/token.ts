// POST /token: RFC 6749 3.2. Apps that live in a browser exchange their codes here (RFC 9700 2.6), so every origin may.
import type { FastifyInstance } from 'fastify';
import { Type } from 'typebox';
import { issueTokens } from '../../oauth/token.ts';
import { allowEveryOrigin, answerPreflight } from '../cors.ts';
import { errorResponses } from '../errors.ts';
import type { BackchannelParts } from './backchannel.ts';
import { backchannelRequest, type FormRoute } from './request.ts';

/** Of an alphabet that JSON escapes nothing of, so that nothing is looked for. */
const Token = Type.String({ format: 'unsafe' });

const TokenBody = Type.Object({
  access_token: Token,
  token_type: Type.Literal('Bearer'),
  expires_in: Type.Integer(),
  scope: Type.Optional(Type.String()),
  refresh_token: Type.Optional(Token),
  id_token: Type.Optional(Token),
});

export function token(scope: FastifyInstance, { as, events }: BackchannelParts): void {
  answerPreflight(scope, '/token', { methods: 'POST', headers: 'authorization, content-type' });
  scope.post<FormRoute>(
    '/token',
    { schema: { response: { 200: TokenBody, ...errorResponses } }, onRequest: allowEveryOrigin },
    async (request) => {
      const issued = await issueTokens(as, backchannelRequest(request));
      events.tokensIssued(request, issued);
      return issued.response;
    },
  );
}
