// Recovery codes: look-up secrets of NIST SP 800-63B 3.1.2, for whoever has lost the second factor. The rules they keep:
// each has 120 random bits, so that a fast hash is enough; they are shown once, and each is good once.
import { hash } from 'node:crypto';
import { Secret } from 'otpauth';
import type { Random } from '../random.ts';

const CODES = 8;
const BYTES = 15;

/** New ones, as people keep them: six groups of four. */
export const newRecoveryCodes = (random: Random): string[] =>
  Array.from({ length: CODES }, () => {
    const text = new Secret({ buffer: new Uint8Array(random.bytes(BYTES)).buffer }).base32.toLowerCase();
    return (text.match(/.{4}/g) ?? []).join('-');
  });

/** What is stored of one, however it was typed; undefined where it is none. */
export function recoveryCodeHash(text: string): string | undefined {
  const code = text.replace(/[\s-]/g, '').toLowerCase();
  return /^[a-z2-7]{24}$/.test(code) ? hash('sha256', code, 'base64url') : undefined;
}
