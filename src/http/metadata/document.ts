// A public document, ready to be sent: RFC 9110 8.8.3 and 13.1.2, RFC 9111. Made once, so that answering is
// comparing a tag and handing over bytes.
import type { FastifyReply, FastifyRequest } from 'fastify';

export interface PublicDocument {
  readonly body: Buffer;
  /** strong and quoted */
  readonly etag: string;
}

/** Whether If-None-Match names this tag: a list, weak or strong, or `*`. */
export const isNotModified = (ifNoneMatch: string | undefined, etag: string): boolean =>
  ifNoneMatch !== undefined &&
  (ifNoneMatch.trim() === '*' ||
    ifNoneMatch.split(',').some((tag) => tag.trim().replace(/^W\//, '') === etag));

/** Answers with the document, or with 304. `headers` go with both. */
export function sendDocument(
  request: FastifyRequest,
  reply: FastifyReply,
  { body, etag }: PublicDocument,
  headers: Readonly<Record<string, string>>,
): FastifyReply {
  reply.headers(headers).header('etag', etag);
  if (isNotModified(request.headers['if-none-match'], etag)) return reply.code(304).send();
  return reply.header('content-type', 'application/json; charset=utf-8').send(body);
}
