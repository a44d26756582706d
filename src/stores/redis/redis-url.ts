// REDIS_URL, read: one server, the servers that sentinels name, or a cluster.
//
// Read here and not by ioredis, which takes every option from a URL's query: how commands are sent is not the
// operator's to change.
import { OperatorError } from '../../operator-error.ts';

export interface RedisNode {
  readonly host: string;
  readonly port: number;
}

export interface RedisTarget {
  readonly kind: 'server' | 'sentinel' | 'cluster';
  /** the server; or the sentinels, or the nodes of the cluster, to ask first */
  readonly nodes: readonly RedisNode[];
  /** of the primary, as its sentinels call it */
  readonly name?: string;
  readonly tls: boolean;
  readonly username?: string;
  readonly password?: string;
  readonly db: number;
}

const SHAPE =
  /^(?<scheme>rediss?|redis\+sentinel|redis\+cluster):\/\/(?:(?<user>[^@:/]*)(?::(?<password>[^@/]*))?@)?(?<nodes>[^@/?#]+)(?:\/(?<db>\d*))?$/;

const DEFAULT_PORT = { server: 6379, sentinel: 26379, cluster: 6379 };

/** Throws OperatorError, which does not repeat the URL: it may hold a password. */
export function readRedisUrl(url: string): RedisTarget {
  const { scheme, user, password, nodes, db } = SHAPE.exec(url)?.groups ?? {};
  if (scheme === undefined || nodes === undefined) throw refusal();
  const kind = scheme === 'redis+sentinel' ? 'sentinel' : scheme === 'redis+cluster' ? 'cluster' : 'server';
  if (kind === 'sentinel' && !user) throw refusal();
  const name = kind === 'sentinel' ? { name: decoded(user as string) } : {};
  return {
    kind,
    nodes: nodes.split(',').map((node) => nodeOf(node, DEFAULT_PORT[kind])),
    tls: scheme === 'rediss',
    ...name,
    ...(kind !== 'sentinel' && user && { username: decoded(user) }),
    ...(password && { password: decoded(password) }),
    db: Number(db || 0),
  };
}

function nodeOf(text: string, defaultPort: number): RedisNode {
  const { host, port } = /^(?<host>\[[^\]]+\]|[^:]+)(?::(?<port>\d+))?$/.exec(text)?.groups ?? {};
  if (host === undefined) throw refusal();
  return { host: host.replace(/^\[|\]$/g, ''), port: port === undefined ? defaultPort : Number(port) };
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    throw refusal();
  }
}

const refusal = () =>
  new OperatorError(
    'REDIS_URL is none of redis://[user:password@]host:port[/db], rediss://…, redis+sentinel://name[:password]@host:port,host:port[/db] ' +
      'and redis+cluster://[user:password@]host:port,host:port: correct it (percent-encode what is special in a password)',
  );
