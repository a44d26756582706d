// What clients are still to be told of sessions that have ended, in Postgres. Written where the session ends
// (sessions.ts), so that no end is forgotten.
import type pg from 'pg';
import type { LogoutNotice, LogoutNoticeStore } from '../stores.ts';
import { query } from './statements.ts';

// Of two replicas, each takes what the other does not.
const TAKE = `
  WITH taken AS (
    SELECT sid, client_id FROM logout_notices WHERE due_at <= $1 ORDER BY due_at LIMIT $3 FOR UPDATE SKIP LOCKED
  )
  UPDATE logout_notices AS notice SET attempts = attempts + 1, due_at = $2 FROM taken
  WHERE notice.sid = taken.sid AND notice.client_id = taken.client_id
  RETURNING notice.sid, notice.client_id AS "clientId", sub, ended_at AS "endedAt", attempts`;

export function postgresLogoutNotices(pool: pg.Pool): LogoutNoticeStore {
  return {
    take: (now, until, limit) => query<LogoutNotice>(pool, TAKE, [now, until, limit]),

    async postpone({ sid, clientId }, at) {
      const text = 'UPDATE logout_notices SET due_at = $3 WHERE sid = $1 AND client_id = $2';
      await query(pool, text, [sid, clientId, at]);
    },

    async remove({ sid, clientId }) {
      await query(pool, 'DELETE FROM logout_notices WHERE sid = $1 AND client_id = $2', [sid, clientId]);
    },
  };
}
