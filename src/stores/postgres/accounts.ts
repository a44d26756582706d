// Accounts in Postgres: one statement a verb.
import type pg from 'pg';
import { foldedEmail } from '../folded-email.ts';
import type { AccountRecord, AccountStore } from '../stores.ts';
import { changeRecord, createRecord, findRecord, query, requestLifetime } from './statements.ts';

const SELECT = `
  SELECT sub, email, name, password_hash AS "passwordHash", claims,
         created_at AS "createdAt", updated_at AS "updatedAt",
         disabled_at AS "disabledAt", tokens_valid_after AS "tokensValidAfter"
  FROM accounts`;

const KNOWN = 'SELECT FROM accounts WHERE sub = $2';

export function postgresAccounts(pool: pg.Pool): AccountStore {
  return {
    create(account, audit) {
      const { sub, email, name, passwordHash, claims, ...instants } = account;
      const insert = `
        INSERT INTO accounts (sub, email, folded_email, name, password_hash, claims,
                              created_at, updated_at, disabled_at, tokens_valid_after)
        VALUES ($2, $3, $4, $5, $6, $7, $8, $9, $10, $11)`;
      const { createdAt, updatedAt, disabledAt, tokensValidAfter } = instants;
      const who = [sub, email, foldedEmail(email), name, passwordHash, JSON.stringify(claims)];
      return createRecord(pool, insert, [...who, createdAt, updatedAt, disabledAt, tokensValidAfter], audit);
    },

    findByEmail: (email) =>
      findRecord<AccountRecord>(pool, `${SELECT} WHERE folded_email = $1`, foldedEmail(email)),

    findBySub: (sub) => findRecord<AccountRecord>(pool, `${SELECT} WHERE sub = $1`, sub),

    list: () => query<AccountRecord>(pool, `${SELECT} ORDER BY folded_email`),

    setPassword(sub, passwordHash, at, audit) {
      const update = `
        UPDATE accounts SET password_hash = $3, tokens_valid_after = ${movedTo('$4')}, updated_at = $5
        FROM known WHERE sub = $2`;
      return changeRecord(pool, KNOWN, update, [sub, passwordHash, at, audit.at], audit);
    },

    setDisabled(sub, at, audit) {
      const update = `
        UPDATE accounts SET
          disabled_at = $3, updated_at = $4,
          tokens_valid_after = CASE WHEN $3::float8 IS NULL THEN tokens_valid_after ELSE ${movedTo('$3')} END
        FROM known
        WHERE sub = $2 AND (disabled_at IS NULL) <> ($3::float8 IS NULL)`;
      return changeRecord(pool, KNOWN, update, [sub, at, audit.at], audit);
    },

    cutOff(sub, at, audit) {
      const update = `
        UPDATE accounts SET tokens_valid_after = ${movedTo('$3')}, updated_at = $4 FROM known
        WHERE sub = $2`;
      return changeRecord(pool, KNOWN, update, [sub, at, audit.at], audit);
    },

    verifyEmail(sub, audit) {
      const update = `
        UPDATE accounts SET claims = claims || '{"email_verified":true}', updated_at = $3 FROM known
        WHERE sub = $2 AND claims->'email_verified' IS DISTINCT FROM 'true'`;
      return changeRecord(pool, KNOWN, update, [sub, audit.at], audit);
    },

    async replaceHash(sub, expected, passwordHash) {
      const update =
        'UPDATE accounts SET password_hash = $3 WHERE sub = $1 AND password_hash = $2 RETURNING 1';
      const changed = await query(pool, update, [sub, expected, passwordHash]);
      return changed.length === 1 ? 'changed' : 'unchanged';
    },

    async longestImportedHash() {
      const [row] = await query<{ iterations: number | null }>(pool, LONGEST_IMPORTED, [], requestLifetime);
      return row?.iterations ?? 0;
    },
  };
}

// As the index on them spells it.
const LONGEST_IMPORTED = `
  SELECT max(split_part(password_hash, '$', 2)::integer) AS iterations
  FROM accounts WHERE password_hash LIKE 'pbkdf2\\_sha256$%'`;

/** A cut-off always moves: families are told by its value that it is another. */
export const movedTo = (at: string): string => `GREATEST(${at}, tokens_valid_after + 0.000001)`;
