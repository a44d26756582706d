// What an operator's machines ask: is it alive, is it ready, what has it counted. On a port of its own where one is
// configured, and then nowhere else.
import type { FastifyInstance } from 'fastify';
import { Type } from 'typebox';
import type { Clock } from '../../clock.ts';
import type { Events } from '../../events.ts';
import { errorResponses } from '../errors.ts';
import { type Check, createReadiness } from './readiness.ts';

/** What is shown at /metrics. */
export interface Metrics {
  readonly contentType: string;
  metrics(): Promise<string>;
}

export interface OperatorParts {
  readonly checks: readonly Check[];
  readonly registry: Metrics;
  readonly events: Events;
  readonly clock: Clock;
}

const Health = Type.Object({
  status: Type.String(),
  checks: Type.Optional(
    Type.Array(Type.Object({ name: Type.String(), ok: Type.Boolean(), seconds: Type.Number() })),
  ),
});

/** The scope. Mount it at the root: operators do not know the issuer's path. */
export async function operator(scope: FastifyInstance, parts: OperatorParts): Promise<void> {
  scope.addHook('onRequest', (_request, reply, done) => {
    reply.header('cache-control', 'no-store');
    done();
  });
  scope.get('/livez', { schema: { response: { 200: Health, ...errorResponses } } }, () => ({
    status: 'live',
  }));
  const readiness = createReadiness(parts);
  scope.get<{ Querystring: { verbose?: unknown } }>(
    '/readyz',
    { schema: { response: { 200: Health, 503: Health, ...errorResponses } } },
    async (request, reply) => {
      const checks = await readiness(request);
      const isReady = checks.every(({ ok }) => ok);
      reply.code(isReady ? 200 : 503);
      const status = isReady ? 'ready' : 'not ready';
      return request.query.verbose === undefined ? { status } : { status, checks };
    },
  );
  scope.get(
    '/metrics',
    { schema: { response: { 200: Type.String(), ...errorResponses } } },
    async (_request, reply) => {
      reply.header('content-type', parts.registry.contentType);
      return parts.registry.metrics();
    },
  );
}
