// PGlite in this process: Postgres compiled to WebAssembly, with one session. Loaded only where it is used.
//
// It runs to the end of a batch before anything else in the process does, and never calls fsync: what was acknowledged
// survives the death of the process, not of the machine.
import { setFlagsFromString } from 'node:v8';
import type { PGlite } from '@electric-sql/pglite';
import { OperatorError } from '../../operator-error.ts';
import { startupMessage } from './protocol.ts';
import { reasonOf } from './unavailable.ts';

export interface Engine {
  /** What a client is told when it has connected: the parameters of the session, and that it may ask. */
  readonly greeting: Buffer;
  /**
   * Runs one batch of messages to its end. One call at a time: the arbiter sees to it. Throws where Postgres died of
   * it; it starts again at the next call, as after a crash: what was committed is there, what was open is not.
   */
  run(batch: Buffer): Promise<Buffer>;
  close(): Promise<void>;
}

/** Opens the Postgres data in `folder`, which exists. Throws OperatorError. */
export async function openEngine(folder: string): Promise<Engine> {
  let db: PGlite | undefined = await open(folder);
  return {
    greeting: await exchange(db, startupMessage),
    async run(batch) {
      db ??= await open(folder);
      try {
        return await exchange(db, batch);
      } catch (error) {
        bury(db);
        db = undefined;
        throw new Error(`the embedded store failed and starts again: ${reasonOf(error)}`, { cause: error });
      }
    },
    async close() {
      await db?.close();
      db = undefined;
    },
  };
}

/**
 * How much a function of WebAssembly runs before V8 optimizes it, in bytes, roughly; V8's own figure is 1,800,000. By
 * that, a start optimizes hundreds of functions that it hardly runs again, and waits for it where there is one core.
 * What goes on running is optimized all the same, a little later.
 */
const optimizationBudget = 500_000_000;

/**
 * Postgres fills all of its buffers with zeros when it starts, 128 MB where nobody says otherwise: time and memory that
 * a store for development does not need. What does not fit is in the system's file cache.
 */
const sharedBuffers = '32MB';

async function open(folder: string): Promise<PGlite> {
  setFlagsFromString(`--wasm-tiering-budget=${optimizationBudget}`);
  const { PGlite } = await import('@electric-sql/pglite');
  let lastWords = '';
  const onStderr = (line: string) => {
    lastWords = line;
    return false;
  };
  try {
    const startParams = [...PGlite.defaultStartParams, '-c', `shared_buffers=${sharedBuffers}`];
    const db = await PGlite.create(folder, { onStderr, startParams });
    stopAtDeath(db);
    return db;
  } catch (error) {
    const reason = [reasonOf(error), lastWords].filter((words) => words !== '').join(': ');
    throw new OperatorError(`cannot open the embedded store in ${folder}: ${reason}`, 1, { cause: error });
  }
}

/** How PGlite leaves its main loop after an ERROR, to come back to it. Any other way out is death. */
const errorStatus = 100;

/**
 * After a FATAL or a trap PGlite 0.5 would go on with the messages that are left, in a Postgres that is gone, or turn
 * for ever. Inside its loop it calls stackRestore where nothing catches: that is the way out.
 */
function stopAtDeath(db: PGlite): void {
  const module = db.Module;
  const { _PostgresMainLoopOnce: loop, stackRestore } = module;
  let death: unknown;
  module._PostgresMainLoopOnce = () => {
    try {
      loop();
    } catch (error) {
      if ((error as { status?: unknown }).status !== errorStatus) death = error;
      throw error;
    }
  };
  module.stackRestore = (stack: number) => {
    stackRestore(stack);
    if (death !== undefined) throw death;
    return stack;
  };
}

/** A timer of the dead may not go off: it would keep the process running, or call into what is broken. */
function bury(db: PGlite): void {
  (db.Module as { _clear_setitimer?(): void })._clear_setitimer?.();
}

async function exchange(db: PGlite, batch: Buffer): Promise<Buffer> {
  const answer: Buffer[] = [];
  // Copied: PGlite lends a view of its own memory.
  await db.execProtocolRawStream(batch, { onRawData: (bytes) => answer.push(Buffer.from(bytes)) });
  return Buffer.concat(answer);
}
