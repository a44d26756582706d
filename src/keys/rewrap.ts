// Wraps every private key, the secret of pairwise subjects and every secret of an account anew under the current
// key-encryption key, after which the older one is needed no more.
//
// The signing keys stay the same and nothing that verifies notices. Their rows change in one transaction, the secrets of
// accounts one by one, before: a row is read by the older key or by the current one at every instant, for both are at
// hand until all is done.
import { OperatorError } from '../operator-error.ts';
import type { Factors, FactorsOfAccount, KeyRecord, KeySet, PairwiseSecretStore } from '../stores/stores.ts';
import { unwrapPrivateKey, wrapPrivateKey, wrappedUnder } from './custody.ts';
import type { KeyEncryptionKeys } from './key-encryption-keys.ts';
import { isPairwiseSecretStale, rewrapPairwiseSecret } from './pairwise-secret.ts';
import { type KeyManagement, readForChange } from './rotate.ts';

export type RewrapManagement = KeyManagement & { readonly pairwiseSecret: PairwiseSecretStore };

export interface Rewrapped {
  /** how many signing keys changed their envelope */
  readonly keys: number;
  /** how many secrets of TOTP apps did */
  readonly totpSecrets: number;
  /** of the key-encryption key that wraps now */
  readonly kid: string;
}

/** Throws OperatorError: exit 3 where everything is under the current key, exit 4 where one does not unwrap. */
export async function rewrapKeys(
  management: RewrapManagement,
  options: { readonly dryRun?: boolean } = {},
): Promise<Rewrapped> {
  const keyEncryptionKeys = management.keyEncryptionKeys();
  const { kid } = keyEncryptionKeys.current;
  const { set, t } = await readForChange(management);
  const stale = set.keys.filter(({ privateJwe }) => privateJwe !== null && wrappedUnder(privateJwe) !== kid);
  const accounts = (await management.factors.list()).filter(({ factors }) => isStale(factors, kid));
  const rewrapped = { keys: stale.length, totpSecrets: accounts.length, kid };
  if (stale.length + accounts.length === 0 && !(await isPairwiseSecretStale(management))) {
    throw new OperatorError(`nothing to do: every key is wrapped under ${kid}`, 3);
  }
  if (options.dryRun) return rewrapped;
  await rewrapPairwiseSecret(management, t);
  for (const account of accounts) await rewrapSecret(management, account, keyEncryptionKeys);
  await rewrapSigningKeys(management, { set, t, stale, totpSecrets: accounts.length });
  return rewrapped;
}

interface Stale {
  readonly set: KeySet;
  readonly t: number;
  readonly stale: readonly KeyRecord[];
  /** how many there were, for the entry */
  readonly totpSecrets: number;
}

async function rewrapSigningKeys(
  management: KeyManagement,
  { set, t, stale, totpSecrets }: Stale,
): Promise<void> {
  const keyEncryptionKeys = management.keyEncryptionKeys();

  const keys: KeyRecord[] = [];
  for (const key of stale) {
    keys.push({ ...key, privateJwe: await rewrap(key.privateJwe as string, keyEncryptionKeys) });
  }
  const details = { key_encryption_key: keyEncryptionKeys.current.kid, totp_secrets: totpSecrets };
  const audit = [{ at: t, event: 'keys.rewrapped', actor: management.actor, subject: 'keys', details }];
  if ((await management.keys.apply({ expectedRevision: set.revision, t, keys, audit })) === 'applied') return;
  throw new OperatorError(
    'somebody else changed the keys at the same moment: nothing of them was written, try again',
  );
}

const rewrap = async (jwe: string, keys: KeyEncryptionKeys): Promise<string> =>
  wrapPrivateKey(await unwrapPrivateKey(jwe, keys), keys);

const isStale = ({ totp }: Factors, kid: string): boolean => totp !== null && wrappedUnder(totp.jwe) !== kid;

/** What its owner does with it meanwhile comes first. */
async function rewrapSecret(
  { factors: store }: KeyManagement,
  { sub, factors }: FactorsOfAccount,
  keys: KeyEncryptionKeys,
): Promise<void> {
  let found: Factors | undefined = factors;
  while (found?.totp && isStale(found, keys.current.kid)) {
    const next = { ...found, totp: { ...found.totp, jwe: await rewrap(found.totp.jwe, keys) } };
    if (await store.compareAndSwap({ sub, expected: found, next, audit: [] })) return;
    found = await store.find(sub);
  }
}
