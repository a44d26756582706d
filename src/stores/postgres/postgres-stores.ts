// Every port on Postgres, on a server or embedded: the SQL is the same.
import type { Stores } from '../stores.ts';
import { postgresAccounts } from './accounts.ts';
import { postgresAttempts } from './attempts.ts';
import { postgresAudit } from './audit.ts';
import { postgresClients } from './clients.ts';
import { postgresConsents } from './consents.ts';
import type { Database } from './database.ts';
import { postgresDocuments } from './documents.ts';
import { postgresEndings } from './endings.ts';
import { postgresFactors } from './factors.ts';
import { postgresFamilies } from './families.ts';
import { postgresFamilyStates } from './family-states.ts';
import { postgresHealth } from './health.ts';
import { postgresKeys } from './keys.ts';
import { postgresLeases } from './leases.ts';
import { postgresLetters } from './letters.ts';
import { postgresLogoutNotices } from './logout-notices.ts';
import { postgresPairwiseSecret } from './pairwise-secret.ts';
import { postgresReplays } from './replays.ts';
import { postgresResources } from './resources.ts';
import { postgresRevokedTokens } from './revoked-tokens.ts';
import { postgresRootSecrets } from './root-secrets.ts';
import { postgresSessions } from './sessions.ts';
import { postgresSweeper } from './sweeper.ts';

/** `ahead`: seconds that the house's clock is ahead of the world's, for what goes by Postgres's own clock. */
export function postgresStores(database: Database, ahead: () => number = () => 0): Stores {
  const { pool } = database;
  return {
    clients: postgresClients(pool),
    resources: postgresResources(pool),
    accounts: postgresAccounts(pool),
    keys: postgresKeys(pool),
    rootSecrets: postgresRootSecrets(pool),
    pairwiseSecret: postgresPairwiseSecret(pool),
    families: postgresFamilies(pool),
    familyStates: postgresFamilyStates(pool, ahead),
    endings: postgresEndings(pool),
    revokedTokens: postgresRevokedTokens(pool),
    attempts: postgresAttempts(pool, ahead),
    documents: postgresDocuments(pool, ahead),
    sessions: postgresSessions(pool),
    logoutNotices: postgresLogoutNotices(pool),
    consents: postgresConsents(pool),
    factors: postgresFactors(pool),
    letters: postgresLetters(pool),
    leases: postgresLeases(pool),
    replays: postgresReplays(pool),
    audit: postgresAudit(pool),
    health: postgresHealth(database, ahead),
    sweeper: postgresSweeper(pool),
  };
}
