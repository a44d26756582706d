// Resource servers in Postgres: one statement a verb.
import type pg from 'pg';
import type { ResourceRecord, ResourceStore } from '../stores.ts';
import { changeRecord, createRecord, findRecord, query } from './statements.ts';

const SELECT = `
  SELECT resource, scopes, access_token_lifetime AS "accessTokenLifetime", profile, signing_alg AS "signingAlg",
         require_acr AS "requireAcr",
         created_at AS "createdAt", updated_at AS "updatedAt"
  FROM resources`;

const KNOWN = 'SELECT FROM resources WHERE resource = $2';

const terms = ({ scopes, accessTokenLifetime, profile, signingAlg, requireAcr }: ResourceRecord) => [
  scopes,
  accessTokenLifetime,
  profile,
  signingAlg,
  requireAcr,
];

export function postgresResources(pool: pg.Pool): ResourceStore {
  return {
    create(record, audit) {
      const insert = `
        INSERT INTO resources
          (resource, scopes, access_token_lifetime, profile, signing_alg, require_acr, created_at, updated_at)
        VALUES ($2, $3, $4, $5, $6, $7, $8, $9)`;
      const values = [record.resource, ...terms(record), record.createdAt, record.updatedAt];
      return createRecord(pool, insert, values, audit);
    },

    find: (resource) => findRecord<ResourceRecord>(pool, `${SELECT} WHERE resource = $1`, resource),

    list: () => query<ResourceRecord>(pool, `${SELECT} ORDER BY resource`),

    replace(record, audit) {
      const update = `
        UPDATE resources SET
          scopes = $3, access_token_lifetime = $4, profile = $5, signing_alg = $6, require_acr = $7,
          updated_at = $8
        FROM known
        WHERE resource = $2
          AND (scopes, access_token_lifetime, profile, signing_alg, require_acr)
              IS DISTINCT FROM ($3::text[], $4::float8, $5::text, $6::text, $7::text)`;
      return changeRecord(pool, KNOWN, update, [record.resource, ...terms(record), record.updatedAt], audit);
    },

    delete: (resource, audit) =>
      changeRecord(pool, KNOWN, 'DELETE FROM resources USING known WHERE resource = $2', [resource], audit),
  };
}
