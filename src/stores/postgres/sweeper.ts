// What has expired leaves Postgres in small bites, each found by an index: no statement holds many rows, or long.
import type pg from 'pg';
import type { Sweeper } from '../stores.ts';
import { query } from './statements.ts';

/** The tables that forget, by what tells them when: `$1` is now. */
const EXPIRED: readonly (readonly [table: string, key: string, expired: string, order: string])[] = [
  ['replays', 'digest', 'expires_at <= $1', 'expires_at'],
  ['attempts', 'digest', 'until <= $1', 'until'],
  ['revoked_tokens', 'digest', 'expires_at <= $1', 'expires_at'],
  ['documents', 'digest', 'expires_at <= $1', 'expires_at'],
  ['sessions', 'digest', 'expires_at <= $1', 'expires_at'],
  // As an integer, or the index on it would be of no use.
  ['family_states', 'id', 'expires_on < floor($1::float8 / 86400)::integer', 'expires_on'],
  ['families', 'id', 'expires_at <= $1', 'expires_at'],
];

// Asked again at the row itself: one that was used anew since it was chosen stays. As an array, so that the rows are
// found by their keys, however many Postgres takes to have expired.
const sweepOf = (table: string, key: string, expired: string, order: string): string => `
  DELETE FROM ${table} WHERE ${expired} AND ${key} = ANY(ARRAY(
    SELECT ${key} FROM ${table} WHERE ${expired} ORDER BY ${order} LIMIT $2 FOR UPDATE SKIP LOCKED
  ))
  RETURNING 1`;

export function postgresSweeper(pool: pg.Pool): Sweeper {
  const sweeps = EXPIRED.map((table) => sweepOf(...table));
  return {
    async sweep(now, limit) {
      let swept = 0;
      for (const text of sweeps) {
        if (swept < limit) swept += (await query(pool, text, [now, limit - swept])).length;
      }
      return swept;
    },
  };
}
