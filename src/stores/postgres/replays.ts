// What may be used once, in Postgres: a row until it has expired, and a sweep that removes it some time after.
import type pg from 'pg';
import { replayDigest } from '../replay-digest.ts';
import type { ReplayStore, Sweeper } from '../stores.ts';
import { query, requestLifetime } from './statements.ts';

const USE_ONCE = `
  INSERT INTO replays AS used (digest, expires_at) VALUES ($1, $2)
  ON CONFLICT (digest) DO UPDATE SET expires_at = excluded.expires_at WHERE used.expires_at <= $3
  RETURNING 1`;

// Asked again at the row itself: one that was used anew since it was chosen stays.
const SWEEP = `
  DELETE FROM replays WHERE expires_at <= $1 AND digest IN (
    SELECT digest FROM replays WHERE expires_at <= $1 ORDER BY expires_at LIMIT $2 FOR UPDATE SKIP LOCKED
  )
  RETURNING 1`;

export function postgresReplays(pool: pg.Pool): ReplayStore {
  return {
    async useOnce(scope, id, expiresAt, now) {
      const use = [replayDigest(scope, id), expiresAt, now];
      return (await query(pool, USE_ONCE, use, requestLifetime)).length === 1;
    },
  };
}

export function postgresSweeper(pool: pg.Pool): Sweeper {
  return {
    async sweep(now, limit) {
      return (await query(pool, SWEEP, [now, limit])).length;
    },
  };
}
