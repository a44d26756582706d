// The signature: JWS compact serialisation (RFC 7515 7.1) on prepared KeyObjects, through one bounded queue.
//
// An RSA signature is the one dear thing a request does. In the thread pool, with few in flight and the rest in order,
// everybody waits the same; unbounded, the unlucky ones wait fifty times longer. An elliptic signature takes a tenth of
// what the way to the pool and back does: those of one turn of the event loop are made together (docs/decisions).
import { constants, type KeyObject, sign } from 'node:crypto';
import { availableParallelism } from 'node:os';
import { promisify } from 'node:util';
import { createBoundedQueue } from '../bounded-queue.ts';
import type { SigningAlg } from '../stores/stores.ts';

/** No signature can be had now: the queue is full, or no key may sign. Nothing was consumed; try again. */
export class SigningUnavailableError extends Error {
  override readonly name = 'SigningUnavailableError';
}

export interface Signer {
  /** The signature, base64url. Rejects with SigningUnavailableError where too many wait already. */
  sign(alg: SigningAlg, key: KeyObject, input: string): Promise<string>;
  /** how many wait, the ones being signed not counted */
  waiting(): number;
}

const DIGEST: Record<SigningAlg, string | null> = {
  RS256: 'sha256',
  PS256: 'sha256',
  ES256: 'sha256',
  EdDSA: null,
};

function options(alg: SigningAlg, key: KeyObject) {
  // RFC 7518 3.4: r and s side by side, not DER. 3.5: the salt is as long as the digest.
  if (alg === 'ES256') return { key, dsaEncoding: 'ieee-p1363' as const };
  if (alg === 'PS256') return { key, padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: 32 };
  return key;
}

const inputOf = (input: string): Buffer => Buffer.from(input, 'latin1');

const isElliptic = (alg: SigningAlg): boolean => alg === 'ES256' || alg === 'EdDSA';

const signInPool = promisify(sign);

/**
 * Seconds: while signatures are waited for, those that are made in a moment are handed out together. One by one, each
 * would pay for turns of the event loop, system calls and wake-ups of its own all the way to its answer.
 */
const MOMENT = 0.004;

/**
 * A queue of signatures. One more than there are cores is in flight, so that no core waits for the event loop to
 * bring it the next. `waitingLimit` bounds how many may wait: at a thousand signatures a second the last of
 * 2,000 waits two seconds, longer than a client should.
 */
export function createSigner({ inFlight = availableParallelism() + 1, waitingLimit = 2_000 } = {}): Signer {
  const full = () => new SigningUnavailableError('too many tokens wait for their signature');
  const { run, waiting } = createBoundedQueue({ inFlight, waitingLimit, full });
  const turn = createEnd((done) => void setImmediate(done));
  const moment = createEnd((done) => void setTimeout(done, MOMENT * 1000));
  return {
    waiting,
    async sign(alg, key, input) {
      const make = [DIGEST[alg], inputOf(input), options(alg, key)] as const;
      if (isElliptic(alg)) {
        await turn.end();
        return sign(...make).toString('base64url');
      }
      const signature = await run(() => signInPool(...make));
      if (waiting() > 0 || moment.isAwaited()) await moment.end();
      return signature.toString('base64url');
    },
  };
}

/** One end for all who wait for it, so that what they do next is done side by side and in order. */
function createEnd(schedule: (done: () => void) => void) {
  let awaited: Promise<void> | undefined;
  return {
    isAwaited: (): boolean => awaited !== undefined,
    end(): Promise<void> {
      awaited ??= new Promise((resolve) => {
        schedule(() => {
          awaited = undefined;
          resolve();
        });
      });
      return awaited;
    },
  };
}
