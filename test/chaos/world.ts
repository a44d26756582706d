// A deployment as it may be anywhere, on one machine: a Postgres, a Redis, three replicas of what ships, each a process
// of its own, with lines in between that can be broken. The harness has a house of its own on the same stores, to
// open and revoke families.
import { Agent, request } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { createAccount } from '../../src/accounts/account.ts';
import { loadConfig } from '../../src/config.ts';
import type { AuthorizationServer } from '../../src/oauth/authorization-server.ts';
import { registerClient } from '../../src/oauth/client-management.ts';
import { revokeFamily, SWAP_LIFETIME } from '../../src/oauth/refresh-families.ts';
import { decodeRefreshToken, type RefreshToken } from '../../src/oauth/refresh-token.ts';
import { createResource } from '../../src/oauth/resource-management.ts';
import { type FamilyStanding, StoreUnavailableError } from '../../src/stores/stores.ts';
import {
  authorizationServerOf,
  type House,
  keyringOf,
  macKeyRingOf,
  openHouse,
  timetableOf,
} from '../../src/wire.ts';
import { type Line, startLine } from '../helpers/line.ts';
import { freePort, startPostgres, startRedis, startStandby, type TestServer } from '../helpers/servers.ts';
import { type ServiceProcess, scratchFolder, startService } from '../helpers/service.ts';
import { signIn } from '../helpers/sign-in.ts';
import type { History } from './history.ts';
import { type Mutation, mutatedExecutable } from './mutation.ts';
import { type RedisServers, startCluster, startSentinels } from './redis-servers.ts';
import { type SwapWatcher, watchSwaps } from './swaps.ts';

/** `server`: all of one; `standby`: a Postgres that another one follows. */
export type Kind = 'server' | 'sentinels' | 'cluster' | 'standby';

export const REPLICAS = 3;

/** Seconds of the harness's clock: instants of a history. */
export const now = (): number => performance.now() / 1000;

export interface Replica {
  readonly number: number;
  readonly port: number;
  /** its own way to Redis, where that is one server */
  readonly line: Line;
  /** kill -9 */
  kill(): Promise<void>;
  /** Starts it, and waits until it is ready. */
  start(): Promise<void>;
}

export interface OpenedFamily {
  readonly id: string;
  readonly clientId: string;
  /** seconds in which a retry is honoured, the time that a swap may take included */
  readonly window: number;
  readonly refreshToken: string;
}

/** The clients by what they are for: a retry is honoured for so many seconds; RS256 is the same twice. */
const clients = {
  patient: { refresh_retry_window: 60, default_resource: 'https://es256.example.com' },
  brisk: { refresh_retry_window: 1, default_resource: 'https://es256.example.com' },
  exact: { refresh_retry_window: 60, default_resource: 'https://rs256.example.com' },
} as const;

export type ClientName = keyof typeof clients;

/** Who signs in. */
export const EMAIL = 'someone@example.com';

export interface World {
  readonly kind: Kind;
  readonly replicas: readonly Replica[];
  /** all that is known of when a replica was dead */
  readonly deaths: History['deaths'];
  readonly house: House;
  readonly as: AuthorizationServer;
  readonly keysFolder: string;
  /** the way of all to Postgres */
  readonly databaseLine: Line;
  readonly postgres: TestServer;
  /** a `standby` alone has one */
  readonly standby: TestServer | undefined;
  /** where there is one server: the one that is used now */
  redis(): TestServer;
  /** where there are several */
  readonly redisServers: RedisServers | undefined;
  /** Replaces the Redis server by an empty one with these settings. */
  renewRedis(settings: Readonly<Record<string, string>>): Promise<void>;
  /** Sees to it that all replicas run, and run this. */
  deploy(mutation?: Mutation): Promise<void>;
  /** A sign-in. */
  open(client: ClientName): Promise<OpenedFamily>;
  /** Ends a family. Resolves when that is acknowledged, which may take as long as a fault. */
  revoke(family: string): Promise<void>;
  decode(refreshToken: string): RefreshToken | undefined;
  /** Watches what each replica sends to Redis, until it is asked what was sent twice. */
  watchSwaps(): () => string[];
  close(): Promise<void>;
}

/** What has to be undone, last first. */
type Undo = (() => unknown)[];

async function undoAll(undo: Undo): Promise<void> {
  for (const one of undo.splice(0).reverse()) await one();
}

/** Work that is done at the end, whichever end comes first. */
function alsoAtExit(work: () => void): () => void {
  process.once('exit', work);
  return () => {
    process.off('exit', work);
    work();
  };
}

/** Whoever interrupts us ends all that we started: an exit takes the servers along, a signal's own end would not. */
export function exitOnSignals(): void {
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => process.exit(1));
}

/** Starts all of it. */
export async function openWorld(kind: Kind): Promise<World> {
  const undo: Undo = [];
  try {
    return await build(kind, undo);
  } catch (error) {
    await undoAll(undo);
    throw error;
  }
}

