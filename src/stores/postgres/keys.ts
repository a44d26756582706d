// The signing keys in Postgres. The revision decides between two writers: who finds it moved on writes nothing.
//
// Keys travel as one JSON parameter. JSON knows no Infinity, Postgres reads it from a string.
import type pg from 'pg';
import type { KeyRecord, KeySet, KeyStore } from '../stores.ts';
import { query, writeAudit } from './statements.ts';

// One statement, so that the revision is the one of these keys; where there are no keys yet, a row of nulls.
const READ = `
  SELECT revision, last_t AS "lastT", kid, alg, public_jwk AS "publicJwk", private_jwe AS "privateJwe",
         publish_at AS "publishAt", activate_at AS "activateAt", retire_at AS "retireAt",
         remove_at AS "removeAt", revoked_at AS "revokedAt",
         last_token_expires_at AS "lastTokenExpiresAt", longest_lifetime AS "longestLifetime",
         tokens_issued::float8 AS "tokensIssued"
  FROM key_set LEFT JOIN signing_keys ON true
  ORDER BY publish_at, kid`;

// The update of key_set locks out every other writer. Rows are written in the order of their kids, here and in
// RECORD_ISSUED: two that lock in one order cannot wait for each other.
const APPLY = `
  WITH moved AS (
    UPDATE key_set SET revision = revision + 1, last_t = GREATEST(last_t, $2) WHERE revision = $1 RETURNING 1
  ),
  written AS (
    INSERT INTO signing_keys AS stored (kid, alg, public_jwk, private_jwe, publish_at, activate_at,
                                        retire_at, remove_at, revoked_at, last_token_expires_at, longest_lifetime)
    SELECT kid, alg, "publicJwk", "privateJwe", "publishAt", "activateAt",
           "retireAt", "removeAt", "revokedAt", "lastTokenExpiresAt", "longestLifetime"
    FROM moved, jsonb_to_recordset($3) AS given (
      kid text, alg text, "publicJwk" jsonb, "privateJwe" text, "publishAt" float8, "activateAt" float8,
      "retireAt" float8, "removeAt" float8, "revokedAt" float8, "lastTokenExpiresAt" float8, "longestLifetime" float8
    )
    ORDER BY kid COLLATE "C"
    ON CONFLICT (kid) DO UPDATE SET
      private_jwe = CASE WHEN stored.private_jwe IS NOT NULL THEN excluded.private_jwe END,
      publish_at = excluded.publish_at,
      activate_at = excluded.activate_at,
      retire_at = excluded.retire_at,
      remove_at = excluded.remove_at,
      revoked_at = COALESCE(stored.revoked_at, excluded.revoked_at),
      last_token_expires_at = GREATEST(stored.last_token_expires_at, excluded.last_token_expires_at),
      longest_lifetime = GREATEST(stored.longest_lifetime, excluded.longest_lifetime)
  ),
  noted AS (${writeAudit('$4')} WHERE EXISTS (SELECT FROM moved))
  SELECT FROM moved`;

const RECORD_ISSUED = `
  WITH figures AS (
    SELECT kid, max("lastTokenExpiresAt") AS expires_at, max("longestLifetime") AS lifetime,
           sum(tokens) AS tokens
    FROM jsonb_to_recordset($1) AS given (
      kid text, "lastTokenExpiresAt" float8, "longestLifetime" float8, tokens bigint
    )
    GROUP BY kid
  ),
  locked AS (
    SELECT stored.kid FROM signing_keys AS stored JOIN figures USING (kid) ORDER BY kid FOR UPDATE OF stored
  )
  UPDATE signing_keys AS stored SET
    last_token_expires_at = GREATEST(last_token_expires_at, expires_at),
    longest_lifetime = GREATEST(longest_lifetime, lifetime),
    tokens_issued = tokens_issued + tokens
  FROM locked JOIN figures USING (kid)
  WHERE stored.kid = locked.kid`;

const json = (value: unknown): string =>
  JSON.stringify(value, (_, member) => (member === Number.POSITIVE_INFINITY ? 'Infinity' : member));

type Row = { readonly revision: number; readonly lastT: number } & (KeyRecord | { readonly kid: null });

export function postgresKeys(pool: pg.Pool): KeyStore {
  return {
    async read() {
      const rows = await query<Row>(pool, READ);
      const { revision, lastT } = rows[0] as Row;
      return { revision, lastT, keys: rows.flatMap(keyOf) } satisfies KeySet;
    },

    async apply({ expectedRevision, t, keys, audit }) {
      const moved = await query(pool, APPLY, [expectedRevision, t, json(keys), json(audit)]);
      return moved.length === 1 ? 'applied' : 'stale';
    },

    async recordIssued(figures) {
      await query(pool, RECORD_ISSUED, [json(figures)]);
    },
  };
}

function keyOf({ revision, lastT, ...key }: Row): KeyRecord[] {
  return key.kid === null ? [] : [key as KeyRecord];
}
