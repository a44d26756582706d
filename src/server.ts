// The process: starts one replica or several workers, tells where it is, ends with grace. The one place that knows
// there is a process.
import cluster from 'node:cluster';
import closeWithGrace from 'close-with-grace';
import { type Logger, pino } from 'pino';
import { banner } from './banner.ts';
import { systemClock } from './clock.ts';
import { type Config, type Flags, loadConfig } from './config.ts';
import { logOptions } from './log.ts';
import { openService, type Service } from './service.ts';
import { metricsOfAll, STOP_SIGNALS, startWorkers, tellServing } from './workers.ts';

/** Seconds for an orderly end: less than the ten that Docker gives. */
const END_LIFETIME = 9;
/** Seconds in which a signal that comes again is the same one: npm, a terminal and a supervisor all pass them on. */
const ECHO_LIFETIME = 1;

interface Given {
  readonly env: NodeJS.ProcessEnv;
  readonly flags: Flags;
}

/** Runs until it is told to stop. Throws OperatorError where it cannot start. */
export async function startServer(given: Given): Promise<void> {
  try {
    await start(given);
  } catch (error) {
    // Its line to the primary would keep a worker alive.
    cluster.worker?.disconnect();
    throw error;
  }
}

async function start({ env, flags }: Given): Promise<void> {
  const { config } = loadConfig({ env, flags });
  const log = await openLog(config);
  if (config.workers > 1 && cluster.isPrimary) return startWorkers(config.workers, log);
  const isTrial = env.NODE_ENV !== 'production';
  const service = await openService(config, log, { metricsOf: metricsOfAll, isTrial, hasDemo: true });
  try {
    await service.listen();
    endWithGrace(service, log);
    announce(service, env, flags);
    tellServing();
    await tellFaults(service, log);
  } catch (error) {
    await service.close();
    throw error;
  }
}

/** JSON lines for machines, readable lines for a person. */
async function openLog({ log_level }: Config): Promise<Logger> {
  if (!process.stdout.isTTY) return pino(logOptions(log_level));
  const { default: pretty } = await import('pino-pretty');
  return pino(logOptions(log_level), pretty({ sync: true, ignore: 'pid,hostname' }));
}

/** The first signal, or a fault, begins an orderly end with exit code 0 or 1; a later signal wants it at once. */
function endWithGrace(service: Service, log: Logger): void {
  const grace = closeWithGrace(
    {
      delay: END_LIFETIME * 1000,
      logger: false,
      skip: [...STOP_SIGNALS],
      onTimeout: () => log.error(`not everything had ended within ${END_LIFETIME} s`),
    },
    async ({ err }) => {
      if (err) log.fatal({ err }, 'stopped by a fault');
      await service.close();
    },
  );
  let toldAt: number | undefined;
  for (const signal of STOP_SIGNALS) {
    process.on(signal, () => {
      const now = systemClock.now();
      if (toldAt !== undefined && now - toldAt > ECHO_LIFETIME) process.exit(1);
      if (toldAt !== undefined) return;
      toldAt = now;
      log.info({ signal }, 'stopping');
      grace.close();
    });
  }
}

function announce({ house, app, demo }: Service, env: NodeJS.ProcessEnv, flags: Flags): void {
  const { config, database } = house;
  const startedIn = process.uptime();
  if (!process.stdout.isTTY) {
    app.log.info({ issuer: config.issuer, store: database.describe(), startedIn }, 'started');
    return;
  }
  // Of several workers one speaks to the person.
  if (cluster.worker && cluster.worker.id > 1) return;
  const facts = {
    issuer: config.issuer,
    startedIn,
    store: database.describe(),
    embedded: database.embedded,
    keysFolder: config.keys_folder,
    demo,
    prefix: prefixOf(env, flags),
  };
  process.stdout.write(banner(facts));
}

/** What is missing is told to whoever starts it, and not first to whoever asks whether it is ready. */
async function tellFaults({ checks }: Service, log: Logger): Promise<void> {
  for (const { name, run } of checks) {
    await run().catch(({ message }: Error) => log.warn({ check: name, reason: message }, 'not ready'));
  }
}

/** What another terminal needs so that the executable there finds the same stores. */
function prefixOf(env: NodeJS.ProcessEnv, flags: Flags): string {
  const given = [
    ['MINTMARK_CONFIG', flags.config ?? env.MINTMARK_CONFIG],
    ['MINTMARK_DATA', env.MINTMARK_DATA],
    ['MINTMARK_KEYS', env.MINTMARK_KEYS],
    ['MINTMARK_ISSUER', env.MINTMARK_ISSUER],
    ['PORT', flags.port ?? env.PORT],
  ] as const;
  return given.flatMap(([name, value]) => (value ? [`${name}=${quoted(value)} `] : [])).join('');
}

const quoted = (text: string): string => `'${text.replaceAll("'", "'\\''")}'`;
