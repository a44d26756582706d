// An issuer for trials: metadata (RFC 8414), a JWKS (RFC 7517), and tokens that say whatever is wanted. The rule it
// keeps: its keys are made for the trial and end with it, so nothing that it signs is ever worth anything.
import { createHash, generateKeyPairSync, type KeyObject, sign } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { JwsAlg } from '../verify/jws.ts';

type JsonObject = Readonly<Record<string, unknown>>;

export interface TrialKey {
  readonly kid: string;
  readonly alg: JwsAlg;
  readonly jwk: JsonObject;
  readonly privateKey: KeyObject;
  readonly publicKey: KeyObject;
}

export interface TrialIssuer {
  readonly issuer: string;
  /** signs what is good */
  readonly key: TrialKey;
  /** published as well, until it is revoked */
  readonly other: TrialKey;
  revoke(key: TrialKey): void;
  /** how often the JWKS was fetched */
  fetches(): number;
  close(): Promise<void>;
}

export interface TrialOptions {
  /** 0 = any that is free */
  readonly port: number;
  readonly host: string;
  /** as the service knows it; absent: localhost and the port */
  readonly issuer?: string | undefined;
  readonly alg: JwsAlg;
}

/** Starts to listen. Rejects where the port is taken. */
export async function startTrialIssuer({
  port,
  host,
  issuer: named,
  alg,
}: TrialOptions): Promise<TrialIssuer> {
  const [key, other] = [newTrialKey(alg), newTrialKey(alg)];
  let published = [key, other];
  let fetches = 0;
  const documents: Record<string, () => unknown> = {};
  const server = createServer((request, response) => {
    const document = documents[request.url?.replace(/\?.*/s, '') ?? ''];
    response.writeHead(document ? 200 : 404, { 'content-type': 'application/json' });
    response.end(document ? JSON.stringify(document()) : '{}');
  });
  server.listen(port, host);
  await once(server, 'listening');
  const issuer = named ?? `http://localhost:${(server.address() as AddressInfo).port}`;
  const path = new URL(issuer).pathname.replace(/\/$/, '');
  const metadata = () => metadataOf(issuer, alg);
  documents[`${path}/.well-known/openid-configuration`] = metadata;
  documents[`/.well-known/oauth-authorization-server${path}`] = metadata;
  documents[`${path}/.well-known/jwks.json`] = () => {
    fetches += 1;
    return { keys: published.map(({ jwk }) => jwk) };
  };
  return {
    issuer,
    key,
    other,
    revoke: ({ kid }) => {
      published = published.filter((one) => one.kid !== kid);
    },
    fetches: () => fetches,
    async close() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

/** What libraries ask the metadata for. */
const metadataOf = (issuer: string, alg: JwsAlg) => ({
  issuer,
  jwks_uri: `${issuer}/.well-known/jwks.json`,
  authorization_endpoint: `${issuer}/authorize`,
  token_endpoint: `${issuer}/token`,
  response_types_supported: ['code'],
  subject_types_supported: ['public'],
  id_token_signing_alg_values_supported: [alg],
});

/** A key that is nobody's. */
export function newTrialKey(alg: JwsAlg): TrialKey {
  const { privateKey, publicKey } = pairOf(alg);
  const jwk = publicKey.export({ format: 'jwk' }) as JsonObject;
  const kid = createHash('sha256').update(JSON.stringify(jwk)).digest('base64url');
  return { kid, alg, jwk: { ...jwk, kid, alg, use: 'sig' }, privateKey, publicKey };
}

function pairOf(alg: JwsAlg): { privateKey: KeyObject; publicKey: KeyObject } {
  if (alg === 'ES256') return generateKeyPairSync('ec', { namedCurve: 'P-256' });
  if (alg === 'EdDSA') return generateKeyPairSync('ed25519');
  return generateKeyPairSync('rsa', { modulusLength: 2048 });
}

export const base64url = (value: unknown): string =>
  Buffer.from(typeof value === 'string' ? value : JSON.stringify(value)).toString('base64url');

/** A compact JWS of a header and claims; a text is taken as it is, duplicates and all. */
export function signedBy(
  { alg, privateKey }: TrialKey,
  header: JsonObject,
  claims: JsonObject | string,
): string {
  const input = `${base64url(header)}.${base64url(claims)}`;
  const options = {
    key: privateKey,
    ...(alg === 'ES256' && { dsaEncoding: 'ieee-p1363' as const }),
    // RSA_PKCS1_PSS_PADDING
    ...(alg === 'PS256' && { padding: 6, saltLength: 32 }),
  };
  return `${input}.${sign(alg === 'EdDSA' ? null : 'sha256', Buffer.from(input), options).toString('base64url')}`;
}
