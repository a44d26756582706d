// The first-party door: our own apps, by the paths, bodies and errors of Django REST framework's simplejwt, each path
// with and without its last slash. JSON or a form in, JSON out, no-store. No cookies and no CORS: docs/choices.md.
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { type TSchema, Type } from 'typebox';
import { OAuthError } from '../../oauth/errors.ts';
import { formSizeLimit, formType } from '../../oauth/parameters.ts';
import { answerError } from '../errors.ts';
import { noStore } from '../headers.ts';
import { type Fields, parseBody } from './body.ts';
import { answerOf, errorResponses } from './errors.ts';
import { type FirstpartyParts, type Handler, handlers } from './handlers.ts';

const Pair = Type.Object({ access: Type.String(), refresh: Type.String() });
const Nothing = Type.Object({});

/** Where it is mounted, under the issuer's path. */
export const firstpartyPath = '/api/token';

/** The scope. */
export async function firstparty(scope: FastifyInstance, { as, events }: FirstpartyParts): Promise<void> {
  scope.addHook('onRequest', (_request, reply, done) => {
    reply.headers(noStore);
    done();
  });
  acceptBodies(scope);
  scope.setErrorHandler(answerError({ events, random: as.random }, answerOf(as.issuer)));
  const { obtain, refresh, verify, blacklist } = handlers({ as, events });
  const routes: [path: string, answer: TSchema, handle: Handler][] = [
    ['', Pair, obtain],
    ['/refresh', Pair, refresh],
    ['/verify', Nothing, verify],
    ['/blacklist', Nothing, blacklist],
  ];
  const paths = routes.flatMap(([path]) => [path, `${path}/`]);
  for (const [path, answer, handle] of routes) {
    const schema = { response: { 200: answer, ...errorResponses } };
    for (const url of [path, `${path}/`])
      scope.post<{ Body: Fields | undefined }>(url, { schema, prefixTrailingSlash: 'slash' }, (request) => {
        // A URL ends up in logs and histories, so secrets in it are not taken (RFC 6749 2.3.1).
        if (request.url.includes('?')) throw new OAuthError('query_not_allowed');
        return handle(request, request.body ?? new Map());
      });
  }
  scope.setNotFoundHandler((request) => {
    const path = request.url.replace(/\?.*/s, '').slice(scope.prefix.length);
    throw new OAuthError(paths.includes(path) ? 'method_not_allowed' : 'not_found');
  });
}

function acceptBodies(scope: FastifyInstance): void {
  scope.removeAllContentTypeParsers();
  // Named beside '*', for only a parser with a name is found without reading the media type anew.
  scope.addContentTypeParser(
    ['application/json', formType, '*'],
    { parseAs: 'buffer', bodyLimit: formSizeLimit },
    async (request: FastifyRequest, body: Buffer) => parseBody(request.headers['content-type'], body),
  );
}
