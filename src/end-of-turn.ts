// The end of the event loop's turn, for what is better done side by side than as each request comes. Answers that leave
// one after another find their client asleep each time, and waking it is dear, above all in a virtual machine
// (docs/decisions/0007).

let awaited: Promise<void> | undefined;

/** Resolves when the requests that have come in by now were read; one end for all who wait, in order. */
export function endOfTurn(): Promise<void> {
  awaited ??= new Promise((resolve) => {
    setImmediate(() => {
      awaited = undefined;
      resolve();
    });
  });
  return awaited;
}
