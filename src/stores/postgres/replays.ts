// What may be used once, in Postgres: a row until it has expired.
import type pg from 'pg';
import { replayDigest } from '../replay-digest.ts';
import type { ReplayStore } from '../stores.ts';
import { query, requestLifetime } from './statements.ts';

const USE_ONCE = `
  INSERT INTO replays AS used (digest, expires_at) VALUES ($1, $2)
  ON CONFLICT (digest) DO UPDATE SET expires_at = excluded.expires_at WHERE used.expires_at <= $3
  RETURNING 1`;

export function postgresReplays(pool: pg.Pool): ReplayStore {
  return {
    async useOnce(scope, id, expiresAt, now) {
      const use = [replayDigest(scope, id), expiresAt, now];
      return (await query(pool, USE_ONCE, use, requestLifetime)).length === 1;
    },
  };
}
