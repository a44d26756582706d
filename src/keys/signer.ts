// The signature: JWS compact serialisation (RFC 7515 7.1) on prepared KeyObjects, through one bounded queue.
//
// An RSA signature is the one dear thing a request does. In the thread pool, with few in flight and the rest in order,
// everybody waits the same; unbounded, the unlucky ones wait fifty times longer. An elliptic signature takes a tenth of
// what the way to the pool and back does: those of one turn of the event loop are made together (docs/decisions).
import { constants, type KeyObject, sign } from 'node:crypto';
import { availableParallelism } from 'node:os';
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

interface Job {
  readonly alg: SigningAlg;
  readonly key: KeyObject;
  readonly input: string;
  readonly resolve: (signature: string) => void;
  readonly reject: (error: Error) => void;
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

/**
 * A queue of signatures. One more than there are cores is in flight, so that no core waits for the event loop to
 * bring it the next. `waitingLimit` bounds how many may wait: at a thousand signatures a second the last of
 * 2,000 waits two seconds, longer than a client should.
 */
export function createSigner({ inFlight = availableParallelism() + 1, waitingLimit = 2_000 } = {}): Signer {
  // A linked ring would save nothing here: an array that is cut in bulk stays cheap at this length.
  let queue: Job[] = [];
  let head = 0;
  let running = 0;

  function next(): void {
    while (running < inFlight && head < queue.length) {
      const job = queue[head++] as Job;
      running += 1;
      sign(DIGEST[job.alg], inputOf(job.input), options(job.alg, job.key), (error, signature) => {
        running -= 1;
        next();
        if (error) job.reject(error);
        else job.resolve(signature.toString('base64url'));
      });
    }
    if (head === queue.length || head > 1_024) {
      queue = queue.slice(head);
      head = 0;
    }
  }

  const signTogether = createBatch();

  return {
    waiting: () => queue.length - head,
    async sign(alg, key, input) {
      if (isElliptic(alg)) return signTogether(alg, key, input);
      if (queue.length - head >= waitingLimit) {
        throw new SigningUnavailableError('too many tokens wait for their signature');
      }
      return new Promise((resolve, reject) => {
        queue.push({ alg, key, input, resolve, reject });
        next();
      });
    },
  };
}

/** Signs at the end of the turn what was asked for during it, so that the answers leave side by side. */
function createBatch(): Signer['sign'] {
  let jobs: Job[] = [];

  function signAll(): void {
    const batch = jobs;
    jobs = [];
    for (const { alg, key, input, resolve, reject } of batch) {
      try {
        resolve(sign(DIGEST[alg], inputOf(input), options(alg, key)).toString('base64url'));
      } catch (error) {
        reject(error as Error);
      }
    }
  }

  return (alg, key, input) =>
    new Promise((resolve, reject) => {
      if (jobs.length === 0) setImmediate(signAll);
      jobs.push({ alg, key, input, resolve, reject });
    });
}
