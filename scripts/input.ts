// How the executable listens: documents and secrets from a file, stdin or a hidden prompt. The rule it keeps: a
// secret never has to stand in argv, where everybody on the machine can read it.
import { readFileSync } from 'node:fs';
import { createInterface } from 'node:readline/promises';
import { Writable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { jsonFault } from '../src/config/json-fault.ts';
import { OperatorError } from '../src/operator-error.ts';
import { readSecretFile } from '../src/secret-file.ts';
import { note } from './output.ts';

/** The text of a file, or of stdin for `-`. Throws OperatorError. */
export async function readInput(file: string): Promise<string> {
  if (file === '-') return text(process.stdin);
  try {
    return readFileSync(file, 'utf8');
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    throw new OperatorError(`${file} cannot be read (${code}); name a file that this user may read`, 1, {
      cause,
    });
  }
}

/** The JSON of an option: the text itself, `-` for stdin, `@FILE` for a file. Throws OperatorError, exit 2. */
export async function readDocument(given: string, option = '--json'): Promise<unknown> {
  const isElsewhere = given === '-' || given.startsWith('@');
  const source = isElsewhere ? await readInput(given.replace(/^@/, '')) : given;
  try {
    const document: unknown = JSON.parse(source);
    if (!isElsewhere && holdsSecret(document)) {
      note(
        `warning: others on this machine can read a command line; give a client_secret by ${option} - or @FILE`,
      );
    }
    return document;
  } catch (cause) {
    if (cause instanceof OperatorError) throw cause;
    const { line, column } = jsonFault(source);
    throw new OperatorError(
      `${option} is not JSON at line ${line}, column ${column}: look there, and at the quotes`,
      2,
    );
  }
}

const holdsSecret = (document: unknown): boolean =>
  typeof document === 'object' && document !== null && 'client_secret' in document;

/** A secret from stdin; on a terminal it is asked for and not shown. `what` as in "password of ada@example.com". */
export async function readSecret(what: string): Promise<string> {
  if (process.stdin.isTTY) return prompt(what);
  const secret = (await text(process.stdin)).replace(/\r?\n$/, '');
  if (secret !== '') return secret;
  throw new OperatorError(`the ${what} is missing: nothing came on stdin`, 2);
}

/** A passphrase from its file, from stdin for `-`, or from a prompt; on a terminal asked twice where it is new. */
export async function readPassphrase(file: string | undefined, isNew: boolean): Promise<string> {
  if (file !== undefined) return file === '-' ? readSecret('passphrase') : readSecretFile(file);
  if (!process.stdin.isTTY) {
    throw new OperatorError(
      'the passphrase is missing: give it with --passphrase-file FILE, or - for stdin',
      2,
    );
  }
  const passphrase = await prompt('passphrase');
  if (isNew && (await prompt('passphrase again')) !== passphrase) {
    throw new OperatorError('the two passphrases differ: nothing was written, try again');
  }
  return passphrase;
}

/** What is typed, unseen. Throws OperatorError, exit 2, where it is left by Ctrl-C or Ctrl-D. */
async function prompt(what: string): Promise<string> {
  process.stderr.write(`${what}: `);
  const nowhere = new Writable({ write: (_chunk, _encoding, done) => done() });
  const lines = createInterface({ input: process.stdin, output: nowhere, terminal: true });
  try {
    return await lines.question('');
  } catch (cause) {
    throw new OperatorError(`the ${what} is missing: nothing was typed`, 2, { cause });
  } finally {
    lines.close();
    note('');
  }
}
