// One turn, and a queue for it in the order they came.

export interface Turns {
  /** Resolves when `who` has the turn, at once if it has it already. Throws where it withdrew. */
  take(who: symbol): Promise<void>;
  has(who: symbol): boolean;
  /** Gives the turn to whoever waits longest, if `who` has it. */
  pass(who: symbol): void;
  /** Leaves the queue. */
  withdraw(who: symbol): void;
}

export function createTurns(): Turns {
  const queue: { who: symbol; start(): void; giveUp(error: Error): void }[] = [];
  let holder: symbol | undefined;

  return {
    async take(who) {
      holder ??= who;
      if (holder === who) return;
      await new Promise<void>((start, giveUp) => queue.push({ who, start, giveUp }));
    },

    has: (who) => holder === who,

    pass(who) {
      if (holder !== who) return;
      const next = queue.shift();
      // Handed over at once: nobody who comes now may slip in between.
      holder = next?.who;
      next?.start();
    },

    withdraw(who) {
      const at = queue.findIndex((waiting) => waiting.who === who);
      if (at !== -1) queue.splice(at, 1)[0]?.giveUp(new Error('the connection ended before its turn'));
    },
  };
}
