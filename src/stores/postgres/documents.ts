// What waits to be used, in Postgres: a row until it has expired, compared and swapped in one statement.
import type pg from 'pg';
import { replayDigest } from '../replay-digest.ts';
import type { DocumentStore } from '../stores.ts';
import { query, requestLifetime } from './statements.ts';

const now = (ahead: string): string => `extract(epoch FROM clock_timestamp())::float8 + ${ahead}::float8`;

const FIND = `SELECT body FROM documents WHERE digest = $1 AND expires_at > ${now('$2')}`;

// What has expired is as good as gone, and is still in the way of an INSERT.
const INSERT = `
  INSERT INTO documents AS stored (digest, body, expires_at) VALUES ($1, $3, $4)
  ON CONFLICT (digest) DO UPDATE SET body = excluded.body, expires_at = excluded.expires_at
    WHERE stored.expires_at <= ${now('$2')}
  RETURNING 1`;

const UPDATE = `
  UPDATE documents SET body = $3, expires_at = $4
  WHERE digest = $1 AND body = $5 AND expires_at > ${now('$2')} RETURNING 1`;

const DELETE = `
  DELETE FROM documents WHERE digest = $1 AND body = $3 AND expires_at > ${now('$2')} RETURNING 1`;

/** `ahead`: seconds that the house's clock is ahead of the world's. */
export function postgresDocuments(pool: pg.Pool, ahead: () => number): DocumentStore {
  const run = (text: string, values: readonly unknown[]) =>
    query<{ body: string }>(pool, text, values, requestLifetime);
  return {
    async find(kind, id) {
      return (await run(FIND, [replayDigest(kind, id), ahead()]))[0]?.body;
    },

    async compareAndSwap({ kind, id, expected, next, expiresAt }) {
      const at = [replayDigest(kind, id), ahead()];
      if (next === undefined) return (await run(DELETE, [...at, expected])).length === 1;
      const [text, values] = expected === undefined ? [INSERT, []] : [UPDATE, [expected]];
      return (await run(text, [...at, next, expiresAt, ...values])).length === 1;
    },
  };
}
