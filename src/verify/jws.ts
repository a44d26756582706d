// A signed JWT taken apart without being believed, and its signature: RFC 7515 5.2, RFC 7518 3, RFC 8725 3.1. The rule
// it keeps: one token is one string, and the key says what it is verified with, never the token.
import { constants, createPublicKey, type KeyObject, verify } from 'node:crypto';

type JsonObject = Readonly<Record<string, unknown>>;

export type JwsAlg = 'RS256' | 'PS256' | 'ES256' | 'EdDSA';

export interface DecodedToken {
  /** the compact serialisation alone */
  readonly jws: string;
  readonly header: JsonObject;
  readonly claims: JsonObject;
}

/** Why a text cannot be taken apart, in words. */
export interface Undecodable {
  readonly problem: string;
}

export interface PublicKey {
  readonly alg: JwsAlg;
  readonly key: KeyObject;
}

/** Takes apart a compact serialisation, and nothing around it. */
export function decodeJws(jws: string): DecodedToken | Undecodable {
  const parts = jws.split('.');
  if (parts.length === 5)
    return { problem: 'it is encrypted (JWE), and this issuer signs and does not encrypt' };
  if (parts.length !== 3) return { problem: `it is no JWT: it has ${parts.length} of 3 parts` };
  const [header, claims] = [objectIn(parts[0]), objectIn(parts[1])];
  if (!header) return { problem: 'its header is no JSON object in base64url' };
  if (!claims) return { problem: 'its claims are no JSON object in base64url' };
  return { jws, header, claims };
}

/** Canonical base64url alone (RFC 7515 2), so that no token has two spellings. */
function objectIn(part: string | undefined): JsonObject | undefined {
  const bytes = Buffer.from(part ?? '', 'base64url');
  if (bytes.toString('base64url') !== part) return undefined;
  try {
    const value: unknown = JSON.parse(bytes.toString('utf8'));
    return typeof value === 'object' && value !== null && !Array.isArray(value)
      ? (value as JsonObject)
      : undefined;
  } catch {
    return undefined;
  }
}

/** Throws where the JWK is none. */
export const publicKey = (jwk: JsonObject & { readonly alg: JwsAlg }): PublicKey => ({
  alg: jwk.alg,
  key: createPublicKey({ key: { ...jwk }, format: 'jwk' }),
});

/** Whether the key made the signature of a compact serialisation. The caller has compared `alg`. */
export function isSignedBy({ alg, key }: PublicKey, jws: string): boolean {
  const end = jws.lastIndexOf('.');
  const encoded = jws.slice(end + 1);
  const signature = Buffer.from(encoded, 'base64url');
  // One token is one string (RFC 7515 2).
  if (signature.toString('base64url') !== encoded) return false;
  const input = Buffer.from(jws.slice(0, end), 'latin1');
  return verify(alg === 'EdDSA' ? null : 'sha256', input, optionsOf(alg, key), signature);
}

/** RFC 7518 3.4: r and s side by side. 3.5: the salt is as long as the digest. */
function optionsOf(alg: JwsAlg, key: KeyObject) {
  if (alg === 'ES256') return { key, dsaEncoding: 'ieee-p1363' as const };
  if (alg === 'PS256') return { key, padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: 32 };
  return key;
}
