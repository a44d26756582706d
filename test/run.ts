// `npm test`: the real stores this machine can offer, then tap, then one line that says how it went.
// TEST_DATABASE_URL and TEST_REDIS_URL name servers that already run; with CI=true the real ones must be there.
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import * as servers from './helpers/servers.ts';
import { follow } from './helpers/tap-output.ts';

interface Store {
  /** What the tests are told; absent where they do without. */
  url?: string;
  used?: string;
  leftOut?: string;
  stop?: () => Promise<void>;
}

interface Started {
  url: string;
  version: string;
  stop: () => Promise<void>;
}

const inCI = process.env.CI === 'true';

let tapPid: number | undefined;
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
  // Exiting takes the servers along; once tap runs, it ends, and we come to stop them.
  process.on(signal, () => (tapPid ? process.kill(-tapPid, signal) : process.exit(1)));
}

const ours = ({ url, version, stop }: Started): Store => ({ url, stop, used: version });

async function postgres(): Promise<Store> {
  const url = process.env.TEST_DATABASE_URL;
  if (url) return { url, used: 'Postgres at TEST_DATABASE_URL' };
  if (servers.findPostgres()) return ours(await servers.startPostgres());
  return { leftOut: 'Postgres (no initdb and postgres on PATH or in /usr/lib/postgresql/*/bin)' };
}

async function redis(): Promise<Store> {
  const url = process.env.TEST_REDIS_URL;
  if (url) return { url, used: 'Redis at TEST_REDIS_URL' };
  if (servers.findRedis()) return ours(await servers.startRedis());
  return { ...(!inCI && ours(await servers.startValkey())), leftOut: 'Redis (no redis-server on PATH)' };
}

const tapProgram = join('node_modules', '.bin', 'tap');

/** tap is installed with a plugin that needs TypeScript's old API; as .taprc wants it, it is built once. */
function buildTap(): void {
  const built = readFileSync(
    join('node_modules', '@tapjs', 'test', 'test-built', 'dist', 'esm', 'index.js'),
    'utf8',
  );
  if (built.includes('@tapjs/typescript'))
    execFileSync(process.execPath, [tapProgram, 'build'], { stdio: 'inherit' });
}

/** Runs tap on the compiled tests, with the arguments we were given. */
async function runTap(environment: NodeJS.ProcessEnv): Promise<{ code: number; counts: string | undefined }> {
  const given = process.argv.slice(2);
  // A part of the tests covers a part of the code, and that is no failure.
  const part = given.length > 0 ? ['--disable-coverage'] : [];
  const args = [tapProgram, 'run', ...part, ...given, '--reporter=tap'];
  const tap = spawn(process.execPath, args, {
    stdio: ['ignore', 'pipe', 'inherit'],
    // A group of its own, so that a signal to us reaches every test file's process, and we outlive them.
    detached: true,
    env: { ...process.env, ...environment },
  });
  tapPid = tap.pid;
  const exited = once(tap, 'exit');
  const counts = await follow(tap.stdout);
  const [code] = await exited;
  tapPid = undefined;
  return { code: code ?? 1, counts };
}

async function main(): Promise<number> {
  const stores: Store[] = [];
  try {
    const database = await postgres();
    stores.push(database);
    const hot = await redis();
    stores.push(hot);
    const leftOut = stores.flatMap((store) => store.leftOut ?? []).join('; ');
    if (inCI && leftOut) {
      console.error(`CI=true tests on real stores, and this machine lacks ${leftOut}`);
      return 1;
    }
    buildTap();
    const { code, counts } = await runTap({
      ...(database.url && { TEST_DATABASE_URL: database.url }),
      ...(hot.url && { TEST_REDIS_URL: hot.url }),
    });
    const used = ['the embedded store', ...stores.flatMap((store) => store.used ?? [])];
    console.log(`stores used: ${used.join(', ')}; left out: ${leftOut || 'nothing'}`);
    if (!counts) console.log(`tap ended, with exit code ${code}, before it could count`);
    console.log(counts ?? '0 passed, 1 failed, 0 skipped');
    return code;
  } finally {
    await Promise.all(stores.map((store) => store.stop?.()));
  }
}

process.exitCode = await main();
