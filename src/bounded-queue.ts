// Dear work in the thread pool, through one queue. The rule it keeps: a few at once and the rest in order, so that
// everybody waits the same; and no more of them than can be served in time, so that the rest can try again.

export interface BoundedQueue {
  /**
   * Runs the task in its turn. `weight` says how much of the limit it takes while it waits. Throws, as the queue was
   * told to, where too much waits already.
   */
  run<T>(task: () => Promise<T>, weight?: number): Promise<T>;
  /** how many wait, the ones that run not counted */
  waiting(): number;
}

export interface QueueOptions {
  /** how many run at once */
  readonly inFlight: number;
  /** the weight that may wait; one task may always, whatever its own */
  readonly waitingLimit: number;
  /** what whoever comes in vain is told */
  readonly full: () => Error;
}

interface Waiting {
  readonly start: () => void;
  readonly weight: number;
}

/** Makes a queue. */
export function createBoundedQueue({ inFlight, waitingLimit, full }: QueueOptions): BoundedQueue {
  // A linked ring would save nothing here: an array that is cut in bulk stays cheap at this length.
  let queue: Waiting[] = [];
  let head = 0;
  let running = 0;
  let waitingWeight = 0;

  function next(): void {
    while (running < inFlight && head < queue.length) {
      const { start, weight } = queue[head++] as Waiting;
      waitingWeight -= weight;
      running += 1;
      start();
    }
    if (head === queue.length || head > 1_024) {
      queue = queue.slice(head);
      head = 0;
    }
  }

  function ended(): void {
    running -= 1;
    next();
  }

  return {
    waiting: () => queue.length - head,
    async run(task, weight = 1) {
      if (waitingWeight > 0 && waitingWeight + weight > waitingLimit) throw full();
      return new Promise((resolve, reject) => {
        queue.push({ start: () => void task().finally(ended).then(resolve, reject), weight });
        waitingWeight += weight;
        next();
      });
    },
  };
}
