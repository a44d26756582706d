// A thread that signs (signing-threads.ts): told by messages what, it answers each with the signatures, in order.
import type { KeyObject } from 'node:crypto';
import { parentPort } from 'node:worker_threads';
import type { SigningAlg } from '../stores/stores.ts';
import { signatureOf } from './signature.ts';

/** What is signed with one key, one after another. The key comes along each time: the thread keeps none. */
export interface Batch {
  readonly alg: SigningAlg;
  readonly key: KeyObject;
  readonly inputs: readonly string[];
}

/** In the order of the inputs. */
export type Signatures = readonly (string | Error)[];

function signed({ alg, key, inputs }: Batch): Signatures {
  return inputs.map((input) => {
    try {
      return signatureOf(alg, key, input);
    } catch (error) {
      return error as Error;
    }
  });
}

parentPort?.on('message', (batch: Batch) => parentPort?.postMessage(signed(batch)));
