// The embedded store as processes meet it: one has the data folder, others come beside it, and any may die.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  chmodSync,
  chownSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import net from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import fc from 'fast-check';
import type pg from 'pg';
import t, { type Test } from 'tap';
import type { Timer } from '../../src/stores/postgres/arbiter.ts';
import {
  type Database,
  type DatabaseOptions,
  openDatabase,
  transaction,
} from '../../src/stores/postgres/database.ts';
import { migrate, migrationStatus } from '../../src/stores/postgres/migrations.ts';
import { createRequestReader, query, startupMessage } from '../../src/stores/postgres/protocol.ts';
import { templateFile } from '../../src/stores/postgres/template.ts';
import { StoreUnavailableError } from '../../src/stores/unavailable.ts';
// As `npm run build` does, so that a first start is a quick one here too.
import '../../scripts/build-template.ts';
import '../helpers/search.ts';

function scratch(t: Test): string {
  const folder = mkdtempSync(join(tmpdir(), 'mintmark-'));
  t.teardown(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

async function open(t: Test, options: Omit<DatabaseOptions, 'url'>): Promise<Database> {
  const database = await openDatabase(options);
  t.teardown(() => database.close());
  return database;
}

const counted = async (pool: pg.Pool, table: string): Promise<number> =>
  (await pool.query(`SELECT count(*)::int AS n FROM ${table}`)).rows[0].n;

/** A process as test/helpers/embedded-process.ts says. `line` is its next line, undefined after the last. */
function start(t: Test, ...args: string[]): ChildProcess & { line(): Promise<string | undefined> } {
  const program = fileURLToPath(new URL('../helpers/embedded-process.js', import.meta.url));
  const child = spawn(process.execPath, [program, ...args], { stdio: ['ignore', 'pipe', 'inherit'] });
  t.teardown(() => child.kill('SIGKILL'));
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  return Object.assign(child, { line: async () => (await lines.next()).value });
}

async function kill(child: ChildProcess): Promise<void> {
  const exited = once(child, 'exit');
  child.kill('SIGKILL');
  await exited;
}

/** A data folder that was started before: a first start costs more. One test at a time has it. */
const used = scratch(t);

t.test('beside a running service', async (t) => {
  const dataFolder = used;
  const timers = fakeTimers();
  const service = await open(t, {
    dataFolder,
    beside: false,
    timer: timers.timer,
    idleInTransactionLifetime: 5,
  });
  const beside = await open(t, { dataFolder, beside: true });
  let foreignCommits = 0;
  service.onForeignCommit(() => foreignCommits++);

  t.beforeEach(async () => {
    await service.pool.query('DROP TABLE IF EXISTS things; CREATE TABLE things (n int)');
  });

  t.test('says where it is', async (t) => {
    t.equal(service.describe(), `the embedded store in ${dataFolder}`);
    t.equal(beside.describe(), `the embedded store in ${dataFolder}, through the running service`);
  });

  t.test('a second service is refused, with the folder and what to do', async (t) => {
    await t.rejects(openDatabase({ dataFolder, beside: false }), {
      exitCode: 1,
      message: `a service is running on the data folder ${dataFolder}: stop it, or set MINTMARK_DATA`,
    });
  });

  t.test('transactions from both sides do not run into each other, and lose nothing', async (t) => {
    await service.pool.query('INSERT INTO things VALUES (0)');
    const seen: string[] = [];
    const add = (who: string, { pool }: Database) =>
      transaction(pool, async (client) => {
        seen.push(who);
        const { rows } = await client.query('SELECT n FROM things');
        await client.query('SELECT 1');
        await client.query('UPDATE things SET n = $1', [rows[0].n + 1]);
        seen.push(who);
      });
    const side = async (who: string, database: Database) => {
      for (let i = 0; i < 100; i++) await add(who, database);
    };
    await Promise.all([side('service', service), side('beside', beside)]);
    t.same((await service.pool.query('SELECT n FROM things')).rows, [{ n: 200 }]);
    const switches = seen.filter((who, i) => i > 0 && who !== seen[i - 1]).length;
    t.ok(switches > 20, `they took turns (${switches} times)`);
    t.ok(
      seen.every((who, i) => i % 2 === 0 || who === seen[i - 1]),
      'and none began inside another',
    );
  });

  t.test(
    'what others commit is told; what they read or roll back, or the service does, is not',
    async (t) => {
      await beside.pool.query('SELECT 1');
      foreignCommits = 0;
      await service.pool.query('INSERT INTO things VALUES (1)');
      await transaction(beside.pool, () => Promise.reject(new Error('no'))).catch(() => {});
      // The first look after others' writes may not tell whose they were.
      t.ok(foreignCommits <= 1);
      foreignCommits = 0;
      await beside.pool.query('SELECT n FROM things');
      t.equal(foreignCommits, 0);
      await beside.pool.query('WITH one AS (INSERT INTO things VALUES (2) RETURNING 1) SELECT FROM one');
      t.equal(foreignCommits, 1);
      await transaction(beside.pool, async (client) => {
        await client.query('INSERT INTO things VALUES (3)');
        t.equal(foreignCommits, 1, 'not before the commit');
      });
      t.equal(foreignCommits, 2);
    },
  );

  t.test('who keeps a transaction open and asks nothing is rolled back and cut off', async (t) => {
    const client = await beside.pool.connect();
    await client.query('BEGIN; INSERT INTO things VALUES (1)');
    const waiting = counted(service.pool, 'things');
    const cut = new Promise((resolve) => client.once('end', resolve));
    t.equal(timers.running(5), 1);
    timers.expire(5);
    t.equal(await waiting, 0);
    await cut;
    await t.rejects(client.query('COMMIT'));
    client.release();
    t.equal(await counted(beside.pool, 'things'), 0);
  });

  t.test('so is the service itself, and its transaction says that the store was unavailable', async (t) => {
    const work = transaction(service.pool, async (client) => {
      await client.query('INSERT INTO things VALUES (1)');
      timers.expire(5);
      await client.query('INSERT INTO things VALUES (2)');
    });
    await t.rejects(work, StoreUnavailableError);
    t.equal(await counted(service.pool, 'things'), 0);
  });

  t.test('who works on in a transaction is left alone', async (t) => {
    await transaction(beside.pool, async (client) => {
      for (let i = 0; i < 3; i++) {
        await client.query('INSERT INTO things VALUES (1)');
        t.equal(timers.running(5), 1);
      }
    });
    t.equal(timers.running(5), 0);
  });

  t.test('the log is cut and dead rows are cleared away from time to time', async (t) => {
    const { pool } = service;
    const rows = async () =>
      (await pool.query("SELECT reltuples FROM pg_class WHERE relname = 'things'")).rows[0];
    const cut = async () =>
      (await pool.query('SELECT redo_lsn FROM pg_control_checkpoint()')).rows[0].redo_lsn;
    await pool.query('INSERT INTO things VALUES (1), (2), (3)');
    t.same(await rows(), { reltuples: -1 });
    timers.expire(300);
    t.same(await rows(), { reltuples: 3 });
    const before = await cut();
    timers.expire(300);
    t.not(await cut(), before);
    t.equal(timers.running(300), 1);
  });

  t.test('what others set goes with them', async (t) => {
    const other = await openDatabase({ dataFolder, beside: true });
    await other.pool.query("SET TimeZone = 'Asia/Tokyo'; CREATE TEMP TABLE mine (n int)");
    const gone = once(other.pool, 'remove');
    await other.close();
    await gone;
    t.same((await service.pool.query('SHOW TimeZone')).rows, [{ TimeZone: 'UTC' }]);
    t.same((await service.pool.query("SELECT to_regclass('mine') AS mine")).rows, [{ mine: null }]);
  });

  t.test('who waits for a turn and goes away makes room', async (t) => {
    const holder = await service.pool.connect();
    await holder.query('BEGIN');
    const impatient = await openDatabase({ dataFolder, beside: true });
    const waiting = impatient.pool.query('INSERT INTO things VALUES (1)');
    await turnsOfTheLoop();
    const client = (impatient.pool as unknown as { _clients: { connection: { stream: net.Socket } }[] })
      ._clients[0];
    client?.connection.stream.destroy();
    await t.rejects(waiting);
    await impatient.close();
    await holder.query('COMMIT');
    holder.release();
    t.equal(await counted(beside.pool, 'things'), 0, 'and what it asked for is not done');
  });

  t.test('what dies in a transaction is rolled back at once', async (t) => {
    await service.pool.query('INSERT INTO things VALUES (1)');
    const child = start(t, 'hang', dataFolder);
    t.equal(await child.line(), 'open');
    await kill(child);
    t.equal(await counted(service.pool, 'things'), 1);
    t.equal(timers.running(5), 0);
  });

  t.test('what does not speak the protocol is told and cut off, and nobody else notices', async (t) => {
    const impossible = Buffer.concat([startupMessage, Buffer.from('Q\0\0\0\0')]);
    for (const garbage of [Buffer.from('GET / HTTP/1.1\r\n\r\n'), impossible]) {
      t.match(await answerTo(join(dataFolder, 'mintmark.sock'), garbage), /FATAL.*08P01/);
    }
    t.same((await beside.pool.query('SELECT 1 AS one')).rows, [{ one: 1 }]);
  });

  t.test('what is asked before the last answer came is answered in order', async (t) => {
    const holder = await service.pool.connect();
    await holder.query('BEGIN');
    const socket = net.connect(join(dataFolder, 'mintmark.sock'));
    for (const bytes of [
      startupMessage,
      query('SELECT 41'),
      query('SELECT 42'),
      Buffer.from('X\0\0\0\x04'),
    ]) {
      socket.write(bytes);
      await turnsOfTheLoop();
    }
    await holder.query('COMMIT');
    holder.release();
    t.match(await everythingFrom(socket), /41.*SELECT 1.*42.*SELECT 1/s);
  });

  t.test('a client that asks for encryption first, as psql may, is told no and served', async (t) => {
    const sslRequest = Buffer.from([0, 0, 0, 8, 4, 210, 22, 47]);
    const asked = Buffer.concat([sslRequest, startupMessage, query('SELECT 42'), Buffer.from('X\0\0\0\x04')]);
    t.match(await answerTo(join(dataFolder, 'mintmark.sock'), asked), /^N.*server_version.*42.*SELECT 1/s);
  });

  t.test(
    'a rows-at-a-time query, which asks to flush in the middle, keeps its turn to the end',
    async (t) => {
      const client = await beside.pool.connect();
      const parts = client.query({
        text: 'SELECT * FROM generate_series(1, 5) AS n',
        rows: 2,
      } as pg.QueryConfig);
      const own = service.pool.query('SELECT 1 AS one');
      t.equal((await parts).rows.length, 5);
      t.same((await own).rows, [{ one: 1 }]);
      client.release();
    },
  );

  t.test(
    'a statement that Postgres dies of inside a batch stops there, and what was committed is there',
    async (t) => {
      await service.pool.query('INSERT INTO things VALUES (1)');
      const client = await beside.pool.connect();
      // From now on any error is the last.
      await client.query('SET exit_on_error = on');
      await t.rejects(client.query('SELECT nothing, $1::int', [1]), { code: '57P02' });
      client.release(true);
      t.equal(await counted(service.pool, 'things'), 1);
    },
  );

  t.end();
});

t.test('when the service stops, others are told so, and what they had open is undone', async (t) => {
  const service = await openDatabase({ dataFolder: used, beside: false });
  await service.pool.query('CREATE TABLE undone (n int)');
  const beside = await open(t, { dataFolder: used, beside: true });
  const client = await beside.pool.connect();
  await client.query('BEGIN; INSERT INTO undone VALUES (1)');
  const told = once(client, 'error');
  await service.close();
  t.match(await told, [{ code: '57P01' }]);
  client.release();
  t.same(readdirSync(used), ['postgres'], 'the socket is gone');
  const again = await open(t, { dataFolder: used, beside: false });
  t.equal(await counted(again.pool, 'undone'), 0);
});

t.test(
  'a service that is killed loses nothing it acknowledged, and the folder is free at once',
  async (t) => {
    let acknowledged = 0;
    for (const writes of [1, 100]) {
      const child = start(t, 'write', used);
      t.equal(await child.line(), 'open');
      for (let i = 0; i < writes; i++) acknowledged = Number(await child.line());
      await kill(child);
      t.ok(existsSync(join(used, 'mintmark.sock')), 'it left its socket behind');
    }
    const { pool } = await open(t, { dataFolder: used, beside: false });
    t.ok((await pool.query('SELECT max(n) AS n FROM written')).rows[0].n >= acknowledged);
  },
);

t.test('commands that start together where no service runs wait for one another', async (t) => {
  const names = ['a', 'b', 'c'];
  const commands = names.map((name) => start(t, 'command', used, name));
  t.same(await Promise.all(commands.map((command) => command.line())), ['done', 'done', 'done']);
  const { pool } = await open(t, { dataFolder: used, beside: false });
  t.same((await pool.query("SELECT string_agg(what, '' ORDER BY what) AS done FROM done")).rows, [
    { done: 'abc' },
  ]);
});

t.test('a service waits for a command that has the folder, and says so when it takes too long', async (t) => {
  const command = await openDatabase({ dataFolder: used, beside: true });
  await t.rejects(openDatabase({ dataFolder: used, beside: false, patience: 0.2 }), {
    exitCode: 1,
    message: `another command has the data folder ${used}: try again when it is done`,
  });
  const service = openDatabase({ dataFolder: used, beside: false });
  await command.close();
  await (await service).close();
});

t.test('another process has the folder', async (t) => {
  const folder = scratch(t);
  const alias = join(folder, 'alias');
  symlinkSync(used, alias);
  const child = start(t, 'serve', used);
  t.equal(await child.line(), 'open');

  t.test('so a service is refused, by whatever name it calls the folder', async (t) => {
    for (const dataFolder of [used, alias]) {
      await t.rejects(openDatabase({ dataFolder, beside: false }), { message: /a service is running/ });
    }
  });

  t.test(
    'and a command goes in beside it, also where the path is too long for a socket but near',
    async (t) => {
      const deep = join(folder, 'deep'.repeat(20), 'deeper'.repeat(10));
      mkdirSync(deep, { recursive: true });
      symlinkSync(used, join(deep, 'data'));
      const before = process.cwd();
      process.chdir(deep);
      t.teardown(() => process.chdir(before));
      const { pool } = await open(t, { dataFolder: 'data', beside: true });
      t.same((await pool.query('SELECT 1 AS one')).rows, [{ one: 1 }]);
    },
  );

  t.end();
});

t.test('a first start', async (t) => {
  const dataFolder = join(scratch(t), 'made', 'here');
  t.ok(existsSync(templateFile()));
  const database = await open(t, { dataFolder, beside: false });

  t.test('begins with the template of the build, all migrations applied', async (t) => {
    t.same((await migrationStatus(database)).pending, []);
  });

  t.test('makes a folder and a socket for their owner alone', async (t) => {
    for (const path of [dataFolder, join(dataFolder, 'postgres'), join(dataFolder, 'mintmark.sock')]) {
      t.equal(statSync(path).mode & 0o077, 0, path);
    }
  });

  t.end();
});

t.test('a first start without a template does the same, only slower', async (t) => {
  const database = await open(t, { dataFolder: scratch(t), beside: false, template: 'there is none' });
  const { pending } = await migrationStatus(database);
  t.same((await migrate(database)).applied, pending);
});

t.test('a first start that was interrupted leaves nothing that the next one believes', async (t) => {
  const dataFolder = scratch(t);
  for (const milliseconds of [200, 500]) {
    const child = start(t, 'serve', dataFolder);
    // Wherever this falls: before the folder is made, in the middle or after.
    const timeout = setTimeout(() => child.kill('SIGKILL'), milliseconds);
    await once(child, 'exit');
    clearTimeout(timeout);
  }
  mkdirSync(join(dataFolder, 'postgres.new', 'base'), { recursive: true });
  writeFileSync(join(dataFolder, 'postgres.new', 'PG_VERSION'), '18\n');
  rmSync(join(dataFolder, 'postgres'), { recursive: true, force: true });
  const database = await open(t, { dataFolder, beside: false });
  t.same((await migrationStatus(database)).pending, []);
  t.notOk(existsSync(join(dataFolder, 'postgres.new')));
});

t.test('a data folder that cannot serve is refused by name', async (t) => {
  const folder = scratch(t);
  const at = (name: string) => join(folder, name);
  writeFileSync(at('file'), '');
  mkdirSync(at('shared'), { mode: 0o755 });
  writeFileSync(join(at('shared'), 'somebody.txt'), '');
  mkdirSync(join(at('other'), 'postgres'), { recursive: true, mode: 0o700 });
  writeFileSync(join(at('other'), 'postgres', 'somebody.txt'), '');
  mkdirSync(join(at('broken'), 'postgres'), { recursive: true, mode: 0o700 });
  writeFileSync(join(at('broken'), 'postgres', 'PG_VERSION'), '18\n');
  mkdirSync(at('blocked'), { mode: 0o700 });
  writeFileSync(join(at('blocked'), 'mintmark.sock'), '');
  for (const dir of ['other', 'broken']) chmodSync(at(dir), 0o700);
  for (const [name, reason] of [
    ['file', /EEXIST|is not a folder/],
    ['file/below', /ENOTDIR/],
    ['shared', /holds other things and is open to others/],
    ['other', /holds no embedded store and is not empty/],
    ['broken', /cannot open the embedded store/],
    ['blocked', /cannot make the socket .*something else is there/],
    ['long'.repeat(50), /too long/],
  ] as const) {
    await t.rejects(openDatabase({ dataFolder: at(name), beside: false }), { exitCode: 1, message: reason });
    await t.rejects(openDatabase({ dataFolder: at(name), beside: false }), { message: at(name) }, 'by name');
  }
  t.equal(statSync(at('shared')).mode & 0o777, 0o755, 'and left as it was');
});

const notRoot = process.getuid?.() !== 0 && 'only root can make a folder of another account';
t.test(
  'a data folder of another account is refused where others see into it',
  { skip: notRoot },
  async (t) => {
    const dataFolder = scratch(t);
    chownSync(dataFolder, 1, 1);
    chmodSync(dataFolder, 0o755);
    await t.rejects(openDatabase({ dataFolder, beside: false }), { message: /belongs to another account/ });
  },
);

t.test('however the bytes are cut, the same requests are read from them', async (t) => {
  const batches = fc.array(fc.string({ maxLength: 300 }), { maxLength: 8 });
  const property = fc.property(
    batches,
    fc.infiniteStream(fc.integer({ min: 1, max: 40 })),
    (texts, sizes) => {
      const bytes = Buffer.concat([startupMessage, ...texts.map(query)]);
      const read = createRequestReader();
      const found: unknown[] = [];
      for (let at = 0; at < bytes.length; ) {
        const size = sizes.next().value;
        for (const request of read(bytes.subarray(at, at + size))) found.push(request);
        at += size;
      }
      t.same(found, [{ kind: 'startup' }, ...texts.map((text) => ({ kind: 'batch', bytes: query(text) }))]);
    },
  );
  fc.assert(property, { numRuns: 50 });
});

/** Timers that a test lets expire, told apart by their seconds. */
function fakeTimers(): { timer: Timer; running(seconds: number): number; expire(seconds: number): void } {
  const timers = new Set<{ seconds: number; callback(): void }>();
  const of = (seconds: number) => [...timers].filter((timer) => timer.seconds === seconds);
  return {
    timer(seconds, callback) {
      const timer = { seconds, callback };
      timers.add(timer);
      return () => void timers.delete(timer);
    },
    running: (seconds) => of(seconds).length,
    expire(seconds) {
      for (const timer of of(seconds)) {
        timers.delete(timer);
        timer.callback();
      }
    },
  };
}

function answerTo(path: string, bytes: Buffer): Promise<string> {
  const socket = net.connect(path);
  socket.write(bytes);
  return everythingFrom(socket);
}

/** Enough of them for what was written to a socket in this process to be read, and read alone. */
async function turnsOfTheLoop(): Promise<void> {
  for (let turns = 0; turns < 5; turns++) await new Promise(setImmediate);
}

/** Up to where the other side hangs up. */
async function everythingFrom(socket: net.Socket): Promise<string> {
  let answer = '';
  for await (const chunk of socket) answer += chunk.toString('latin1');
  return answer;
}
