// The key-encryption keys: 256-bit secrets that wrap the private signing keys in the store.
//
// They are files of the keys folder (or one setting of the environment), base64url, mode 0600. Several may be live:
// `key-encryption-key.next` wraps from the moment it exists, the others still unwrap, so that a new one can reach
// every machine before the old one goes.
import { createHash } from 'node:crypto';
import { existsSync, renameSync } from 'node:fs';
import { join } from 'node:path';
import { OperatorError } from '../operator-error.ts';
import type { Random } from '../random.ts';
import { readSecretFile } from '../secret-file.ts';
import { ensureSecretFile, parseSecret, secretFiles } from './secret-files.ts';

const CURRENT = 'key-encryption-key';
const NEXT = `${CURRENT}.next`;
const OLD = `${CURRENT}.old`;

export interface KeyEncryptionKey {
  /** names the key in a JWE header: a hash of 256 random bits gives nothing away */
  readonly kid: string;
  readonly secret: Buffer;
}

export interface KeyEncryptionKeys {
  /** wraps what is written now */
  readonly current: KeyEncryptionKey;
  /** unwraps; the current one is among them */
  readonly all: readonly KeyEncryptionKey[];
}

const named = (secret: Buffer): KeyEncryptionKey => ({
  kid: createHash('sha256')
    .update('mintmark key-encryption key\0')
    .update(secret)
    .digest('base64url')
    .slice(0, 22),
  secret,
});

/**
 * The keys of the folder, or of the setting (comma separated, the one that wraps first). Undefined where there is
 * none yet. Throws OperatorError for a file that others can read or that holds no key.
 */
export function loadKeyEncryptionKeys(source: {
  readonly folder: string;
  readonly setting?: string | undefined;
}): KeyEncryptionKeys | undefined {
  const all = source.setting
    ? source.setting.split(',').map((text) => named(parseSecret(text, 'MINTMARK_KEY_ENCRYPTION_KEY')))
    : secretFiles(source.folder, CURRENT, [NEXT, CURRENT]).map((file) =>
        named(parseSecret(readSecretFile(file), file)),
      );
  const [current] = all;
  return current && { current, all };
}

/** The same where there must be some. Throws OperatorError, exit 4, where there is none. */
export function requireKeyEncryptionKeys(
  source: Parameters<typeof loadKeyEncryptionKeys>[0],
): KeyEncryptionKeys {
  const keys = loadKeyEncryptionKeys(source);
  if (keys) return keys;
  const remedy = 'put it there, or set MINTMARK_KEY_ENCRYPTION_KEY_FILE';
  throw new OperatorError(`there is no key-encryption key in ${source.folder}: ${remedy}`, 4);
}

export const ensureKeyEncryptionKey = (folder: string, random: Random): string =>
  ensureSecretFile(folder, CURRENT, random);

/** Whether a next key-encryption key is waiting already. */
export const hasNextKeyEncryptionKey = (folder: string): boolean => existsSync(join(folder, NEXT));

/** Makes the next key-encryption key, unless one is waiting already. */
export const ensureNextKeyEncryptionKey = (folder: string, random: Random): string =>
  ensureSecretFile(folder, NEXT, random);

/** Once nothing in the store needs the current file: it becomes the old one, and the next becomes the current. */
export function promoteNextKeyEncryptionKey(folder: string): { readonly old: string } | undefined {
  const [next, current, old] = [NEXT, CURRENT, OLD].map((name) => join(folder, name)) as [
    string,
    string,
    string,
  ];
  if (!existsSync(next)) return undefined;
  if (existsSync(current)) renameSync(current, old);
  renameSync(next, current);
  return { old };
}
