// The messages of the Postgres protocol, version 3, as far as the embedded store must tell them apart
// (PostgreSQL documentation, 53.2 Message Flow and 53.7 Message Formats). What they ask is PGlite's business.

/** What a client sends that needs an answer. */
export type Request =
  | { readonly kind: 'encryption' }
  | { readonly kind: 'startup' }
  /** messages up to one that asks for an answer, to be run in one go */
  | { readonly kind: 'batch'; readonly bytes: Buffer }
  | { readonly kind: 'end' };

/** What a peer sent is not the protocol. */
export class ProtocolError extends Error {}

/** `I` idle, `T` in a transaction, `E` in a failed one. */
export type TransactionStatus = 'I' | 'T' | 'E';

const longestStartup = 10_000;
const longestMessage = 2 ** 28;
const encryptionRequests = new Set([80877103, 80877104]);

/** Takes bytes as they come, gives requests when they are whole. One reader for one connection. */
export function createRequestReader(): (chunk: Buffer) => Generator<Request> {
  let rest: Buffer = Buffer.alloc(0);
  let started = false;
  return function* read(chunk) {
    rest = rest.length === 0 ? chunk : Buffer.concat([rest, chunk]);
    while (!started) {
      const length = rest.length < 8 ? Number.POSITIVE_INFINITY : rest.readInt32BE(0);
      if (rest.length < 8) return;
      if (length < 8 || length > longestStartup) throw new ProtocolError('no startup message');
      if (rest.length < length) return;
      const request = startup(rest.readInt32BE(4));
      rest = rest.subarray(length);
      started = request.kind === 'startup';
      yield request;
    }
    let start = 0;
    for (const { type, end } of messages(rest)) {
      if (type === 'X') yield { kind: 'end' };
      if (type !== 'S' && type !== 'Q' && type !== 'H') continue;
      yield { kind: 'batch', bytes: rest.subarray(start, end) };
      start = end;
    }
    rest = rest.subarray(start);
  };
}

function startup(code: number): Request {
  if (encryptionRequests.has(code)) return { kind: 'encryption' };
  // A request to cancel comes on a connection of its own; what PGlite runs cannot be interrupted.
  return code >>> 16 === 3 ? { kind: 'startup' } : { kind: 'end' };
}

/** The whole messages in `bytes`: their type, and where they end. */
function* messages(bytes: Buffer): Generator<{ type: string; end: number }> {
  for (let at = 0; at + 5 <= bytes.length; ) {
    const length = bytes.readInt32BE(at + 1);
    if (length < 4 || length > longestMessage) throw new ProtocolError('a message of an impossible length');
    const end = at + 1 + length;
    if (end > bytes.length) return;
    yield { type: String.fromCharCode(bytes.readUInt8(at)), end };
    at = end;
  }
}

/** The status in the last ReadyForQuery of an answer; undefined where there is none, as after a Flush. */
export function statusOf(answer: Buffer): TransactionStatus | undefined {
  let status: TransactionStatus | undefined;
  for (const { type, end } of messages(answer)) {
    if (type === 'Z') status = String.fromCharCode(answer.readUInt8(end - 1)) as TransactionStatus;
  }
  return status;
}

/** A simple query. */
export const query = (sql: string): Buffer => message('Q', `${sql}\0`);

/** Ends an extended query, whatever state it is in. */
export const sync: Buffer = message('S', '');

/** An ErrorResponse that ends the connection, with an SQLSTATE. */
export const fatal = (sqlState: string, text: string): Buffer =>
  message('E', `SFATAL\0VFATAL\0C${sqlState}\0M${text}\0\0`);

/** The startup message of the client that PGlite thinks it has. */
export const startupMessage: Buffer = message('', '\0\x03\0\0user\0postgres\0database\0postgres\0\0');

function message(type: string, body: string): Buffer {
  const length = Buffer.alloc(4);
  length.writeInt32BE(4 + Buffer.byteLength(body));
  return Buffer.concat([Buffer.from(type, 'latin1'), length, Buffer.from(body)]);
}
