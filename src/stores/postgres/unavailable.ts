// Which failures mean that Postgres is away, and not that it refused what we asked (PostgreSQL, Appendix A).
import { StoreUnavailableError } from '../unavailable.ts';

const networkCodes = new Set([
  'ECONNREFUSED',
  'ECONNRESET',
  'ECONNABORTED',
  'EPIPE',
  'ETIMEDOUT',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'ENOTFOUND',
  'EAI_AGAIN',
  'ENOENT',
]);

// 08 connection, 28 authorization, 53 resources; 3D000 no such database; 25P03 idle in a transaction; 25006 read only,
// as a primary is after a failover; 55P03 and 57014 a lock or a statement that took too long; 57P0x shutting down.
const sqlStates = /^(?:08...|28...|53...|3D000|25P03|25006|55P03|57014|57P0.)$/;

// pg gives these no code.
const driverMessages =
  /^(?:Connection terminated|timeout exceeded when trying to connect|timeout expired|Query read timeout|Client has encountered a connection error|Client was closed|Cannot use a pool after)/;

/** Whether the store is away or too slow, so that the answer is "later" and not "no". */
export function isUnavailable(error: unknown): boolean {
  if (error instanceof StoreUnavailableError) return true;
  if (!(error instanceof Error)) return false;
  const { code } = error as { code?: unknown };
  if (typeof code === 'string') return networkCodes.has(code) || sqlStates.test(code);
  return driverMessages.test(error.message);
}

/** The error to throw: a StoreUnavailableError where the store is away, otherwise what was given. */
export function asUnavailable(error: unknown): unknown {
  if (error instanceof StoreUnavailableError || !isUnavailable(error)) return error;
  return new StoreUnavailableError(`Postgres cannot be used now: ${reasonOf(error)}`, { cause: error });
}

/** One line for people: an AggregateError, as a host name with several addresses gives, has no message of its own. */
export function reasonOf(error: unknown): string {
  if (error instanceof AggregateError) return error.errors.map(reasonOf).join(', ');
  // PGlite throws what is no Error, and may have no more than a name.
  const { message, name } = Object(error) as { message?: unknown; name?: unknown };
  return String(message ?? name ?? error);
}
