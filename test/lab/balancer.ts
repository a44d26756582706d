// One address before all replicas, as balancers are: each request goes to the next of them; one that gives no answer is
// passed over, and asked for its health until it has one again. It sees who fetches which JWKS.
import { once } from 'node:events';
import { Agent, createServer, type IncomingMessage, request, type ServerResponse } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Fetch } from './history.ts';

/** Seconds in which a replica has to answer: less than it is ever stopped for, and more than a busy machine takes. */
const PATIENCE = 2;
const BETWEEN_PROBES = 0.2;

export interface Balancer {
  readonly port: number;
  close(): void;
}

interface Answer {
  readonly status: number;
  readonly headers: IncomingMessage['headers'];
  readonly body: Buffer;
}

const agent = new Agent({ keepAlive: true });

/** `seen` is told of every answer to a request for the JWKS; the verifier is what it calls itself (`?v=`). */
export async function startBalancer(
  port: number,
  replicas: readonly number[],
  seen: (fetch: Fetch) => void,
): Promise<Balancer> {
  const down = new Set<number>();
  let turn = 0;
  let isOpen = true;

  async function probe(replica: number): Promise<void> {
    down.add(replica);
    const isReady = () =>
      ask(replica, { method: 'GET', url: '/readyz', headers: {}, body: Buffer.alloc(0) }).then(
        ({ status }) => status === 200,
        () => false,
      );
    do await sleep(BETWEEN_PROBES * 1000);
    while (isOpen && !(await isReady()));
    down.delete(replica);
  }

  async function pass(asked: Asked): Promise<Answer> {
    for (let left = 6 * replicas.length; ; left -= 1) {
      const replica = replicas[turn++ % replicas.length] as number;
      if (!down.has(replica) || left === 0) {
        try {
          return await ask(replica, asked);
        } catch (error) {
          if (left === 0) throw error;
          if (!down.has(replica)) void probe(replica);
        }
      } else if (down.size === replicas.length) await sleep(BETWEEN_PROBES * 1000);
    }
  }

  async function serve(incoming: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Buffer[] = [];
    for await (const chunk of incoming) chunks.push(chunk as Buffer);
    const { method = 'GET', url = '/', headers } = incoming;
    const answer = await pass({ method, url, headers, body: Buffer.concat(chunks) });
    if (url.startsWith('/.well-known/jwks.json') && answer.status === 200) {
      const { keys } = JSON.parse(answer.body.toString()) as { keys: { kid: string }[] };
      const verifier = new URL(url, 'http://localhost').searchParams.get('v') ?? '';
      seen({ verifier, at: Date.now() / 1000, kids: keys.map(({ kid }) => kid) });
    }
    response.writeHead(answer.status, { ...answer.headers, connection: 'close' }).end(answer.body);
  }

  const server = createServer((incoming, response) => {
    serve(incoming, response).catch(() => response.writeHead(503).end());
  });
  await once(server.listen(port, 'localhost'), 'listening');
  return {
    port,
    close() {
      isOpen = false;
      server.close();
      server.closeAllConnections();
    },
  };
}

interface Asked {
  readonly method: string;
  readonly url: string;
  readonly headers: IncomingMessage['headers'];
  readonly body: Buffer;
}

/** Rejects where there is no whole answer in time. */
function ask(port: number, { method, url, headers, body }: Asked): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const signal = AbortSignal.timeout(PATIENCE * 1000);
    const asking = request(
      { host: '127.0.0.1', port, method, path: url, headers, agent, signal },
      (answer) => {
        const chunks: Buffer[] = [];
        answer.on('data', (chunk: Buffer) => chunks.push(chunk));
        answer.on('error', reject);
        answer.on('end', () => {
          const { 'transfer-encoding': _, ...kept } = answer.headers;
          resolve({ status: answer.statusCode ?? 0, headers: kept, body: Buffer.concat(chunks) });
        });
      },
    );
    asking.on('error', reject);
    asking.end(body);
  });
}
