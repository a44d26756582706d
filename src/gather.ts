// Reads that are asked for one by one and made together: what is asked for while reads are under way waits for the
// next one, and shares it. No read answers for a question that came after it had begun.

export interface GatherOptions {
  /** how many reads may be under way before questions wait for each other */
  readonly underWay: number;
  /** how many keys a read may have */
  readonly limit: number;
  /**
   * seconds from the beginning of one read to that of the next: the first question is read at once, and many questions
   * make few reads, each of which costs far more than a key in it; 0 where absent
   */
  readonly pause?: number;
}

interface Question<T> {
  readonly key: string;
  readonly resolve: (value: T | undefined) => void;
  readonly reject: (error: unknown) => void;
}

/** `read` answers for many keys at once; what it does not know is not in its answer. */
export function gather<T>(
  read: (keys: readonly string[]) => Promise<ReadonlyMap<string, T>>,
  { underWay, limit, pause = 0 }: GatherOptions,
): (key: string) => Promise<T | undefined> {
  let waiting: Question<T>[] = [];
  let running = 0;
  let isPausing = false;

  async function answer(questions: readonly Question<T>[]): Promise<void> {
    try {
      const found = await read([...new Set(questions.map(({ key }) => key))]);
      for (const { key, resolve } of questions) resolve(found.get(key));
    } catch (error) {
      // Whoever waits has waited as long as this took: the next read would take as long again.
      for (const { reject } of [...questions, ...waiting.splice(0)]) reject(error);
    }
  }

  function next(): void {
    while (running < underWay && waiting.length > 0 && !isPausing) {
      const questions = waiting.slice(0, limit);
      waiting = waiting.slice(limit);
      running += 1;
      if (pause > 0) rest();
      void answer(questions).finally(() => {
        running -= 1;
        next();
      });
    }
  }

  function rest(): void {
    isPausing = true;
    setTimeout(() => {
      isPausing = false;
      next();
    }, pause * 1000);
  }

  return (key) =>
    new Promise((resolve, reject) => {
      waiting.push({ key, resolve, reject });
      next();
    });
}
