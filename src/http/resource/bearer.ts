// Bearers of our own tokens: RFC 6750 2 and 3, by @fastify/jwt on the keys that are published at this moment. The rule
// it keeps: whatever a verifier says of a token is the token's fault, and never a 500.
import { createPublicKey } from 'node:crypto';
import fastifyJwt, { type FastifyJWTOptions } from '@fastify/jwt';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import type { AuthorizationServer } from '../../oauth/authorization-server.ts';
import { OAuthError } from '../../oauth/errors.ts';
import type { Parameters } from '../../oauth/parameters.ts';

type Parts = Pick<AuthorizationServer, 'issuer' | 'keyring' | 'signingAlgs' | 'clock'>;

/** Makes `request.jwtVerify` known to a scope. */
export async function verifyBearers(scope: FastifyInstance, as: Parts): Promise<void> {
  await scope.register(fastifyJwt, {
    decode: { complete: true },
    secret: { public: keySource(as) } as unknown as FastifyJWTOptions['secret'],
    verify: {
      algorithms: [...as.signingAlgs],
      allowedIss: as.issuer,
      requiredClaims: ['sub', 'exp', 'jti', 'client_id'],
      extractToken: (request: FastifyRequest) => bearerToken(request),
    },
  } as FastifyJWTOptions);
}

/** The one token of a request. Throws OAuthError: none, or in two places. */
export function bearerToken({ headers, body }: Pick<FastifyRequest, 'headers' | 'body'>): string {
  const { authorization } = headers;
  const inHeader = authorization === undefined ? undefined : /^bearer +([^ ]+)$/i.exec(authorization)?.[1];
  const inBody = (body as Parameters | undefined)?.values.get('access_token');
  if (inHeader !== undefined && inBody !== undefined) throw new OAuthError('bearer_token_twice');
  const token = inHeader ?? inBody;
  if (token === undefined) throw new OAuthError('bearer_token_missing');
  return token;
}

/** Throws OAuthError unless the request bears a token that one of the published keys signed. */
export async function assertBearer(request: FastifyRequest): Promise<void> {
  try {
    await request.jwtVerify();
  } catch (cause) {
    if (cause instanceof OAuthError) throw cause;
    throw new OAuthError('bearer_token_invalid', { cause });
  }
}

/** PEM, which is all that the library takes; made when the keyring publishes something new. */
function keySource({ keyring }: Parts) {
  let etag = '';
  let keys = new Map<string, string>();
  return async (_request: unknown, { header }: { header: { kid?: string } }): Promise<string> => {
    const published = keyring.jwks();
    if (published.etag !== etag) {
      const jwks = JSON.parse(published.body) as { keys: ({ kid: string } & Record<string, string>)[] };
      const pem = (key: Record<string, string>) =>
        createPublicKey({ key, format: 'jwk' }).export({ type: 'spki', format: 'pem' }) as string;
      keys = new Map(jwks.keys.map((key) => [key.kid, pem(key)]));
      etag = published.etag;
    }
    const key = keys.get(header.kid ?? '');
    if (key === undefined) throw new OAuthError('bearer_token_invalid');
    return key;
  };
}
