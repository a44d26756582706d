// Families in Postgres: one row for each sign-in, never one for each refresh. What a refresh needs to know is read in
// one query, shared by the refreshes of one moment.
import type pg from 'pg';
import { gather } from '../../gather.ts';
import type { FamilyRecord, FamilyStanding, FamilyStore, FamilyVitals } from '../stores.ts';
import { changeRecord, query, requestLifetime, writeAudit } from './statements.ts';

const FAMILY = `
  family.id, family.client_id AS "clientId", family.sub, family.session, family.scope, family.resources,
  family.claims_request AS "claimsRequest",
  family.auth_time AS "authTime", family.acr, family.amr, family.created_at AS "createdAt",
  family.expires_at AS "expiresAt", family.idle_lifetime AS "idleLifetime",
  family.account_cut_off AS "accountCutOff", family.client_cut_off AS "clientCutOff",
  family.floor_generation::float8 AS "floorGeneration", family.floor_since AS "floorSince",
  family.floor_mac_key AS "floorMacKey", family.revoked_at AS "revokedAt", family.revocation`;

const FIND = `
  SELECT ${FAMILY},
         account.email, account.name, account.claims, account.updated_at AS "updatedAt",
         account.disabled_at AS "disabledAt",
         account.tokens_valid_after AS "tokensValidAfter",
         client.disabled_at AS "clientDisabledAt", client.tokens_valid_after AS "clientTokensValidAfter"
  FROM families AS family JOIN accounts AS account USING (sub) JOIN clients AS client USING (client_id)
  WHERE id = ANY($1)`;

const VITALS = `
  SELECT id, revoked_at AS "revokedAt", expires_at AS "expiresAt", account_cut_off AS "accountCutOff",
         client_cut_off AS "clientCutOff", account.disabled_at AS "disabledAt",
         account.tokens_valid_after AS "tokensValidAfter",
         client.disabled_at AS "clientDisabledAt", client.tokens_valid_after AS "clientTokensValidAfter"
  FROM families AS family JOIN accounts AS account USING (sub) JOIN clients AS client USING (client_id)
  WHERE id = ANY($1)`;

const LIST = `
  SELECT ${FAMILY} FROM families AS family WHERE sub = $1 AND expires_at > $2 ORDER BY created_at DESC, id`;

const OPEN = `
  WITH opened AS (
    INSERT INTO families (id, client_id, sub, session, scope, resources, auth_time, acr, amr, created_at, expires_at,
                          idle_lifetime, account_cut_off, client_cut_off, floor_generation, floor_since,
                          floor_mac_key, revoked_at, revocation, claims_request)
    VALUES ($2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21)
  )
  ${writeAudit('$1')}`;

// In the order of their ids: two that lock in one order cannot wait for each other. Of several heads of one family
// the highest counts.
const RAISE_FLOORS = `
  WITH given AS (
    SELECT DISTINCT ON (id) *
    FROM unnest($1::bytea[], $2::bigint[], $3::float8[], $4::smallint[]) AS given (id, generation, since, mac_key)
    ORDER BY id, generation DESC
  ),
  locked AS (
    SELECT id FROM families JOIN given USING (id) WHERE floor_generation < generation ORDER BY id FOR NO KEY UPDATE OF families
  )
  UPDATE families SET floor_generation = generation, floor_since = since, floor_mac_key = mac_key
  FROM given JOIN locked USING (id)
  WHERE families.id = given.id AND floor_generation < generation`;

const REVOKE = `
  UPDATE families SET revoked_at = $3, revocation = $4, tombstone_due = true FROM known
  WHERE id = $2 AND revoked_at IS NULL`;

type FamilyRow = Omit<FamilyRecord, 'id' | 'floor'> & {
  readonly id: Buffer;
  readonly floorGeneration: number;
  readonly floorSince: number;
  readonly floorMacKey: number;
};

type StandingRow = FamilyRow &
  Omit<FamilyStanding['account'], 'sub'> & {
    readonly clientDisabledAt: number | null;
    readonly clientTokensValidAfter: number | null;
  };

type VitalsRow = FamilyVitals['family'] &
  FamilyVitals['account'] & {
    readonly id: Buffer;
    readonly clientDisabledAt: number | null;
    readonly clientTokensValidAfter: number | null;
  };

