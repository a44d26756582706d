// The issuer as its users meet it: the compiled executable as a process of its own, with its own folder, port and
// environment, over real sockets; and the executable again, beside it.
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { freePort } from './servers.ts';

/** What ships. */
export const executable = join(import.meta.dirname, '../../bin/mintmark.js');
/** On a machine that has much else to do. */
const SECONDS_TO_START = 60;

export interface ServiceOptions {
  /** data and keys lie in it */
  readonly folder: string;
  readonly port?: number;
  /** where /readyz is asked, where that is not the issuer's own port */
  readonly operatorPort?: number;
  readonly env?: Readonly<Record<string, string>>;
  /** what goes before the command: `['taskset', '-c', '0']` */
  readonly through?: readonly string[];
  /** what to run; absent: what ships */
  readonly program?: string;
}

export interface ServiceProcess {
  readonly issuer: string;
  readonly port: number;
  readonly pid: number;
  /** seconds from the start of the process to its first ready answer */
  readonly startedIn: number;
  /** Runs the executable beside it and answers with its stdout; rejects with `code`, `stdout` and `stderr`. */
  mintmark(...args: string[]): Promise<string>;
  /** What it has written so far, both streams. */
  output(): string;
  /** its exit code; null where a signal ended it */
  readonly exited: Promise<number | null>;
  /** Sends the signal and waits for the end; answers with the exit code. */
  stop(signal?: NodeJS.Signals): Promise<number | null>;
}

/** A folder for data and keys, and how to remove it. */
export function scratchFolder(): { readonly folder: string; remove(): void } {
  const folder = mkdtempSync(join(tmpdir(), 'mintmark-'));
  return { folder, remove: () => rmSync(folder, { recursive: true, force: true }) };
}

/** Starts the issuer and waits until it is ready. Throws with its last words where it is not. */
export async function startService(options: ServiceOptions): Promise<ServiceProcess> {
  const port = options.port ?? (await freePort());
  const env = environmentOf(options, port);
  const shipped = options.program ?? executable;
  const [program = '', ...args] = [...(options.through ?? []), process.execPath, shipped, 'start'];
  const started = performance.now();
  const child = spawn(program, args, { env, stdio: ['ignore', 'pipe', 'pipe'] });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk) => (output += chunk));
  const exited = once(child, 'exit').then(([code]) => code as number | null);
  const abandon = () => child.kill('SIGKILL');
  process.once('exit', abandon);

  async function stop(signal: NodeJS.Signals = 'SIGTERM'): Promise<number | null> {
    child.kill(signal);
    const code = await exited;
    process.off('exit', abandon);
    return code;
  }

  const alive = () => child.exitCode === null && child.signalCode === null;
  if (!(await answers(`http://127.0.0.1:${options.operatorPort ?? port}/readyz`, alive, ({ ok }) => ok))) {
    await stop('SIGKILL');
    throw new Error(`the service did not become ready:\n${output}`);
  }
  return {
    issuer: env.MINTMARK_ISSUER ?? `http://localhost:${port}`,
    port,
    pid: child.pid as number,
    startedIn: (performance.now() - started) / 1000,
    mintmark: async (...words) =>
      (await promisify(execFile)(process.execPath, [shipped, ...words], { env })).stdout,
    output: () => output,
    exited,
    stop,
  };
}

export interface Credentials {
  readonly client_id: string;
  readonly client_secret: string;
}

/** Registers a resource with the scope `read`, and a client whose tokens are for it. */
export async function registerShop(
  { mintmark }: Pick<ServiceProcess, 'mintmark'>,
  resource: string,
  profile = 'rfc9068',
): Promise<Credentials> {
  await mintmark('resources', 'create', '--json', JSON.stringify({ resource, scopes: ['read'], profile }));
  const metadata = { grant_types: ['client_credentials'], scope: 'read', default_resource: resource };
  return JSON.parse(await mintmark('clients', 'create', '--json', JSON.stringify(metadata)));
}

/** An access token by client credentials. Throws with the answer where there is none. */
export async function drawToken(port: number, { client_id, client_secret }: Credentials): Promise<string> {
  const credentials = Buffer.from(`${client_id}:${client_secret}`).toString('base64');
  const response = await fetch(`http://127.0.0.1:${port}/token`, {
    method: 'POST',
    headers: { authorization: `Basic ${credentials}` },
    body: new URLSearchParams({ grant_type: 'client_credentials' }),
  });
  const answer = (await response.json()) as { access_token?: string };
  if (answer.access_token === undefined) throw new Error(`${response.status} ${JSON.stringify(answer)}`);
  return answer.access_token;
}

function environmentOf({ folder, operatorPort, env }: ServiceOptions, port: number): NodeJS.ProcessEnv {
  return {
    ...process.env,
    // Without the test runner's hooks, which are no part of what ships.
    NODE_OPTIONS: '',
    NODE_ENV: 'development',
    LOG_LEVEL: 'warn',
    HOST: '127.0.0.1',
    PORT: String(port),
    MINTMARK_DATA: join(folder, 'data'),
    MINTMARK_KEYS: join(folder, 'keys'),
    ...(operatorPort && { MINTMARK_OPERATOR_PORT: String(operatorPort) }),
    ...env,
  };
}

/** Asks `url` until the answer is good; false where that takes too long, or where nobody is alive to answer. */
export async function answers(
  url: string,
  alive: () => boolean,
  isGood: (response: Response) => boolean,
): Promise<boolean> {
  const deadline = performance.now() + SECONDS_TO_START * 1000;
  while (performance.now() < deadline && alive()) {
    if (await fetch(url).then(isGood, () => false)) return true;
    await sleep(20);
  }
  return false;
}
