// Second factors in Postgres: one row for an account, compared and swapped whole, for most of what is done with it is
// to be done once (a code, a recovery code).
import type pg from 'pg';
import type { FactorStore, Factors, FactorsOfAccount } from '../stores.ts';
import { query, requestLifetime, writeAudit } from './statements.ts';

const SELECT = 'SELECT sub, factors FROM second_factors';

const swapping = (change: string): string => `
  WITH changed AS (${change} RETURNING 1),
  noted AS (${writeAudit('$1')} WHERE EXISTS (SELECT FROM changed))
  SELECT FROM changed`;

const INSERT = swapping('INSERT INTO second_factors (sub, factors) VALUES ($2, $3) ON CONFLICT DO NOTHING');
const UPDATE = swapping('UPDATE second_factors SET factors = $3 WHERE sub = $2 AND factors = $4::jsonb');
const DELETE = swapping('DELETE FROM second_factors WHERE sub = $2 AND factors = $3::jsonb');

export function postgresFactors(pool: pg.Pool): FactorStore {
  const swap = async (
    text: string,
    audit: unknown,
    sub: string,
    values: readonly (Factors | undefined)[],
  ) => {
    const parameters = [audit, ...values].map((value) => JSON.stringify(value));
    const [entries, ...factors] = parameters;
    return (await query(pool, text, [entries, sub, ...factors], requestLifetime)).length === 1;
  };
  return {
    async find(sub) {
      return (await query<FactorsOfAccount>(pool, `${SELECT} WHERE sub = $1`, [sub], requestLifetime))[0]
        ?.factors;
    },

    async findByHandle(handle) {
      const text = `${SELECT} WHERE factors->>'handle' = $1`;
      return (await query<FactorsOfAccount>(pool, text, [handle], requestLifetime))[0];
    },

    list: () => query<FactorsOfAccount>(pool, `${SELECT} ORDER BY sub`),

    compareAndSwap({ sub, expected, next, audit }) {
      if (next === undefined) return swap(DELETE, audit, sub, [expected]);
      return expected === undefined
        ? swap(INSERT, audit, sub, [next])
        : swap(UPDATE, audit, sub, [next, expected]);
    },
  };
}
