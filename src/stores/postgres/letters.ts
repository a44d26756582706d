// What is still to be mailed, in Postgres.
import type pg from 'pg';
import type { Letter, LetterStore } from '../stores.ts';
import { query } from './statements.ts';

const ADD = `
  INSERT INTO letters (id, kind, email, language, interaction, created_at, due_at)
  VALUES ($1, $2, $3, $4, $5, $6, $6)`;

// Of two replicas, each takes what the other does not.
const TAKE = `
  WITH taken AS (
    SELECT id FROM letters WHERE due_at <= $1 ORDER BY due_at LIMIT $3 FOR UPDATE SKIP LOCKED
  )
  UPDATE letters AS letter SET attempts = attempts + 1, due_at = $2 FROM taken WHERE letter.id = taken.id
  RETURNING letter.id, kind, email, language, interaction, created_at AS "createdAt", attempts`;

export function postgresLetters(pool: pg.Pool): LetterStore {
  return {
    async add({ id, kind, email, language, interaction, createdAt }) {
      await query(pool, ADD, [id, kind, email, language, interaction, createdAt]);
    },

    take: (now, until, limit) => query<Letter>(pool, TAKE, [now, until, limit]),

    async postpone({ id }, at) {
      await query(pool, 'UPDATE letters SET due_at = $2 WHERE id = $1', [id, at]);
    },

    async remove({ id }) {
      await query(pool, 'DELETE FROM letters WHERE id = $1', [id]);
    },
  };
}
