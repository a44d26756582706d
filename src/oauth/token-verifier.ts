// Our own tokens, verified by our own published keys: RFC 7515 5.2, RFC 8725 3.1. The rule it keeps: a token counts
// for exactly as long as its key is published, however often it was verified before.
import { hash } from 'node:crypto';
import type { PublishedJwks } from '../keys/view.ts';
import type { SigningAlg } from '../stores/stores.ts';
import { type DecodedToken, decodeJws, isSignedBy, type PublicKey, publicKey } from '../verify/jws.ts';

export interface TokenVerifier {
  /** A signed JWT of ours, taken apart; undefined unless one of the published keys signed it. Nothing else is checked. */
  verify(jws: string): Omit<DecodedToken, 'jws'> | undefined;
}

type Jwk = Readonly<Record<string, string>> & { readonly kid: string; readonly alg: SigningAlg };

/** Tokens that are remembered as verified; a resource server asks about the same one again and again. */
const capacity = 10_000;

export function createTokenVerifier(keyring: { jwks(): PublishedJwks }): TokenVerifier {
  let published: PublishedJwks | undefined;
  let keys: ReadonlyMap<string, PublicKey> = new Map();
  /** by digest, so that no token is kept; the one asked for longest ago is the first */
  let verified = new Map<string, Omit<DecodedToken, 'jws'>>();

  function follow(): void {
    const now = keyring.jwks();
    if (now === published) return;
    if (now.etag !== published?.etag) {
      keys = publicKeysOf(now);
      verified = new Map();
    }
    published = now;
  }

  return {
    verify(jws) {
      follow();
      const digest = hash('sha256', jws, 'base64url');
      const token = verified.get(digest) ?? verifiedBy(keys, jws);
      if (token === undefined) return undefined;
      verified.delete(digest);
      if (verified.size >= capacity) verified.delete(verified.keys().next().value as string);
      verified.set(digest, token);
      return token;
    },
  };
}

function publicKeysOf({ body }: PublishedJwks): ReadonlyMap<string, PublicKey> {
  const { keys } = JSON.parse(body) as { keys: Jwk[] };
  return new Map(keys.map((jwk) => [jwk.kid, publicKey(jwk)]));
}

function verifiedBy(
  keys: ReadonlyMap<string, PublicKey>,
  jws: string,
): Omit<DecodedToken, 'jws'> | undefined {
  const token = decodeJws(jws);
  if ('problem' in token) return undefined;
  const { header, claims } = token;
  const known = keys.get(String(header.kid));
  // The key says what it signs with, never the token (RFC 8725 3.1); nobody here understands an extension.
  if (known === undefined || header.alg !== known.alg || header.crit !== undefined) return undefined;
  return isSignedBy(known, jws) ? { header, claims } : undefined;
}
