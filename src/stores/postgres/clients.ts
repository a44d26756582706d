// Registered clients in Postgres: one statement a verb. Their secrets live in their row (see migration 001).
import type pg from 'pg';
import type { ClientRecord, ClientStore } from '../stores.ts';
import { changeRecord, createRecord, findRecord, query } from './statements.ts';

const SELECT = `
  SELECT client_id AS "clientId", metadata, secrets,
         created_at AS "createdAt", updated_at AS "updatedAt", disabled_at AS "disabledAt",
         tokens_valid_after AS "tokensValidAfter"
  FROM clients`;

export function postgresClients(pool: pg.Pool): ClientStore {
  return {
    async create({ clientId, metadata, secrets, ...instants }, audit) {
      const insert = `
        INSERT INTO clients (client_id, metadata, secrets, created_at, updated_at, disabled_at, tokens_valid_after)
        VALUES ($2, $3, $4, $5, $6, $7, $8)`;
      const { createdAt, updatedAt, disabledAt, tokensValidAfter } = instants;
      const json = [JSON.stringify(metadata), JSON.stringify(secrets)];
      const values = [clientId, ...json, createdAt, updatedAt, disabledAt, tokensValidAfter];
      return createRecord(pool, insert, values, audit);
    },

    find: (clientId) => findRecord<ClientRecord>(pool, `${SELECT} WHERE client_id = $1`, clientId),

    list: () => query<ClientRecord>(pool, `${SELECT} ORDER BY client_id`),

    replaceMetadata(clientId, metadata, audit) {
      const update = `
        UPDATE clients SET metadata = $3, updated_at = $4 FROM known
        WHERE client_id = $2 AND metadata <> $3`;
      return changeRecord(pool, KNOWN, update, [clientId, JSON.stringify(metadata), audit.at], audit);
    },

    async addSecret(clientId, secret, retireOthers, audit) {
      const update = `
        UPDATE clients SET
          secrets = jsonb_build_array($3::jsonb) || CASE WHEN $4 THEN '[]' ELSE secrets END, updated_at = $5,
          tokens_valid_after = CASE WHEN $4 THEN GREATEST($5, tokens_valid_after + 0.000001) ELSE tokens_valid_after END
        FROM known WHERE client_id = $2 AND ($4 OR jsonb_array_length(secrets) < 2)`;
      const values = [clientId, JSON.stringify(secret), retireOthers, audit.at];
      const change = await changeRecord(pool, KNOWN, update, values, audit);
      return change === 'changed' ? 'added' : change === 'unchanged' ? 'full' : 'unknown';
    },

    retireOldSecrets(clientId, audit) {
      const update = `
        UPDATE clients SET secrets = jsonb_build_array(secrets -> 0), updated_at = $3
        FROM known WHERE client_id = $2 AND jsonb_array_length(secrets) > 1`;
      return changeRecord(pool, KNOWN, update, [clientId, audit.at], audit);
    },

    setDisabled(clientId, at, audit) {
      const update = `
        UPDATE clients SET disabled_at = $3, updated_at = $4
        FROM known WHERE client_id = $2 AND (disabled_at IS NULL) <> ($3::float8 IS NULL)`;
      return changeRecord(pool, KNOWN, update, [clientId, at, audit.at], audit);
    },
  };
}

const KNOWN = 'SELECT FROM clients WHERE client_id = $2';
