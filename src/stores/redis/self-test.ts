// Before Redis is used: the client is shown a line that is cut before the reply, and must neither send again nor say
// anything but "unknown". That a script runs at most once rests on settings of ioredis that work only together, and
// the next version may read them otherwise.
import { once } from 'node:events';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Redis } from 'ioredis';
import { OperatorError } from '../../operator-error.ts';
import { within } from '../../within.ts';
import { StoreUnavailableError } from '../unavailable.ts';
import type { RedisNode } from './redis-url.ts';
import { reply } from './reply.ts';
import { defineScript } from './script.ts';

/** Seconds: a busy machine takes its time, and it says nothing about the client. */
const PATIENCE = 10;
const SCRIPT = 'return 1';

/**
 * Connects by `open` to a listener of this process, and cuts the line when a script has arrived. Throws OperatorError
 * where the script, or one that is sent while there is no line, arrives afterwards, and where its caller is not told
 * "unknown" within `timeout` seconds.
 */
export async function assertSentOnce(open: (node: RedisNode) => Redis, timeout: number): Promise<void> {
  const listener = await listen();
  const redis = open(listener);
  redis.on('error', () => {});
  try {
    await within(PATIENCE, shownACut(redis, listener, timeout));
  } catch (cause) {
    if (cause instanceof OperatorError) throw cause;
    throw new OperatorError(`the client of Redis could not be tried: ${String(cause)}`, 1, { cause });
  } finally {
    redis.disconnect();
    await listener.close();
  }
}

async function shownACut(redis: Redis, listener: Listener, timeout: number): Promise<void> {
  if (redis.status !== 'ready') await once(redis, 'ready');
  const script = defineScript(redis, SCRIPT);
  const closed = once(redis, 'close');
  const told = [isUnknown(script('mm:{self-test}', []), timeout)];
  await closed;
  told.push(isUnknown(script('mm:{self-test}', []), timeout));
  await once(redis, 'ready');
  // What is sent again goes first, so it has arrived when this is answered.
  await answered(redis);
  if (listener.scripts() !== 1) throw refusal('it sends a command again whose reply was lost');
  if ((await Promise.all(told)).includes(false))
    throw refusal('it does not say in time that the outcome of a command is unknown');
}

/** Whether the caller of a command is told that nobody knows what became of it. */
async function isUnknown(command: Promise<unknown>, timeout: number): Promise<boolean> {
  const outcome = await within(timeout, reply(command)).catch((error: unknown) => error);
  return outcome instanceof StoreUnavailableError;
}

async function answered(redis: Redis): Promise<void> {
  // Until it is given up; a refusal takes no turn of the event loop, and the line would never be heard.
  while (redis.status !== 'end' && (await redis.ping().catch(() => undefined)) !== 'PONG') await nextTurn();
}

interface Listener extends RedisNode {
  /** how many have arrived */
  scripts(): number;
  close(): Promise<void>;
}

/** A Redis that knows nothing, and dies of the first script. */
async function listen(): Promise<Listener> {
  let scripts = 0;
  const sockets = new Set<Socket>();
  const server: Server = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => {});
    let text = '';
    socket.on('data', (bytes) => {
      text += bytes.toString('latin1');
      for (let name = take(); name !== undefined; name = take()) {
        if (name.startsWith('EVAL')) scripts += 1;
        if (name.startsWith('EVAL') && scripts === 1) socket.destroy();
        else socket.write(ANSWERS[name] ?? '+OK\r\n');
      }
    });
    /** The name of the next command that has arrived whole (RESP: an array of bulk strings). */
    function take(): string | undefined {
      const [whole, count, parts = ''] = /^\*(\d+)\r\n((?:\$\d+\r\n[^\r]*\r\n)*)/.exec(text) ?? [];
      const words = parts.split('\r\n').filter((_, i) => i % 2 === 1);
      if (whole === undefined || words.length < Number(count)) return undefined;
      text = text.slice(whole.length);
      return words[0]?.toUpperCase();
    }
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  return {
    host: '127.0.0.1',
    port,
    scripts: () => scripts,
    async close() {
      const closed = once(server, 'close');
      server.close();
      for (const socket of sockets) socket.destroy();
      await closed;
    },
  };
}

const ANSWERS: Readonly<Record<string, string>> = {
  INFO: '$9\r\nloading:0\r\n',
  PING: '+PONG\r\n',
  EVALSHA: ':1\r\n',
};

const refusal = (fault: string): OperatorError =>
  new OperatorError(
    `the client of Redis is not fit for use, ${fault}: install the version of ioredis in package-lock.json`,
  );
