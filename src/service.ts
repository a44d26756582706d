// One replica: its stores open, its keys loaded, its app ready to listen, its background work under way.
import type { FastifyInstance } from 'fastify';
import type { Logger } from 'pino';
import { collectDefaultMetrics, Gauge, Registry } from 'prom-client';
import { type LetterOutcome, sendLetters } from './accounts/send-letters.ts';
import { type AppParts, buildApp, buildOperatorApp } from './app.ts';
import { createBackground } from './background.ts';
import type { Config } from './config.ts';
import { createEvents } from './events.ts';
import { type Demo, demoOf } from './first-run.ts';
import type { Metrics } from './http/operator/operator.ts';
import { careForKeys, endCareForKeys } from './keys/care.ts';
import type { Keyring } from './keys/keyring.ts';
import type { MacKeyRing } from './keys/root-secrets.ts';
import { maintainKeys } from './keys/rotate.ts';
import { createFetchLedger, type FetchLedger } from './keys/verifier-fetches.ts';
import { deliverLogoutNotices, type NoticeOutcome } from './oauth/backchannel-logout.ts';
import { drainTombstones } from './oauth/refresh-families.ts';
import { OperatorError } from './operator-error.ts';
import { readinessChecks } from './readiness.ts';
import { readTls, renewTls, tlsFilesOf } from './tls.ts';
import {
  authorizationServerOf,
  ensureSecrets,
  type House,
  type HouseOptions,
  keyManagementOf,
  keyringOf,
  macKeyRingOf,
  openHouse,
  timetableOf,
} from './wire.ts';
import { within } from './within.ts';

/** Seconds between two writes of what the keys have signed, and between two sweeps. */
const FLUSH_INTERVAL = 1;
const SWEEP_INTERVAL = 10;
/** Seconds between two writes of floors: with the writing itself a floor is at most a second behind. */
const FLOOR_INTERVAL = 0.5;
/** Small bites, so that no statement holds many rows; and enough of them for thousands of assertions a second. */
const SWEEP_LIMIT = 1_000;
const SWEEPS_AT_ONCE = 50;
/** Seconds that requests and tasks may take to end when the service stops, and then the last words to the store. */
const LAST_REQUEST_LIFETIME = 5;
const LAST_WORDS_LIFETIME = 1;

export interface Service {
  readonly house: House;
  readonly keyring: Keyring;
  readonly macKeyRing: MacKeyRing;
  readonly app: FastifyInstance;
  /** what was made to try it with; undefined where it is in earnest */
  readonly demo: Demo | undefined;
  /** one round of what the service does by itself: for tests, which do not wait */
  care(): Promise<void>;
  listen(): Promise<void>;
  /** Lets requests end, writes what is unwritten, closes the stores. */
  close(): Promise<void>;
}

export interface ServiceOptions extends Omit<HouseOptions, 'beside'> {
  /** what /metrics shows, given what this process counts; absent: just that */
  readonly metricsOf?: (own: Registry) => Metrics;
  /** where it is for a trial, there is something to try it with */
  readonly hasDemo?: boolean;
}

/** Opens everything; nothing listens yet. Throws OperatorError where it cannot. */
export async function openService(
  config: Config,
  log: Logger,
  options: ServiceOptions = {},
): Promise<Service> {
  const tlsFiles = tlsFilesOf(config);
  // Before anything is made, for what is wrong with them can be known at once.
  if (tlsFiles) readTls(tlsFiles);
  const house = await openHouse(config, { ...options, beside: false });
  try {
    await ensureSecrets(house);
    const management = keyManagementOf(house, 'scheduler');
    await maintainKeys(management);
    const keyring = keyringOf(house);
    await keyring.reload();
    const macKeyRing = macKeyRingOf(house);
    await macKeyRing.reload();
    const demo = options.hasDemo && house.isTrial ? await demoOf(house) : undefined;
    return await assemble(house, { keyring, macKeyRing, demo }, log, options);
  } catch (error) {
    await house.close();
    throw error;
  }
}

interface Rings {
  readonly keyring: Keyring;
  readonly macKeyRing: MacKeyRing;
}

interface Made extends Rings {
  readonly demo: Demo | undefined;
}

async function assemble(
  house: House,
  { keyring, macKeyRing, demo }: Made,
  log: Logger,
  { metricsOf = (own) => own }: ServiceOptions,
): Promise<Service> {
  const { config } = house;
  const registry = createRegistry(keyring);
  const as = authorizationServerOf(house, keyring, macKeyRing);
  const parts = {
    as,
    config,
    checks: readinessChecks(house, keyring, macKeyRing),
    events: createEvents(registry),
    jwksFetches: createFetchLedger(house.stores.documents, {
      clock: house.clock,
      timetable: timetableOf(config),
    }),
    registry: metricsOf(registry),
    log,
    hasDemo: demo !== undefined,
  };
  const tlsFiles = tlsFilesOf(config);
  const app = await buildApp({ ...parts, ...(tlsFiles && { tls: readTls(tlsFiles) }) });
  const operatorApp = config.operator_port === undefined ? undefined : await buildOperatorApp(parts);
  const work = startWork(house, { keyring, macKeyRing }, parts);
  const stopRenewal = tlsFiles && renewTls(app.server, tlsFiles, log);
  return {
    house,
    keyring,
    macKeyRing,
    app,
    demo,
    care: work.round,
    async listen() {
      await listenOn(app, config.host, config.port);
      if (operatorApp) await listenOn(operatorApp, config.host, config.operator_port as number);
    },
    async close() {
      stopRenewal?.();
      await Promise.all([work.stop(), closeApp(app), operatorApp && closeApp(operatorApp)]);
      await work.leave();
      await house.close();
    },
  };
}

