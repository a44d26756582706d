// A database of a test's own, on the Postgres server that the run was given.
import { randomBytes } from 'node:crypto';
import pg from 'pg';
import type { Test } from 'tap';

/** The URL of a new database at TEST_DATABASE_URL, dropped when the test ends; undefined where there is no server. */
export async function ownDatabase(t: Test): Promise<string | undefined> {
  const server = process.env.TEST_DATABASE_URL;
  if (!server) return undefined;
  const name = `mintmark_test_${randomBytes(6).toString('hex')}`;
  const admin = new pg.Client(server);
  await admin.connect();
  await admin.query(`CREATE DATABASE ${name}`);
  t.teardown(async () => {
    await admin.query(`DROP DATABASE ${name} WITH (FORCE)`);
    await admin.end();
  });
  return Object.assign(new URL(server), { pathname: `/${name}` }).href;
}
