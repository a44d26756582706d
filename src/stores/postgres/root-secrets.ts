// The fingerprints of root secrets in Postgres: which one signs from when, for every replica alike.
import type pg from 'pg';
import type { RootSecretRecord, RootSecretStore } from '../stores.ts';
import { query, writeAudit } from './statements.ts';

const LIST = 'SELECT number, fingerprint, since, until FROM root_secrets ORDER BY number';

const ADD = `
  WITH newest AS (SELECT COALESCE(max(number), 0) AS number FROM root_secrets),
  added AS (
    INSERT INTO root_secrets (number, fingerprint, since, until)
    SELECT $2, $3, $4, $5 FROM newest WHERE newest.number = $2::smallint - 1
    ON CONFLICT DO NOTHING RETURNING 1
  ),
  ended AS (
    UPDATE root_secrets SET until = $6 WHERE number = $2::smallint - 1 AND EXISTS (SELECT FROM added)
  ),
  noted AS (${writeAudit('$1')} WHERE EXISTS (SELECT FROM added))
  SELECT FROM added`;

export function postgresRootSecrets(pool: pg.Pool): RootSecretStore {
  return {
    list: () => query<RootSecretRecord>(pool, LIST),
    async add({ number, fingerprint, since, until }, endOfFormer, audit) {
      const values = [JSON.stringify([audit]), number, fingerprint, since, until, endOfFormer];
      return (await query(pool, ADD, values)).length === 1 ? 'added' : 'stale';
    },
  };
}
