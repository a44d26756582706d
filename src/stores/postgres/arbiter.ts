// Who may speak to PGlite now. It has one session, and a transaction belongs to the session: so a connection that has
// one open keeps the turn until it is done, and the others wait in the order they came.
import type { Engine } from './engine.ts';
import { query, statusOf, sync } from './protocol.ts';
import { createTurns, type Turns } from './turns.ts';

/** Calls back after some seconds, unless the returned function is called before. */
export type Timer = (seconds: number, callback: () => void) => () => void;

/** A connection's place at the table. */
export interface Seat {
  /** Runs one batch when its turn has come. Throws where the seat was left meanwhile, or PGlite died of it. */
  run(batch: Buffer): Promise<Buffer>;
  /** Rolls back what is open and makes room. Idempotent. */
  leave(): Promise<void>;
}

export interface Sitter {
  /** not the process's own pool: its commits are told, and it leaves no SET behind */
  readonly foreign: boolean;
  /** It keeps a transaction open and asks nothing: others want the turn, so it must leave its seat. */
  evicted(): void;
}

export interface Arbiter {
  seat(sitter: Sitter): Seat;
  /** Waits for its turn like everybody, and gives nobody another. */
  close(): Promise<void>;
}

export interface ArbiterOptions {
  /** seconds that a transaction may stay open with nothing asked */
  readonly idleInTransactionLifetime: number;
  readonly timer: Timer;
  onForeignCommit(): void;
}

/** What may run a batch: PGlite, whose calls must never overlap. */
type Runner = Pick<Engine, 'run'>;

export function createArbiter(engine: Runner, options: ArbiterOptions): Arbiter {
  const turns = createTurns();
  const afterForeign = watchCommits(engine, options.onForeignCommit);
  return {
    seat(sitter) {
      const afterBatch = sitter.foreign ? afterForeign : async () => {};
      return createSeat(engine, turns, { ...options, ...sitter, afterBatch });
    },
    close: () => turns.take(Symbol()),
  };
}

interface SeatOptions extends Sitter, Pick<ArbiterOptions, 'idleInTransactionLifetime' | 'timer'> {
  /** a batch has left no transaction open; the turn is still its own */
  afterBatch(): Promise<void>;
}

function createSeat(engine: Runner, turns: Turns, options: SeatOptions): Seat {
  const me = Symbol();
  let running: Promise<unknown> = Promise.resolve();
  let leaving: Promise<void> | undefined;
  let stopTimer = () => {};

  async function run(batch: Buffer): Promise<Buffer> {
    await turns.take(me);
    stopTimer();
    try {
      const answer = await engine.run(batch);
      if (statusOf(answer) !== 'I') {
        stopTimer = options.timer(options.idleInTransactionLifetime, options.evicted);
        return answer;
      }
      await options.afterBatch();
      turns.pass(me);
      return answer;
    } catch (error) {
      // The session died with its transaction: there is nothing left to roll back.
      turns.pass(me);
      throw error;
    }
  }

  async function clear(): Promise<void> {
    turns.withdraw(me);
    await running;
    stopTimer();
    await forget(engine, turns, me, options.foreign);
  }

  return {
    leave() {
      // An engine that fails now has forgotten by itself.
      leaving ??= clear()
        .catch(() => {})
        .then(() => turns.pass(me));
      return leaving;
    },
    async run(batch) {
      if (leaving) throw new Error('the connection has ended');
      const answer = run(batch);
      running = answer.catch(() => {});
      return answer;
    },
  };
}

/** Leaves nothing of this connection in the session that all share. */
async function forget(engine: Runner, turns: Turns, me: symbol, foreign: boolean): Promise<void> {
  if (turns.has(me)) await engine.run(rollback);
  if (!foreign) return;
  await turns.take(me);
  await engine.run(query('DISCARD ALL'));
}

// Sync first: after a Flush, PGlite would still be in the middle of an extended query.
const rollback = Buffer.concat([sync, query('ROLLBACK')]);

// Moves on with every transaction that wrote, and with no other.
const writes = query('SELECT pg_snapshot_xmax(pg_current_snapshot())');

/** Tells `listener`, when asked, if anything was written since it was asked last. */
function watchCommits(engine: Runner, listener: () => void): () => Promise<void> {
  let last: Buffer | undefined;
  return async () => {
    const now = await engine.run(writes);
    if (last?.equals(now)) return;
    last = now;
    listener();
  };
}
