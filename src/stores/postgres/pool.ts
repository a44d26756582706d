// The pool of connections, the same to a server, to the embedded store and through its socket; and the transaction.
import pg from 'pg';
import { asUnavailable, isUnavailable } from './unavailable.ts';

/** Seconds: a request waits no longer for a connection (design: answered within 1 s where Postgres is away). */
const connectLifetime = 1;
/** Seconds that a statement may take, by the server's count. */
const statementLifetime = 5;

/** A pool with our time limits. Never throws later by itself: a connection that dies idle is replaced in silence. */
export function createPool(config: pg.PoolConfig): pg.Pool {
  const pool = new pg.Pool({
    application_name: 'mintmark',
    connectionTimeoutMillis: connectLifetime * 1000,
    statement_timeout: statementLifetime * 1000,
    idle_in_transaction_session_timeout: statementLifetime * 1000,
    // By our own count, a second later: a server that vanished without a word counts nothing.
    query_timeout: (statementLifetime + 1) * 1000,
    keepAlive: true,
    ...config,
  });
  // An 'error' that nobody listens to ends the process; whoever asks next is told in their own call.
  pool.on('error', () => {});
  pool.on('connect', (client) => client.on('error', () => {}));
  return pool;
}

/**
 * Runs `work` in one transaction on one connection; it must ask `client`, never the pool, which may hold just this one.
 * Throws StoreUnavailableError where the store is away (after COMMIT was sent the outcome is unknown), otherwise what
 * `work` or Postgres threw.
 */
export async function transaction<T>(pool: pg.Pool, work: (client: pg.PoolClient) => Promise<T>): Promise<T> {
  const client = await pool.connect().catch((error) => {
    throw asUnavailable(error);
  });
  try {
    await client.query('BEGIN');
    const result = await work(client);
    const { command } = await client.query('COMMIT');
    // Postgres answers ROLLBACK, and no error, to the COMMIT of a transaction that failed before.
    if (command !== 'COMMIT') throw new Error('the transaction had failed and was rolled back');
    client.release();
    return result;
  } catch (error) {
    client.release(isUnavailable(error) || (await cannotRollBack(client)));
    throw asUnavailable(error);
  }
}

const cannotRollBack = (client: pg.PoolClient): Promise<boolean> =>
  client.query('ROLLBACK').then(
    () => false,
    () => true,
  );
