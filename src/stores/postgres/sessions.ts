// Browsers' sign-ins in Postgres: durable, since a person looks through them and ends them one by one.
import type pg from 'pg';
import type { Session } from '../../oauth/session.ts';
import { replayDigest } from '../replay-digest.ts';
import type { AccountRecord, SessionStore } from '../stores.ts';
import { changeRecord, query, requestLifetime, writeAudit } from './statements.ts';

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

const digestOf = (id: string): Buffer => replayDigest('session', id);

export function postgresSessions(pool: pg.Pool): SessionStore {
  return {
    async create(id, session, audit) {
      const { sid, sub, authTime, acr, amr, createdAt, lastSeenAt, expiresAt } = session;
      const instants = [createdAt, lastSeenAt, expiresAt, session.accountCutOff];
      const values = [
        digestOf(id),
        sid,
        sub,
        authTime,
        acr,
        amr,
        ...instants,
        session.userAgent,
        session.address,
      ];
      await query(pool, CREATE, [JSON.stringify([audit]), ...values], requestLifetime);
    },

    async find(id) {
      const [row] = await query<Session & { account: AccountRecord }>(
        pool,
        FIND,
        [digestOf(id)],
        requestLifetime,
      );
      if (row === undefined) return undefined;
      const { account, ...session } = row;
      return { session, account };
    },

    async touch(id, at) {
      const text = 'UPDATE sessions SET last_seen_at = $2 WHERE digest = $1 AND last_seen_at < $2';
      await query(pool, text, [digestOf(id), at], requestLifetime);
    },

    end(sid, audit) {
      const known = 'SELECT FROM sessions WHERE sid = $2';
      return changeRecord(pool, known, 'DELETE FROM sessions USING known WHERE sid = $2', [sid], audit);
    },

    listOf(sub, now) {
      const text = `
        SELECT ${SESSION} FROM sessions AS session
        WHERE sub = $1 AND expires_at > $2 ORDER BY last_seen_at DESC, sid`;
      return query<Session>(pool, text, [sub, now]);
    },
  };
}
