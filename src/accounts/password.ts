// Passwords: NIST SP 800-63B 3.1.1 for what is accepted, OWASP's argon2id parameters for what is kept. The rules it
// keeps: length is all that is asked of a password, and the same password typed on another keyboard is the same.
import { hash, verify } from '@node-rs/argon2';
import { OperatorError } from '../operator-error.ts';
import type { Random } from '../random.ts';

export const passwordLengthMinimum = 8;
/** More bytes than anybody types; a longer one only costs whoever hashes it. */
const passwordSizeLimit = 1_000;

/** 19 MiB, two passes, one lane, argon2id (the library's default kind): OWASP's first choice. */
const cost = { memoryCost: 19_456, timeCost: 2, parallelism: 1 };

/** NFKC: composed and decomposed letters, full-width and plain ones, are the same password. */
const normalised = (password: string): string => password.normalize('NFKC');

/** Throws OperatorError for a password that is too short or too long; it never repeats it. */
export function assertPassword(password: string): void {
  const text = normalised(password);
  if ([...text].length < passwordLengthMinimum) {
    throw new OperatorError(
      `the password is shorter than ${passwordLengthMinimum} characters: use a longer one`,
      4,
    );
  }
  if (Buffer.byteLength(text) > passwordSizeLimit) {
    throw new OperatorError(`the password is longer than ${passwordSizeLimit} bytes: use a shorter one`, 4);
  }
}

/** A PHC string. Throws OperatorError for a password that is too short or too long. */
export async function hashPassword(password: string, random: Random): Promise<string> {
  assertPassword(password);
  return hash(normalised(password), { ...cost, salt: random.bytes(16) });
}

/** Throws where `phc` is no argon2 hash. */
export async function verifyPassword(password: string, phc: string): Promise<boolean> {
  // Nothing as long as this was ever stored, and hashing it is work that a stranger asks for.
  if (Buffer.byteLength(password) > 4 * passwordSizeLimit) return false;
  return verify(phc, normalised(password));
}
