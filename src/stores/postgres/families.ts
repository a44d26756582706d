// Families in Postgres: one row for each sign-in, never one for each refresh. What a refresh needs to know is read in
// one query, shared by the refreshes of one moment.
import type pg from 'pg';
import { gather } from '../../gather.ts';
import type { FamilyRecord, FamilyStanding, FamilyStore, FamilyVitals } from '../stores.ts';
import { changeRecord, query, queryColumns, requestLifetime, writeAudit } from './statements.ts';

/** In the order of FamilyColumns. */
const FAMILY = `
  family.id, family.client_id, family.sub, family.session, family.scope, family.resources, family.claims_request,
  family.auth_time, family.acr, family.amr, family.created_at, family.expires_at, family.idle_lifetime,
  family.account_cut_off, family.client_cut_off, family.floor_generation::float8, family.floor_since,
  family.floor_mac_key, family.revoked_at, family.revocation`;

/** In the order of StandingColumns. */
const FIND = `
  SELECT account.email, account.name, account.claims, account.updated_at, account.disabled_at,
         account.tokens_valid_after, client.disabled_at, client.tokens_valid_after, ${FAMILY}
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

type FamilyColumns = readonly [
  id: Buffer,
  clientId: string,
  sub: string,
  session: string,
  scope: string | null,
  resources: readonly string[],
  claimsRequest: FamilyRecord['claimsRequest'],
  authTime: number,
  acr: string,
  amr: readonly string[],
  createdAt: number,
  expiresAt: number,
  idleLifetime: number,
  accountCutOff: number | null,
  clientCutOff: number | null,
  floorGeneration: number,
  floorSince: number,
  floorMacKey: number,
  revokedAt: number | null,
  revocation: FamilyRecord['revocation'],
];

type StandingColumns = readonly [
  email: string,
  name: string | null,
  claims: FamilyStanding['account']['claims'],
  updatedAt: number,
  disabledAt: number | null,
  tokensValidAfter: number | null,
  clientDisabledAt: number | null,
  clientTokensValidAfter: number | null,
  ...FamilyColumns,
];

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
        const rows = await queryColumns<StandingColumns>(pool, FIND, [ids.map(bytesOf)], requestLifetime);
        const standings = rows.map(standingOf);
        return new Map(standings.map((standing) => [standing.family.id, standing]));
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

    listOf: async (sub, now) => (await queryColumns<FamilyColumns>(pool, LIST, [sub, now])).map(familyOf),

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

function familyOf(columns: FamilyColumns): FamilyRecord {
  const [id, clientId, sub, session, scope, resources, claimsRequest, authTime, acr, amr, ...times] = columns;
  const [createdAt, expiresAt, idleLifetime, accountCutOff, clientCutOff, ...end] = times;
  const [generation, since, macKey, revokedAt, revocation] = end;
  return {
    id: id.toString('base64url'),
    clientId,
    sub,
    session,
    scope,
    resources,
    claimsRequest,
    authTime,
    acr,
    amr,
    createdAt,
    expiresAt,
    idleLifetime,
    accountCutOff,
    clientCutOff,
    floor: { generation, since, macKey },
    revokedAt,
    revocation,
  };
}

function standingOf(columns: StandingColumns): FamilyStanding {
  const [email, name, claims, updatedAt, disabledAt, tokensValidAfter, clientDisabledAt, ...rest] = columns;
  const [clientTokensValidAfter, ...familyColumns] = rest;
  const family = familyOf(familyColumns);
  return {
    family,
    account: { sub: family.sub, email, name, claims, updatedAt, disabledAt, tokensValidAfter },
    client: { disabledAt: clientDisabledAt, tokensValidAfter: clientTokensValidAfter },
  };
}

const vitalsOf = (row: VitalsRow): FamilyVitals => ({
  family: row,
  account: row,
  client: { disabledAt: row.clientDisabledAt, tokensValidAfter: row.clientTokensValidAfter },
});