/** What is not exactly an id names nothing: the empty name, which no family has. */
function bytesOf(id: string): Buffer {
  const bytes = Buffer.from(id, 'base64url');
  return bytes.toString('base64url') === id ? bytes : Buffer.alloc(0);
}

const idOf = ({ id }: { readonly id: Buffer }): string => id.toString('base64url');

export function postgresFamilies(pool: pg.Pool): FamilyStore {
  return {
    async open(family, audit) {
      await query(pool, OPEN, [JSON.stringify([audit]), ...valuesOf(family)], requestLifetime);
    },

    find: gather(
      async (ids: readonly string[]) => {
        const rows = await query<StandingRow>(pool, FIND, [ids.map(bytesOf)], requestLifetime);
        return new Map(rows.map((row) => [idOf(row), standingOf(row)]));
      },
      { underWay: 2, limit: 500, pause: 0.004 },
    ),

    vitals: gather(
      async (ids: readonly string[]) => {
        const rows = await query<VitalsRow>(pool, VITALS, [ids.map(bytesOf)], requestLifetime);
        return new Map(rows.map((row) => [idOf(row), vitalsOf(row)]));
      },
      { underWay: 2, limit: 500, pause: 0.004 },
    ),

    listOf: async (sub, now) => (await query<FamilyRow>(pool, LIST, [sub, now])).map(familyOf),

    async raiseFloors(floors) {
      const columns = [
        floors.map(({ id }) => bytesOf(id)),
        floors.map(({ head }) => head.generation),
        floors.map(({ head }) => head.since),
        floors.map(({ head }) => head.macKey),
      ];
      await query(pool, RAISE_FLOORS, columns);
    },

    revoke(id, at, revocation, audit) {
      const known = 'SELECT FROM families WHERE id = $2';
      return changeRecord(pool, known, REVOKE, [bytesOf(id), at, revocation], audit);
    },

    async dueTombstones(limit) {
      const text = 'SELECT id, expires_at AS "expiresAt" FROM families WHERE tombstone_due LIMIT $1';
      const rows = await query<{ id: Buffer; expiresAt: number }>(pool, text, [limit]);
      return rows.map((row) => ({ id: idOf(row), expiresAt: row.expiresAt }));
    },

    async tombstonesSet(ids) {
      const text = 'UPDATE families SET tombstone_due = false WHERE id = ANY($1) AND tombstone_due';
      await query(pool, text, [ids.map(bytesOf)], requestLifetime);
    },
  };
}

const valuesOf = (family: FamilyRecord): unknown[] => [
  bytesOf(family.id),
  family.clientId,
  family.sub,
  family.session,
  family.scope,
  family.resources,
  family.authTime,
  family.acr,
  family.amr,
  family.createdAt,
  family.expiresAt,
  family.idleLifetime,
  family.accountCutOff,
  family.clientCutOff,
  family.floor.generation,
  family.floor.since,
  family.floor.macKey,
  family.revokedAt,
  family.revocation,
  family.claimsRequest === null ? null : JSON.stringify(family.claimsRequest),
];

function familyOf({ id, floorGeneration, floorSince, floorMacKey, ...facts }: FamilyRow): FamilyRecord {
  const floor = { generation: floorGeneration, since: floorSince, macKey: floorMacKey };
  return { ...facts, id: idOf({ id }), floor };
}

function standingOf(row: StandingRow): FamilyStanding {
  const {
    email,
    name,
    claims,
    updatedAt,
    disabledAt,
    tokensValidAfter,
    clientDisabledAt,
    clientTokensValidAfter,
    ...family
  } = row;
  return {
    family: familyOf(family),
    account: { sub: row.sub, email, name, claims, updatedAt, disabledAt, tokensValidAfter },
    client: { disabledAt: clientDisabledAt, tokensValidAfter: clientTokensValidAfter },
  };
}

const vitalsOf = (row: VitalsRow): FamilyVitals => ({
  family: row,
  account: row,
  client: { disabledAt: row.clientDisabledAt, tokensValidAfter: row.clientTokensValidAfter },
});
