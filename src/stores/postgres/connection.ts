// One client of the embedded store, over anything that carries bytes: the pool in this process, or a unix socket.
import { Socket } from 'node:net';
import { Duplex } from 'node:stream';
import type pg from 'pg';
import type { Arbiter, Seat } from './arbiter.ts';
import { createPool } from './pool.ts';
import { createRequestReader, fatal, ProtocolError, type Request } from './protocol.ts';

export interface Served {
  /** Tells the client why, and hangs up; what it had open is rolled back when the promise resolves. */
  end(sqlState: string, text: string): Promise<void>;
}

/**
 * Serves the client at the other end of `stream`, which may be half open, until either hangs up. `greeting` is what
 * PGlite says at first.
 */
export function serve(stream: Duplex, arbiter: Arbiter, greeting: Buffer, foreign: boolean): Served {
  const read = createRequestReader();
  const seat = arbiter.seat({
    foreign,
    evicted: () => void hangUp('25P03', 'a transaction stayed open with nothing asked: it was rolled back'),
  });

  function hangUp(sqlState: string, text: string): Promise<void> {
    if (!stream.writableEnded) stream.end(fatal(sqlState, text), () => stream.destroy());
    return seat.leave();
  }

  /** Who sees us hang up knows that nothing is left of them in the session. */
  async function part(): Promise<void> {
    await seat.leave();
    stream.end();
  }

  async function answer(chunk: Buffer): Promise<void> {
    for (const request of read(chunk)) {
      if (stream.writableEnded) return;
      if (request.kind !== 'end') {
        stream.write(await answerTo(request, seat, greeting));
        continue;
      }
      return part();
    }
  }

  stream.on('error', () => {});
  stream.on('end', () => void part());
  stream.on('close', () => void seat.leave());
  stream.on('data', (chunk: Buffer) => {
    // One at a time: what comes meanwhile waits in the stream, and its sender with it.
    stream.pause();
    answer(chunk).then(
      () => stream.resume(),
      (error) => void hangUp(error instanceof ProtocolError ? '08P01' : '57P02', error.message),
    );
  });

  return {
    async end(sqlState, text) {
      await hangUp(sqlState, text);
      stream.destroy();
    },
  };
}

async function answerTo(
  request: Exclude<Request, { kind: 'end' }>,
  seat: Seat,
  greeting: Buffer,
): Promise<Buffer> {
  if (request.kind === 'batch') return seat.run(request.bytes);
  // Inside one process or one 0700 folder there is nothing to encrypt and nobody to authenticate.
  return request.kind === 'startup' ? greeting : Buffer.from('N');
}

/**
 * Two ends of a line without a network: what is written to one is read from the other, in a later turn of the event
 * loop, as from a network. Else a chain of queries would keep the process from everything else.
 */
export function createLine(): { client: Duplex; server: Duplex } {
  const client: Duplex = createEnd(() => server, false);
  const server: Duplex = createEnd(() => client, true);
  return { client, server };
}

function createEnd(other: () => Duplex, allowHalfOpen: boolean): Duplex {
  return new Duplex({
    allowHalfOpen,
    read() {},
    // Heedless of a full buffer: both ends are ours, and hold the whole answer in memory anyway.
    writev(chunks, done) {
      setImmediate(() => {
        other().push(Buffer.concat(chunks.map(({ chunk }) => chunk)));
        done();
      });
    },
    final(done) {
      other().push(null);
      done();
    },
    destroy(error, done) {
      other().destroy();
      done(error);
    },
  });
}

/** Makes an end of a line pass for the socket that pg expects. */
export function asSocket(line: Duplex): Duplex {
  return Object.assign(line, {
    connect: () => void queueMicrotask(() => line.emit('connect')),
    setNoDelay() {},
    setKeepAlive() {},
    ref() {},
    unref() {},
  });
}

/** A socket that connects to `path`, wherever pg means to go. */
export function dial(path: string): Duplex {
  const socket = new Socket();
  const connect = socket.connect.bind(socket);
  return Object.assign(socket, { connect: () => connect({ path }) });
}

/** A pool of one, since PGlite has one session: two connections of one process could wait for each other for ever. */
export function embeddedPool(stream: () => Duplex, config: pg.PoolConfig = {}): pg.Pool {
  return createPool({
    max: 1,
    // It is never away, but a busy process may take a second to come round to it.
    connectionTimeoutMillis: 5_000,
    idleTimeoutMillis: 0,
    stream,
    // Said here, so that it does not come from PGUSER and its like.
    user: 'postgres',
    database: 'postgres',
    host: 'localhost',
    ssl: false,
    ...config,
  });
}
