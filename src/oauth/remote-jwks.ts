// Clients' keys behind a jwks_uri: RFC 7591 2, OpenID Connect Core 10.1.1. Fetched at most every five minutes, and
// once more for a kid that is not known, but not more often than every 30 s: whoever invents kids moves nobody.
import type { JSONWebKeySet } from 'jose';
import type { Clock } from '../clock.ts';
import { type ReadThrough, readThrough } from '../read-through.ts';

/** Gets the document at a URL. Rejects where it cannot, or may not, for whatever reason. */
export type FetchDocument = (url: string) => Promise<unknown>;

const keyLimit = 20;

/** Key sets by URL. Rejects where a set cannot be had and none is known. */
export type RemoteJwks = ReadThrough<JSONWebKeySet>;

export const createRemoteJwks = (fetchDocument: FetchDocument, clock: Clock): RemoteJwks =>
  readThrough({
    read: async (url) => asJwkSet(await fetchDocument(url)),
    isOutage: () => true,
    clock,
    freshFor: 300,
    staleFor: 3600,
    cooldown: 30,
    retryAfter: 30,
    rememberFailures: true,
    capacity: 1_000,
  });

function asJwkSet(document: unknown): JSONWebKeySet {
  const keys = (document as { keys?: unknown } | null)?.keys;
  if (!Array.isArray(keys)) throw new TypeError('not a JWK Set: it has no array of keys');
  if (keys.length > keyLimit) throw new RangeError(`the JWK Set has more than ${keyLimit} keys`);
  if (keys.some((key) => typeof key?.kty !== 'string'))
    throw new TypeError('a key of the JWK Set has no kty');
  return { keys };
}
