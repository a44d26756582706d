// What a browser lets pages of other origins read: Fetch, CORS protocol. The rule it keeps: every origin may, and never
// with cookies, so that a page gets no more than its own credentials are good for.
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { Type } from 'typebox';

/** On every answer, refusals too. */
export const everyOrigin = {
  'access-control-allow-origin': '*',
  'access-control-expose-headers': 'WWW-Authenticate, Retry-After',
} as const;

/** For a route's own `onRequest`. */
export function allowEveryOrigin(_request: FastifyRequest, reply: FastifyReply, done: () => void): void {
  reply.headers(everyOrigin);
  done();
}

/** A browser asks first where a page sets headers of its own, such as Authorization. */
export function answerPreflight(
  scope: FastifyInstance,
  path: string,
  { methods, headers }: { readonly methods: string; readonly headers: string },
): void {
  const allowed = {
    'access-control-allow-origin': '*',
    'access-control-allow-methods': methods,
    'access-control-allow-headers': headers,
    'access-control-max-age': '86400',
  };
  scope.options(path, { schema: { response: { 204: Type.Null() } } }, (_request, reply) =>
    reply.code(204).headers(allowed).send(),
  );
}
