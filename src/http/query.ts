// The query of a request as it stands in the URL: what Fastify makes of it forgives what RFC 6749 3.1 refuses.
import type { FastifyRequest } from 'fastify';

/** What stands behind the question mark. */
export const queryOf = ({ url }: Pick<FastifyRequest, 'url'>): string => {
  const mark = url.indexOf('?');
  return mark < 0 ? '' : url.slice(mark + 1);
};
