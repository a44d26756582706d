// The process that has the data folder: it runs Postgres, for itself and for those who come through the socket.
//
// A service serves them. A command tells them to come again: they would lose their connection when it is done.
import type { Socket } from 'node:net';
import type pg from 'pg';
import { type Arbiter, createArbiter, type Timer } from './arbiter.ts';
import { asSocket, createLine, embeddedPool, type Served, serve } from './connection.ts';
import type { Database } from './database.ts';
import { openEngine } from './engine.ts';
import { type DataFolder, takeFolder } from './folder.ts';
import { fatal, query } from './protocol.ts';
import { ensureData, templateFile } from './template.ts';

export interface HostOptions {
  /**
   * The executable goes beside whoever has the folder: through a running service, after another command. The service
   * takes the folder for itself.
   */
  readonly beside: boolean;
  /** seconds that a transaction may stay open with nothing asked */
  readonly idleInTransactionLifetime?: number;
  readonly timer?: Timer;
  /** a data folder to begin with, as the build leaves it */
  readonly template?: string;
}

const systemTimer: Timer = (seconds, callback) => {
  const timeout = setTimeout(callback, seconds * 1000).unref();
  return () => clearTimeout(timeout);
};

/** Undefined where another process has the folder. Throws OperatorError where it cannot be used. */
export async function openHost(folder: DataFolder, options: HostOptions): Promise<Database | undefined> {
  let opening: Promise<Host> | undefined;
  const release = await takeFolder(folder, (socket) => {
    if (options.beside || !opening) return turnAway(socket);
    opening.then((host) => host.welcome(socket)).catch(() => socket.destroy());
  });
  if (!release) return undefined;
  opening = open(folder, options);
  try {
    const host = await opening;
    return {
      pool: host.pool,
      embedded: true,
      describe: () => `the embedded store in ${folder.path}`,
      onForeignCommit: host.onForeignCommit,
      async close() {
        await host.close().finally(release);
      },
    };
  } catch (error) {
    await release();
    throw error;
  }
}

/** Once it has spoken, so that it hears the answer and not a broken pipe. */
function turnAway(socket: Socket): void {
  socket.on('error', () => {});
  socket.on('end', () => socket.end());
  socket.once('data', () => socket.end(fatal('57P03', 'another command has the data folder')));
}

interface Host {
  readonly pool: pg.Pool;
  welcome(socket: Socket): void;
  onForeignCommit(listener: () => void): void;
  close(): Promise<void>;
}

async function open(folder: DataFolder, options: HostOptions): Promise<Host> {
  await ensureData(folder.data, options.template ?? templateFile());
  const engine = await openEngine(folder.data);
  const { idleInTransactionLifetime = 5, timer = systemTimer } = options;
  const listeners: (() => void)[] = [];
  const arbiter = createArbiter(engine, {
    idleInTransactionLifetime,
    timer,
    onForeignCommit() {
      for (const listener of listeners) listener();
    },
  });
  const pool = embeddedPool(() => {
    const { client, server } = createLine();
    serve(server, arbiter, engine.greeting, false);
    return asSocket(client);
  });
  const guests = new Set<Served>();
  const stopUpkeep = keepUp(arbiter, timer);
  return {
    pool,
    welcome(socket) {
      const served = serve(socket, arbiter, engine.greeting, true);
      guests.add(served);
      socket.on('close', () => guests.delete(served));
    },
    onForeignCommit: (listener) => void listeners.push(listener),
    async close() {
      stopUpkeep();
      await Promise.all([...guests].map((guest) => guest.end('57P01', 'the service is stopping')));
      await pool.end();
      await arbiter.close();
      await engine.close();
    },
  };
}

const secondsBetweenUpkeep = 300;

/**
 * What a Postgres server does in the background and PGlite does not: without checkpoints its log grows for ever, and
 * the start after a crash reads all of it; without VACUUM its tables do.
 */
function keepUp(arbiter: Arbiter, timer: Timer): () => void {
  const seat = arbiter.seat({ foreign: false, evicted() {} });
  let stop = () => {};
  function schedule(task: 'CHECKPOINT' | 'VACUUM'): void {
    stop = timer(secondsBetweenUpkeep, () => {
      // Where PGlite died, the next query starts it again, and tells whoever asked it.
      seat.run(query(task)).catch(() => {});
      schedule(task === 'VACUUM' ? 'CHECKPOINT' : 'VACUUM');
    });
  }
  schedule('VACUUM');
  return () => stop();
}
