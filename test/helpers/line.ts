// A line to a server, and what networks do to lines: cut them, silence them, lose a reply.
import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';
import { freePort } from './servers.ts';

export interface Line {
  readonly port: number;
  /** Breaks every connection and refuses new ones. */
  cut(): Promise<void>;
  /** Passes on again, to whoever connects anew. */
  mend(): Promise<void>;
  /** Answers nothing any more on the connections that there are, and leaves them open. New ones are as good as ever. */
  silence(): void;
  /** The next reply breaks its connection instead of being passed on. */
  loseNextReply(): void;
}

/** A line to a server, from a port of its own or the one given; cut it when the test is over. */
export async function startLine(host: string, port: number, own?: number): Promise<Line> {
  const sockets = new Set<Socket>();
  const silent = new WeakSet<Socket>();
  let losing = false;
  const server = createServer((near) => {
    const far = connect(port, host);
    for (const socket of [near, far]) {
      sockets.add(socket);
      socket.on('error', () => {});
      socket.on('close', () => {
        sockets.delete(socket);
        near.destroy();
        far.destroy();
      });
    }
    near.on('data', (request) => far.write(request));
    far.on('data', (reply) => {
      if (losing) near.destroy();
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

  return {
    port: from,
    mend,
    async cut() {
      const closed = server.listening ? once(server, 'close') : undefined;
      server.close();
      for (const socket of sockets) socket.destroy();
      await closed;
    },
    silence() {
      for (const socket of sockets) silent.add(socket);
    },
    loseNextReply() {
      losing = true;
    },
  };
}
