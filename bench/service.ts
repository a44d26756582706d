// A service to measure: the real executable as its own process on one core, on a real Postgres and Redis.
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { freePort } from '../test/helpers/servers.ts';

const run = promisify(execFile);
const executable = join(import.meta.dirname, '../scripts/mintmark.js');

export interface Service {
  readonly issuer: string;
  /** milliseconds from the process's start to the first answer of /readyz */
  readonly startedIn: number;
  /** runs the executable beside it; what it printed */
  mintmark(...args: string[]): Promise<string>;
  /** resident memory, megabytes */
  memory(): number;
  stop(): Promise<void>;
}

export interface ServiceOptions {
  readonly core: number;
  readonly folder: string;
  readonly env?: Record<string, string>;
}

/** A folder for one service's data and keys, and how to remove it. */
export function scratchFolder(): { readonly folder: string; remove(): void } {
  const folder = mkdtempSync(join(tmpdir(), 'mintmark-bench-'));
  return { folder, remove: () => rmSync(folder, { recursive: true, force: true }) };
}

/** Starts a service and waits until it is ready. Throws with its log where it is not within 30 s. */
export async function startService({ core, folder, env: extra = {} }: ServiceOptions): Promise<Service> {
  const port = await freePort();
  const issuer = `http://localhost:${port}`;
  const env = {
    ...process.env,
    NODE_ENV: 'development',
    LOG_LEVEL: 'warn',
    HOST: '127.0.0.1',
    PORT: String(port),
    MINTMARK_DATA: join(folder, 'data'),
    MINTMARK_KEYS: join(folder, 'keys'),
    ...extra,
  };
  const started = performance.now();
  const child = spawn('taskset', ['-c', String(core), process.execPath, executable, 'start'], {
    env,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  await readiness(child, `${issuer.replace('localhost', '127.0.0.1')}/readyz`);
  return {
    issuer,
    startedIn: performance.now() - started,
    memory: () => residentMegabytes(child.pid as number),
    mintmark: async (...args) => (await run(process.execPath, [executable, ...args], { env })).stdout,
    async stop() {
      child.kill('SIGTERM');
      await once(child, 'exit');
    },
  };
}

async function readiness(child: ChildProcess, url: string): Promise<void> {
  const log: string[] = [];
  child.stdout?.on('data', (chunk: Buffer) => log.push(chunk.toString()));
  child.stderr?.on('data', (chunk: Buffer) => log.push(chunk.toString()));
  const deadline = performance.now() + 30_000;
  while (performance.now() < deadline && child.exitCode === null) {
    const ready = await fetch(url).then(
      (response) => response.ok,
      () => false,
    );
    if (ready) return;
    await sleep(10);
  }
  child.kill('SIGKILL');
  throw new Error(`the service did not become ready:\n${log.join('')}`);
}

function residentMegabytes(pid: number): number {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  return Number(/VmRSS:\s+(\d+) kB/.exec(status)?.[1]) / 1024;
}
