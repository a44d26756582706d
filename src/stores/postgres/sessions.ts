// Browsers' sign-ins in Postgres: durable, since a person looks through them and ends them one by one.
import type pg from 'pg';
import type { Session } from '../../oauth/session.ts';
import { replayDigest } from '../replay-digest.ts';
import type { AccountRecord, SessionStore } from '../stores.ts';
import { query, requestLifetime, writeAudit } from './statements.ts';

const SESSION = `
  session.sid, session.sub, session.auth_time AS "authTime", session.acr, session.amr,
  session.created_at AS "createdAt", session.last_seen_at AS "lastSeenAt", session.expires_at AS "expiresAt",
  session.account_cut_off AS "accountCutOff", session.user_agent AS "userAgent", session.address`;

const FIND = `
  SELECT ${SESSION}, jsonb_build_object(
    'sub', account.sub, 'email', account.email, 'name', account.name, 'passwordHash', account.password_hash,
    'claims', account.claims, 'createdAt', account.created_at, 'updatedAt', account.updated_at,
    'disabledAt', account.disabled_at, 'tokensValidAfter', account.tokens_valid_after) AS account
  FROM sessions AS session JOIN accounts AS account USING (sub) WHERE digest = $1`;

const CREATE = `
  WITH created AS (
    INSERT INTO sessions (digest, sid, sub, auth_time, acr, amr, created_at, last_seen_at, expires_at,
                          account_cut_off, user_agent, address)
    VALUES ($2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)
    ON CONFLICT (sid) DO UPDATE SET
      digest = excluded.digest, sub = excluded.sub, auth_time = excluded.auth_time, acr = excluded.acr,
      amr = excluded.amr, created_at = excluded.created_at, last_seen_at = excluded.last_seen_at,
      expires_at = excluded.expires_at, account_cut_off = excluded.account_cut_off,
      user_agent = excluded.user_agent, address = excluded.address
  )
  ${writeAudit('$1')}`;

// The lock comes first: of one who ends the session and one who adds to it at the same moment, the second sees what the
// first has done.
const ADD_CLIENT = `
  WITH known AS (SELECT sid FROM sessions WHERE sid = $1 FOR NO KEY UPDATE),
  added AS (
    UPDATE sessions AS session SET clients = session.clients || $2::text FROM known
    WHERE session.sid = known.sid AND NOT $2 = ANY(session.clients)
  )
  SELECT 1 FROM known`;

const END = `
  WITH known AS (SELECT sid, sub, clients FROM sessions WHERE sid = $2 FOR UPDATE),
  ended AS (DELETE FROM sessions AS session USING known WHERE session.sid = known.sid),
  told AS (
    INSERT INTO logout_notices (sid, client_id, sub, ended_at, attempts, due_at)
    SELECT sid, unnest(clients), sub, $3::float8, 0, $3::float8 FROM known
    ON CONFLICT (sid, client_id) DO UPDATE
      SET ended_at = excluded.ended_at, attempts = 0, due_at = excluded.due_at
  ),
  noted AS (${writeAudit('$1')} WHERE EXISTS (SELECT FROM known))
  SELECT 1 FROM known`;

const digestOf = (id: string): Buffer => replayDigest('session', id);

const valuesOf = (id: string, session: Session): unknown[] => [
  digestOf(id),
  session.sid,
  session.sub,
  session.authTime,
  session.acr,
  session.amr,
  session.createdAt,
  session.lastSeenAt,
  session.expiresAt,
  session.accountCutOff,
  session.userAgent,
  session.address,
];

export function postgresSessions(pool: pg.Pool): SessionStore {
  return {
    async create(id, session, audit) {
      await query(pool, CREATE, [JSON.stringify([audit]), ...valuesOf(id, session)], requestLifetime);
    },

    async find(id) {
      type Row = Session & { account: AccountRecord };
      const [row] = await query<Row>(pool, FIND, [digestOf(id)], requestLifetime);
      if (row === undefined) return undefined;
      const { account, ...session } = row;
      return { session, account };
    },

    async touch(id, at) {
      const text = 'UPDATE sessions SET last_seen_at = $2 WHERE digest = $1 AND last_seen_at < $2';
      await query(pool, text, [digestOf(id), at], requestLifetime);
    },

    async addClient(sid, clientId) {
      return (await query(pool, ADD_CLIENT, [sid, clientId], requestLifetime)).length === 1;
    },

    async end(sid, audit) {
      const values = [JSON.stringify([audit]), sid, audit.at];
      const known = await query(pool, END, values, requestLifetime);
      return known.length === 1 ? 'changed' : 'unknown';
    },

    listOf(sub, now) {
      const text = `
        SELECT ${SESSION} FROM sessions AS session
        WHERE sub = $1 AND expires_at > $2 ORDER BY last_seen_at DESC, sid`;
      return query<Session>(pool, text, [sub, now]);
    },
  };
}
