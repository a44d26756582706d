// RSA signatures, on threads of their own. The rule they keep: in the order in which they were asked for, and no more
// of them than can be made in time, so that everybody waits the same and the rest can try again.
//
// A signature takes a quarter of a millisecond, and bringing it to a thread and back a tenth of that, each time; so
// what is asked for in one turn of the event loop goes there and comes back together (docs/decisions/0027). What leads
// to a signature is held back while there are enough to make (docs/decisions/0029).
import type { KeyObject } from 'node:crypto';
import { Worker } from 'node:worker_threads';
import { endOfTurn } from '../end-of-turn.ts';
import type { SigningAlg } from '../stores/stores.ts';
import type { Batch, Signatures } from './signing-thread.ts';
import { SigningUnavailableError } from './signing-unavailable.ts';

/** How many signatures go to a thread at once, and come back: so few that what happens with them then holds up nobody. */
const BATCH_SIZE = 8;
/** How many batches a thread has at once: one more than it works on, so that it need not wait for the event loop. */
const BATCHES = 2;
/** How many are let in for a thread that will soon have nothing to do: more than it signs until they ask it to. */
const LET_IN = 32;

/** What goes to a thread at once: with one key, and asked for one after another. */
interface Asked extends Omit<Batch, 'inputs'> {
  readonly input: string;
  readonly resolve: (signature: string) => void;
  readonly reject: (error: unknown) => void;
}

interface Thread {
  readonly worker: Worker;
  /** what it has, the one that it works on first */
  readonly batches: (readonly Asked[])[];
}

export interface ThreadOptions {
  /** how many threads at the most; each is started when all others are busy */
  readonly threads: number;
  /** how many signatures may wait for a thread, and how many may wait before they are asked for */
  readonly waitingLimit: number;
  /** what a thread runs; absent: signing-thread.ts */
  readonly program?: URL;
}

const shipped = new URL('./signing-thread.js', import.meta.url);

/** A queue; a thread starts with the first signature. */
export class SigningThreads {
  readonly #options: ThreadOptions;
  readonly #running: Thread[] = [];
  #waiting: Asked[] = [];
  /** signatures that were asked for and are not made yet */
  #asked = 0;
  /** who waits until these are fewer */
  readonly #held: (() => void)[] = [];

  constructor(options: ThreadOptions) {
    this.#options = options;
  }

  /** The signature, base64url. Rejects with SigningUnavailableError where too many wait already. */
  sign(alg: SigningAlg, key: KeyObject, input: string): Promise<string> {
    return new Promise((resolve, reject) => {
      if (this.#waiting.length >= this.#options.waitingLimit)
        return reject(new SigningUnavailableError('too many tokens wait for their signature'));
      this.#asked += 1;
      this.#waiting.push({ alg, key, input, resolve, reject });
      void endOfTurn().then(() => this.#handOut());
    });
  }

  /**
   * Does what leads to a signature when that need not wait for long; in order, some at a time. Rejects with
   * SigningUnavailableError where too many wait for that already.
   */
  async inTurn<T>(work: () => Promise<T>): Promise<T> {
    if (this.#held.length > 0 || this.#isBusy()) await this.#entrance();
    try {
      return await work();
    } finally {
      // It may have come to nothing, and then no thread will tell.
      this.#letIn();
    }
  }

  #isBusy(): boolean {
    return this.#asked >= this.#options.threads * BATCHES * BATCH_SIZE;
  }

  #entrance(): Promise<void> {
    return new Promise((resolve, reject) => {
      if (this.#held.length < this.#options.waitingLimit) this.#held.push(resolve);
      else reject(new SigningUnavailableError('too many requests wait for their turn to sign'));
    });
  }

  #letIn(): void {
    if (this.#held.length === 0 || this.#isBusy()) return;
    for (const enter of this.#held.splice(0, this.#options.threads * LET_IN)) enter();
  }

  #handOut(): void {
    while (this.#waiting[0]) {
      const thread = this.#freeThread();
      if (thread === undefined) return;
      const { alg, key } = this.#waiting[0];
      const other = this.#waiting.findIndex((asked) => asked.key !== key || asked.alg !== alg);
      const batch = this.#waiting.splice(0, Math.min(BATCH_SIZE, other < 0 ? BATCH_SIZE : other));
      thread.batches.push(batch);
      // A process must not end while a signature is waited for, and may while none is.
      thread.worker.ref();
      thread.worker.postMessage({ alg, key, inputs: batch.map(({ input }) => input) } satisfies Batch);
    }
  }

  /** An idle one, else a new one, else one that may have more to do. */
  #freeThread(): Thread | undefined {
    const [idlest] = this.#running.toSorted((a, b) => a.batches.length - b.batches.length);
    if (idlest?.batches.length === 0) return idlest;
    if (this.#running.length < this.#options.threads) return this.#start();
    return idlest && idlest.batches.length < BATCHES ? idlest : undefined;
  }

  #start(): Thread {
    // Of the process's settings it needs to know nothing.
    const options = { execArgv: [], env: {}, name: 'signing' };
    const thread: Thread = { worker: new Worker(this.#options.program ?? shipped, options), batches: [] };
    thread.worker.on('message', (signatures: Signatures) => this.#take(thread, signatures));
    thread.worker.on('error', (error) => this.#bury(thread, error));
    this.#running.push(thread);
    return thread;
  }

  #take({ worker, batches }: Thread, signatures: Signatures): void {
    const batch = batches.shift() ?? [];
    this.#asked -= batch.length;
    // Before anybody goes on, so that the thread does.
    this.#handOut();
    if (batches.length === 0) worker.unref();
    this.#letIn();
    for (const [i, { resolve, reject }] of batch.entries()) {
      const signature = signatures[i];
      if (typeof signature === 'string') resolve(signature);
      else reject(signature);
    }
  }

  /** A thread that died has signed nothing that anybody has seen. */
  #bury(thread: Thread, cause: unknown): void {
    this.#running.splice(this.#running.indexOf(thread), 1);
    const error = new SigningUnavailableError('a thread that signs has ended', { cause });
    const lost = thread.batches.flat();
    this.#asked -= lost.length;
    for (const { reject } of lost) reject(error);
    this.#handOut();
    this.#letIn();
  }
}
