// What Postgres says of itself: its clock, and the migrations that it lacks.
import type { StoreHealth } from '../stores.ts';
import type { Database } from './database.ts';
import { migrationStatus } from './migrations.ts';
import { query } from './statements.ts';

const NOW = 'SELECT extract(epoch FROM clock_timestamp())::float8 AS now';

/** `ahead`: seconds that the house's clock is ahead of the world's. */
export function postgresHealth(database: Database, ahead: () => number): StoreHealth {
  return {
    async now() {
      const [{ now }] = (await query<{ now: number }>(database.pool, NOW)) as [{ now: number }];
      return now + ahead();
    },
    async pendingMigrations() {
      const { pending } = await migrationStatus(database);
      return pending.map(({ name }) => name);
    },
  };
}
