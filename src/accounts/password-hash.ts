// Password hashes as they are kept: argon2id as a PHC string (RFC 9106, PHC string format), and what comes from Django
// (`pbkdf2_sha256$<iterations>$<salt>$<base64>`). The rule it keeps: a hash that is not whole, or that would cost more
// than a sign-in may, is no hash at all.
import type { Argon2Cost } from './password-work.ts';

export interface Argon2Hash {
  readonly kind: 'argon2';
  readonly phc: string;
  readonly cost: Argon2Cost;
}

export interface DjangoHash {
  readonly kind: 'django';
  readonly iterations: number;
  readonly salt: string;
  readonly digest: Buffer;
}

export type PasswordHash = Argon2Hash | DjangoHash;

/** 19 MiB, two passes, one lane: OWASP's first choice. */
export const argon2Cost: Argon2Cost = { memoryCost: 19_456, timeCost: 2, parallelism: 1 };

/** What argon2 writes, in KiB: its time goes by it. */
export const argon2Size = ({ memoryCost, timeCost }: Argon2Cost): number => memoryCost * timeCost;

/** A gigabyte in one pass: about a second, and more memory than a service should lend to a stranger. */
const argon2SizeLimit = 2 ** 20;
/** Ten times what Django 5 asks for: two or three seconds. */
export const iterationsLimit = 10_000_000;

// RFC 9106 3.1: a salt of 8 bytes and 8 KiB for each lane at least. 64 bytes are the most that the library takes.
const phc =
  /^\$argon2id\$v=19\$m=(\d{1,8}),t=(\d{1,8}),p=(\d{1,3})\$([A-Za-z0-9+/]{11,64})\$([A-Za-z0-9+/]{16,86})$/;
const django = /^pbkdf2_sha256\$([1-9]\d{0,7})\$([^$\p{Cc}\p{Surrogate}]{1,128})\$([A-Za-z0-9+/]{43}=)$/u;

/** Reads a hash; undefined where there is none that could be verified. */
export function readPasswordHash(text: string | null): PasswordHash | undefined {
  return readArgon2(text ?? '') ?? readDjango(text ?? '');
}

function readArgon2(text: string): Argon2Hash | undefined {
  const [, memory, time, lanes, salt, digest] = phc.exec(text) ?? [];
  const cost = { memoryCost: Number(memory), timeCost: Number(time), parallelism: Number(lanes) };
  const isSound =
    isBase64(salt) &&
    isBase64(digest) &&
    cost.timeCost >= 1 &&
    cost.parallelism >= 1 &&
    cost.memoryCost >= 8 * cost.parallelism &&
    argon2Size(cost) <= argon2SizeLimit;
  return isSound ? { kind: 'argon2', phc: text, cost } : undefined;
}

/** In the one spelling that its bytes have, and without padding. */
const isBase64 = (text = ''): boolean =>
  Buffer.from(text, 'base64').toString('base64').replace(/=+$/, '') === text;

function readDjango(text: string): DjangoHash | undefined {
  const [, iterations, salt, digest] = django.exec(text) ?? [];
  if (salt === undefined || digest === undefined || Number(iterations) > iterationsLimit) return undefined;
  return { kind: 'django', iterations: Number(iterations), salt, digest: Buffer.from(digest, 'base64') };
}

/** Whether the password should be hashed again when it is next known. */
export function isOutdated(hash: PasswordHash): boolean {
  if (hash.kind === 'django') return true;
  const { memoryCost, timeCost, parallelism } = hash.cost;
  return (
    memoryCost !== argon2Cost.memoryCost ||
    timeCost !== argon2Cost.timeCost ||
    parallelism !== argon2Cost.parallelism
  );
}
