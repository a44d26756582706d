// A process of its own on a data folder, for tests that kill it: `node embedded-process.js VERB FOLDER [ARGUMENT]`.
// It says what it has done on stdout, a line each, after it was acknowledged.
import { openDatabase } from '../../src/stores/postgres/database.ts';

const [verb, dataFolder = '', argument = ''] = process.argv.slice(2);
const say = (line: string) => process.stdout.write(`${line}\n`);
const forever = () => new Promise<never>(() => setInterval(() => {}, 60_000));

const verbs: Record<string, () => Promise<void>> = {
  /** Takes the folder as a service does, and writes numbers until it is killed. */
  async write() {
    const { pool } = await openDatabase({ dataFolder, beside: false });
    await pool.query('CREATE TABLE IF NOT EXISTS written (n serial PRIMARY KEY)');
    say('open');
    while (true) {
      const { rows } = await pool.query('INSERT INTO written DEFAULT VALUES RETURNING n');
      say(rows[0].n);
    }
  },

  /** Takes the folder as a service does, and waits to be killed. */
  async serve() {
    await openDatabase({ dataFolder, beside: false });
    say('open');
    await forever();
  },

  /** Does one thing as a command does, and ends. */
  async command() {
    const database = await openDatabase({ dataFolder, beside: true, patience: 60 });
    await database.pool.query('CREATE TABLE IF NOT EXISTS done (what text)');
    await database.pool.query('INSERT INTO done VALUES ($1)', [argument]);
    await database.close();
    say('done');
  },

  /** Leaves a transaction open as a command does that hangs, and waits to be killed. */
  async hang() {
    const { pool } = await openDatabase({ dataFolder, beside: true });
    const client = await pool.connect();
    await client.query('BEGIN; DELETE FROM things');
    say('open');
    await forever();
  },
};

await verbs[verb ?? '']?.();
