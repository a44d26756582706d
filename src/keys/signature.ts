// One signature: the algorithms of RFC 7518 3.1 on a prepared KeyObject.
import { constants, type KeyObject, sign } from 'node:crypto';
import type { SigningAlg } from '../stores/stores.ts';

const DIGEST: Record<SigningAlg, string | null> = {
  RS256: 'sha256',
  PS256: 'sha256',
  ES256: 'sha256',
  EdDSA: null,
};

function options(alg: SigningAlg, key: KeyObject) {
  // RFC 7518 3.4: r and s side by side, not DER. 3.5: the salt is as long as the digest.
  if (alg === 'ES256') return { key, dsaEncoding: 'ieee-p1363' as const };
  if (alg === 'PS256') return { key, padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: 32 };
  return key;
}

/** Of a JWS signing input, base64url; made here and now. Throws where the key is of another algorithm. */
export const signatureOf = (alg: SigningAlg, key: KeyObject, input: string): string =>
  sign(DIGEST[alg], Buffer.from(input, 'latin1'), options(alg, key)).toString('base64url');
