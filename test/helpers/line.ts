// A line to a server, and what networks do to lines: cut them, silence them, slow them, lose a reply, lead them
// elsewhere.
import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';
import { freePort } from './servers.ts';

export interface Line {
  readonly port: number;
  /** Breaks every connection and refuses new ones. */
  cut(): Promise<void>;
  /** Passes on again, to whoever connects anew. */
  mend(): Promise<void>;
  /** Leads to another port from now on; the connections that there are break. */
  lead(port: number): void;
  /** Answers nothing any more on the connections that there are, and leaves them open. New ones are as good as ever. */
  silence(): void;
  /** Seconds that everything takes on its way there, from now on. */
  delay(seconds: number): void;
  /** The next reply breaks its connection instead of being passed on. */
  loseNextReply(): void;
  /** Lets somebody see all that passes. */
  watch(watcher: Watcher | undefined): void;
}

export interface Watcher {
  /** `connection` is a number of its own for each */
  request?(chunk: Buffer, connection: number): void;
  /** Whether it is passed on; one that is not breaks its connection. */
  reply?(chunk: Buffer): boolean;
}

/** A line to a server, from a port of its own or the one given; cut it when the test is over. */
export async function startLine(host: string, port: number, own?: number): Promise<Line> {
  const sockets = new Set<Socket>();
  const silent = new WeakSet<Socket>();
  let target = port;
  let connections = 0;
  let losing = false;
  let delay = 0;
  let watcher: Watcher | undefined;
  const server = createServer((near) => {
    const far = connect(target, host);
    const connection = ++connections;
    for (const socket of [near, far]) {
      socket.setNoDelay();
      sockets.add(socket);
      socket.on('error', () => {});
      socket.on('close', () => {
        sockets.delete(socket);
        near.destroy();
        far.destroy();
      });
    }
    const send = slowly(far, () => delay);
    near.on('data', (request: Buffer) => {
      watcher?.request?.(request, connection);
      send(request);
    });
    far.on('data', (reply: Buffer) => {
      const isLost = losing || watcher?.reply?.(reply) === false;
      if (isLost) near.destroy();
      else if (!silent.has(far)) near.write(reply);
      losing = false;
    });
  });
  const from = own ?? (await freePort());

  async function mend(): Promise<void> {
    server.listen(from, '127.0.0.1');
    await once(server, 'listening');
  }
  await mend();
  const breakAll = () => {
    for (const socket of sockets) socket.destroy();
  };

  return {
    port: from,
    mend,
    async cut() {
      const closed = server.listening ? once(server, 'close') : undefined;
      server.close();
      breakAll();
      await closed;
    },
    lead(port) {
      target = port;
      breakAll();
    },
    silence() {
      for (const socket of sockets) silent.add(socket);
    },
    delay(seconds) {
      delay = seconds;
    },
    loseNextReply() {
      losing = true;
    },
    watch(next) {
      watcher = next;
    },
  };
}

/** Writes to `socket` in order, each chunk as late as the delay of its moment says. */
function slowly(socket: Socket, delay: () => number): (chunk: Buffer) => void {
  const waiting: { readonly dueAt: number; readonly chunk: Buffer }[] = [];
  let timer: NodeJS.Timeout | undefined;

  function pass(): void {
    timer = undefined;
    while (waiting[0] !== undefined && waiting[0].dueAt <= performance.now()) {
      const { chunk } = waiting.shift() as { chunk: Buffer };
      if (!socket.destroyed) socket.write(chunk);
    }
    if (waiting[0] !== undefined) timer = setTimeout(pass, Math.max(1, waiting[0].dueAt - performance.now()));
  }

  return (chunk) => {
    if (waiting.length === 0 && delay() === 0) {
      socket.write(chunk);
      return;
    }
    waiting.push({ dueAt: performance.now() + delay() * 1000, chunk });
    if (timer === undefined) pass();
  };
}
