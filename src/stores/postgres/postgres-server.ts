// A Postgres server, by URL.
import pg from 'pg';
import { OperatorError } from '../../operator-error.ts';
import { within } from '../../within.ts';
import type { Database } from './database.ts';
import { createPool } from './pool.ts';
import { reasonOf } from './unavailable.ts';

/** The oldest server that every statement runs on, as SHOW server_version_num counts. */
const oldestVersion = 150_000;
/** Seconds. */
const closeLifetime = 1;

/** Throws OperatorError: exit 5 where the server cannot be reached, 1 where it is too old or the URL is none. */
export async function openServer(url: string): Promise<Database> {
  const name = describeUrl(url);
  const pool = createPool({ connectionString: url, max: 10 });
  // One that hangs does not say good-bye either.
  const close = () => within(closeLifetime, pool.end()).catch(() => undefined);
  try {
    const { rows } = await pool.query('SHOW server_version_num').catch((error) => {
      throw new OperatorError(
        `cannot reach ${name}: ${reasonOf(error)}; is it running, and DATABASE_URL right?`,
        5,
      );
    });
    if (Number(rows[0].server_version_num) < oldestVersion) {
      throw new OperatorError(`${name} is too old: Postgres 15 or newer is needed`);
    }
  } catch (error) {
    await close();
    throw error;
  }
  return { pool, embedded: false, describe: () => name, onForeignCommit() {}, close };
}

/** Without the password, and without the query, which may hold one. */
function describeUrl(url: string): string {
  try {
    const { user, host, port, database } = new pg.Client({ connectionString: url });
    return `Postgres at ${user ? `${user}@` : ''}${host}:${port}/${database}`;
  } catch {
    // The cause stays out: it quotes the URL.
    throw new OperatorError(
      'DATABASE_URL is not a Postgres URL: postgres://user:password@host:5432/database',
    );
  }
}
