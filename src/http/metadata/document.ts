// A public document, ready to be sent: RFC 9110 8.8.3 and 13.1.2, RFC 9111. Made once, so that answering is
// comparing a tag and handing over bytes.
import type { FastifyReply, FastifyRequest } from 'fastify';
import { endOfTurn } from '../../end-of-turn.ts';
import { requestIdHeader } from '../headers.ts';

export interface PublicDocument {
  /** strong and quoted */
  readonly etag: string;
  /** a string, which node:http puts behind the head in one piece; a Buffer would be a second one */
  readonly body: string;
  /** of every answer and of one with the body: names and values in turn, as node:http takes them */
  readonly head: { readonly known: readonly string[]; readonly sent: readonly string[] };
}

/** Prepares a text of the type, JSON where none is named. `headers` go with it, and with a 304. */
export function publicDocument(
  body: string,
  etag: string,
  headers: Readonly<Record<string, string>>,
  type = 'application/json; charset=utf-8',
): PublicDocument {
  const known = [...Object.entries(headers).flat(), 'etag', etag];
  const sent = [...known, 'content-type', type, 'content-length', String(Buffer.byteLength(body))];
  return { etag, body, head: { known, sent } };
}

/** Whether If-None-Match names this tag: a list, weak or strong, or `*`. */
const isKnown = (ifNoneMatch: string | undefined, etag: string): boolean =>
  ifNoneMatch !== undefined &&
  (ifNoneMatch.trim() === '*' ||
    ifNoneMatch.split(',').some((tag) => tag.trim().replace(/^W\//, '') === etag));

/**
 * Answers with the document, or with 304. Past Fastify's reply and straight to the socket: nothing is left to be
 * worked out here, and this is asked for more often than all else together.
 */
export function sendDocument(request: FastifyRequest, reply: FastifyReply, document: PublicDocument): void {
  const { etag, body, head } = document;
  const isModified = !isKnown(request.headers['if-none-match'], etag);
  reply.hijack();
  const headers = [...(isModified ? head.sent : head.known), requestIdHeader, request.id];
  void endOfTurn().then(() => {
    reply.raw.writeHead(isModified ? 200 : 304, headers).end(isModified ? body : undefined);
  });
}
