// The only source of randomness: the operating system's, by node:crypto.
import { randomBytes, randomUUID } from 'node:crypto';

export interface Random {
  bytes(length: number): Buffer;
  /** A version 4 UUID: 122 random bits, for identifiers that are not secrets. */
  id(): string;
}

export const systemRandom: Random = { bytes: (length) => randomBytes(length), id: () => randomUUID() };
