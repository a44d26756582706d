// The database beneath the stores, embedded and on a server: what every store above may rely on.
import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import t, { type Test } from 'tap';
import { OperatorError } from '../../src/operator-error.ts';
import {
  asUnavailable,
  type Database,
  isUnavailable,
  openDatabase,
  transaction,
} from '../../src/stores/postgres/database.ts';
import { migrate, migrationStatus, migrationsFolder } from '../../src/stores/postgres/migrations.ts';
import { StoreUnavailableError } from '../../src/stores/unavailable.ts';

const serverUrl = process.env.TEST_DATABASE_URL;

/** What is thrown, to look at more than its message. */
async function failure(work: Promise<unknown>): Promise<Error & { exitCode?: number; code?: string }> {
  const outcome = await work.then(
    () => undefined,
    (error) => error,
  );
  if (!(outcome instanceof Error)) throw new Error('nothing was thrown');
  return outcome;
}

function scratch(t: Test): string {
  const folder = mkdtempSync(join(tmpdir(), 'mintmark-'));
  t.teardown(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

/** A folder of migrations: content by version, each called `step`. */
function migrations(t: Test, steps: Record<number, string>): string {
  const folder = join(scratch(t));
  for (const [version, sql] of Object.entries(steps)) {
    writeFileSync(join(folder, `${version.padStart(3, '0')}.do.step.sql`), sql);
  }
  return folder;
}

async function emptied(database: Database): Promise<void> {
  await database.pool.query('DROP SCHEMA public CASCADE; CREATE SCHEMA public');
}

/** What holds on every database. `database` is empty. */
function suite(t: Test, database: Database): void {
  const { pool } = database;

  t.beforeEach(() => emptied(database));

  t.test('an error in a statement with parameters leaves the connection usable', async (t) => {
    await transaction(pool, async (client) => {
      await client.query('CREATE TABLE things (id int PRIMARY KEY)');
      await client.query('INSERT INTO things VALUES ($1)', [1]);
    });
    const client = await pool.connect();
    t.equal((await failure(client.query('INSERT INTO things VALUES ($1)', [1]))).code, '23505');
    t.equal((await failure(client.query('SELECT nothing, $1::int', [1]))).code, '42703');
    t.same((await client.query('SELECT $1::int AS one', [1])).rows, [{ one: 1 }]);
    client.release();
  });

  t.test('a row of a megabyte goes there and back', async (t) => {
    await pool.query('CREATE TABLE things (text text, bytes bytea)');
    const [text, bytes] = ['ü'.repeat(500_000), randomBytes(1_000_000)];
    await pool.query('INSERT INTO things VALUES ($1, $2)', [text, bytes]);
    const { rows } = await pool.query('SELECT text, bytes FROM things');
    t.equal(rows[0].text, text);
    t.equal(Buffer.compare(rows[0].bytes, bytes), 0);
  });

  t.test('a transaction whose work throws changes nothing and throws the same', async (t) => {
    await pool.query('CREATE TABLE things (id int)');
    const thrown = new Error('changed my mind');
    const work = transaction(pool, async (client) => {
      await client.query('INSERT INTO things VALUES (1)');
      throw thrown;
    });
    t.equal(await failure(work), thrown);
    t.same((await pool.query('SELECT FROM things')).rowCount, 0);
  });

  t.test('a transaction that failed within is not taken for a committed one', async (t) => {
    const work = transaction(pool, async (client) => {
      await client.query('CREATE TABLE things (id int)');
      await client.query('SELECT nothing').catch(() => {});
    });
    t.match(await failure(work), { message: /rolled back/ });
    t.same((await pool.query("SELECT to_regclass('things') AS found")).rows, [{ found: null }]);
  });

  t.test('transactions that add to one row at the same time lose nothing', async (t) => {
    await pool.query('CREATE TABLE counter AS SELECT 0 AS n');
    const add = () =>
      transaction(pool, async (client) => {
        const { rows } = await client.query('SELECT n FROM counter FOR UPDATE');
        await client.query('UPDATE counter SET n = $1', [rows[0].n + 1]);
      });
    await Promise.all(Array.from({ length: 20 }, add));
    t.same((await pool.query('SELECT n FROM counter')).rows, [{ n: 20 }]);
  });

  t.test(
    'a connection that the server ends is a store that is unavailable, and the next query works',
    async (t) => {
      const kill = 'SELECT pg_terminate_backend(pg_backend_pid())';
      // PGlite has no other process to end it; what ends it is a statement that it cannot survive.
      const deadly = database.embedded ? 'COPY (VALUES (1)) TO STDOUT; COPY things FROM STDIN' : kill;
      await pool.query('CREATE TABLE things (id int)');
      t.ok(isUnavailable(await failure(pool.query(deadly))));
      const within = transaction(pool, async (client) => {
        await client.query('INSERT INTO things VALUES (1)');
        await client.query(deadly);
      });
      t.type(await failure(within), StoreUnavailableError);
      t.same((await pool.query('SELECT FROM things')).rowCount, 0);
    },
  );

  t.test('a client that dies while nobody asks it anything does not end the process', async (t) => {
    const client = await pool.connect();
    const ended = new Promise((resolve) => client.once('end', resolve));
    (
      client as unknown as { connection: { stream: { destroy(error: Error): void } } }
    ).connection.stream.destroy(new Error('cut'));
    await ended;
    client.release();
    t.same((await pool.query('SELECT 1 AS one')).rows, [{ one: 1 }]);
  });

  t.test('migrations are applied in order, once, and what is pending is known before', async (t) => {
    const folder = migrations(t, {
      1: 'CREATE TABLE things (id int);\nINSERT INTO things VALUES (1);',
      2: 'ALTER TABLE things ADD COLUMN two int DEFAULT 2;',
      10: 'UPDATE things SET two = 10;',
    });
    const steps = [1, 2, 10].map((version) => ({ version, name: 'step' }));
    t.same(await migrationStatus(database, folder), { current: 0, latest: 10, pending: steps });
    t.same(await migrate(database, folder), { applied: steps });
    t.same((await pool.query('SELECT * FROM things')).rows, [{ id: 1, two: 10 }]);
    t.same(await migrationStatus(database, folder), { current: 10, latest: 10, pending: [] });
    t.same(await migrate(database, folder), { applied: [] });
  });

  t.test('several that migrate at once apply each migration once, and all find it done', async (t) => {
    const folder = migrations(t, { 1: 'CREATE TABLE things (id int)', 2: 'INSERT INTO things VALUES (1)' });
    const applied = await Promise.all(Array.from({ length: 5 }, () => migrate(database, folder)));
    t.same(applied.flatMap((one) => one.applied).length, 2);
    t.same((await pool.query('SELECT * FROM things')).rows, [{ id: 1 }]);
  });

  t.test('a migration that fails takes those before it back, and can be tried again', async (t) => {
    const folder = migrations(t, { 1: 'CREATE TABLE things (id int)', 2: 'CREATE TABLE things (id int)' });
    const error = await failure(migrate(database, folder));
    t.match(error, { exitCode: 1, message: /none was applied: relation "things" already exists/ });
    t.same((await migrationStatus(database, folder)).current, 0);
    writeFileSync(join(folder, '002.do.step.sql'), 'CREATE TABLE others (id int)');
    t.equal((await migrate(database, folder)).applied.length, 2);
  });

  t.test('a database newer than the code is served, as after a deploy is rolled back', async (t) => {
    const newer = migrations(t, { 1: 'CREATE TABLE things (id int)', 2: 'ALTER TABLE things ADD two int' });
    await migrate(database, newer);
    rmSync(join(newer, '002.do.step.sql'));
    t.same(await migrate(database, newer), { applied: [] });
    t.same(await migrationStatus(database, newer), { current: 2, latest: 1, pending: [] });
  });

  t.test('a migration that was changed after it was applied is refused by name', async (t) => {
    const folder = migrations(t, { 1: 'CREATE TABLE things (id int)' });
    await migrate(database, folder);
    writeFileSync(join(folder, '001.do.step.sql'), 'CREATE TABLE things (id int)\r\n');
    for (const refused of [migrate, migrationStatus]) {
      const error = await failure(refused(database, folder));
      t.type(error, OperatorError);
      t.match(error.message, /migration 1 \(step\) was changed after it was applied/);
    }
  });

  t.test('a migration numbered below one that was applied is refused', async (t) => {
    const folder = migrations(t, { 2: 'CREATE TABLE things (id int)' });
    await migrate(database, folder);
    writeFileSync(join(folder, '001.do.late.sql'), 'SELECT 1');
    t.match(await failure(migrate(database, folder)), {
      exitCode: 1,
      message: /migration 1 \(late\).*renumber/,
    });
  });

  t.test('the migrations that ship apply', async (t) => {
    const { pending } = await migrationStatus(database);
    t.ok(pending.length > 0, migrationsFolder);
    t.same((await migrate(database)).applied, pending);
  });
}

t.test('embedded', async (t) => {
  const database = await openDatabase({ dataFolder: scratch(t), beside: false });
  t.teardown(() => database.close());
  suite(t, database);

  t.test(
    'what holds the one connection and asks the pool for another is told so, and does not hang',
    async (t) => {
      const work = transaction(database.pool, () => database.pool.query('SELECT 1'));
      t.type(await failure(work), StoreUnavailableError);
      t.same((await database.pool.query('SELECT 1 AS one')).rows, [{ one: 1 }]);
    },
  );

  t.end();
});

t.test('on a server', { skip: serverUrl ? false : 'no TEST_DATABASE_URL' }, async (t) => {
  const name = `mintmark_test_${randomBytes(6).toString('hex')}`;
  const admin = new pg.Client(serverUrl);
  await admin.connect();
  await admin.query(`CREATE DATABASE ${name}`);
  const url = Object.assign(new URL(serverUrl ?? ''), { pathname: `/${name}` });
  const database = await openDatabase({ url: url.href, dataFolder: '', beside: false });
  t.teardown(async () => {
    await database.close();
    await admin.query(`DROP DATABASE ${name} WITH (FORCE)`);
    await admin.end();
  });
  suite(t, database);

  t.test('what describes it has no password', (t) => {
    t.equal(database.embedded, false);
    t.equal(database.describe(), `Postgres at ${url.username}@${url.hostname}:${url.port}/${name}`);
    t.end();
  });

  t.test('a password that is wrong is said without saying it', async (t) => {
    const wrong = Object.assign(new URL(url), { password: 'swordfish' });
    const error = await failure(openDatabase({ url: wrong.href, dataFolder: '', beside: false }));
    t.match(error, { exitCode: 5, message: /cannot reach .*: password authentication failed/ });
    t.notMatch(`${error.message} ${error.stack}`, /swordfish/);
  });

  t.end();
});

t.test('a server that is not there, or silent, is said within two seconds', async (t) => {
  const silent = createServer().listen(0, '127.0.0.1');
  await new Promise((resolve) => silent.once('listening', resolve));
  t.teardown(() => silent.close());
  const { port } = silent.address() as { port: number };
  for (const [address, reason] of [
    ['127.0.0.1:1', /ECONNREFUSED/],
    [`127.0.0.1:${port}`, /timeout/],
  ] as const) {
    const started = performance.now();
    const opened = openDatabase({
      url: `postgres://u:swordfish@${address}/d`,
      dataFolder: '',
      beside: false,
    });
    const error = await failure(opened);
    t.ok(performance.now() - started < 2000);
    t.match(error, { exitCode: 5, message: `cannot reach Postgres at u@${address}/d` });
    t.match(error.message, reason);
    t.notMatch(error.message, /swordfish/);
  }
  const nobody = await failure(
    openDatabase({ url: 'postgres://127.0.0.1:1/d', dataFolder: '', beside: false }),
  );
  t.match(nobody.message, /at (\w+@)?127\.0\.0\.1:1\/d/);
  t.notMatch(nobody.message, /undefined/);
});

t.test('a URL that is none is refused without being quoted', async (t) => {
  const error = await failure(
    openDatabase({ url: 'postgres://u:swordfish@[', dataFolder: '', beside: false }),
  );
  t.match(error, { exitCode: 1, message: /DATABASE_URL is not a Postgres URL/ });
  t.notMatch(error.message, /swordfish/);
});

t.test('what Postgres refuses is told from a Postgres that is away', async (t) => {
  const refused = Object.assign(new Error('duplicate key'), { code: '23505' });
  t.equal(asUnavailable(refused), refused);
  for (const code of ['57P01', '08006', '53300', '57014', 'ECONNREFUSED']) {
    const away = Object.assign(new Error('away'), { code });
    t.match(
      asUnavailable(away),
      new StoreUnavailableError('Postgres cannot be used now: away', { cause: away }),
    );
  }
  const both = new AggregateError([new Error('::1 refused'), new Error('127.0.0.1 refused')]);
  t.match(asUnavailable(Object.assign(both, { code: 'ECONNREFUSED' })), {
    message: /::1 refused, 127.0.0.1 refused/,
  });
});
