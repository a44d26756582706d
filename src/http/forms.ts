// How forms are taken: by our own parser, since the usual ones forgive what RFC 6749 refuses.
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { assertFormType, formSizeLimit, formType, type Parameters, parseForm } from '../oauth/parameters.ts';

/** Makes the scope take forms, and nothing else. */
export function acceptForms(scope: FastifyInstance): void {
  scope.removeAllContentTypeParsers();
  // Named beside '*', for only a parser with a name is found without reading the media type anew.
  scope.addContentTypeParser(
    [formType, '*'],
    { parseAs: 'buffer', bodyLimit: formSizeLimit },
    (request: FastifyRequest, body: Buffer, done: (error: null, form: Parameters) => void) => {
      assertFormType(request.headers['content-type']);
      done(null, parseForm(body));
    },
  );
}
