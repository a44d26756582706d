// The ceiling next to a figure: a bare node:http server that sends what the service sent, head and body, and works
// nothing out. Where a token was asked for it makes the signature, each time. What is left between the two is ours.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import type { SigningAlg } from '../src/stores/stores.ts';
import type { BareStores } from './bare-refreshes.ts';
import type { Load } from './load.ts';

/** A load without the number of connections. */
export type Asked = Omit<Load, 'connections'>;

/** What the server is told to do. */
export interface BareTask {
  /** names and values in turn */
  readonly headers: readonly string[];
  readonly body: string;
  /** absent: nothing is signed */
  readonly alg?: SigningAlg | undefined;
  /** what a refresh reads and writes (bench/bare-refreshes.ts); absent: nothing */
  readonly stores?: BareStores;
}

export interface Bare {
  /** the same load, to be put on the bare server */
  readonly asked: Asked;
  stop(): Promise<void>;
}

const setByNode = ['connection', 'date', 'keep-alive'];

/** Asks the service once and starts a server that answers the same; `through` goes before its command. */
export async function startBare(
  asked: Asked,
  through: readonly string[],
  work: Pick<BareTask, 'alg' | 'stores'> = {},
): Promise<Bare> {
  const answer = await fetch(asked.url, asked.form && postOf(asked.form));
  if (!answer.ok) throw new Error(`${asked.url} answered ${answer.status}`);
  const headers = [...answer.headers].filter(([name]) => !setByNode.includes(name)).flat();
  const task: BareTask = { headers, body: await answer.text(), ...work };
  const [program = '', ...args] = [...through, process.execPath, join(import.meta.dirname, 'bare-server.js')];
  const child = spawn(program, args, { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] });
  child.send(task);
  const [port] = await once(child, 'message', { signal: AbortSignal.timeout(10_000) });
  return {
    asked: { ...asked, url: `http://127.0.0.1:${port}/` },
    async stop() {
      const exited = once(child, 'exit');
      child.kill();
      await exited;
    },
  };
}

const postOf = ({ body, authorization }: NonNullable<Load['form']>) => ({
  method: 'POST',
  body,
  headers: {
    ...(authorization && { authorization }),
    'content-type': 'application/x-www-form-urlencoded',
  },
});
