// One replica: its stores open, its keys loaded, its app ready to listen, its background work under way.
import { readFileSync, unwatchFile, watchFile } from 'node:fs';
import type { FastifyInstance } from 'fastify';
import type { Logger } from 'pino';
import { collectDefaultMetrics, Gauge, Registry } from 'prom-client';
import { buildApp, buildOperatorApp } from './app.ts';
import { type Background, createBackground } from './background.ts';
import type { Config } from './config.ts';
import { createEvents } from './events.ts';
import { careForKeys } from './keys/care.ts';
import type { Keyring } from './keys/keyring.ts';
import { maintainKeys } from './keys/rotate.ts';
import { OperatorError } from './operator-error.ts';
import {
  authorizationServerOf,
  ensureSecrets,
  type House,
  type HouseOptions,
  keyManagementOf,
  keyringOf,
  openHouse,
  readinessChecks,
} from './wire.ts';

/** Seconds between two writes of what the keys have signed, and between two sweeps. */
const FLUSH_INTERVAL = 1;
const SWEEP_INTERVAL = 60;
const SWEEP_LIMIT = 1_000;

export interface Service {
  readonly house: House;
  readonly keyring: Keyring;
  readonly app: FastifyInstance;
  /** one round of what the service does by itself: for tests, which do not wait */
  care(): Promise<void>;
  listen(): Promise<void>;
  /** Lets requests end, writes what is unwritten, closes the stores. */
  close(): Promise<void>;
}

/** Opens everything; nothing listens yet. Throws OperatorError where it cannot. */
export async function openService(
  config: Config,
  log: Logger,
  options: Omit<HouseOptions, 'beside'> = {},
): Promise<Service> {
  const house = await openHouse(config, { ...options, beside: false });
  try {
    await ensureSecrets(house);
    const management = keyManagementOf(house, 'scheduler');
    await maintainKeys(management);
    const keyring = keyringOf(house);
    await keyring.reload();
    return await assemble(house, keyring, log);
  } catch (error) {
    await house.close();
    throw error;
  }
}

async function assemble(house: House, keyring: Keyring, log: Logger): Promise<Service> {
  const { config } = house;
  const registry = metricsOf(keyring);
  const parts = {
    as: authorizationServerOf(house, keyring),
    config,
    checks: readinessChecks(house, keyring),
    events: createEvents(registry),
    registry,
    log,
  };
  const tls = tlsOf(config);
  const app = await buildApp({ ...parts, ...(tls && { tls }) });
  const operatorApp = config.operator_port === undefined ? undefined : await buildOperatorApp(parts);
  const background = createBackground((name, error) =>
    log.error({ task: name, err: error }, 'background task failed'),
  );
  const care = careFor(house, keyring, background);
  return {
    house,
    keyring,
    app,
    care,
    async listen() {
      await listenOn(app, config.host, config.port);
      if (operatorApp) await listenOn(operatorApp, config.host, config.operator_port as number);
      if (tls) renewTls(app, config);
    },
    async close() {
      if (tls) for (const file of [config.tls_cert, config.tls_key]) unwatchFile(file as string);
      await Promise.all([app.close(), operatorApp?.close()]);
      await background.stop();
      await keyring
        .flushIssued()
        .catch((error: unknown) => log.error({ err: error }, 'the last figures were not written'));
      await house.close();
    },
  };
}

/** Starts the background work; the round that it returns is the same work, asked for. */
function careFor(house: House, keyring: Keyring, background: Background): () => Promise<void> {
  const { stores, clock, random, config, database } = house;
  const management = keyManagementOf(house, 'scheduler');
  const holder = random.id();
  const round = () => careForKeys({ keyring, management, leases: stores.leases, holder });
  const sweep = () => stores.sweeper.sweep(clock.now(), SWEEP_LIMIT);
  background.every(config.keys.reload_interval, 'keys', round);
  background.every(FLUSH_INTERVAL, 'issued figures', () => keyring.flushIssued());
  background.every(SWEEP_INTERVAL, 'sweep', sweep);
  database.onForeignCommit(() => void keyring.reload().catch(() => undefined));
  return async () => {
    await keyring.flushIssued();
    await round();
    await sweep();
  };
}

function metricsOf(keyring: Keyring): Registry {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  new Gauge({
    name: 'mintmark_keys',
    help: 'Signing keys that are published.',
    registers: [registry],
    collect() {
      this.set((JSON.parse(keyring.jwks().body) as { keys: unknown[] }).keys.length);
    },
  });
  return registry;
}

const tlsOf = ({ tls_cert, tls_key }: Config) =>
  tls_cert && tls_key ? { cert: readFileSync(tls_cert), key: readFileSync(tls_key) } : undefined;

/** A renewed certificate serves the next connection. One that cannot be read leaves the old one in place. */
function renewTls(app: FastifyInstance, config: Config): void {
  for (const file of [config.tls_cert, config.tls_key]) {
    watchFile(file as string, { interval: 5_000, persistent: false }, () => {
      try {
        const tls = tlsOf(config);
        if (tls && 'setSecureContext' in app.server)
          (app.server as import('node:https').Server).setSecureContext(tls);
      } catch (error) {
        app.log.error({ err: error }, 'the TLS files changed and cannot be used: the old ones serve on');
      }
    });
  }
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
