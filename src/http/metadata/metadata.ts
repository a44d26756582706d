// What anyone may read and keep: the metadata documents and the JWKS. No cookies, CORS *, answered from memory.
import { createHash } from 'node:crypto';
import type { FastifyInstance } from 'fastify';
import { Type } from 'typebox';
import type { Config } from '../../config.ts';
import { settleTime } from '../../keys/lifecycle.ts';
import type { AuthorizationServer } from '../../oauth/authorization-server.ts';
import { issuerPath, metadataPaths, serverMetadata } from '../../oauth/metadata.ts';
import { errorResponses } from '../errors.ts';
import { type PublicDocument, sendDocument } from './document.ts';

export interface MetadataParts {
  readonly as: Pick<AuthorizationServer, 'issuer' | 'endpoints' | 'signingAlgs' | 'keyring'>;
  readonly keys: Pick<Config['keys'], 'jwks_max_age' | 'reload_interval'>;
}

/** The scope. Its routes are absolute, since some of them lie before the issuer's path. */
export async function metadata(scope: FastifyInstance, { as, keys }: MetadataParts): Promise<void> {
  const headers = {
    'access-control-allow-origin': '*',
    'cross-origin-resource-policy': 'cross-origin',
    'cache-control': cacheControl(keys),
  };
  const publish = (path: string, current: () => PublicDocument) => {
    const schema = { response: { 200: Type.Unknown(), 304: Type.Null(), ...errorResponses } };
    scope.get(path, { schema }, (request, reply) => sendDocument(request, reply, current(), headers));
    answerPreflight(scope, path);
  };
  const document = asDocument(JSON.stringify(serverMetadata(as)));
  for (const path of metadataPaths(as.issuer)) publish(path, () => document);
  publish(`${issuerPath(as.issuer)}/.well-known/jwks.json`, preparedJwks(as.keyring));
}

/**
 * A key signs no sooner than a lead after it was published, and the lead counts max-age and S (keys/lifecycle.ts).
 * What a cache may serve beyond max-age has to stay within S too, or a rotation could meet a cache that is behind.
 */
function cacheControl({ jwks_max_age, reload_interval }: MetadataParts['keys']): string {
  const stale = settleTime({ reloadInterval: reload_interval });
  return `public, max-age=${jwks_max_age}, stale-while-revalidate=${stale}, stale-if-error=${stale}`;
}

const asDocument = (body: string): PublicDocument => ({
  body: Buffer.from(body),
  etag: `"${createHash('sha256').update(body).digest('base64url').slice(0, 27)}"`,
});

/** The bytes are made when the keyring publishes something new, not when somebody asks. */
function preparedJwks(keyring: MetadataParts['as']['keyring']): () => PublicDocument {
  let published = keyring.jwks();
  let document: PublicDocument = { body: Buffer.from(published.body), etag: published.etag };
  return () => {
    const latest = keyring.jwks();
    if (latest !== published) {
      published = latest;
      document = { body: Buffer.from(latest.body), etag: latest.etag };
    }
    return document;
  };
}

/** A browser asks first where a caller sets headers of its own, such as If-None-Match (Fetch, CORS protocol). */
function answerPreflight(scope: FastifyInstance, path: string): void {
  const headers = {
    'access-control-allow-origin': '*',
    'access-control-allow-methods': 'GET, HEAD',
    'access-control-allow-headers': '*',
    'access-control-max-age': '86400',
  };
  scope.options(path, { schema: { response: { 204: Type.Null() } } }, (_request, reply) =>
    reply.code(204).headers(headers).send(),
  );
}
