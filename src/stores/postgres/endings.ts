// What has ended lately, in Postgres: families, by themselves or with their account, and clients, in one query; and
// endings of many.
import type pg from 'pg';
import type { Bite, Ending, EndingStore } from '../stores.ts';
import { movedTo } from './accounts.ts';
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

const USED = 'revoked_at IS NULL AND created_at <= $1 AND floor_since >= $2 AND expires_at > $3';

const COUNT_USED = `SELECT count(*)::float8 AS count FROM families WHERE ${USED}`;

// In the order of their ids: two that lock in one order cannot wait for each other. Asked again at the row itself, which
// somebody else may have ended meanwhile.
const END_USED = `
  WITH used AS (
    SELECT id FROM families WHERE ${USED} AND id > $4 ORDER BY id LIMIT $5 FOR NO KEY UPDATE
  ),
  ended AS (
    UPDATE families SET revoked_at = $3, revocation = 'revoked_by_operator', tombstone_due = true
    FROM used WHERE families.id = used.id AND revoked_at IS NULL RETURNING families.id, client_id, sub
  ),
  noted AS (
    INSERT INTO audit_log (at, event, actor, subject, details)
    SELECT $3, 'family.revoked', $6, rtrim(translate(encode(id, 'base64'), '+/', '-_'), '='),
           $7::jsonb || jsonb_build_object('client_id', client_id, 'sub', sub)
    FROM ended
  )
  SELECT count(ended.id)::float8 AS count, (SELECT id FROM used ORDER BY id DESC LIMIT 1) AS last FROM ended`;

// By value, as everywhere: what an account was cut off from already does not make it one of these again.
const ofAccount = 'sub = account.sub AND account_cut_off IS NOT DISTINCT FROM account.tokens_valid_after';
const ACCOUNT_USED = `(
  EXISTS (SELECT FROM families WHERE ${ofAccount} AND ${USED})
  OR EXISTS (
    SELECT FROM sessions WHERE ${ofAccount} AND created_at <= $1 AND last_seen_at >= $2 AND expires_at > $3
  )
)`;

const COUNT_ACCOUNTS_USED = `SELECT count(*)::float8 AS count FROM accounts AS account WHERE ${ACCOUNT_USED}`;

const CUT_OFF_USED = `
  WITH used AS (
    SELECT sub FROM accounts AS account WHERE ${ACCOUNT_USED} AND sub > $4
    ORDER BY sub LIMIT $5 FOR NO KEY UPDATE
  ),
  moved AS (
    UPDATE accounts SET tokens_valid_after = ${movedTo('$3')}, updated_at = $3
    FROM used WHERE accounts.sub = used.sub RETURNING accounts.sub
  ),
  noted AS (
    INSERT INTO audit_log (at, event, actor, subject, details)
    SELECT $3, 'account.signed_out', $6, sub, $7::jsonb FROM moved
  )
  SELECT count(moved.sub)::float8 AS count, (SELECT max(sub) FROM used) AS last FROM moved`;

type Row = { readonly at: number } & (
  | { readonly id: Buffer; readonly clientId: null }
  | { readonly id: null; readonly clientId: string }
);

const valuesOf = (
  { from, until, at, limit }: Omit<Bite, 'after'>,
  after: unknown,
  actor: string,
  details: Readonly<Record<string, unknown>>,
) => [until, from, at, after, limit, actor, JSON.stringify(details)];

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

    async countUsed({ from, until, at }) {
      const [row] = await query<{ count: number }>(pool, COUNT_USED, [until, from, at]);
      return row?.count ?? 0;
    },

    async endUsed({ after, ...bite }, ...by) {
      const values = valuesOf(bite, Buffer.from(after, 'base64url'), ...by);
      const [row] = await query<{ count: number; last: Buffer | null }>(pool, END_USED, values);
      return { count: row?.count ?? 0, last: row?.last?.toString('base64url') };
    },

    async countAccountsUsed({ from, until, at }) {
      const [row] = await query<{ count: number }>(pool, COUNT_ACCOUNTS_USED, [until, from, at]);
      return row?.count ?? 0;
    },

    async cutOffUsed({ after, ...bite }, ...by) {
      const values = valuesOf(bite, after, ...by);
      const [row] = await query<{ count: number; last: string | null }>(pool, CUT_OFF_USED, values);
      return { count: row?.count ?? 0, last: row?.last ?? undefined };
    },
  };
}
