// The database beneath the stores: a Postgres server, or Postgres inside this process. The SQL above is the same.
import type pg from 'pg';
import { type EmbeddedOptions, openEmbedded } from './embedded.ts';
import { openServer } from './postgres-server.ts';

export { transaction } from './pool.ts';
export { asUnavailable, isUnavailable } from './unavailable.ts';

export interface Database {
  readonly pool: pg.Pool;
  /** in the data folder, whoever has it open */
  readonly embedded: boolean;
  /** What and where, for people. Never a password. */
  describe(): string;
  /**
   * Calls `listener` after others may have committed through our socket: the embedded store's LISTEN. May be called
   * when nothing changed. On a server it never is: there, look again from time to time.
   */
  onForeignCommit(listener: () => void): void;
  /** Waits for what is running, and lets go of the data folder. */
  close(): Promise<void>;
}

export interface DatabaseOptions extends EmbeddedOptions {
  /** a Postgres server; without it the embedded store in `dataFolder` */
  readonly url?: string | undefined;
}

/**
 * Opens the database and asks it something, so that what is returned works.
 * Throws OperatorError: exit 5 where a server cannot be reached, 1 where the data folder cannot be used.
 */
export function openDatabase({ url, ...embedded }: DatabaseOptions): Promise<Database> {
  return url === undefined ? openEmbedded(embedded) : openServer(url);
}
