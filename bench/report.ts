// What the benches have in common: the cores, the stores, how long and how often, and the table that is printed at the
// end.
import { execFileSync } from 'node:child_process';
import { startPostgres, startRedis } from '../test/helpers/servers.ts';
import type { Measured } from './load.ts';

export const SERVICE_CORE = 0;
export const LOAD_CORE = 1;
/** What goes before the command of a server that is measured. */
export const through = ['taskset', '-c', String(SERVICE_CORE)];
export const RUNS = Number(process.env.BENCH_RUNS ?? 3);
export const SECONDS = Number(process.env.BENCH_SECONDS ?? 8);

/** Postgres and Redis, on the core of the load generator: the other one is the service's alone. */
export async function startStores() {
  const stores = await Promise.all([startPostgres(), startRedis()]);
  for (const { pid } of stores) {
    execFileSync('taskset', ['-acp', String(LOAD_CORE), String(pid)], { stdio: 'ignore' });
  }
  return stores;
}

const rows: (readonly [what: string, measured: string, against: string])[] = [];

export function tell(what: string, measured: string, against = ''): void {
  rows.push([what, measured, against]);
  console.error(`${what}: ${measured} ${against}`);
}

export function printTable(): void {
  const width = Math.max(...rows.map(([what]) => what.length));
  for (const [what, measured, against] of rows) {
    console.log(`${what.padEnd(width)}  ${measured.padStart(22)}  ${against}`.trimEnd());
  }
}

export const rate = ({ perSecond }: Pick<Measured, 'perSecond'>): string => `${perSecond.toFixed(0)} /s`;
export const latency = ({ p50, p99 }: Measured): string =>
  `p50 ${p50.toFixed(2)} ms, p99 ${p99.toFixed(2)} ms`;
export const percent = (part: number, whole: number): string => `${((100 * part) / whole).toFixed(0)} %`;
