// The one place that mounts routes. A folder under src/http is a scope: a kind of caller, an error format. The order
// is explicit, because it is security.
import fastJsonStringify from 'fast-json-stringify';
import Fastify, {
  type FastifyInstance,
  type FastifyReply,
  type FastifyRequest,
  type FastifySerializerCompiler,
} from 'fastify';
import type { Config } from './config.ts';
import type { Events } from './events.ts';
import { backchannel } from './http/backchannel/backchannel.ts';
import { answerError } from './http/errors.ts';
import { firstparty, firstpartyPath } from './http/firstparty/firstparty.ts';
import { frontchannel } from './http/frontchannel/frontchannel.ts';
import { apiHeaders, requestIdHeader } from './http/headers.ts';
import { metadata } from './http/metadata/metadata.ts';
import { type Metrics, operator } from './http/operator/operator.ts';
import type { Check } from './http/operator/readiness.ts';
import { forwardAuth } from './http/resource/forward-auth.ts';
import { resource } from './http/resource/resource.ts';
import { type ServerParts, serverOptions } from './http/server-options.ts';
import type { FetchLedger } from './keys/verifier-fetches.ts';
import type { AuthorizationServer } from './oauth/authorization-server.ts';
import { OAuthError } from './oauth/errors.ts';
import { issuerPath } from './oauth/metadata.ts';

export interface AppParts {
  readonly as: AuthorizationServer;
  readonly config: Pick<Config, 'keys' | 'operator_port' | 'pages' | 'trusted_proxies'>;
  readonly checks: readonly Check[];
  readonly events: Events;
  readonly jwksFetches: Pick<FetchLedger, 'record'>;
  /** what /metrics shows */
  readonly registry: Metrics;
  readonly log: ServerParts['log'];
  /** whether there is an app to try a sign-in with */
  readonly hasDemo?: boolean;
  readonly tls?: ServerParts['tls'];
}

/** It needs little: it answers while much else is broken. */
export type OperatorAppParts = Pick<AppParts, 'checks' | 'events' | 'registry' | 'log'> & {
  readonly as: Pick<AuthorizationServer, 'issuer' | 'clock' | 'random'>;
  readonly config: Pick<Config, 'trusted_proxies'>;
};

/** The issuer, ready to listen. The operator's routes are on it unless they have a port of their own. */
export async function buildApp(parts: AppParts): Promise<FastifyInstance> {
  const { as, config } = parts;
  const app = server(parts);
  await app.register(metadata, { as, keys: config.keys, jwksFetches: parts.jwksFetches });
  await app.register(backchannel, { ...parts, prefix: issuerPath(as.issuer) });
  await app.register(firstparty, { ...parts, prefix: `${issuerPath(as.issuer)}${firstpartyPath}` });
  await app.register(frontchannel, { ...parts, looks: config.pages, prefix: issuerPath(as.issuer) });
  if (parts.hasDemo) await mountDemo(app, parts);
  await app.register(resource, { ...parts, prefix: issuerPath(as.issuer) });
  await app.register(forwardAuth, { ...parts, prefix: issuerPath(as.issuer) });
  if (config.operator_port === undefined) await app.register(operator, { ...parts, clock: as.clock });
  return app;
}

/** What only a trial needs is loaded there alone. */
async function mountDemo(app: FastifyInstance, parts: AppParts): Promise<void> {
  const { demo } = await import('./demo/demo.ts');
  await app.register(demo, { ...parts, looks: parts.config.pages, prefix: issuerPath(parts.as.issuer) });
}

/** The operator's routes alone, for config.operator_port. */
export async function buildOperatorApp(parts: OperatorAppParts): Promise<FastifyInstance> {
  const app = server(parts);
  await app.register(operator, { ...parts, clock: parts.as.clock });
  return app;
}

function server(parts: OperatorAppParts & Pick<AppParts, 'tls'>): FastifyInstance {
  const { as, config, events } = parts;
  const app = Fastify(
    serverOptions({ ...parts, random: as.random, trustedProxies: config.trusted_proxies }),
  ) as unknown as FastifyInstance;
  const headers = apiHeaders(as.issuer);
  app.addHook('onRequest', (request, reply, done) => {
    reply.header(requestIdHeader, request.id).headers(headers);
    done();
  });
  // No body is read where no route asks for one.
  app.removeAllContentTypeParsers();
  app.addContentTypeParser('*', (_request, _payload, done) => done(null));
  app.setSerializerCompiler(oneForAll());
  app.setErrorHandler(answerError({ events, random: as.random }));
  app.setNotFoundHandler(answerNotFound(methodsByPath(app)));
  return app;
}

/** What writes an answer, made once for all routes that answer alike: by default Fastify makes it for each, 226 for 29. */
function oneForAll(): FastifySerializerCompiler<object> {
  const made = new WeakMap<object, (answer: unknown) => string>();
  return ({ schema }) => {
    const known = made.get(schema) ?? fastJsonStringify(schema);
    made.set(schema, known);
    return known;
  };
}

/** Notes every route as it is mounted, and that it says what it answers: unknown members would be sent unseen. */
function methodsByPath(app: FastifyInstance): ReadonlyMap<string, Set<string>> {
  const methods = new Map<string, Set<string>>();
  app.addHook('onRoute', ({ url, method, schema }) => {
    if (!schema?.response) throw new Error(`${url} has no response schema`);
    const known = methods.get(url) ?? new Set();
    for (const one of [method].flat()) known.add(one);
    methods.set(url, known);
  });
  return methods;
}

/** 404, or 405 with Allow (RFC 9110 15.5.6) where the path exists. */
const answerNotFound =
  (methods: ReadonlyMap<string, Set<string>>) => (request: FastifyRequest, reply: FastifyReply) => {
    const allowed = methods.get(request.url.replace(/\?.*/s, ''));
    if (allowed === undefined) throw new OAuthError('not_found');
    reply.header('allow', [...allowed].join(', '));
    throw new OAuthError('method_not_allowed');
  };
