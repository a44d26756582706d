// Passwords: NIST SP 800-63B 3.1.1 for what is accepted. The rules it keeps: length is all that is asked of a password,
// the same password typed on another keyboard is the same, and a wrong one costs the same whatever it is held against.
import { timingSafeEqual } from 'node:crypto';
import { OperatorError } from '../operator-error.ts';
import type { Random } from '../random.ts';
import { argon2Cost, argon2Size, readPasswordHash } from './password-hash.ts';
import { passwordWork } from './password-work.ts';

export const passwordLengthMinimum = 8;
/** More bytes than anybody types; a longer one only costs whoever hashes it. */
const passwordSizeLimit = 1_000;

/** NFKC: composed and decomposed letters, full-width and plain ones, are the same password. */
const normalised = (password: string): string => password.normalize('NFKC');

/** What keeps a text from being a password; undefined: nothing. */
export function passwordFault(password: string): 'short' | 'long' | undefined {
  const text = normalised(password);
  if ([...text].length < passwordLengthMinimum) return 'short';
  return Buffer.byteLength(text) > passwordSizeLimit ? 'long' : undefined;
}

/** Throws OperatorError for a password that is too short or too long; it never repeats it. */
export function assertPassword(password: string): void {
  const fault = passwordFault(password);
  if (fault === 'short') {
    throw new OperatorError(
      `the password is shorter than ${passwordLengthMinimum} characters: use a longer one`,
      4,
    );
  }
  if (fault === 'long') {
    throw new OperatorError(`the password is longer than ${passwordSizeLimit} bytes: use a shorter one`, 4);
  }
}

/** A PHC string. Throws OperatorError for a password that is too short or too long. */
export async function hashPassword(password: string, random: Random): Promise<string> {
  assertPassword(password);
  return hashAgain(password, random);
}

/** A PHC string, of a password that was good enough when it was chosen. */
export const hashAgain = (password: string, random: Random, work = passwordWork): Promise<string> =>
  work.argon2(normalised(password), random.bytes(16), argon2Cost);

/** Held against by whoever has no argon2 hash. Nobody knows a password of it: its digest was never computed. */
const nobodys = `$argon2id$v=19$m=${argon2Cost.memoryCost},t=${argon2Cost.timeCost},p=${argon2Cost.parallelism}$${'A'.repeat(22)}$${'A'.repeat(43)}`;
/** The least that argon2 can be asked for, in KiB (RFC 9106 3.1). */
const argon2SizeMinimum = 8;

/** What an attempt costs. */
export interface Price {
  /** rounds of PBKDF2, on top of one argon2 hash */
  readonly iterations: number;
  readonly work?: typeof passwordWork;
}

/**
 * Whether `hash` is of this password; never, where it is null or no hash that can be verified. Whatever it is, the work
 * is one argon2 hash of today's cost and `iterations` of PBKDF2: what the hash itself does not take is made up for.
 */
export async function verifyPassword(
  password: string,
  hash: string | null,
  { iterations, work = passwordWork }: Price = { iterations: 0 },
): Promise<boolean> {
  // Nothing as long as this was ever stored, and hashing it is work that a stranger asks for.
  if (Buffer.byteLength(password) > 4 * passwordSizeLimit) return false;
  const stored = readPasswordHash(hash);
  const [argon2, django] = stored?.kind === 'django' ? [undefined, stored] : [stored, undefined];

  const isArgon2s = await work.verifyArgon2(normalised(password), argon2?.phc ?? nobodys);
  const missing = argon2Size(argon2Cost) - argon2Size(argon2?.cost ?? argon2Cost);
  if (missing >= argon2SizeMinimum) {
    const rest = { memoryCost: missing, timeCost: 1, parallelism: 1 };
    await work.argon2(password, Buffer.alloc(16), rest);
  }

  // As it was typed: Django does not normalise.
  const digest = django && (await work.pbkdf2(password, django.salt, django.iterations));
  const missingIterations = iterations - (django?.iterations ?? 0);
  if (missingIterations > 0) await work.pbkdf2(password, 'nobody', missingIterations);

  if (django && digest) return timingSafeEqual(digest, django.digest);
  return argon2 !== undefined && isArgon2s;
}
