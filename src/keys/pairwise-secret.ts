// The secret that pairwise subjects are derived by (OpenID Connect Core 8.1). The rule it keeps: made once and never
// replaced, for with another one every pairwise client would take everybody for somebody new. So it hangs on no root
// secret; in the store it lies wrapped as the signing keys do, and changes its envelope with them.
import type { Clock } from '../clock.ts';
import type { Random } from '../random.ts';
import type { AuditEntry, PairwiseSecretStore } from '../stores/stores.ts';
import { unwrapPrivateKey, wrapPrivateKey, wrappedUnder } from './custody.ts';
import type { KeyEncryptionKeys } from './key-encryption-keys.ts';
import { SigningUnavailableError } from './signing-unavailable.ts';

interface Custody {
  readonly pairwiseSecret: PairwiseSecretStore;
  readonly keyEncryptionKeys: () => KeyEncryptionKeys;
}

interface Maker extends Custody {
  readonly clock: Clock;
  readonly random: Random;
  readonly actor: string;
}

const SUBJECT = 'pairwise secret';

/** Makes the secret where there is none yet: before anybody can ask for a subject. */
export async function ensurePairwiseSecret({
  pairwiseSecret,
  keyEncryptionKeys,
  clock,
  random,
  actor,
}: Maker) {
  if ((await pairwiseSecret.read()) !== undefined) return;
  const jwk = { kty: 'oct', k: random.bytes(32).toString('base64url') };
  const audit = { at: clock.now(), event: 'pairwise_secret.created', actor, subject: SUBJECT };
  // Another replica may be faster: then its secret is the one.
  await pairwiseSecret.create(await wrapPrivateKey(jwk, keyEncryptionKeys()), audit);
}

/** Whether it lies under another key-encryption key than the one that wraps now. */
export async function isPairwiseSecretStale({
  pairwiseSecret,
  keyEncryptionKeys,
}: Custody): Promise<boolean> {
  const jwe = await pairwiseSecret.read();
  return jwe !== undefined && wrappedUnder(jwe) !== keyEncryptionKeys().current.kid;
}

/**
 * Wraps it under the current key-encryption key; of two who do it at once one does. Throws OperatorError, exit 4, where
 * it does not unwrap.
 */
export async function rewrapPairwiseSecret(
  { pairwiseSecret, keyEncryptionKeys, actor }: Custody & Pick<AuditEntry, 'actor'>,
  at: number,
): Promise<void> {
  const jwe = await pairwiseSecret.read();
  const keys = keyEncryptionKeys();
  if (jwe === undefined || wrappedUnder(jwe) === keys.current.kid) return;
  const next = await wrapPrivateKey(await unwrapPrivateKey(jwe, keys), keys);
  const details = { key_encryption_key: keys.current.kid };
  await pairwiseSecret.replace(jwe, next, {
    at,
    event: 'pairwise_secret.rewrapped',
    actor,
    subject: SUBJECT,
    details,
  });
}

/**
 * Makes what gives the secret, which is read where it is first needed and then kept. It rejects with
 * StoreUnavailableError, or with SigningUnavailableError where it does not unwrap; the next one asks anew.
 */
export function createPairwiseSecret({ pairwiseSecret, keyEncryptionKeys }: Custody): () => Promise<Buffer> {
  let known: Buffer | undefined;
  return async () => {
    if (known) return known;
    const jwe = await pairwiseSecret.read();
    if (jwe === undefined) throw new SigningUnavailableError('there is no pairwise secret');
    const { k = '' } = await unwrapPrivateKey(jwe, keyEncryptionKeys()).catch((cause: unknown) => {
      throw new SigningUnavailableError('the pairwise secret does not unwrap', { cause });
    });
    known = Buffer.from(k, 'base64url');
    return known;
  };
}
