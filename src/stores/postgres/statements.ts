// How the stores speak to Postgres: one statement a verb.
//
// One statement is one transaction: a change and its audit entry stand or fall together, and no connection is ever
// held while another is asked for, which the embedded store's pool of one could not give.
import type pg from 'pg';
import type { AuditEntry, Change } from '../stores.ts';
import { asUnavailable } from './unavailable.ts';

/** Seconds that a request waits for a row: of a server that hangs it must not make its callers hang. */
export const requestLifetime = 1;

/**
 * Runs one statement, for no longer than `lifetime` seconds, or than the pool allows. Throws StoreUnavailableError
 * where Postgres is away, and whatever else Postgres says.
 */
export async function query<Row>(
  pool: pg.Pool,
  text: string,
  values: readonly unknown[] = [],
  lifetime?: number,
): Promise<Row[]> {
  return run<Row>(pool, { text, values: [...values] }, lifetime);
}

/**
 * The same, each row an array of its columns. pg makes a row of many columns an object whose members are looked up by
 * hashing, and each result has a shape of its own that V8 has to learn.
 */
export const queryColumns = <Row extends readonly unknown[]>(
  pool: pg.Pool,
  text: string,
  values: readonly unknown[],
  lifetime?: number,
): Promise<Row[]> => run<Row>(pool, { text, values: [...values], rowMode: 'array' }, lifetime);

async function run<Row>(
  pool: pg.Pool,
  asked: { readonly text: string; readonly values: unknown[]; readonly rowMode?: 'array' },
  lifetime: number | undefined,
): Promise<Row[]> {
  if (!asked.values.flat().every(isStorable))
    throw new RangeError('NUL or half a surrogate pair cannot be stored');
  const limit = lifetime === undefined ? {} : { query_timeout: lifetime * 1000 };
  try {
    const { rows } = await pool.query({ ...asked, ...limit } as pg.QueryConfig);
    return rows;
  } catch (error) {
    throw asUnavailable(error);
  }
}

/** Postgres has no NUL, and pg would write a half of a surrogate pair as another character. */
const isStorable = (value: unknown): boolean =>
  typeof value !== 'string' || !/[\0\p{Surrogate}]/u.test(value);

/** The record that `select` finds by its name in $1. What cannot be stored names nothing. */
export async function findRecord<T>(pool: pg.Pool, select: string, name: string): Promise<T | undefined> {
  return isStorable(name) ? (await query<T>(pool, select, [name], requestLifetime))[0] : undefined;
}

/** Writes the audit entries in this parameter, a JSON array; a condition may follow. */
export const writeAudit = (parameter: string): string => `
  INSERT INTO audit_log (at, event, actor, subject, details)
  SELECT at, event, actor, subject, details
  FROM jsonb_to_recordset(${parameter}::jsonb)
    AS entry (at float8, event text, actor text, subject text, details jsonb)`;

/** Inserts a record, unless what must be unique is taken, and notes it. The values are $2 and on. */
export async function createRecord(
  pool: pg.Pool,
  insert: string,
  values: readonly unknown[],
  audit: AuditEntry,
): Promise<'created' | 'exists'> {
  const text = `
    WITH created AS (${insert} ON CONFLICT DO NOTHING RETURNING 1),
    noted AS (${writeAudit('$1')} WHERE EXISTS (SELECT FROM created))
    SELECT FROM created`;
  const created = await query(pool, text, [JSON.stringify([audit]), ...values]);
  return created.length === 1 ? 'created' : 'exists';
}

/**
 * Locks the record that `known` selects, changes it, and notes it where it changed. The change joins `known`, so
 * that it and the answer speak of the same record, whatever others do meanwhile. The values are $2 and on.
 */
export async function changeRecord(
  pool: pg.Pool,
  known: string,
  change: string,
  values: readonly unknown[],
  audit: AuditEntry,
): Promise<Change> {
  const text = `
    WITH known AS (${known} FOR UPDATE),
    changed AS (${change} RETURNING 1),
    noted AS (${writeAudit('$1')} WHERE EXISTS (SELECT FROM changed))
    SELECT EXISTS (SELECT FROM changed) AS changed FROM known`;
  const [found] = await query<{ changed: boolean }>(pool, text, [JSON.stringify([audit]), ...values]);
  if (!found) return 'unknown';
  return found.changed ? 'changed' : 'unchanged';
}
