// What the service does by itself, over and over. A task that fails is told and tried again; it never overlaps itself.

export interface Background {
  /** Starts a task that runs every `seconds`, for the first time after that long. */
  every(seconds: number, name: string, task: () => Promise<unknown>): void;
  /** No task starts any more; resolves when those under way have ended. */
  stop(): Promise<void>;
}

/** `onFailure` hears of every run that rejects. */
export function createBackground(onFailure: (name: string, error: unknown) => void): Background {
  const timers: NodeJS.Timeout[] = [];
  const underWay = new Map<string, Promise<void>>();

  function run(name: string, task: () => Promise<unknown>): void {
    if (underWay.has(name)) return;
    const done = task()
      .catch((error: unknown) => onFailure(name, error))
      .then(() => void underWay.delete(name));
    underWay.set(name, done);
  }

  return {
    every(seconds, name, task) {
      timers.push(setInterval(() => run(name, task), seconds * 1000).unref());
    },
    async stop() {
      for (const timer of timers) clearInterval(timer);
      await Promise.all(underWay.values());
    },
  };
}