async function build(kind: Kind, undo: Undo): Promise<World> {
  const { folder, remove } = scratchFolder();
  undo.push(alsoAtExit(remove));
  const keep = async <T extends { stop(): Promise<void> }>(starting: Promise<T>): Promise<T> => {
    const server = await starting;
    undo.push(() => server.stop());
    return server;
  };
  const line = async (port: number): Promise<Line> => {
    const started = await startLine('127.0.0.1', port);
    undo.push(() => started.cut());
    return started;
  };

  const postgres = await keep(startPostgres(kind === 'standby' ? { wal_level: 'replica' } : {}));
  const standby = kind === 'standby' ? await keep(startStandby(postgres)) : undefined;
  if (standby) await followClosely(postgres);
  const databaseLine = await line(postgres.port);
  const databaseUrl = Object.assign(new URL(postgres.url), { port: String(databaseLine.port) }).href;

  const redisServers = await severalRedis(kind, keep);
  let redis = await startRedis();
  undo.push(() => redis.stop());
  const redisLines = await Promise.all(Array.from({ length: REPLICAS + 1 }, () => line(redis.port)));
  const redisUrl = (own: Line) => redisServers?.url ?? `redis://127.0.0.1:${own.port}`;

  const ports = await freePorts(REPLICAS);
  const shared = {
    DATABASE_URL: databaseUrl,
    MINTMARK_ISSUER: `http://localhost:${ports[0]}`,
    MINTMARK_KEYS_SIGNING_ALGS: 'RS256,ES256',
    MINTMARK_KEYS_RELOAD_INTERVAL: '1',
  };
  const deaths: { replica: number; from: number; to: number }[] = [];
  let program: string | undefined;
  const replicas = ports.map((port, number) =>
    replicaOf({
      number,
      port,
      line: redisLines[number] as Line,
      deaths,
      start: () =>
        startService({
          folder,
          port,
          env: { ...shared, REDIS_URL: redisUrl(redisLines[number] as Line) },
          ...(program !== undefined && { program }),
        }),
    }),
  );
  undo.push(() => Promise.all(replicas.map((replica) => replica.kill())));
  await Promise.all(replicas.map((replica) => replica.start()));

  const keysFolder = `${folder}/keys`;
  const own = redisLines[REPLICAS] as Line;
  const { config } = loadConfig({ env: { ...shared, MINTMARK_KEYS: keysFolder, REDIS_URL: redisUrl(own) } });
  const house = await persistently(() => openHouse(config, { beside: true }));
  undo.push(() => house.close());
  const [keyring, macKeyRing] = [keyringOf(house), macKeyRingOf(house)];
  await Promise.all([keyring.reload(), macKeyRing.reload()]);
  const as = authorizationServerOf(house, keyring, macKeyRing);
  const decode = (text: string) => decodeRefreshToken(as.issuer, as.macKeys(), text);
  await furnish(house);

  let removeProgram: (() => void) | undefined;
  undo.push(alsoAtExit(() => removeProgram?.()));
  let deployed: Mutation | undefined;

  return {
    kind,
    replicas,
    deaths,
    house,
    as,
    keysFolder,
    databaseLine,
    postgres,
    standby,
    redis: () => redis,
    redisServers,
    async renewRedis(settings) {
      const old = redis;
      redis = await startRedis(settings);
      for (const one of redisLines) one.lead(redis.port);
      await old.stop();
      await Promise.all(replicas.map(({ port }) => untilReady(port)));
    },
    async deploy(mutation) {
      if (deployed === mutation) return;
      await Promise.all(replicas.map((replica) => replica.kill()));
      removeProgram?.();
      const mutated = mutation && mutatedExecutable(mutation);
      [program, removeProgram, deployed] = [mutated?.program, mutated?.remove, mutation];
      await Promise.all(replicas.map((replica) => replica.start()));
    },
    open: (name) =>
      whereStoresAnswer(async () => {
        const { refresh_token } = await signIn({ house, keyring, macKeyRing }, { client_id: name }, EMAIL);
        const { familyId } = decode(refresh_token) as RefreshToken;
        const window = clients[name].refresh_retry_window + SWAP_LIFETIME;
        return { id: familyId, clientId: name, window, refreshToken: refresh_token };
      }),
    revoke: (id) =>
      whereStoresAnswer(async () => {
        const { family } = (await as.families.find(id)) as FamilyStanding;
        await revokeFamily(as, family, { revocation: 'revoked_by_operator', actor: 'test' });
      }),
    decode,
    watchSwaps() {
      const watchers = replicas.map((replica): SwapWatcher => {
        const watcher = watchSwaps();
        replica.line.watch(watcher);
        return watcher;
      });
      return () => {
        for (const replica of replicas) replica.line.watch(undefined);
        return watchers.flatMap((watcher) => watcher.resent());
      };
    },
    close: () => undoAll(undo),
  };
}

