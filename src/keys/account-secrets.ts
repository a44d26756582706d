// Secrets of accounts that have to be known to be verified (RFC 6238), under the key-encryption keys: each as an oct JWK
// (RFC 7518 6.4). The rule it keeps: its kid is the account, so that nobody who can write to the store alone gives one
// account the secret of another.
import { OperatorError } from '../operator-error.ts';
import { unwrapPrivateKey, wrapPrivateKey } from './custody.ts';
import type { KeyEncryptionKeys } from './key-encryption-keys.ts';

/** Wraps and unwraps under the keys as they are at that moment. */
export interface AccountSecrets {
  /** A compact JWE. */
  wrap(sub: string, secret: Buffer): Promise<string>;
  /** Throws OperatorError, exit 4, where it does not open, or is of another account. */
  unwrap(sub: string, jwe: string): Promise<Buffer>;
}

export function createAccountSecrets(keys: () => KeyEncryptionKeys): AccountSecrets {
  return {
    wrap: (sub, secret) => wrapPrivateKey({ kty: 'oct', kid: sub, k: secret.toString('base64url') }, keys()),
    async unwrap(sub, jwe) {
      const { kid, k } = await unwrapPrivateKey(jwe, keys());
      if (kid === sub && k !== undefined) return Buffer.from(k, 'base64url');
      throw new OperatorError(
        `the store holds another secret for account ${sub}: restore it from a backup`,
        4,
      );
    },
  };
}