/** Requests that have begun are answered; whoever just keeps a connection is cut off. */
async function closeApp(app: FastifyInstance): Promise<void> {
  // node:http closes connections that are idle now, and forgets those that will be.
  const idle = setInterval(() => app.server.closeIdleConnections(), 100);
  const cutOff = setTimeout(() => app.server.closeAllConnections(), LAST_REQUEST_LIFETIME * 1000);
  try {
    await app.close();
  } finally {
    clearInterval(idle);
    clearTimeout(cutOff);
  }
}

interface Work {
  /** all of it once, now */
  round(): Promise<void>;
  /** Begins nothing more, and waits for what is under way; not for ever. */
  stop(): Promise<void>;
  /** Writes what is unwritten and makes way for another replica. Where the store is away the log says so. */
  leave(): Promise<void>;
}

/** Starts what the service does by itself. */
function startWork(
  house: House,
  { keyring, macKeyRing }: Rings,
  {
    as,
    events,
    jwksFetches,
    log,
  }: Pick<AppParts, 'as' | 'events'> & { readonly jwksFetches: FetchLedger; readonly log: Logger },
): Work {
  const { stores, config, database } = house;
  const failed = (task: string, err: unknown) => log.error({ task, err }, 'background task failed');
  const background = createBackground(failed);
  // What the keyring has seen revoked goes back into a store that was restored from a backup.
  const revokedElsewhere = () => keyring.revocations();
  const management = { ...keyManagementOf(house, 'scheduler'), revokedElsewhere };
  const care = { keyring, management, leases: stores.leases, holder: house.random.id() };
  const { sendMail } = as;
  const mail = { ...as, issuerName: config.pages.name };
  const tellOfLetter = (outcome: LetterOutcome) => events.letter(log, outcome);
  const sendDueLetters = async () => sendMail && sendLetters({ ...mail, sendMail }, tellOfLetter);
  const tellOfNotice = (outcome: NoticeOutcome) => events.logoutNotice(log, outcome);
  const tasks = [
    { name: 'issued figures', interval: FLUSH_INTERVAL, run: () => keyring.flushIssued() },
    { name: 'floors', interval: FLOOR_INTERVAL, run: () => as.floors.flush() },
    { name: 'logout notices', interval: FLUSH_INTERVAL, run: () => deliverLogoutNotices(as, tellOfNotice) },
    { name: 'letters', interval: FLUSH_INTERVAL, run: sendDueLetters },
    { name: 'tombstones', interval: FLUSH_INTERVAL, run: () => drainTombstones(as) },
    { name: 'JWKS fetches', interval: config.keys.reload_interval, run: () => jwksFetches.flush() },
    { name: 'keys', interval: config.keys.reload_interval, run: () => careForKeys(care) },
    { name: 'root secrets', interval: config.keys.reload_interval, run: () => macKeyRing.reload() },
    { name: 'sweep', interval: SWEEP_INTERVAL, run: () => sweep(house) },
  ];
  for (const { name, interval, run } of tasks) background.every(interval, name, run);
  // Where this fails the next round tells of it.
  database.onForeignCommit(() => void keyring.reload().catch(() => undefined));
  return {
    async round() {
      for (const { run } of tasks) await run();
    },
    stop: () =>
      within(LAST_REQUEST_LIFETIME, background.stop()).catch((error) => failed('the last round', error)),
    async leave() {
      const lastWords = Promise.all([keyring.flushIssued(), as.floors.flush(), endCareForKeys(care)]);
      await within(LAST_WORDS_LIFETIME, lastWords).catch((error) => failed('the last words', error));
    },
  };
}

/** By the store's own clock: a replica that is ahead must not sweep away what is alive. */
async function sweep({ stores }: House): Promise<void> {
  const now = await stores.health.now();
  for (let bites = 0; bites < SWEEPS_AT_ONCE; bites += 1) {
    if ((await stores.sweeper.sweep(now, SWEEP_LIMIT)) < SWEEP_LIMIT) return;
  }
}

function createRegistry(keyring: Keyring): Registry {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  new Gauge({
    name: 'mintmark_keys',
    help: 'Signing keys that are published.',
    aggregator: 'first',
    registers: [registry],
    collect() {
      this.set((JSON.parse(keyring.jwks().body) as { keys: unknown[] }).keys.length);
    },
  });
  return registry;
}

async function listenOn(app: FastifyInstance, host: string, port: number): Promise<void> {
  try {
    await app.listen({ host, port });
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    const why: Record<string, string> = {
      EADDRINUSE: `port ${port} on ${host} is in use: stop what listens there, or start with --port ${port + 1}`,
      EACCES: `port ${port} on ${host} needs privileges: take one above 1023`,
      EADDRNOTAVAIL: `${host} is no address of this machine: set HOST`,
      ENOTFOUND: `${host} is no address of this machine: set HOST`,
    };
    throw new OperatorError(
      why[code ?? ''] ?? `cannot listen on ${host}, port ${port}: ${String(cause)}`,
      1,
      { cause },
    );
  }
}