type Keep = <T extends { stop(): Promise<void> }>(starting: Promise<T>) => Promise<T>;

async function severalRedis(kind: Kind, keep: Keep): Promise<RedisServers | undefined> {
  if (kind === 'sentinels') return keep(startSentinels());
  if (kind === 'cluster') return keep(startCluster());
  return undefined;
}

/** All at once, since a port that was free is given again. */
async function freePorts(count: number): Promise<number[]> {
  const ports = new Set<number>();
  while (ports.size < count) ports.add(await freePort());
  return [...ports];
}

/** From now on nothing is acknowledged before the standby has it. */
async function followClosely(postgres: TestServer): Promise<void> {
  const { default: pg } = await import('pg');
  const client = new pg.Client(postgres.url);
  await client.connect();
  await client.query("ALTER SYSTEM SET synchronous_standby_names = '*'");
  await client.query("ALTER SYSTEM SET synchronous_commit = 'remote_apply'");
  await client.query('SELECT pg_reload_conf()');
  await client.end();
}

interface ReplicaParts extends Pick<Replica, 'number' | 'port' | 'line'> {
  readonly deaths: { replica: number; from: number; to: number }[];
  start(): Promise<ServiceProcess>;
}

function replicaOf({ number, port, line, deaths, start }: ReplicaParts): Replica {
  let service: ServiceProcess | undefined;
  const death = { replica: number, from: 0, to: Number.POSITIVE_INFINITY };
  let current = { ...death };
  deaths.push(current);
  return {
    number,
    port,
    line,
    async kill() {
      if (service === undefined) return;
      current = { ...death, from: now() };
      deaths.push(current);
      await service.stop('SIGKILL');
      service = undefined;
    },
    async start() {
      service = await persistently(start);
      current.to = now();
    },
  };
}

/** Again, until the stores are there. */
export async function whereStoresAnswer<T>(work: () => Promise<T>): Promise<T> {
  for (;;) {
    try {
      return await work();
    } catch (error) {
      if (!(error instanceof StoreUnavailableError)) throw error;
      await sleep(100);
    }
  }
}

/** As whoever supervises it: on a busy machine a start may meet a time limit. */
async function persistently<T>(work: () => Promise<T>): Promise<T> {
  for (let left = 3; ; left -= 1) {
    try {
      return await work();
    } catch (error) {
      if (left === 0) throw error;
    }
  }
}

async function untilReady(port: number): Promise<void> {
  for (let left = 300; ; left -= 1) {
    if (
      await fetch(`http://127.0.0.1:${port}/readyz`).then(
        ({ ok }) => ok,
        () => false,
      )
    )
      return;
    if (left === 0) throw new Error(`the replica on port ${port} is not ready: not within 15 s`);
    await sleep(50);
  }
}

/** What everybody needs: resources, clients and somebody to sign in. */
async function furnish(house: House): Promise<void> {
  const management = { ...house, actor: 'test' };
  const timetable = timetableOf(house.config);
  for (const signing_alg of ['ES256', 'RS256']) {
    const resource = `https://${signing_alg.toLowerCase()}.example.com`;
    await createResource({ ...management, timetable }, { resource, scopes: ['read'], signing_alg });
  }
  for (const [client_id, metadata] of Object.entries(clients)) {
    await registerClient(management, {
      ...metadata,
      client_id,
      grant_types: ['refresh_token'],
      token_endpoint_auth_method: 'none',
      first_party: true,
      scope: 'read',
    });
  }
  await createAccount(management, { email: EMAIL, password: house.random.id() });
}

const agent = new Agent({ keepAlive: true });

export interface HttpAnswer {
  readonly status: number;
  readonly retryAfter: string | undefined;
  readonly body: Readonly<Record<string, unknown>>;
}

/**
 * POSTs a form to whoever listens on `port`. Rejects where the connection breaks, and with a TimeoutError where there is
 * no answer in `patience` seconds.
 */
export async function post(
  port: number,
  path: string,
  form: Readonly<Record<string, string>>,
  patience: number,
): Promise<HttpAnswer> {
  const signal = AbortSignal.timeout(patience * 1000);
  const headers = { 'content-type': 'application/x-www-form-urlencoded' };
  const options = { host: '127.0.0.1', port, path, method: 'POST', headers, agent, signal };
  return new Promise((resolve, reject) => {
    const sent = request(options, (response) => {
      let text = '';
      response.setEncoding('utf8');
      response.on('data', (chunk) => (text += chunk));
      response.on('error', reject);
      response.on('end', () => {
        const retryAfter = response.headers['retry-after'];
        try {
          resolve({ status: response.statusCode ?? 0, retryAfter, body: text ? JSON.parse(text) : {} });
        } catch (error) {
          reject(error);
        }
      });
    });
    sent.on('error', (error) => reject(signal.aborted ? signal.reason : error));
    sent.end(new URLSearchParams(form).toString());
  });
}
