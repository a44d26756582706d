// Counters of failed sign-ins in Postgres, by its own clock. By digest: what is counted for may be an e-mail address.
import type pg from 'pg';
import { replayDigest } from '../replay-digest.ts';
import type { AttemptStore } from '../stores.ts';
import { query, requestLifetime } from './statements.ts';

// A window in which all was given back has not begun.
const TAKE = `
  WITH now AS (SELECT extract(epoch FROM clock_timestamp())::float8 + $4::float8 AS at),
  taken AS (
    INSERT INTO attempts AS known (digest, count, until) SELECT $1, 1, at + $3 FROM now
    ON CONFLICT (digest) DO UPDATE SET
      count = CASE WHEN known.until <= (SELECT at FROM now) THEN 1 ELSE known.count + 1 END,
      until = CASE WHEN known.count = 0 OR known.until <= (SELECT at FROM now) THEN excluded.until ELSE known.until END
      WHERE known.count < $2 OR known.until <= (SELECT at FROM now)
    RETURNING 1
  )
  SELECT EXISTS (SELECT FROM taken) AS taken, (SELECT until FROM attempts WHERE digest = $1) - at AS "endsIn" FROM now`;

const GIVE_BACK = 'UPDATE attempts SET count = count - 1 WHERE digest = $1 AND count > 0';

/** `ahead`: seconds that the house's clock is ahead of the world's. */
export function postgresAttempts(pool: pg.Pool, ahead: () => number): AttemptStore {
  const digestOf = (key: string) => replayDigest('attempts', key);
  return {
    async take(key, limit, window) {
      const values = [digestOf(key), limit, window, ahead()];
      const [row] = await query<{ taken: boolean; endsIn: number | null }>(
        pool,
        TAKE,
        values,
        requestLifetime,
      );
      return row?.taken ? 0 : Math.max(row?.endsIn ?? window, 0.001);
    },

    async giveBack(key) {
      await query(pool, GIVE_BACK, [digestOf(key)], requestLifetime);
    },
  };
}
