// Files that hold secrets: read only when nobody but their owner could have read them before us.
import { closeSync, fstatSync, openSync, readFileSync } from 'node:fs';
import { OperatorError } from './operator-error.ts';

/**
 * The text of a secret's file, without the newline that editors and `echo` leave at its end.
 * `forbidden` are the permission bits refused: by default any for group and others.
 * Throws OperatorError where the file cannot be read, is empty, or has a forbidden bit.
 */
export function readSecretFile(path: string, forbidden = 0o077): string {
  const descriptor = opened(path);
  try {
    // Asked of the open file, so that it cannot be swapped between the question and the reading.
    const mode = fstatSync(descriptor).mode & 0o777;
    if (mode & forbidden) {
      const found = mode.toString(8).padStart(4, '0');
      throw new OperatorError(
        `${path} holds a secret and others may read it (mode ${found}); run: chmod 600 ${path}`,
      );
    }
    const secret = readFileSync(descriptor, 'utf8').trimEnd();
    if (secret === '')
      throw new OperatorError(`${path} should hold a secret and is empty; write the secret into it`);
    return secret;
  } finally {
    closeSync(descriptor);
  }
}

function opened(path: string): number {
  try {
    return openSync(path, 'r');
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    throw new OperatorError(
      `${path} cannot be read (${code}); see that it exists and that this user owns it`,
      1,
      {
        cause,
      },
    );
  }
}
