// Who allowed what to whom, in Postgres: one row for a person and a client, which grows.
import type pg from 'pg';
import type { ConsentRecord, ConsentStore } from '../stores.ts';
import { changeRecord, query, requestLifetime, writeAudit } from './statements.ts';

const SELECT =
  'SELECT client_id AS "clientId", scopes, resources, claims, granted_at AS "grantedAt" FROM consents';

const joined = (column: string): string =>
  `${column} = ARRAY(SELECT DISTINCT one FROM unnest(known.${column} || excluded.${column}) AS one ORDER BY one)`;

const ADD = `
  WITH added AS (
    INSERT INTO consents AS known (sub, client_id, scopes, resources, claims, granted_at)
    VALUES ($2, $3, $4, $5, $6, $7)
    ON CONFLICT (sub, client_id) DO UPDATE SET
      ${joined('scopes')}, ${joined('resources')}, ${joined('claims')}, granted_at = excluded.granted_at
  )
  ${writeAudit('$1')}`;

export function postgresConsents(pool: pg.Pool): ConsentStore {
  return {
    async find(sub, clientId) {
      const text = `${SELECT} WHERE sub = $1 AND client_id = $2`;
      return (await query<ConsentRecord>(pool, text, [sub, clientId], requestLifetime))[0];
    },

    async add(sub, { clientId, scopes, resources, claims, grantedAt }, audit) {
      const values = [sub, clientId, scopes, resources, claims, grantedAt];
      await query(pool, ADD, [JSON.stringify([audit]), ...values], requestLifetime);
    },

    withdraw(sub, clientId, audit) {
      const known = 'SELECT FROM consents WHERE sub = $2 AND client_id = $3';
      const text = 'DELETE FROM consents USING known WHERE sub = $2 AND client_id = $3';
      return changeRecord(pool, known, text, [sub, clientId], audit);
    },

    listOf: (sub) =>
      query<ConsentRecord>(pool, `${SELECT} WHERE sub = $1 ORDER BY granted_at DESC, client_id`, [sub]),
  };
}
