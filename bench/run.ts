// `npm run bench`: the figures that the project publishes, each as a ratio to this machine's own limit in the same
// run. The service has one core, the load generator the other. Needs wrk, taskset, openssl, Postgres and Redis.
import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { startPostgres, startRedis } from '../test/helpers/servers.ts';
import { type ServiceProcess, scratchFolder, startService } from '../test/helpers/service.ts';
import { type Load, load, type Measured, medians, opensslSignatures } from './load.ts';

const SERVICE_CORE = 0;
const through = ['taskset', '-c', String(SERVICE_CORE)];
const LOAD_CORE = 1;
const RUNS = Number(process.env.BENCH_RUNS ?? 3);
const SECONDS = Number(process.env.BENCH_SECONDS ?? 8);

interface Row {
  readonly what: string;
  readonly measured: string;
  readonly against: string;
}

const rows: Row[] = [];
const tell = (what: string, measured: string, against = ''): void => {
  rows.push({ what, measured, against });
  console.error(`${what}: ${measured} ${against}`);
};

/** Resident memory. */
function megabytesOf({ pid }: ServiceProcess): number {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  return Number(/VmRSS:\s+(\d+) kB/.exec(status)?.[1]) / 1024;
}

const rate = ({ perSecond }: Measured): string => `${perSecond.toFixed(0)} /s`;
const latency = ({ p50, p99 }: Measured): string => `p50 ${p50.toFixed(2)} ms, p99 ${p99.toFixed(2)} ms`;

/** A client whose tokens are for `resource`, registered through the executable; its token request as a load. */
async function tokenLoad(
  service: ServiceProcess,
  resource: string,
  alg: string,
): Promise<Omit<Load, 'connections'>> {
  await service.mintmark(
    'resources',
    'create',
    '--json',
    JSON.stringify({ resource, scopes: ['read'], signing_alg: alg }),
  );
  const metadata = { grant_types: ['client_credentials'], scope: 'read', default_resource: resource };
  const client = JSON.parse(await service.mintmark('clients', 'create', '--json', JSON.stringify(metadata)));
  const credentials = Buffer.from(`${client.client_id}:${client.client_secret}`).toString('base64');
  const form = { body: 'grant_type=client_credentials', authorization: `Basic ${credentials}` };
  return { url: `${service.issuer}/token`, seconds: SECONDS, form };
}

async function measureTokens(service: ServiceProcess, signaturesPerSecond: number): Promise<void> {
  const rs256 = await tokenLoad(service, 'https://rs256.example.com', 'RS256');
  await load({ ...rs256, connections: 32 }, LOAD_CORE);
  for (const connections of [32, 128]) {
    const measured = await medians({ ...rs256, connections }, LOAD_CORE, RUNS);
    const share = ((100 * measured.perSecond) / signaturesPerSecond).toFixed(0);
    tell(`client_credentials, RS256, ${connections} connections`, rate(measured), `${share} % of openssl`);
    tell(`  its latency`, latency(measured), `p99 is ${(measured.p99 / measured.p50).toFixed(2)} x p50`);
  }
  const [, jwks] = await Promise.all([
    load({ ...rs256, connections: 128, seconds: SECONDS + 2 }, LOAD_CORE),
    sleep(1000).then(() => load({ ...jwksLoad(service), connections: 1 }, LOAD_CORE)),
  ]);
  tell('JWKS while the token endpoint is saturated', latency(jwks));
  const es256 = await tokenLoad(service, 'https://es256.example.com', 'ES256');
  tell(
    'client_credentials, ES256, 128 connections',
    rate(await medians({ ...es256, connections: 128 }, LOAD_CORE, RUNS)),
  );
}

const jwksLoad = (service: ServiceProcess) => ({
  url: `${service.issuer}/.well-known/jwks.json`,
  seconds: SECONDS,
});

async function measureDocuments(service: ServiceProcess): Promise<void> {
  for (const connections of [32, 128]) {
    const jwks = await medians({ ...jwksLoad(service), connections }, LOAD_CORE, RUNS);
    tell(`JWKS, ${connections} connections`, rate(jwks), latency(jwks));
  }
  const url = `${service.issuer}/.well-known/openid-configuration`;
  const discovery = await medians({ url, seconds: SECONDS, connections: 128 }, LOAD_CORE, RUNS);
  tell('discovery, 128 connections', rate(discovery), latency(discovery));
}

async function measureServers(): Promise<void> {
  const [postgres, redis] = await Promise.all([startPostgres(), startRedis()]);
  const { folder, remove } = scratchFolder();
  const env = { DATABASE_URL: postgres.url, REDIS_URL: redis.url, MINTMARK_KEYS_SIGNING_ALGS: 'RS256,ES256' };
  const service = await startService({ through, folder, env });
  try {
    await sleep(5000);
    tell('idle memory with Postgres and Redis', `${megabytesOf(service).toFixed(0)} MB`);
    const signaturesPerSecond = await opensslSignatures(SERVICE_CORE);
    tell('openssl speed rsa2048, one core', `${signaturesPerSecond.toFixed(0)} signatures/s`);
    await measureTokens(service, signaturesPerSecond);
    await measureDocuments(service);
    tell('memory after the load', `${megabytesOf(service).toFixed(0)} MB`);
  } finally {
    await service.stop();
    remove();
    await Promise.all([postgres.stop(), redis.stop()]);
  }
}

async function measureStarts(): Promise<void> {
  const { folder, remove } = scratchFolder();
  for (const what of ['embedded, first start to ready', 'embedded, restart to ready']) {
    const service = await startService({ through, folder });
    tell(what, `${service.startedIn.toFixed(2)} s`);
    await service.stop();
  }
  remove();
}

await measureStarts();
await measureServers();
const width = Math.max(...rows.map(({ what }) => what.length));
for (const { what, measured, against } of rows)
  console.log(`${what.padEnd(width)}  ${measured.padStart(22)}  ${against}`);
