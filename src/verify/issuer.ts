// The issuer as a service sees it over HTTP: its metadata (RFC 8414 3), its JWKS (RFC 7517 5) and its revocation feed.
// The rule it keeps: a key that has left the JWKS counts no more from the next fetch on, nor does what it verified.
import { type DecodedToken, type JwsAlg, type PublicKey, publicKey } from './jws.ts';

/** Seconds for an answer, from the name to the last byte. */
const TIME_LIMIT = 5;

/** The keys of one JWKS, and what they have verified. */
export interface KeySet {
  readonly text: string;
  readonly keys: ReadonlyMap<string, PublicKey>;
  /** by digest, so that no token is kept */
  readonly verified: Map<string, DecodedToken>;
}

export interface Issuer {
  /** Rejects where it cannot be had. The same set, while the issuer publishes the same. */
  keySet(): Promise<KeySet>;
  /** A compact JWS, not verified. Rejects where it cannot be had. */
  revocationFeed(): Promise<string>;
}

/** `algs`: keys of others are passed over. */
export function remoteIssuer(issuer: string, algs: readonly JwsAlg[]): Issuer {
  const ask = conditionalFetch();
  let metadata: Promise<Readonly<Record<string, unknown>>> | undefined;
  let known: KeySet | undefined;

  /** Found once; asked for again after a failure. */
  async function addressOf(member: 'jwks_uri' | 'revoked_families_uri'): Promise<string> {
    metadata ??= discover(issuer, ask);
    const found = await metadata.catch((error: unknown) => {
      metadata = undefined;
      throw error;
    });
    const address = found[member];
    if (typeof address !== 'string') throw new Error(`the metadata of ${issuer} names no ${member}`);
    return address;
  }

  return {
    async keySet() {
      const text = await ask(await addressOf('jwks_uri'));
      if (known?.text !== text) known = { text, keys: publicKeysOf(text, algs), verified: new Map() };
      return known;
    },
    revocationFeed: async () => ask(await addressOf('revoked_families_uri')),
  };
}

/** RFC 8414 3.3: what it says of itself has to be what was asked for. */
async function discover(issuer: string, ask: (url: string) => Promise<string>) {
  const url = `${issuer.replace(/\/$/, '')}/.well-known/openid-configuration`;
  const metadata = JSON.parse(await ask(url)) as Record<string, unknown>;
  if (metadata.issuer !== issuer) throw new Error(`${url} is of another issuer, ${String(metadata.issuer)}`);
  return metadata;
}

/** Gets texts, and gets none twice that the server knows to be the same. Follows no redirect. */
function conditionalFetch(): (url: string) => Promise<string> {
  const known = new Map<string, { readonly etag: string; readonly text: string }>();
  return async (url) => {
    const before = known.get(url);
    const headers: Record<string, string> = before ? { 'if-none-match': before.etag } : {};
    const response = await get(url, headers).catch((error: unknown) => {
      // A connection that was kept may have been closed unseen; who gave no answer in time gets no second question.
      if (error instanceof Error && error.name === 'TimeoutError') throw error;
      return get(url, headers);
    });
    if (response.status === 304 && before) return before.text;
    if (response.status !== 200) throw new Error(`${url} answers with status ${response.status}`);
    const [text, etag] = [await response.text(), response.headers.get('etag')];
    if (etag === null) known.delete(url);
    else known.set(url, { etag, text });
    return text;
  };
}

const get = (url: string, headers: Record<string, string>): Promise<Response> =>
  fetch(url, { headers, redirect: 'error', signal: AbortSignal.timeout(TIME_LIMIT * 1000) });

const kindOf: Record<JwsAlg, string> = { RS256: 'rsa', PS256: 'rsa', ES256: 'ec', EdDSA: 'ed25519' };

/** The keys that are meant for signatures of a known algorithm, and fit it (RFC 8725 3.1, 3.5). */
function publicKeysOf(text: string, algs: readonly JwsAlg[]): Map<string, PublicKey> {
  const { keys } = JSON.parse(text) as { keys?: unknown };
  if (!Array.isArray(keys)) throw new Error('the JWKS has no array of keys');
  const found = new Map<string, PublicKey>();
  for (const jwk of keys) {
    const { kid, alg, use = 'sig' } = jwk;
    if (typeof kid !== 'string' || use !== 'sig' || !algs.includes(alg)) continue;
    const { key } = publicKey(jwk);
    const { modulusLength = 2048, namedCurve = 'prime256v1' } = key.asymmetricKeyDetails ?? {};
    const fits = key.asymmetricKeyType === kindOf[alg as JwsAlg];
    if (fits && modulusLength >= 2048 && namedCurve === 'prime256v1') found.set(kid, { alg, key });
  }
  return found;
}
