// Refreshes: each connection follows a chain of its own, as clients do. Held against what openssl signs, and against
// node-oidc-provider with an adapter on Redis, on the same core in the same run.
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import pg from 'pg';
import type { SigningAlg } from '../src/stores/stores.ts';
import { freePort } from '../test/helpers/servers.ts';
import { scratchFolder, startService } from '../test/helpers/service.ts';
import { startBare } from './bare.ts';
import type { BareStores } from './bare-refreshes.ts';
import { type Beside, type Chains, fill, openChains, redisMemory, withHouse } from './families.ts';
import { load, type Measured, median } from './load.ts';
import { LOAD_CORE, latency, percent, RUNS, rate, SECONDS, startStores, tell, through } from './report.ts';

const CONNECTIONS = 128;
/** As many as are refreshed in a second or two, as by clients that have something else to do as well. */
const CHAINS = 4_000;
/** Families that the stores are filled with. */
const FAMILIES = Number(process.env.BENCH_FAMILIES ?? 100_000);

/** wrk's own script: a connection takes a token, and puts the successor back. */
const chainScript = ({ clientId, tokens }: Pick<Chains, 'clientId' | 'tokens'>): string => `
  local tokens = {${tokens.map((token) => JSON.stringify(token)).join(',')}}
  local first, last = 1, #tokens
  local headers = { ["Content-Type"] = "application/x-www-form-urlencoded" }
  function request()
    local token = tokens[first]
    tokens[first] = nil
    first = first + 1
    return wrk.format("POST", nil, headers,
      "grant_type=refresh_token&client_id=${clientId}&refresh_token=" .. token)
  end
  function response(status, _, body)
    local token = status == 200 and string.match(body, '"refresh_token":"([^"]+)"')
    if token then
      last = last + 1
      tokens[last] = token
    end
  end`;

/** The median of several runs, each with chains of its own: a run ends in the middle of requests. */
async function measureChains(
  url: string,
  chainsOf: () => Promise<Pick<Chains, 'clientId' | 'tokens'>>,
): Promise<Measured> {
  const runs: Measured[] = [];
  for (let i = 0; i <= RUNS; i += 1) {
    const lua = chainScript(await chainsOf());
    const run = await load({ url, connections: CONNECTIONS, seconds: SECONDS, lua }, LOAD_CORE);
    if (run.errors > 0) throw new Error(`${run.errors} refreshes at ${url} were refused or lost`);
    // The first one warms up.
    if (i > 0) runs.push(run);
  }
  const of = (member: 'perSecond' | 'p50' | 'p99') => median(runs.map((run) => run[member]));
  return { perSecond: of('perSecond'), p50: of('p50'), p99: of('p99'), errors: 0 };
}

/** Runs `work` on a service with these stores. */
async function onService(
  env: Record<string, string>,
  work: (url: string, beside: Beside) => Promise<void>,
): Promise<void> {
  const { folder, remove } = scratchFolder();
  const settings = { ...env, MINTMARK_KEYS_SIGNING_ALGS: 'RS256,ES256' };
  const service = await startService({ through, folder, env: settings });
  try {
    await work(`${service.issuer}/token`, { issuer: service.issuer, folder, env: settings });
  } finally {
    await service.stop();
    remove();
  }
}

/** A database of its own on the same server. */
async function another(url: string): Promise<string> {
  const client = new pg.Client(url);
  await client.connect();
  await client.query('CREATE DATABASE another');
  await client.end();
  return Object.assign(new URL(url), { pathname: '/another' }).href;
}

async function tellOf(
  what: string,
  alg: SigningAlg,
  url: string,
  beside: Beside,
  against: (measured: Measured) => string,
): Promise<Measured> {
  const measured = await measureChains(url, () =>
    withHouse(beside, (house) => openChains(house, alg, CHAINS)),
  );
  tell(`${what}, ${alg}, ${CONNECTIONS} connections`, rate(measured), against(measured));
  tell('  its latency', latency(measured));
  return measured;
}

/** What a bare server makes of the same load with the same stores. */
async function measureBare(
  alg: SigningAlg,
  url: string,
  beside: Beside,
  stores: BareStores,
): Promise<Measured> {
  const { clientId, tokens } = await withHouse(beside, (house) => openChains(house, alg, CHAINS));
  const body = `grant_type=refresh_token&client_id=${clientId}&refresh_token=${tokens[0]}`;
  const bare = await startBare({ url, seconds: SECONDS, form: { body } }, through, { alg, stores });
  try {
    return await measureChains(bare.asked.url, async () => ({ clientId, tokens }));
  } finally {
    await bare.stop();
  }
}

