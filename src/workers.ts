// Several processes on one machine (MINTMARK_WORKERS): the primary owns the port and starts the workers, replaces the
// ones that die, passes signals on, and adds up what they have counted. It serves nothing itself.
import cluster, { type Worker } from 'node:cluster';
import type { Logger } from 'pino';
import { AggregatorRegistry, type Registry } from 'prom-client';
import type { Metrics } from './http/operator/operator.ts';

/** Seconds before a worker is replaced, so that one that cannot start is not tried in a tight loop. */
const REPLACEMENT_PAUSE = 1;

/** They stop a process, and are passed on to the workers. */
export const STOP_SIGNALS = ['SIGTERM', 'SIGINT', 'SIGHUP'] as const;

/** What a worker says to its primary. */
const SERVING = 'mintmark:serving';
const ASKING = 'mintmark:metrics';
/** What it is told. */
type Answer = { readonly metrics: string } | { readonly error: string };

/**
 * The primary. The first worker starts alone, so that what keeps it from starting is said once; the others follow.
 * Ends when its workers have ended, with the exit code of the first that failed.
 */
export function startWorkers(count: number, log: Logger): void {
  let hasServed = false;
  let isStopping = false;
  const aggregator = new AggregatorRegistry();

  cluster.on('message', (worker, message) => {
    if (message === ASKING) void answerMetrics(worker, aggregator.clusterMetrics());
    if (message !== SERVING || hasServed || isStopping) return;
    hasServed = true;
    for (let others = 1; others < count; others += 1) cluster.fork();
  });
  cluster.on('exit', (_worker, code: number | null, signal: string | null) => {
    if (isStopping && !code) return;
    if (isStopping || !hasServed) {
      process.exitCode ??= code || 1;
      return;
    }
    log.error({ code, signal }, 'a worker has ended: another takes its place');
    setTimeout(() => isStopping || cluster.fork(), REPLACEMENT_PAUSE * 1000);
  });
  for (const signal of STOP_SIGNALS) {
    process.on(signal, () => {
      isStopping = true;
      for (const worker of Object.values(cluster.workers ?? {})) worker?.process.kill(signal);
    });
  }
  cluster.fork();
}

async function answerMetrics(worker: Worker, counted: Promise<string>): Promise<void> {
  const answer = await counted.then(
    (metrics): Answer => ({ metrics }),
    (error): Answer => ({ error: String(error) }),
  );
  if (worker.isConnected()) worker.send(answer);
}

/** In a worker, once it serves: tells the primary. Elsewhere nothing. */
export function tellServing(): void {
  cluster.worker?.send(SERVING);
}

/** The metrics of all workers together, whichever of them is asked. Outside a worker those of the process itself. */
export function metricsOfAll(own: Registry): Metrics {
  const { worker } = cluster;
  if (!worker) return own;
  AggregatorRegistry.setRegistries([own]);
  // Made for what it does by being made: from now on the primary is answered.
  const { contentType } = new AggregatorRegistry();
  const waiting = new Set<(answer: Answer) => void>();
  worker.on('message', (message: Partial<Answer & Record<string, unknown>>) => {
    if (!('metrics' in message || 'error' in message) || 'requestId' in message) return;
    for (const settle of waiting) settle(message as Answer);
    waiting.clear();
  });
  return {
    contentType,
    metrics: () =>
      new Promise((resolve, reject) => {
        waiting.add((answer) =>
          'metrics' in answer ? resolve(answer.metrics) : reject(new Error(answer.error)),
        );
        worker.send(ASKING);
      }),
  };
}
