// A new key-encryption key in the keys folder: made, given to every machine, wrapped under, and then the current one.

import { OperatorError } from '../operator-error.ts';
import type { Random } from '../random.ts';
import {
  ensureNextKeyEncryptionKey,
  hasNextKeyEncryptionKey,
  promoteNextKeyEncryptionKey,
} from './key-encryption-keys.ts';
import { type RewrapManagement, type Rewrapped, rewrapKeys } from './rewrap.ts';

/** What was done in the folder. */
export interface RewrappedFolder extends Rewrapped {
  /** where the older key-encryption key is now: backups of the store made before need it */
  readonly old: string | null;
}

/**
 * Wraps everything under the next key-encryption key, which is made unless one waits, and makes it the current one.
 * Begun anew after a crash, it goes on where it was. With `dryRun`, says how many keys it would wrap.
 */
export async function rewrapWithFolder(
  management: RewrapManagement,
  folder: string,
  random: Random,
  { dryRun = false }: { readonly dryRun?: boolean | undefined } = {},
): Promise<RewrappedFolder> {
  if (dryRun && !hasNextKeyEncryptionKey(folder)) {
    const [{ keys }, accounts] = await Promise.all([management.keys.read(), management.factors.list()]);
    const wrapped = keys.filter(({ privateJwe }) => privateJwe !== null).length;
    const totpSecrets = accounts.filter(({ factors }) => factors.totp !== null).length;
    return { keys: wrapped, totpSecrets, kid: 'a new one', old: null };
  }
  ensureNextKeyEncryptionKey(folder, random);
  const rewrapped = await rewrapUnlessDone(management, dryRun);
  const promoted = dryRun ? undefined : promoteNextKeyEncryptionKey(folder);
  return { ...rewrapped, old: promoted?.old ?? null };
}

/** Everything may be under the next key already, where an earlier run ended before it could make that the current. */
async function rewrapUnlessDone(management: RewrapManagement, dryRun: boolean): Promise<Rewrapped> {
  try {
    return await rewrapKeys(management, { dryRun });
  } catch (error) {
    if (!(error instanceof OperatorError) || error.exitCode !== 3) throw error;
    return { keys: 0, totpSecrets: 0, kid: management.keyEncryptionKeys().current.kid };
  }
}
