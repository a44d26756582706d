// The dear arithmetic of passwords, in the thread pool: argon2id (RFC 9106) and PBKDF2 with HMAC-SHA-256 (RFC 8018
// 5.2). It is handed to those who need it, so that a test can count what an attempt costs.
import { pbkdf2 } from 'node:crypto';
import { promisify } from 'node:util';

export interface Argon2Cost {
  /** KiB */
  readonly memoryCost: number;
  /** passes over the memory */
  readonly timeCost: number;
  readonly parallelism: number;
}

export interface PasswordWork {
  /** argon2id; a PHC string */
  argon2(password: string, salt: Buffer, cost: Argon2Cost): Promise<string>;
  /** Throws where `phc` is no argon2 hash. */
  verifyArgon2(password: string, phc: string): Promise<boolean>;
  /** 32 bytes */
  pbkdf2(password: string, salt: string, iterations: number): Promise<Buffer>;
}

const pbkdf2InPool = promisify(pbkdf2);
/** Loaded with the first password: its native code takes 10 MB, and many an issuer never sees one. */
const argon2 = () => import('@node-rs/argon2');

export const passwordWork: PasswordWork = {
  // argon2id is the library's default kind.
  argon2: async (password, salt, cost) => (await argon2()).hash(password, { ...cost, salt }),
  verifyArgon2: async (password, phc) => (await argon2()).verify(phc, password),
  pbkdf2: (password, salt, iterations) => pbkdf2InPool(password, salt, iterations, 32, 'sha256'),
};
