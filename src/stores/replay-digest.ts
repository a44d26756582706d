// The name under which a store remembers what may be used once.
//
// An identifier comes from outside: it may be of any length and hold any character. Its digest is short, and no
// two are alike.
import { createHash } from 'node:crypto';

/** SHA-256 of scope and id, told apart: ('a', 'bc') is not ('ab', 'c'). */
export const replayDigest = (scope: string, id: string): Buffer =>
  createHash('sha256')
    .update(JSON.stringify([scope, id]))
    .digest();
