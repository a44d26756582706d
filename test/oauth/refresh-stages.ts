// Where a history of refresh tokens is lived: the hot and the durable store of families in memory, on Redis, on
// Postgres. A stage may be used by many histories, one after another: each brings accounts of its own.
import type { Test } from 'tap';
import { systemClock } from '../../src/clock.ts';
import { systemRandom } from '../../src/random.ts';
import { type DatabaseOptions, openDatabase } from '../../src/stores/postgres/database.ts';
import { migrate } from '../../src/stores/postgres/migrations.ts';
import { postgresStores } from '../../src/stores/postgres/postgres-stores.ts';
import { openRedis } from '../../src/stores/redis/connection.ts';
import { redisStores } from '../../src/stores/redis/redis-stores.ts';
import type { AccountRecord, ClientRecord, FamilyStateStore, FamilyStore } from '../../src/stores/stores.ts';
import { type MemoryAccount, memoryFamilies, memoryFamilyStates, type Stored } from './memory-families.ts';

export interface Stage {
  readonly hot: FamilyStateStore;
  readonly families: FamilyStore;
  /** the hot store's clock */
  now(): number;
  advance(seconds: number): void;
  account(): Promise<AccountRecord>;
  /** "Sign out everywhere", acknowledged. */
  signOut(sub: string): Promise<void>;
  disable(sub: string): Promise<void>;
  /** What the hot store holds, without asking through the port. */
  peek(id: string): Promise<Stored | undefined>;
  /** Puts it back, or takes it away. */
  put(id: string, stored: Stored | undefined): Promise<void>;
}

/** The two clients of every history. */
export const CLIENTS = ['a', 'b'] as const;

const START = 1_800_000_000;

function newAccount(now: number): AccountRecord {
  const sub = systemRandom.id();
  const empty = { name: null, passwordHash: null, claims: {}, disabledAt: null, tokensValidAfter: null };
  return { sub, email: `${sub}@example.com`, ...empty, createdAt: now, updatedAt: now };
}

/** The durable half as a model. */
function memoryHalf(now: () => number) {
  const accounts = new Map<string, MemoryAccount>();
  const known = (sub: string) => accounts.get(sub) as MemoryAccount;
  return {
    families: memoryFamilies(accounts),
    account: async () => {
      const account = newAccount(now());
      accounts.set(account.sub, { ...account });
      return account;
    },
    signOut: async (sub: string) => {
      known(sub).tokensValidAfter = now();
    },
    disable: async (sub: string) => {
      known(sub).disabledAt = now();
    },
  };
}

/** A clock that stands still until it is moved, but for a millisecond with every reading. */
export function memoryStage(): Stage {
  let milliseconds = START * 1000;
  const now = () => milliseconds / 1000;
  const hot = memoryFamilyStates(now);
  return {
    ...memoryHalf(now),
    hot: {
      ...hot,
      find: (id) => {
        milliseconds += 1;
        return hot.find(id);
      },
    },
    now,
    advance: (seconds) => {
      milliseconds += Math.round(seconds * 1000);
    },
    peek: async (id) => hot.peek(id),
    put: async (id, stored) => hot.put(id, stored),
  };
}

/** The world's time, and as far ahead of it as the histories have come. */
function movedClock() {
  let ahead = 0;
  return {
    ahead: () => ahead,
    now: () => systemClock.now() + ahead,
    advance: (seconds: number) => {
      ahead += seconds;
    },
  };
}

/** Redis beside a model of the durable half. Redis drops what expires by the world's time, not by ours. */
export async function redisStage(t: Test, url: string): Promise<Stage> {
  const { redis, close } = await openRedis(url);
  t.teardown(close);
  const clock = movedClock();
  const keyOf = (id: string) => `mm:{${id}}`;
  return {
    ...memoryHalf(clock.now),
    ...clock,
    hot: redisStores(redis, clock.ahead).familyStates,
    peek: async (id) => {
      const [text, left] = await Promise.all([redis.get(keyOf(id)), redis.pttl(keyOf(id))]);
      if (text === null) return undefined;
      return { text, expiresAt: left === -1 ? Number.POSITIVE_INFINITY : clock.now() + left / 1000 };
    },
    put: async (id, stored) => {
      if (stored === undefined) await redis.del(keyOf(id));
      else
        await redis.set(
          keyOf(id),
          stored.text,
          'PX',
          Math.max(1, Math.ceil((stored.expiresAt - clock.now()) * 1000)),
        );
    },
  };
}

/** Both halves on Postgres. */
export async function postgresStage(t: Test, options: DatabaseOptions & { beside: false }): Promise<Stage> {
  const database = await openDatabase(options);
  t.teardown(() => database.close());
  await migrate(database);
  const clock = movedClock();
  const { accounts, clients, families, familyStates } = postgresStores(database, clock.ahead);
  const entry = (subject: string) => ({ at: clock.now(), event: 'test.done', actor: 'test', subject });
  for (const clientId of CLIENTS) await clients.create(clientRecord(clientId), entry(clientId));
  const { pool } = database;
  const bytes = (id: string) => Buffer.from(id, 'base64url');
  return {
    ...clock,
    hot: familyStates,
    families,
    account: async () => {
      const account = newAccount(clock.now());
      await accounts.create(account, entry(account.sub));
      return account;
    },
    signOut: async (sub) => void (await accounts.cutOff(sub, clock.now(), entry(sub))),
    disable: async (sub) => void (await accounts.setDisabled(sub, clock.now(), entry(sub))),
    peek: async (id) => {
      const { rows } = await pool.query('SELECT state, expires_at FROM family_states WHERE id = $1', [
        bytes(id),
      ]);
      return rows[0] && { text: rows[0].state, expiresAt: rows[0].expires_at };
    },
    put: async (id, stored) => {
      await pool.query('DELETE FROM family_states WHERE id = $1', [bytes(id)]);
      if (stored === undefined) return;
      const values = [bytes(id), stored.text, stored.expiresAt];
      await pool.query('INSERT INTO family_states (id, state, expires_at) VALUES ($1, $2, $3)', values);
    },
  };
}

/** As the histories use it. */
export function clientRecord(clientId: string, metadata: object = {}): ClientRecord {
  return {
    clientId,
    metadata: {
      grant_types: ['refresh_token'],
      token_endpoint_auth_method: 'none',
      scope: 'read',
      ...metadata,
    } as ClientRecord['metadata'],
    secrets: [],
    createdAt: START,
    updatedAt: START,
    disabledAt: null,
    tokensValidAfter: null,
  };
}
