// Wraps every private key anew under the current key-encryption key, after which the older one is needed no more.
//
// The signing keys stay the same and nothing that verifies notices. All rows change in one transaction, so there is
// no instant at which a row needs a key-encryption key that is not at hand.
import { OperatorError } from '../operator-error.ts';
import type { KeyRecord } from '../stores/stores.ts';
import { unwrapPrivateKey, wrapPrivateKey, wrappedUnder } from './custody.ts';
import { type KeyManagement, readForChange } from './rotate.ts';

export interface Rewrapped {
  /** how many keys changed their envelope */
  readonly keys: number;
  /** of the key-encryption key that wraps now */
  readonly kid: string;
}

/** Throws OperatorError: exit 3 where everything is under the current key, exit 4 where one does not unwrap. */
export async function rewrapKeys(
  management: KeyManagement,
  options: { readonly dryRun?: boolean } = {},
): Promise<Rewrapped> {
  const keyEncryptionKeys = management.keyEncryptionKeys();
  const { kid } = keyEncryptionKeys.current;
  const { set, t } = await readForChange(management);
  const stale = set.keys.filter(({ privateJwe }) => privateJwe !== null && wrappedUnder(privateJwe) !== kid);
  if (stale.length === 0) throw new OperatorError(`nothing to do: every key is wrapped under ${kid}`, 3);
  if (options.dryRun) return { keys: stale.length, kid };

  const keys: KeyRecord[] = [];
  for (const key of stale) {
    const privateJwk = await unwrapPrivateKey(key.privateJwe as string, keyEncryptionKeys);
    keys.push({ ...key, privateJwe: await wrapPrivateKey(privateJwk, keyEncryptionKeys) });
  }
  const audit = [
    {
      at: t,
      event: 'keys.rewrapped',
      actor: management.actor,
      subject: 'keys',
      details: { key_encryption_key: kid },
    },
  ];
  if ((await management.keys.apply({ expectedRevision: set.revision, t, keys, audit })) === 'applied') {
    return { keys: stale.length, kid };
  }
  throw new OperatorError(
    'somebody else changed the keys at the same moment: nothing was written, try again',
  );
}
