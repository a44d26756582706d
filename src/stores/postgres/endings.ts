// What has ended lately, in Postgres: families, by themselves or with their account, and clients; in one query.
import type pg from 'pg';
import type { Ending, EndingStore } from '../stores.ts';
import { query, requestLifetime } from './statements.ts';

// By value, as everywhere: a family that was opened after the cut-off has seen it and lives.
const SINCE = `
  SELECT id, NULL AS "clientId", at FROM (
    SELECT id, revoked_at AS at FROM families WHERE revoked_at >= $1
    UNION ALL
    SELECT id, account.tokens_valid_after
    FROM accounts AS account JOIN families AS family USING (sub)
    WHERE account.tokens_valid_after >= $1
      AND family.account_cut_off IS DISTINCT FROM account.tokens_valid_after AND family.revoked_at IS NULL
    ORDER BY at DESC LIMIT $2
  ) AS ended
  UNION ALL
  SELECT NULL, client_id, at FROM (
    SELECT client_id, GREATEST(disabled_at, tokens_valid_after) AS at FROM clients
    WHERE GREATEST(disabled_at, tokens_valid_after) >= $1
    ORDER BY at DESC LIMIT $2
  ) AS closed`;

type Row = { readonly at: number } & (
  | { readonly id: Buffer; readonly clientId: null }
  | { readonly id: null; readonly clientId: string }
);

export function postgresEndings(pool: pg.Pool): EndingStore {
  return {
    async since(since, limit) {
      const families: Ending[] = [];
      const clients: Ending[] = [];
      for (const { id, clientId, at } of await query<Row>(pool, SINCE, [since, limit], requestLifetime)) {
        if (id === null) clients.push({ id: clientId, at });
        else families.push({ id: id.toString('base64url'), at });
      }
      return { families, clients };
    },
  };
}
