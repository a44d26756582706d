// `npm run bench`: the figures that the project publishes, each as a ratio to this machine's own limits in the same
// run: what openssl signs, and what a bare node:http server answers (bench/bare.ts). The service has one core, the load
// generator and the stores the other. Needs wrk, taskset, openssl, Postgres and Redis. `npm run bench -- refresh`
// measures a part: starts, servers, refresh or verify.
import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import type { SigningAlg } from '../src/stores/stores.ts';
import { type ServiceProcess, scratchFolder, startService } from '../test/helpers/service.ts';
import { type Asked, startBare } from './bare.ts';
import { load, type Measured, medians, opensslSignatures } from './load.ts';
import { measureRefreshes } from './refresh.ts';
import {
  LOAD_CORE,
  latency,
  percent,
  printTable,
  RUNS,
  rate,
  SECONDS,
  SERVICE_CORE,
  startStores,
  tell,
  through,
} from './report.ts';
import { measureVerifying } from './verify.ts';

/** Resident memory. */
function megabytesOf({ pid }: ServiceProcess): number {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  return Number(/VmRSS:\s+(\d+) kB/.exec(status)?.[1]) / 1024;
}

/** A client whose tokens are for `resource`, registered through the executable; its token request as a load. */
async function tokenLoad(service: ServiceProcess, resource: string, alg: SigningAlg): Promise<Asked> {
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

interface Figure {
  readonly what: string;
  readonly asked: Asked;
  readonly connections: number;
  /** of the signature in the answer */
  readonly alg?: SigningAlg;
  /** signatures a second */
  readonly openssl?: number;
}

/** Measures the service and the bare server in turn, and tells of the one as a share of the other. */
async function measure({ what, asked, connections, alg, openssl }: Figure): Promise<void> {
  const bare = await startBare(asked, through, { alg });
  try {
    const loads = [asked, bare.asked].map((one) => ({ ...one, connections }));
    const [own, most] = (await medians(loads, LOAD_CORE, RUNS)) as [Measured, Measured];
    const ofBare = `${percent(own.perSecond, most.perSecond)} of a bare server's ${most.perSecond.toFixed(0)}`;
    const ofOpenssl = openssl ? `${percent(own.perSecond, openssl)} of openssl, ` : '';
    tell(`${what}, ${connections} connections`, rate(own), ofOpenssl + ofBare);
    tell('  its latency', latency(own), `p99 is ${(own.p99 / own.p50).toFixed(2)} x p50`);
  } finally {
    await bare.stop();
  }
}

async function measureTokens(service: ServiceProcess, openssl: number): Promise<void> {
  const rs256 = await tokenLoad(service, 'https://rs256.example.com', 'RS256');
  await load({ ...rs256, connections: 32 }, LOAD_CORE);
  for (const connections of [32, 128]) {
    await measure({ what: 'client_credentials, RS256', asked: rs256, connections, alg: 'RS256', openssl });
  }
  const [, jwks] = await Promise.all([
    load({ ...rs256, connections: 128, seconds: SECONDS + 2 }, LOAD_CORE),
    sleep(1000).then(() => load({ ...documentLoad(service, 'jwks.json'), connections: 1 }, LOAD_CORE)),
  ]);
  tell('JWKS while the token endpoint is saturated', latency(jwks));
  const es256 = await tokenLoad(service, 'https://es256.example.com', 'ES256');
  await measure({ what: 'client_credentials, ES256', asked: es256, connections: 128, alg: 'ES256' });
}

const documentLoad = ({ issuer }: ServiceProcess, name: string): Asked => ({
  url: `${issuer}/.well-known/${name}`,
  seconds: SECONDS,
});

async function measureDocuments(service: ServiceProcess): Promise<void> {
  const jwks = documentLoad(service, 'jwks.json');
  for (const connections of [32, 128]) await measure({ what: 'JWKS', asked: jwks, connections });
  const discovery = documentLoad(service, 'openid-configuration');
  await measure({ what: 'discovery', asked: discovery, connections: 128 });
}

async function measureServers(): Promise<void> {
  const [postgres, redis] = await startStores();
  const { folder, remove } = scratchFolder();
  const env = { DATABASE_URL: postgres.url, REDIS_URL: redis.url, MINTMARK_KEYS_SIGNING_ALGS: 'RS256,ES256' };
  const service = await startService({ through, folder, env });
  try {
    await sleep(5000);
    tell('idle memory with Postgres and Redis', `${megabytesOf(service).toFixed(0)} MB`);
    const openssl = await opensslSignatures(SERVICE_CORE);
    tell('openssl speed rsa2048, one core', `${openssl.toFixed(0)} /s`);
    await measureTokens(service, openssl);
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

const [only] = process.argv.slice(2);
if (only === undefined || only === 'starts') await measureStarts();
if (only === undefined || only === 'servers') await measureServers();
if (only === undefined || only === 'refresh') await measureRefreshes(await opensslSignatures(SERVICE_CORE));
if (only === undefined || only === 'verify') await measureVerifying();
printTable();
