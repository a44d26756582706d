// A task that must not overlap itself: of two that do, the one that has seen less could have the last word.

/** Whoever asks while the task runs gets the run after it, which has seen all that was there when they asked. */
export function oneAfterAnother(task: () => Promise<void>): () => Promise<void> {
  let last: Promise<void> = Promise.resolve();
  let next: Promise<void> | undefined;

  async function run(): Promise<void> {
    await last.catch(() => undefined);
    next = undefined;
    return task();
  }

  return () => {
    next ??= last = run();
    return next;
  };
}
