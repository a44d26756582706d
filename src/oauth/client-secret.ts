// Client secrets: RFC 6749 2.3.1. A secret has 256 random bits, so its SHA-256 is all that is kept; a slow hash
// would add nothing but cost. The rule it keeps: comparing takes as long whether the client exists or not.
import { hash, timingSafeEqual } from 'node:crypto';
import type { ClientSecret } from '../stores/stores.ts';

/** SHA-256, base64url: what a store keeps of a secret. */
export const hashClientSecret = (secret: string): string => hash('sha256', secret, 'base64url');

/** Compared with where a client has fewer than two secrets: no secret has this hash. */
const nobody = '-'.repeat(43);

/** Whether `presented` is one of the live secrets. */
export function isClientSecret(presented: string, live: readonly ClientSecret[]): boolean {
  const offered = Buffer.from(hashClientSecret(presented));
  const [newest, older] = [live[0]?.hash ?? nobody, live[1]?.hash ?? nobody];
  const isNewest = timingSafeEqual(offered, Buffer.from(newest));
  const isOlder = timingSafeEqual(offered, Buffer.from(older));
  return isNewest || isOlder;
}
