// Leases in Postgres: a row that belongs to its holder until its instant has passed.
import type pg from 'pg';
import type { LeaseStore } from '../stores.ts';
import { query } from './statements.ts';

const ACQUIRE = `
  INSERT INTO leases AS held (name, holder, until) VALUES ($1, $2, $4)
  ON CONFLICT (name) DO UPDATE SET holder = excluded.holder, until = excluded.until
  WHERE held.holder = excluded.holder OR held.until <= $3
  RETURNING 1`;

export function postgresLeases(pool: pg.Pool): LeaseStore {
  return {
    async acquire(name, holder, now, until) {
      return (await query(pool, ACQUIRE, [name, holder, now, until])).length === 1;
    },

    async release(name, holder) {
      await query(pool, 'DELETE FROM leases WHERE name = $1 AND holder = $2', [name, holder]);
    },
  };
}
