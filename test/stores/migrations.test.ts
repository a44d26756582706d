// The migrations that ship, on what was there before them: nothing is lost, the version before runs on what they leave,
// and what is asked all the time, or of all rows, is found by an index.
import { cpSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type pg from 'pg';
import t, { type Test } from 'tap';
import { firstState } from '../../src/oauth/refresh-family.ts';
import { type Database, openDatabase } from '../../src/stores/postgres/database.ts';
import { migrate, migrationsFolder } from '../../src/stores/postgres/migrations.ts';
import { postgresStores } from '../../src/stores/postgres/postgres-stores.ts';
import type { Stores } from '../../src/stores/stores.ts';
import { ownDatabase } from '../helpers/database.ts';
import { entry, T } from './conformance/setting.ts';

const server = { skip: process.env.TEST_DATABASE_URL ? false : 'TEST_DATABASE_URL names no Postgres server' };

function scratch(t: Test): string {
  const folder = mkdtempSync(join(tmpdir(), 'mintmark-'));
  t.teardown(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

async function open(t: Test, url?: string): Promise<Database> {
  const database = await openDatabase({ url, dataFolder: scratch(t), beside: false });
  t.teardown(() => database.close());
  return database;
}

/** The migrations up to this version. */
function migrationsTo(t: Test, version: number): string {
  const folder = scratch(t);
  for (const file of readdirSync(migrationsFolder))
    if (Number(file.slice(0, 3)) <= version) cpSync(join(migrationsFolder, file), join(folder, file));
  return folder;
}

/** What the version of migration 001 writes, in its own words. */
const version1 = {
  createClient: `INSERT INTO clients (client_id, metadata, secrets, created_at, updated_at, disabled_at)
    VALUES ($1, '{"client_name":"C"}', '[]', 1, 1, NULL) ON CONFLICT DO NOTHING`,
  addSecret: `UPDATE clients SET secrets = jsonb_build_array($2::jsonb) || secrets, updated_at = 2
    WHERE client_id = $1 AND jsonb_array_length(secrets) < 2`,
  createAccount: `INSERT INTO accounts (sub, email, folded_email, name, password_hash, claims,
      created_at, updated_at, disabled_at, tokens_valid_after)
    VALUES ($1, $2, $2, 'N', $3, '{}', 1, 1, NULL, 5) ON CONFLICT DO NOTHING`,
  setPassword: `UPDATE accounts SET password_hash = $2, tokens_valid_after = GREATEST(tokens_valid_after, 6)
    WHERE sub = $1`,
  useOnce: `INSERT INTO replays AS used (digest, expires_at) VALUES ($1, $2)
    ON CONFLICT (digest) DO UPDATE SET expires_at = excluded.expires_at WHERE used.expires_at <= $3`,
  sweep: `DELETE FROM replays WHERE expires_at <= $1 AND digest IN (
    SELECT digest FROM replays WHERE expires_at <= $1 ORDER BY expires_at LIMIT $2 FOR UPDATE SKIP LOCKED)`,
};

/** Its work on the records of one name. */
async function workOfVersion1({ pool }: Database, name: string): Promise<void> {
  await pool.query(version1.createClient, [name]);
  await pool.query(version1.addSecret, [name, JSON.stringify({ id: 's', hash: 'h', createdAt: 2 })]);
  const hash = '$argon2id$v=19$m=19456,t=2,p=1$c2FsdA$aGFzaA';
  await pool.query(version1.createAccount, [name, `${name}@example.com`, hash]);
  await pool.query(version1.setPassword, [name, `${hash}2`]);
  await pool.query(version1.createAccount, [`${name} without a password`, `${name}@example.org`, null]);
  await pool.query(version1.useOnce, [Buffer.from(name), 10, 1]);
  await pool.query(version1.sweep, [5, 100]);
}

async function findsWork(t: Test, { clients, accounts }: Stores, name: string): Promise<void> {
  t.strictSame(await clients.find(name), {
    clientId: name,
    metadata: { client_name: 'C' },
    secrets: [{ id: 's', hash: 'h', createdAt: 2 }],
    createdAt: 1,
    updatedAt: 2,
    disabledAt: null,
    tokensValidAfter: null,
  });
  t.match(await accounts.findBySub(name), {
    email: `${name}@example.com`,
    passwordHash: /argon2id.*2$/,
    tokensValidAfter: 6,
  });
  t.match(await accounts.findBySub(`${name} without a password`), { passwordHash: null });
}

for (const [where, how] of [
  ['the embedded store', {}],
  ['a server', server],
] as const) {
  t.test(
    `on ${where} what the version before wrote is there after an upgrade, and it goes on`,
    how,
    async (t) => {
      const database = await open(t, how === server ? await ownDatabase(t) : undefined);
      // The embedded store begins with a template, which has them all.
      await database.pool.query('DROP SCHEMA public CASCADE; CREATE SCHEMA public');
      await migrate(database, migrationsTo(t, 1));
      await workOfVersion1(database, 'before');
      const { applied } = await migrate(database);
      t.equal(applied[0]?.version, 2);
      const stores = postgresStores(database);
      await findsWork(t, stores, 'before');
      await workOfVersion1(database, 'after');
      await findsWork(t, stores, 'after');
      t.equal(await stores.sweeper.sweep(10, 100), 2);
    },
  );
}

/** Shows how each statement will be done before it is done. */
function explaining({ pool }: Database): { plans: string[]; explained: Database['pool'] } {
  const plans: string[] = [];
  const query = async (asked: pg.QueryConfig) => {
    const { rows } = await pool.query(`EXPLAIN ${asked.text}`, asked.values);
    plans.push(rows.map((row) => row['QUERY PLAN']).join('\n'));
    return pool.query(asked);
  };
  return { plans, explained: { query } as unknown as Database['pool'] };
}

const rows = 100_000;
const day = 86_400;
/** Rows that expire one a second from T on, under names that are all alike. */
const filled: Record<string, string> = {
  families: `INSERT INTO families (id, client_id, sub, session, resources, auth_time, acr, amr, created_at, expires_at,
      idle_lifetime, floor_generation, floor_since, floor_mac_key, tombstone_due)
    SELECT decode(md5(n::text), 'hex'), 'client', 'sub-' || n / 10, 's', '{}', 0, '1', '{}', 0, $1::float8 + n, 60, 0, 0, 1, n % 1000 = 0
    FROM generate_series(1, ${rows}) AS n`,
  family_states: `INSERT INTO family_states (id, state, expires_at)
    SELECT decode(md5(n::text), 'hex'), '1  0 0 1 0', $1::float8 + n * 100 FROM generate_series(1, ${rows}) AS n`,
  attempts: `INSERT INTO attempts (digest, count, until)
    SELECT sha256(n::text::bytea), 1, $1::float8 + n FROM generate_series(1, ${rows}) AS n`,
  revoked_tokens: `INSERT INTO revoked_tokens (digest, expires_at)
    SELECT sha256(n::text::bytea), $1::float8 + n FROM generate_series(1, ${rows}) AS n`,
  replays: `INSERT INTO replays (digest, expires_at)
    SELECT sha256(n::text::bytea), $1::float8 + n FROM generate_series(1, ${rows}) AS n`,
  documents: `INSERT INTO documents (digest, body, expires_at)
    SELECT sha256(n::text::bytea), '{}', $1::float8 + n FROM generate_series(1, ${rows}) AS n`,
  sessions: `INSERT INTO sessions (digest, sid, sub, auth_time, acr, amr, created_at, last_seen_at, expires_at,
      user_agent, address, clients)
    SELECT sha256(n::text::bytea), 'sid-' || n, 'sub-' || n / 10, 0, '1', '{}', 0, 0, $1::float8 + n, '', '', '{a,b}'
    FROM generate_series(1, ${rows}) AS n`,
  logout_notices: `INSERT INTO logout_notices (sid, client_id, sub, ended_at, attempts, due_at)
    SELECT 'ended-' || n, 'client', 'sub', 0, 1, $1::float8 + n FROM generate_series(1, ${rows}) AS n`,
  letters: `INSERT INTO letters (id, kind, email, language, created_at, due_at)
    SELECT 'letter-' || n, 'sign_up', 'e', 'en', 0, $1::float8 + n FROM generate_series(1, ${rows}) AS n`,
  consents: `INSERT INTO consents (sub, client_id, scopes, resources, claims, granted_at)
    SELECT 'sub-' || n / 10, 'client-' || n, '{}', '{}', '{}', $1::float8 FROM generate_series(1, ${rows}) AS n`,
  second_factors: `INSERT INTO second_factors (sub, factors)
    SELECT 'sub-' || n, jsonb_build_object('handle', 'handle-' || n, 'passkeys', '[]'::jsonb, 'at', $1::float8)
    FROM generate_series(1, ${rows}) AS n`,
  accounts: `INSERT INTO accounts (sub, email, folded_email, password_hash, claims, created_at, updated_at)
    SELECT 'sub-' || n, n || '@example.com', n || '@example.com', CASE WHEN n % 3 = 0 THEN NULL WHEN n % 3 = 1
      THEN '$argon2id$' ELSE 'pbkdf2_sha256$' || n || '$salt$hash' END, '{}', $1, 0
    FROM generate_series(1, ${rows}) AS n`,
};

t.test('among a hundred thousand rows what is asked for is found by an index', server, async (t) => {
  const database = await open(t, await ownDatabase(t));
  await migrate(database);
  for (const text of Object.values(filled)) await database.pool.query(text, [T]);
  await database.pool.query(`INSERT INTO clients (client_id, metadata, secrets, created_at, updated_at)
    VALUES ('client', '{}', '[]', 0, 0)`);
  await database.pool.query('ANALYZE');
  const { plans, explained } = explaining(database);
  const stores = postgresStores({ ...database, pool: explained });
  const { families, familyStates, attempts, revokedTokens, accounts, sweeper } = stores;
  const { consents, documents, endings, factors, letters, logoutNotices, sessions } = stores;
  const noFactors = { handle: 'h', totp: null, recoveryCodes: [], passkeys: [] };
  const notice = { sid: 'ended-7', clientId: 'client' };
  const { rows: some } = await database.pool.query('SELECT id FROM families LIMIT 500');
  const ids = some.map(({ id }) => id.toString('base64url'));
  const [id] = ids as [string];
  const next = firstState(T, 1);
  const swap = { id, next, deadline: Number.MAX_SAFE_INTEGER, expiresAt: T + 200 * day };
  const verbs: Record<string, () => Promise<unknown>> = {
    'a family': () => families.find(id),
    'many families': () => Promise.all(ids.map((id) => families.find(id))),
    'the families of an account': () => families.listOf('sub-7', T),
    'floors to raise': () =>
      families.raiseFloors(
        ids.slice(0, 100).map((id) => ({ id, head: { generation: 5, since: T, macKey: 1 } })),
      ),
    'a family to revoke': () => families.revoke(id, T, 'replayed', entry(id)),
    'tombstones that are due': () => families.dueTombstones(100),
    'tombstones that stand': () => families.tombstonesSet(ids.slice(0, 100)),
    'a state': () => familyStates.find(id),
    'a state to swap': () => familyStates.compareAndSwap({ ...swap, expected: next }),
    'a state to begin': () => familyStates.compareAndSwap({ ...swap, expected: undefined }),
    'what has ended lately': () => endings.since(T, 1_000),
    'accounts to cut off': () =>
      endings.cutOffUsed({ from: 0, until: T, at: T, after: '', limit: 100 }, 'a', {}),
    'an attempt': () => attempts.take('k', 5, 60),
    'a token that was revoked': () => revokedTokens.isRevoked('jti'),
    'a document': () => documents.find('k', 'i'),
    'a session': () => sessions.find('i'),
    'the sessions of an account': () => sessions.listOf('sub-7', T),
    'a client of a session': () => sessions.addClient('sid-7', 'c'),
    'a session to end': () => sessions.end('sid-7', entry('sub-7')),
    'notices that are due': () => logoutNotices.take(T + 50, T + 80, 20),
    'a notice that is postponed': () => logoutNotices.postpone(notice, T + 90),
    'a notice that is done with': () => logoutNotices.remove(notice),
    'letters that are due': () => letters.take(T + 50, T + 80, 20),
    'a letter that is postponed': () => letters.postpone({ id: 'letter-7' }, T + 90),
    'a letter that is done with': () => letters.remove({ id: 'letter-7' }),
    'the consents of an account': () => consents.listOf('sub-7'),
    'second factors': () => factors.find('sub-7'),
    'whose passkey it is': () => factors.findByHandle('handle-7'),
    'second factors to swap': () =>
      factors.compareAndSwap({ sub: 'sub-7', expected: noFactors, next: noFactors, audit: [] }),
    'the longest imported hash': () => accounts.longestImportedHash(),
    'nothing to sweep': () => sweeper.sweep(T, 1_000),
    'little to sweep': () => sweeper.sweep(T + 50, 1_000),
    'bites of much to sweep': () => sweeper.sweep(T + 3 * day, 5_000),
  };
  for (const [what, verb] of Object.entries(verbs)) {
    plans.length = 0;
    await verb();
    t.ok(plans.length > 0, what);
    for (const plan of plans) t.notMatch(plan, /Seq Scan on (?!clients)/, what);
  }
});
