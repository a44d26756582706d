// Migrations: migrations/NNN.do.name.sql, applied in order, all that are pending in one transaction or none.
//
// A migration first expands the schema; what the version before needs is dropped in a later release. So a database that
// is newer than this code, as after a deploy was rolled back, is served: only what this code lacks is newer. For the
// same reason there is no undo. No statement that cannot run in a transaction (CREATE INDEX CONCURRENTLY).
import { join } from 'node:path';
import type pg from 'pg';
import Postgrator from 'postgrator';
import { OperatorError } from '../../operator-error.ts';
import { packageRoot } from '../../package-root.ts';
import type { Database } from './database.ts';
import { transaction } from './pool.ts';
import { isUnavailable, reasonOf } from './unavailable.ts';

export interface Migration {
  readonly version: number;
  readonly name: string;
}

export interface MigrationStatus {
  /** the newest version that was applied; 0 = none */
  readonly current: number;
  /** the newest version that this code knows */
  readonly latest: number;
  /** in the order they will be applied */
  readonly pending: readonly Migration[];
}

/** In src/, from where the compiled code reads them too. */
export const migrationsFolder = join(packageRoot, 'src/stores/postgres/migrations');

const schemaTable = 'schema_version';
/** Any number that no other program on the database is likely to lock: "mint" in ASCII. */
const advisoryLock = 0x6d696e74;
/** Seconds: another replica that migrates is waited for, a stuck one is not. */
const lockLifetime = 60;

/**
 * Applies what is pending. Of several at once one does, the others wait and find nothing left.
 * Throws OperatorError where a migration fails (nothing is applied then) or an applied one was changed since.
 */
export async function migrate(
  database: Pick<Database, 'pool'>,
  folder = migrationsFolder,
): Promise<{ applied: Migration[] }> {
  return transaction(database.pool, async (client) => {
    await lock(client);
    const postgrator = postgratorOn(client, folder);
    const { pending } = await statusOf(client, postgrator);
    if (pending.length === 0) return { applied: [] };
    const applied = await postgrator.migrate().catch((error) => {
      if (isUnavailable(error)) throw error;
      throw new OperatorError(`a migration failed, none was applied: ${reasonOf(error)}`, 1, {
        cause: error,
      });
    });
    return { applied: applied.map(({ version, name }) => ({ version, name })) };
  });
}

/** Changes nothing. Throws OperatorError where an applied migration was changed since. */
export function migrationStatus(
  database: Pick<Database, 'pool'>,
  folder = migrationsFolder,
): Promise<MigrationStatus> {
  return transaction(database.pool, (client) => statusOf(client, postgratorOn(client, folder)));
}

async function lock(client: pg.PoolClient): Promise<void> {
  await client.query(`SET LOCAL statement_timeout = 0; SET LOCAL lock_timeout = '${lockLifetime}s'`);
  await patientQuery(client, `SELECT pg_advisory_xact_lock(${advisoryLock})`).catch((error) => {
    if (error.code !== '55P03') throw error;
    throw new OperatorError(
      `another process has been migrating for ${lockLifetime} s: end it, then try again`,
    );
  });
  // Whoever waits for a table holds up all who come to it after: a short while, then better give up and try again.
  await client.query("SET LOCAL lock_timeout = '5s'");
}

/** A migration takes what it takes, longer than what requests ask. */
const patientQuery = (client: pg.PoolClient, text: string): Promise<pg.QueryResult> =>
  client.query({ text, query_timeout: 3_600_000 } as pg.QueryConfig);

function postgratorOn(client: pg.PoolClient, folder: string): Postgrator {
  return new Postgrator({
    driver: 'pg',
    migrationPattern: `${folder.replace(/[?*()[\]{}\\]/g, '\\$&')}/*.sql`,
    schemaTable,
    newline: 'LF',
    execQuery: (text) => patientQuery(client, text),
  });
}

async function statusOf(client: pg.PoolClient, postgrator: Postgrator): Promise<MigrationStatus> {
  const known = (await postgrator.getMigrations()).filter(({ action }) => action === 'do');
  const applied = await appliedVersions(client);
  for (const { version, name, md5 } of known) {
    const was = applied.get(version);
    if (was === undefined || was === md5) continue;
    throw new OperatorError(
      `migration ${version} (${name}) was changed after it was applied: restore its file, and write a new migration`,
    );
  }
  const current = Math.max(0, ...applied.keys());
  const pending = known.filter(({ version }) => !applied.has(version)).sort((a, b) => a.version - b.version);
  const skipped = pending.find(({ version }) => version < current);
  if (skipped) {
    throw new OperatorError(
      `migration ${skipped.version} (${skipped.name}) is older than what the database has, ${current}: renumber it`,
    );
  }
  const latest = Math.max(0, ...known.map(({ version }) => version));
  return { current, latest, pending: pending.map(({ version, name }) => ({ version, name })) };
}

/** Version to checksum. Empty where nothing was ever applied. */
async function appliedVersions(client: pg.PoolClient): Promise<Map<number, string>> {
  const { rows: found } = await client.query('SELECT to_regclass($1) IS NOT NULL AS yes', [schemaTable]);
  if (!found[0].yes) return new Map();
  const { rows } = await client.query(`SELECT version, md5 FROM ${schemaTable} WHERE version > 0`);
  return new Map(rows.map(({ version, md5 }) => [Number(version), md5]));
}
