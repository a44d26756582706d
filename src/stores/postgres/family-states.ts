// The hot half of families in Postgres, where there is no Redis: one row, compared and swapped in one statement by
// Postgres's own clock.
import type pg from 'pg';
import { gather } from '../../gather.ts';
import { decodeFamilyState, encodeFamilyState, lastInstant } from '../family-state.ts';
import type { FamilyStateStore } from '../stores.ts';
import { query, requestLifetime } from './statements.ts';

/** Postgres's clock, and as far ahead of it as the parameter says. */
const now = (ahead: string): string => `extract(epoch FROM clock_timestamp())::float8 + ${ahead}::float8`;

// One row at least, for the clock.
const FIND = `
  SELECT now.at AS now, id, state FROM (SELECT ${now('$2')} AS at) AS now
  LEFT JOIN family_states ON id = ANY($1) AND expires_at > now.at`;

// The time is told when the row is held: a swap that had to wait for it may have become late.
const HELD = `
  WITH held AS (SELECT FROM family_states WHERE id = $1 FOR NO KEY UPDATE),
  now AS (SELECT ${now('$5')} AS at FROM (SELECT count(*) FROM held) AS waited)`;

// What has expired is as good as gone, and is still in the way of an INSERT.
const INSERT = `
  ${HELD},
  swapped AS (
    INSERT INTO family_states AS stored (id, state, expires_at) SELECT $1, $2, $3 FROM now WHERE at <= $4
    ON CONFLICT (id) DO UPDATE SET state = excluded.state, expires_at = excluded.expires_at
      WHERE stored.expires_at <= (SELECT at FROM now)
    RETURNING 1
  )
  SELECT at <= $4 AS "inTime", EXISTS (SELECT FROM swapped) AS swapped FROM now`;

const UPDATE = `
  ${HELD},
  swapped AS (
    UPDATE family_states SET state = $2, expires_at = $3 FROM now
    WHERE id = $1 AND state = $6 AND expires_at > at AND at <= $4
    RETURNING 1
  )
  SELECT at <= $4 AS "inTime", EXISTS (SELECT FROM swapped) AS swapped FROM now`;

interface Row {
  readonly now: number;
  readonly id: Buffer | null;
  readonly state: string;
}

/** `ahead`: seconds that the house's clock is ahead of the world's. */
export function postgresFamilyStates(pool: pg.Pool, ahead: () => number): FamilyStateStore {
  const found = gather(
    async (ids: readonly string[]) => {
      const keys = ids.map((id) => Buffer.from(id, 'base64url'));
      const rows = await query<Row>(pool, FIND, [keys, ahead()], requestLifetime);
      const states = new Map(rows.map(({ id, state }) => [id?.toString('base64url'), state]));
      // In the precision that a state is kept in, or a state would not be the same when it is read again.
      const now = Math.floor((rows[0] as Row).now * 1000) / 1000;
      return new Map(ids.map((id) => [id, { text: states.get(id), now }]));
    },
    { underWay: 2, limit: 500, pause: 0.004 },
  );
  return {
    async find(id) {
      const { text, now } = (await found(id)) as { text: string | undefined; now: number };
      return { state: text === undefined ? undefined : decodeFamilyState(text), now };
    },

    async compareAndSwap({ id, expected, next, deadline, expiresAt }) {
      const until = lastInstant(deadline, expiresAt);
      const values = [Buffer.from(id, 'base64url'), encodeFamilyState(next), expiresAt, until, ahead()];
      const [outcome] = await query<{ inTime: boolean; swapped: boolean }>(
        pool,
        expected === undefined ? INSERT : UPDATE,
        expected === undefined ? values : [...values, encodeFamilyState(expected)],
        requestLifetime,
      );
      if (outcome?.swapped) return 'swapped';
      return outcome?.inTime ? 'lost' : 'late';
    },
  };
}