/** A resource server asks about access tokens of sign-ins, one token for each of a few runs. */
async function measureIntrospection(url: string, beside: Beside): Promise<void> {
  const { clientId, authorization, tokens } = await withHouse(beside, (house) =>
    openChains(house, 'ES256', 50),
  );
  const runs: Measured[] = [];
  for (const refreshToken of tokens.slice(0, RUNS)) {
    const form = { grant_type: 'refresh_token', client_id: clientId, refresh_token: refreshToken };
    const answer = await fetch(url, { method: 'POST', body: new URLSearchParams(form) });
    const { access_token } = (await answer.json()) as { access_token: string };
    const asked = { body: `token=${access_token}`, authorization };
    const at = `${beside.issuer}/introspect`;
    runs.push(await load({ url: at, connections: 128, seconds: SECONDS, form: asked }, LOAD_CORE));
  }
  const perSecond = median(runs.map((run) => run.perSecond));
  tell('introspection of a sign-in, 128 connections', rate({ perSecond }));
}

/** Everything about refreshes; `openssl` in signatures a second. */
export async function measureRefreshes(openssl: number): Promise<void> {
  const [postgres, redis] = await startStores();
  const both = { DATABASE_URL: postgres.url, REDIS_URL: redis.url };
  const ofOpenssl = ({ perSecond }: Measured) => `${percent(perSecond, openssl)} of openssl`;
  try {
    const theirs = await measureOidcProvider(redis.url);
    const ofTheirs = (measured: Measured) =>
      `${(measured.perSecond / theirs.perSecond).toFixed(1)} x oidc-provider`;
    tell('oidc-provider: refresh, RS256', rate(theirs), ofOpenssl(theirs));
    await onService(both, async (url, beside) => {
      const stores = { databaseUrl: postgres.url, redisUrl: redis.url };
      const most = {
        RS256: await measureBare('RS256', url, beside, stores),
        ES256: await measureBare('ES256', url, beside, stores),
      };
      const ofBare = (measured: Measured, { perSecond }: Measured) =>
        `${percent(measured.perSecond, perSecond)} of a bare server's ${perSecond.toFixed(0)}`;
      await tellOf('refresh, Postgres and Redis', 'RS256', url, beside, (measured) =>
        [ofOpenssl(measured), ofTheirs(measured), ofBare(measured, most.RS256)].join(', '),
      );
      const few = await tellOf('refresh, Postgres and Redis', 'ES256', url, beside, (measured) =>
        ofBare(measured, most.ES256),
      );
      await measureIntrospection(url, beside);
      const before = await redisMemory(redis.url);
      await withHouse(beside, (house) => fill(house, redis.url, FAMILIES));
      const bytes = ((await redisMemory(redis.url)) - before) / FAMILIES;
      tell('Redis memory for a family', `${bytes.toFixed(0)} bytes`, `with ${FAMILIES} families`);
      const ofFew = (measured: Measured) =>
        `${percent(measured.perSecond, few.perSecond)} of the rate with few`;
      await tellOf(`refresh among ${FAMILIES} families`, 'ES256', url, beside, ofFew);
    });
    await onService({ DATABASE_URL: await another(postgres.url) }, async (url, beside) => {
      await tellOf('refresh, Postgres alone', 'ES256', url, beside, () => '');
    });
  } finally {
    await Promise.all([postgres.stop(), redis.stop()]);
  }
  await onService({}, async (url, beside) => {
    await tellOf('refresh, embedded', 'ES256', url, beside, () => '');
  });
}

const oidcProvider = join(import.meta.dirname, '../../bench/oidc-provider');

async function measureOidcProvider(redisUrl: string): Promise<Measured> {
  if (!existsSync(join(oidcProvider, 'node_modules'))) {
    execFileSync('npm', ['ci', '--silent', '--prefix', oidcProvider], { stdio: 'inherit' });
  }
  const port = await freePort();
  // A token for every run: it is asked for them once.
  const count = CHAINS * (RUNS + 1);
  const [program = '', ...args] = [...through, process.execPath, join(oidcProvider, 'server.js')];
  const child = spawn(program, [...args, String(port), redisUrl, String(count)], {
    stdio: ['ignore', 'pipe', 'ignore'],
    env: { ...process.env, NODE_ENV: 'production' },
  });
  try {
    const [line] = await once(createInterface(child.stdout), 'line');
    const { tokens } = JSON.parse(line) as { tokens: string[] };
    let taken = 0;
    const chainsOf = async () => {
      taken += CHAINS;
      return { clientId: 'bench', tokens: tokens.slice(taken - CHAINS, taken) };
    };
    return await measureChains(`http://127.0.0.1:${port}/token`, chainsOf);
  } finally {
    child.kill();
  }
}
