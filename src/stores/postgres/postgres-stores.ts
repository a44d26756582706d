// Every port on Postgres, on a server or embedded: the SQL is the same.
import type { Stores } from '../stores.ts';
import { postgresAccounts } from './accounts.ts';
import { postgresAudit } from './audit.ts';
import { postgresClients } from './clients.ts';
import type { Database } from './database.ts';
import { postgresHealth } from './health.ts';
import { postgresKeys } from './keys.ts';
import { postgresLeases } from './leases.ts';
import { postgresReplays, postgresSweeper } from './replays.ts';
import { postgresResources } from './resources.ts';

export function postgresStores(database: Database): Stores {
  const { pool } = database;
  return {
    clients: postgresClients(pool),
    resources: postgresResources(pool),
    accounts: postgresAccounts(pool),
    keys: postgresKeys(pool),
    leases: postgresLeases(pool),
    replays: postgresReplays(pool),
    audit: postgresAudit(pool),
    health: postgresHealth(database),
    sweeper: postgresSweeper(pool),
  };
}
