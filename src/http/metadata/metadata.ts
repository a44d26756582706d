// What anyone may read and keep: the metadata documents and the JWKS. No cookies, CORS *, answered from memory.
import { createHash } from 'node:crypto';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { Type } from 'typebox';
import type { Config } from '../../config.ts';
import { settleTime } from '../../keys/lifecycle.ts';
import { type FetchLedger, verifierName } from '../../keys/verifier-fetches.ts';
import type { PublishedJwks } from '../../keys/view.ts';
import type { AuthorizationServer } from '../../oauth/authorization-server.ts';
import { issuerPath, metadataPaths, serverMetadata } from '../../oauth/metadata.ts';
import {
  createRevocationFeed,
  FEED_LIFETIME,
  feedTyp,
  type RevocationFeed,
} from '../../oauth/revoked-families.ts';
import { answerPreflight } from '../cors.ts';
import { errorResponses } from '../errors.ts';
import { apiHeaders } from '../headers.ts';
import { type PublicDocument, publicDocument, sendDocument } from './document.ts';

export interface MetadataParts {
  readonly as: Pick<
    AuthorizationServer,
    'issuer' | 'endpoints' | 'signingAlgs' | 'keyring' | 'endings' | 'clock'
  >;
  readonly keys: Pick<Config['keys'], 'jwks_max_age' | 'reload_interval'>;
  readonly jwksFetches: Pick<FetchLedger, 'record'>;
}

/** The scope. Its routes are absolute, since some of them lie before the issuer's path. */
export async function metadata(
  scope: FastifyInstance,
  { as, keys, jwksFetches }: MetadataParts,
): Promise<void> {
  const headers = {
    ...apiHeaders(as.issuer),
    'access-control-allow-origin': '*',
    'cross-origin-resource-policy': 'cross-origin',
    'cache-control': cacheControl(keys),
  };
  const publish = (path: string, answer: (request: FastifyRequest, reply: FastifyReply) => unknown) => {
    const schema = { response: { 200: Type.Unknown(), 304: Type.Null(), ...errorResponses } };
    scope.get(path, { schema }, answer);
    answerPreflight(scope, path, { methods: 'GET, HEAD', headers: '*' });
  };
  const text = JSON.stringify(serverMetadata(as));
  const document = publicDocument(text, tagOf(text), headers);
  for (const path of metadataPaths(as.issuer))
    publish(path, (request, reply) => sendDocument(request, reply, document));
  const wellKnown = `${issuerPath(as.issuer)}/.well-known`;
  const jwks = preparedJwks(as.keyring, headers);
  publish(`${wellKnown}/jwks.json`, (request, reply) => {
    const name = verifierName((request.query as { v?: unknown }).v, request.headers['user-agent']);
    const { document, newestAt } = jwks();
    jwksFetches.record(name, newestAt);
    return sendDocument(request, reply, document);
  });
  const cacheable = { ...headers, 'cache-control': `public, max-age=${FEED_LIFETIME}` };
  const feed = preparedFeed(createRevocationFeed(as), cacheable);
  publish(`${wellKnown}/revoked-families`, async (request, reply) =>
    sendDocument(request, reply, await feed()),
  );
}

/**
 * A key signs no sooner than a lead after it was published, and the lead counts max-age and S (keys/lifecycle.ts).
 * What a cache may serve beyond max-age has to stay within S too, or a rotation could meet a cache that is behind.
 */
function cacheControl({ jwks_max_age, reload_interval }: MetadataParts['keys']): string {
  const stale = settleTime({ reloadInterval: reload_interval });
  return `public, max-age=${jwks_max_age}, stale-while-revalidate=${stale}, stale-if-error=${stale}`;
}

const tagOf = (text: string): string =>
  `"${createHash('sha256').update(text).digest('base64url').slice(0, 27)}"`;

/** The bytes are made when the keyring publishes something new, not when somebody asks. */
function preparedJwks(
  keyring: MetadataParts['as']['keyring'],
  headers: Readonly<Record<string, string>>,
): () => { readonly document: PublicDocument; readonly newestAt: number } {
  const prepare = ({ body, etag }: PublishedJwks) => publicDocument(body, etag, headers);
  let published = keyring.jwks();
  let document = prepare(published);
  return () => {
    const latest = keyring.jwks();
    if (latest !== published) {
      published = latest;
      document = prepare(latest);
    }
    return { document, newestAt: latest.newestAt };
  };
}

/** The bytes are made when the feed says something new. */
function preparedFeed(
  feed: RevocationFeed,
  headers: Readonly<Record<string, string>>,
): () => Promise<PublicDocument> {
  let document: PublicDocument | undefined;
  return async () => {
    const jws = await feed();
    if (document?.body !== jws) document = publicDocument(jws, tagOf(jws), headers, `application/${feedTyp}`);
    return document;
  };
}
