// The process: starts one replica or several workers, tells where it is, ends with grace. The one place that knows
// there is a process.
import cluster from 'node:cluster';
import closeWithGrace from 'close-with-grace';
import { type Logger, pino } from 'pino';
import { banner } from './banner.ts';
import { type Config, type Flags, loadConfig } from './config.ts';
import { type Demo, demoOf } from './first-run.ts';
import { logOptions } from './log.ts';
import { openService, type Service } from './service.ts';

/** Runs until it is told to stop. Throws OperatorError where it cannot start. */
export async function startServer({ env, flags }: { env: NodeJS.ProcessEnv; flags: Flags }): Promise<void> {
  const { config } = loadConfig({ env, flags });
  if (config.workers > 1 && cluster.isPrimary) return startWorkers(config);
  const service = await openService(config, await openLog(config));
  const isTrial = service.house.database.embedded && env.NODE_ENV !== 'production';
  const demo = isTrial ? await demoOf(service.house) : undefined;
  try {
    await service.listen();
  } catch (error) {
    await service.close();
    throw error;
  }
  closeWithGrace({ delay: 10_000, logger: false }, async ({ err }) => {
    if (err) service.app.log.fatal({ err }, 'stopped by a fault');
    await service.close();
  });
  announce(service, demo, env, flags);
}

/** JSON lines for machines, readable lines for a person. */
async function openLog({ log_level }: Config): Promise<Logger> {
  if (!process.stdout.isTTY) return pino(logOptions(log_level));
  const { default: pretty } = await import('pino-pretty');
  return pino(logOptions(log_level), pretty({ sync: true, ignore: 'pid,hostname' }));
}

/** A worker that dies is replaced; a signal ends them all. */
function startWorkers(config: Config): void {
  for (let i = 0; i < config.workers; i += 1) cluster.fork();
  let stopping = false;
  cluster.on('exit', (_worker, code) => {
    // A worker that cannot start says why and would say it again.
    if (code === 1) process.exitCode = 1;
    else if (!stopping) cluster.fork();
  });
  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    process.on(signal, () => {
      stopping = true;
      for (const worker of Object.values(cluster.workers ?? {})) worker?.process.kill(signal);
    });
  }
}

function announce(
  { house, app }: Service,
  demo: Demo | undefined,
  env: NodeJS.ProcessEnv,
  flags: Flags,
): void {
  const { config, database } = house;
  const startedIn = process.uptime();
  if (!process.stdout.isTTY) {
    app.log.info({ issuer: config.issuer, store: database.describe(), startedIn }, 'started');
    return;
  }
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
