// The audit log in Postgres: appended to, never changed.
import type pg from 'pg';
import type { AuditEntry, AuditStore } from '../stores.ts';
import { query, writeAudit } from './statements.ts';

type Row = AuditEntry & { readonly details: AuditEntry['details'] | null };

export function postgresAudit(pool: pg.Pool): AuditStore {
  return {
    async append(entry) {
      await query(pool, writeAudit('$1'), [JSON.stringify([entry])]);
    },

    async list({ limit, subject }) {
      const text = `
        SELECT at, event, actor, subject, details FROM audit_log
        ${subject === undefined ? '' : 'WHERE subject = $2'}
        ORDER BY id DESC LIMIT $1`;
      const rows = await query<Row>(pool, text, subject === undefined ? [limit] : [limit, subject]);
      return rows.map(({ details, ...entry }) => (details ? { ...entry, details } : entry));
    },
  };
}
