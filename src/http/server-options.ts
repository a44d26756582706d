// How a server listens: limits in time and size for whoever is slow or large on purpose, and an answer in our own
// words to what is not well-formed HTTP. All of it holds before a route is found.
import { STATUS_CODES } from 'node:http';
import type { Socket } from 'node:net';
import {
  type FastifyBaseLogger,
  type FastifyError,
  type FastifyReply,
  type FastifyRequest,
  LogController,
} from 'fastify';
import type { Events } from '../events.ts';
import { OAuthError } from '../oauth/errors.ts';
import { formSizeLimit } from '../oauth/parameters.ts';
import type { Random } from '../random.ts';
import { answerError, errorBody } from './errors.ts';
import { requestIdHeader } from './headers.ts';

export interface ServerParts {
  readonly log: FastifyBaseLogger;
  readonly events: Events;
  readonly random: Random;
  readonly trustedProxies: readonly string[];
  /** PEM; absent: http, behind a proxy or on loopback */
  readonly tls?: { readonly cert: Buffer; readonly key: Buffer } | undefined;
}

/** Milliseconds and bytes, as node:http has them. */
const listening = { headersTimeout: 5_000, connectionsCheckingInterval: 1_000, maxHeaderSize: 16_384 };

/** Fastify's options. */
export function serverOptions({ log, events, random, trustedProxies, tls }: ServerParts) {
  const answer = answerError({ events, random });
  return {
    loggerInstance: log,
    // One line a request is too dear and tells nobody anything: src/events.ts says what is worth a line.
    // Neither has a request a log of its own: src/events.ts writes the id.
    logController: new LogController({ disableRequestLogging: true }),
    childLoggerFactory: (parent: FastifyBaseLogger) => parent,
    genReqId: () => random.id(),
    trustProxy: trustedProxies.length > 0 ? [...trustedProxies] : false,
    requestTimeout: 10_000,
    connectionTimeout: 30_000,
    // Longer than the idle time of common load balancers, so that it is they who close.
    keepAliveTimeout: 72_000,
    // What still arrives while the service stops was sent in good faith, and the stores are still open.
    return503OnClosing: false,
    bodyLimit: formSizeLimit,
    ajv: { customOptions: { coerceTypes: false, removeAdditional: false } },
    ...(tls ? { https: { ...listening, ...tls } } : { http: listening }),
    frameworkErrors: (error: FastifyError, request: FastifyRequest, reply: FastifyReply) => {
      reply.header(requestIdHeader, request.id);
      void answer(error, request, reply);
    },
    clientErrorHandler: answerGarbage(random),
  } as const;
}

/** What the HTTP parser refused: there is no request to answer, only a socket. */
const answerGarbage = (random: Random) => (error: Error & { code?: string }, socket: Socket) => {
  if (error.code === 'ECONNRESET' || !socket.writable) return;
  const status = statusOfGarbage(error.code);
  const body = JSON.stringify(errorBody(new OAuthError('request_malformed')));
  socket.end(
    [
      `HTTP/1.1 ${status} ${STATUS_CODES[status]}`,
      'content-type: application/json; charset=utf-8',
      `content-length: ${Buffer.byteLength(body)}`,
      `${requestIdHeader}: ${random.id()}`,
      'connection: close',
      '',
      body,
    ].join('\r\n'),
  );
};

function statusOfGarbage(code: string | undefined): number {
  if (code === 'HPE_HEADER_OVERFLOW') return 431;
  if (code === 'ERR_HTTP_REQUEST_TIMEOUT') return 408;
  return 400;
}
