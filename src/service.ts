// One replica: its stores open, its keys loaded, its app ready to listen, its background work under way.
import type { FastifyInstance } from 'fastify';
import type { Logger } from 'pino';
import { collectDefaultMetrics, Gauge, Registry } from 'prom-client';
import { buildApp, buildOperatorApp } from './app.ts';
import type { Config } from './config.ts';
import { createEvents } from './events.ts';
import { type Demo, demoOf } from './first-run.ts';
import type { Metrics } from './http/operator/operator.ts';
import type { Check } from './http/operator/readiness.ts';
import type { Keyring } from './keys/keyring.ts';
import type { MacKeyRing } from './keys/root-secrets.ts';
import { maintainKeys } from './keys/rotate.ts';
import { createFetchLedger } from './keys/verifier-fetches.ts';
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
import { type Rings, startWork } from './work.ts';

/** Seconds that requests may take to end when the service stops. */
const LAST_REQUEST_LIFETIME = 5;

export interface Service {
  readonly house: House;
  readonly keyring: Keyring;
  readonly macKeyRing: MacKeyRing;
  readonly app: FastifyInstance;
  /** what it is asked before it gets requests */
  readonly checks: readonly Check[];
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
    checks: parts.checks,
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
