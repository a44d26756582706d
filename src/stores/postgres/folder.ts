// The data folder: ours alone, and one process at a time.
//
// Two processes on one folder would silently lose rows. What says that it is taken is a listening unix socket, which
// the kernel frees however its holder dies; a file with a process number would be believed after a restart.
import { chmodSync, lstatSync, mkdirSync, readdirSync, type Stats, statSync, unlinkSync } from 'node:fs';
import { access, constants } from 'node:fs/promises';
import net from 'node:net';
import { join, relative, resolve } from 'node:path';
import { OperatorError } from '../../operator-error.ts';
import { reasonOf } from './unavailable.ts';

export interface DataFolder {
  readonly path: string;
  /** of Postgres itself */
  readonly data: string;
  readonly socket: string;
}

/** Makes the folder if need be, and sees that it is ours alone. Throws OperatorError. */
export async function prepareFolder(given: string): Promise<DataFolder> {
  const path = resolve(given);
  try {
    mkdirSync(path, { recursive: true, mode: 0o700 });
    const stats = statSync(path);
    if (!stats.isDirectory())
      throw new OperatorError(`the data folder ${path} is not a folder: set MINTMARK_DATA`);
    keepToOurselves(path, stats);
    await access(path, constants.R_OK | constants.W_OK | constants.X_OK);
  } catch (error) {
    if (error instanceof OperatorError) throw error;
    const advice = 'give it to the account that runs mintmark, or set MINTMARK_DATA to another';
    throw new OperatorError(`cannot use the data folder ${path}: ${reasonOf(error)}; ${advice}`);
  }
  return { path, data: join(path, 'postgres'), socket: socketPath(path) };
}

function keepToOurselves(path: string, { uid, mode }: Stats): void {
  if ((mode & 0o077) === 0) return;
  if (process.getuid !== undefined && uid !== process.getuid()) {
    throw new OperatorError(
      `the data folder ${path} belongs to another account and is open to others: chown it, or set MINTMARK_DATA`,
    );
  }
  // A folder that serves something else, such as /tmp, is not ours to close.
  const held = readdirSync(path);
  if (held.length > 0 && !held.some((name) => name.startsWith('postgres') || name === socketName)) {
    throw new OperatorError(
      `the data folder ${path} holds other things and is open to others: set MINTMARK_DATA to a folder of its own`,
    );
  }
  chmodSync(path, 0o700);
}

const socketName = 'mintmark.sock';
/** Bytes that an operating system has room for in the address of a unix socket. */
const longestSocketPath = process.platform === 'linux' ? 107 : 103;

function socketPath(folder: string): string {
  const path = join(folder, socketName);
  for (const candidate of [path, relative(process.cwd(), path)]) {
    if (Buffer.byteLength(candidate) <= longestSocketPath) return candidate;
  }
  const limit = `its socket may have ${longestSocketPath} bytes`;
  throw new OperatorError(`the path of the data folder ${folder} is too long, ${limit}: set MINTMARK_DATA`);
}

/** Lets go of what was taken. */
type Release = () => Promise<void>;

/**
 * Takes the folder: from now on others reach `onConnection`. Undefined where somebody has it. Throws OperatorError
 * where no socket can be made.
 */
export async function takeFolder(
  { path, socket }: DataFolder,
  onConnection: (socket: net.Socket) => void,
): Promise<Release | undefined> {
  const releaseName = await takeName(path);
  if (!releaseName) return undefined;
  try {
    const releaseSocket = await takeSocket(socket, onConnection);
    if (!releaseSocket) {
      await releaseName();
      return undefined;
    }
    return async () => {
      await releaseSocket();
      await releaseName();
    };
  } catch (error) {
    await releaseName();
    throw new OperatorError(`cannot make the socket ${socket}: ${reasonOf(error)}`, 1, { cause: error });
  }
}

/**
 * On Linux, a name without a file, which the kernel gives to one process and frees by itself. The socket's file alone
 * leaves a gap between being found stale and being replaced, where two could meet; but it holds between containers.
 */
async function takeName(folder: string): Promise<Release | undefined> {
  if (process.platform !== 'linux') return async () => {};
  const { dev, ino } = statSync(folder, { bigint: true });
  return listen(`\0mintmark ${dev}:${ino}`, (connection) => void connection.destroy());
}

async function takeSocket(
  path: string,
  onConnection: (socket: net.Socket) => void,
): Promise<Release | undefined> {
  if (await answers(path)) return undefined;
  const found = lstatSync(path, { throwIfNoEntry: false });
  if (found && !found.isSocket()) throw new Error('something else is there');
  if (found) unlinkSync(path);
  const release = await listen(path, onConnection);
  if (release) chmodSync(path, 0o600);
  return release;
}

function answers(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = net.connect(path);
    const found = (alive: boolean) => {
      socket.destroy();
      resolve(alive);
    };
    socket.once('connect', () => found(true));
    socket.once('error', () => found(false));
  });
}

/** Listens, without keeping the process running by that; undefined where the address is taken. Half open is up to them. */
function listen(path: string, onConnection: (socket: net.Socket) => void): Promise<Release | undefined> {
  const connections = new Set<net.Socket>();
  const server = net.createServer({ allowHalfOpen: true }, (connection) => {
    connections.add(connection);
    connection.on('close', () => connections.delete(connection));
    onConnection(connection);
  });
  const release = () =>
    new Promise<void>((resolve) => {
      server.close(() => resolve());
      for (const connection of connections) connection.destroy();
    });
  return new Promise((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) =>
      error.code === 'EADDRINUSE' ? resolve(undefined) : reject(error),
    );
    // Exclusive: a worker of a cluster would otherwise share the socket of its primary.
    server.listen({ path, exclusive: true }, () => {
      server.unref();
      resolve(release);
    });
  });
}
