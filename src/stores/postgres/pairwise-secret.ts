// The secret that pairwise subjects are derived by, in Postgres: one row, which changes its envelope and never goes.
import type pg from 'pg';
import type { PairwiseSecretStore } from '../stores.ts';
import { createRecord, query, requestLifetime, writeAudit } from './statements.ts';

const READ = 'SELECT jwe FROM pairwise_secret';
const INSERT = 'INSERT INTO pairwise_secret (jwe) SELECT $2';

const REPLACE = `
  WITH replaced AS (UPDATE pairwise_secret SET jwe = $3 WHERE jwe = $2 RETURNING 1),
  noted AS (${writeAudit('$1')} WHERE EXISTS (SELECT FROM replaced))
  SELECT FROM replaced`;

export function postgresPairwiseSecret(pool: pg.Pool): PairwiseSecretStore {
  return {
    read: async () => (await query<{ jwe: string }>(pool, READ, [], requestLifetime))[0]?.jwe,
    create: (jwe, audit) => createRecord(pool, INSERT, [jwe], audit),
    async replace(expected, next, audit) {
      const replaced = await query(pool, REPLACE, [JSON.stringify([audit]), expected, next]);
      return replaced.length === 1 ? 'replaced' : 'stale';
    },
  };
}
