// Accounts in Postgres: one statement a verb.
import type pg from 'pg';
import type { AccountRecord, AccountStore } from '../stores.ts';
import { changeRecord, createRecord, findRecord, query } from './statements.ts';

const SELECT = `
  SELECT sub, email, name, password_hash AS "passwordHash", claims,
         created_at AS "createdAt", updated_at AS "updatedAt",
         disabled_at AS "disabledAt", tokens_valid_after AS "tokensValidAfter"
  FROM accounts`;

const KNOWN = 'SELECT FROM accounts WHERE sub = $2';

/** E-mails are compared in this form: every spelling of one letter is one, and so are its cases. */
const folded = (email: string) => email.normalize('NFC').toLowerCase();

export function postgresAccounts(pool: pg.Pool): AccountStore {
  return {
    create(account, audit) {
      const { sub, email, name, passwordHash, claims, ...instants } = account;
      const insert = `
        INSERT INTO accounts (sub, email, folded_email, name, password_hash, claims,
                              created_at, updated_at, disabled_at, tokens_valid_after)
        VALUES ($2, $3, $4, $5, $6, $7, $8, $9, $10, $11)`;
      const { createdAt, updatedAt, disabledAt, tokensValidAfter } = instants;
      const who = [sub, email, folded(email), name, passwordHash, JSON.stringify(claims)];
      return createRecord(pool, insert, [...who, createdAt, updatedAt, disabledAt, tokensValidAfter], audit);
    },

    findByEmail: (email) =>
      findRecord<AccountRecord>(pool, `${SELECT} WHERE folded_email = $1`, folded(email)),

    findBySub: (sub) => findRecord<AccountRecord>(pool, `${SELECT} WHERE sub = $1`, sub),

    list: () => query<AccountRecord>(pool, `${SELECT} ORDER BY folded_email`),

    setPassword(sub, passwordHash, at, audit) {
      const update = `
        UPDATE accounts SET
          password_hash = $3, tokens_valid_after = GREATEST(tokens_valid_after, $4), updated_at = $5
        FROM known
        WHERE sub = $2 AND (password_hash IS DISTINCT FROM $3 OR ${isBefore('$4')})`;
      return changeRecord(pool, KNOWN, update, [sub, passwordHash, at, audit.at], audit);
    },

    setDisabled(sub, at, audit) {
      const update = `
        UPDATE accounts SET
          disabled_at = $3, tokens_valid_after = GREATEST(tokens_valid_after, $3), updated_at = $4
        FROM known
        WHERE sub = $2 AND (disabled_at IS NULL) <> ($3::float8 IS NULL)`;
      return changeRecord(pool, KNOWN, update, [sub, at, audit.at], audit);
    },

    cutOff(sub, at, audit) {
      const update = `
        UPDATE accounts SET tokens_valid_after = $3, updated_at = $4 FROM known
        WHERE sub = $2 AND ${isBefore('$3')}`;
      return changeRecord(pool, KNOWN, update, [sub, at, audit.at], audit);
    },
  };
}

const isBefore = (at: string) => `(tokens_valid_after IS NULL OR tokens_valid_after < ${at})`;
