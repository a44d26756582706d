// The key-encryption keys: 256-bit secrets that wrap the private signing keys in the store.
//
// They are files of the keys folder (or one setting of the environment), base64url, mode 0600. Several may be live:
// `key-encryption-key.next` wraps from the moment it exists, the others still unwrap, so that a new one can reach
// every machine before the old one goes.
import { createHash } from 'node:crypto';
import {
  chmodSync,
  existsSync,
  linkSync,
  mkdirSync,
  readdirSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { OperatorError } from '../operator-error.ts';
import type { Random } from '../random.ts';
import { readSecretFile } from '../secret-file.ts';

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

/** Throws OperatorError unless `text` is 32 bytes in base64 or base64url. */
export function parseSecret(text: string, where: string): Buffer {
  const secret = Buffer.from(text.trim(), 'base64url');
  if (secret.length !== 32 || !/^[\w+/-]{43}=?$/.test(text.trim())) {
    throw new OperatorError(
      `${where} should hold 32 bytes in base64, 43 characters; make one with: openssl rand -base64 32`,
    );
  }
  return secret;
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
    : filesOf(source.folder).map((file) => named(parseSecret(readSecretFile(file), file)));
  const [current] = all;
  return current && { current, all };
}

/** The one that wraps first. */
function filesOf(folder: string): string[] {
  const rank = (name: string) => [NEXT, CURRENT].indexOf(name) + 1 || 3;
  return namesIn(folder)
    .filter((name) => name === CURRENT || name.startsWith(`${CURRENT}.`))
    .sort((a, b) => rank(a) - rank(b) || (a < b ? -1 : 1))
    .map((name) => join(folder, name));
}

function namesIn(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    if (code === 'ENOENT') return [];
    throw new OperatorError(`${folder} cannot be read (${code}); see that it is a folder of this user's`, 1, {
      cause,
    });
  }
}

/**
 * Makes a secret's file unless there is one: of several that try at once, one wins and all read the same.
 * Returns the path.
 */
export function ensureSecretFile(folder: string, name: string, random: Random): string {
  const path = join(folder, name);
  if (existsSync(path)) return path;
  try {
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    const draft = join(folder, `.${name}.${random.id()}`);
    writeFileSync(draft, `${random.bytes(32).toString('base64url')}\n`, {
      mode: 0o600,
      flag: 'wx',
      flush: true,
    });
    chmodSync(draft, 0o600);
    linkUnlessThere(draft, path);
    rmSync(draft);
    return path;
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    throw new OperatorError(`${path} cannot be made (${code}); see that the folder belongs to this user`, 1, {
      cause,
    });
  }
}

function linkUnlessThere(draft: string, path: string): void {
  try {
    linkSync(draft, path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
  }
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
