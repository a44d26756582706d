// The signature: JWS compact serialisation (RFC 7515 7.1) on prepared KeyObjects.
//
// An RSA signature is the one dear thing a request does: it is made on a thread (signing-threads.ts). An elliptic one
// takes a tenth of what the way to a thread and back does: those of one turn of the event loop are made together, on
// the event loop (docs/decisions/0007).
import type { KeyObject } from 'node:crypto';
import { availableParallelism } from 'node:os';
import { endOfTurn } from '../end-of-turn.ts';
import type { SigningAlg } from '../stores/stores.ts';
import { signatureOf } from './signature.ts';
import { SigningThreads, type ThreadOptions } from './signing-threads.ts';

export interface Signer {
  /**
   * Does what leads to a signature, and not before the signature can be made soon. Rejects with SigningUnavailableError
   * where too many wait already.
   */
  inTurn<T>(work: () => Promise<T>): Promise<T>;
  /** The signature, base64url. Rejects with SigningUnavailableError where too many wait already. */
  sign(alg: SigningAlg, key: KeyObject, input: string): Promise<string>;
}

const isElliptic = (alg: SigningAlg): boolean => alg === 'ES256' || alg === 'EdDSA';

/**
 * A queue of signatures. `waitingLimit` bounds how many may wait: at a thousand signatures a second the last of 2,000
 * waits two seconds, longer than a client should.
 */
export function createSigner({
  threads = availableParallelism(),
  waitingLimit = 2_000,
  ...options
}: Partial<ThreadOptions> = {}): Signer {
  const dear = new SigningThreads({ threads, waitingLimit, ...options });
  return {
    inTurn: (work) => dear.inTurn(work),
    async sign(alg, key, input) {
      if (!isElliptic(alg)) return dear.sign(alg, key, input);
      await endOfTurn();
      return signatureOf(alg, key, input);
    },
  };
}
