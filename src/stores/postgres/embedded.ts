// The embedded store: Postgres in the data folder, inside this process, or inside the one that has the folder open.
//
// The pool is of one connection in both cases: PGlite has one session.
import { setTimeout as sleep } from 'node:timers/promises';
import type pg from 'pg';
import { OperatorError } from '../../operator-error.ts';
import { dial, embeddedPool } from './connection.ts';
import type { Database } from './database.ts';
import { type DataFolder, prepareFolder } from './folder.ts';
import { type HostOptions, openHost } from './host.ts';
import { isUnavailable } from './unavailable.ts';

export interface EmbeddedOptions extends HostOptions {
  readonly dataFolder: string;
  /** seconds to wait for a folder that another command has */
  readonly patience?: number;
}

const pauseBetweenTries = 0.05;

/** Throws OperatorError where the folder cannot be used or is in use. */
export async function openEmbedded(options: EmbeddedOptions): Promise<Database> {
  const folder = await prepareFolder(options.dataFolder);
  const enough = AbortSignal.timeout((options.patience ?? 15) * 1000);
  while (true) {
    const host = await openHost(folder, options);
    if (host) return host;
    const pool = await wayIn(folder);
    if (pool && options.beside) return guest(folder, pool);
    await pool?.end();
    if (pool) {
      throw new OperatorError(
        `a service is running on the data folder ${folder.path}: stop it, or set MINTMARK_DATA`,
      );
    }
    if (enough.aborted) {
      throw new OperatorError(
        `another command has the data folder ${folder.path}: try again when it is done`,
      );
    }
    await sleep(pauseBetweenTries * 1000);
  }
}

/** A pool through the socket of the service that has the folder; undefined where it is a command that has it. */
async function wayIn({ socket }: DataFolder): Promise<pg.Pool | undefined> {
  // Patient: a service that has just started opens its store first.
  const pool = embeddedPool(() => dial(socket), { connectionTimeoutMillis: 10_000 });
  try {
    const client = await pool.connect();
    client.release();
    return pool;
  } catch (error) {
    await pool.end();
    if (isUnavailable(error)) return undefined;
    throw error;
  }
}

const guest = ({ path }: DataFolder, pool: pg.Pool): Database => ({
  pool,
  embedded: true,
  describe: () => `the embedded store in ${path}, through the running service`,
  onForeignCommit() {},
  close: () => pool.end(),
});
