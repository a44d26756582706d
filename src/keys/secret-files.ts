// The files of the keys folder: 256-bit secrets in base64url, mode 0600. A secret may have several, told apart by what
// follows its name and a dot, so that a new one can reach every machine before the old one goes.
import { chmodSync, existsSync, linkSync, mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { OperatorError } from '../operator-error.ts';
import type { Random } from '../random.ts';

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

/** The paths of a secret's files, those in `first` before the others. Throws OperatorError. */
export function secretFiles(folder: string, name: string, first: readonly string[]): string[] {
  const rank = (file: string) => first.indexOf(file) + 1 || first.length + 1;
  return namesIn(folder)
    .filter((file) => file === name || file.startsWith(`${name}.`))
    .sort((a, b) => rank(a) - rank(b) || (a < b ? -1 : 1))
    .map((file) => join(folder, file));
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
