// HMAC-SHA-256: RFC 2104, made of node:crypto's one-shot hash, for what each refresh asks three times. What createHmac
// makes is an object that the garbage collector has to finish by itself, which is dearer than the digest; where it is
// not asked for thousands of times a second it serves as well (docs/decisions/0028).
import { hash } from 'node:crypto';

/** RFC 2104 2: bytes that SHA-256 takes in at once. */
const BLOCK_SIZE = 64;

/** RFC 2104 2: the key, filled up to a block, with each byte changed by `pad`. */
function paddedKey(key: Buffer, pad: number): Buffer {
  // A longer key would have to be hashed first: none of ours is.
  if (key.length > BLOCK_SIZE) throw new RangeError(`a key of ${key.length} bytes is longer than a block`);
  const block = Buffer.alloc(BLOCK_SIZE, pad);
  for (const [i, byte] of key.entries()) block[i] = byte ^ pad;
  return block;
}

// As text of one byte a character: node:crypto hands out a Buffer for three times the price.
const sha256 = (bytes: Buffer): string => hash('sha256', bytes, 'binary');

/** The MAC of the parts, one after another: 32 bytes. */
export type Mac = (...parts: readonly Buffer[]) => Buffer;

/** Authenticates with this key. Throws RangeError for one of more than 64 bytes. */
export function hmacSha256(key: Buffer): Mac {
  const inner = paddedKey(key, 0x36);
  const outer = paddedKey(key, 0x5c);
  return (...parts) => {
    const digest = Buffer.from(sha256(Buffer.concat([inner, ...parts])), 'binary');
    return Buffer.from(sha256(Buffer.concat([outer, digest])), 'binary');
  };
}
