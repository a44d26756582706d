// Load from wrk on a core of its own, so that the generator never takes time from what it measures.
import { execFile } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);

export interface Load {
  readonly url: string;
  readonly connections: number;
  readonly seconds: number;
  /** a form POST, with HTTP Basic where it has credentials; GET where absent */
  readonly form?: { readonly body: string; readonly authorization?: string };
  /** a script of wrk's that makes the requests */
  readonly lua?: string;
}

export interface Measured {
  readonly perSecond: number;
  /** milliseconds */
  readonly p50: number;
  readonly p99: number;
  readonly errors: number;
}

const toMilliseconds = (text: string): number => {
  const value = Number.parseFloat(text);
  if (text.endsWith('us')) return value / 1000;
  return text.endsWith('ms') ? value : value * 1000;
};

/** The median of a list of numbers. */
export const median = (values: readonly number[]): number =>
  [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;

/** One run of wrk, pinned to `core`. Throws where wrk is missing or nothing answered. */
export async function load({ url, connections, seconds, form, lua }: Load, core: number): Promise<Measured> {
  const text = lua ?? (form && formScript(form));
  const script = text === undefined ? [] : ['-s', scriptFile(text)];
  const args = [
    '-c',
    String(core),
    'wrk',
    '-t1',
    `-c${connections}`,
    `-d${seconds}s`,
    // Longer than anybody waits: what is slow counts as slow, not as lost.
    '--timeout',
    '10s',
    '--latency',
    ...script,
    url,
  ];
  const { stdout } = await run('taskset', args);
  const figure = (pattern: RegExp): string => {
    const found = pattern.exec(stdout)?.[1];
    if (found === undefined) throw new Error(`wrk said nothing that can be read:\n${stdout}`);
    return found;
  };
  const socketErrors =
    /Socket errors: connect (\d+), read (\d+), write (\d+), timeout (\d+)/.exec(stdout)?.slice(1) ?? [];
  const refused = Number(/Non-2xx or 3xx responses: (\d+)/.exec(stdout)?.[1] ?? 0);
  return {
    perSecond: Number(figure(/Requests\/sec:\s+([\d.]+)/)),
    p50: toMilliseconds(figure(/50%\s+([\d.]+\w+)/)),
    p99: toMilliseconds(figure(/99%\s+([\d.]+\w+)/)),
    errors: refused + socketErrors.reduce((sum, count) => sum + Number(count), 0),
  };
}

/**
 * The medians of several runs of each load, in turn, so that what else the machine does falls on all alike. A run with
 * errors is a failure, since a refusal is cheap and would flatter.
 */
export async function medians(loads: readonly Load[], core: number, runs: number): Promise<Measured[]> {
  const measured: Measured[][] = loads.map(() => []);
  for (let i = 0; i < runs; i += 1) {
    for (const [n, one] of loads.entries()) measured[n]?.push(await load(one, core));
  }
  return measured.map((ofOne, n) => {
    const errors = ofOne.reduce((sum, one) => sum + one.errors, 0);
    if (errors > 0) throw new Error(`${errors} requests to ${loads[n]?.url} were refused or lost`);
    return {
      perSecond: median(ofOne.map((one) => one.perSecond)),
      p50: median(ofOne.map((one) => one.p50)),
      p99: median(ofOne.map((one) => one.p99)),
      errors,
    };
  });
}

let scripts = 0;

const formScript = ({ body, authorization }: NonNullable<Load['form']>): string =>
  [
    'wrk.method = "POST"',
    `wrk.body = ${JSON.stringify(body)}`,
    'wrk.headers["Content-Type"] = "application/x-www-form-urlencoded"',
    `wrk.headers["Authorization"] = ${JSON.stringify(authorization)}`,
  ].join('\n');

function scriptFile(text: string): string {
  scripts += 1;
  const path = join(tmpdir(), `mintmark-bench-${process.pid}-${scripts}.lua`);
  writeFileSync(path, text, { mode: 0o600 });
  return path;
}

/** What openssl signs in a second on one core: the limit that everything else is held against. */
export async function opensslSignatures(core: number): Promise<number> {
  const { stdout } = await run('taskset', [
    '-c',
    String(core),
    'openssl',
    'speed',
    '-seconds',
    '3',
    'rsa2048',
  ]);
  const perSecond = Number(/rsa 2048 bits\s+\S+\s+\S+\s+([\d.]+)/.exec(stdout)?.[1]);
  if (!perSecond) throw new Error(`openssl speed said nothing that can be read:\n${stdout}`);
  return perSecond;
}
