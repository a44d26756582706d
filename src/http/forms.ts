// How forms are taken: by our own parser, since the usual ones forgive what RFC 6749 refuses.
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { assertFormType, formSizeLimit, parseForm } from '../oauth/parameters.ts';

/** Makes the scope take forms, and nothing else. */
export function acceptForms(scope: FastifyInstance): void {
  scope.removeAllContentTypeParsers();
  scope.addContentTypeParser(
    '*',
    { parseAs: 'buffer', bodyLimit: formSizeLimit },
    async (request: FastifyRequest, body: Buffer) => {
      assertFormType(request.headers['content-type']);
      return parseForm(body);
    },
  );
}
