// A whole service on a free port, over a real socket: the embedded store in a folder of its own, real keys,
// and a clock that moves when it is told to.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pino } from 'pino';
import type { Test } from 'tap';
import { loadConfig } from '../../src/config.ts';
import { logOptions } from '../../src/log.ts';
import { registerClient } from '../../src/oauth/client-management.ts';
import { createResource } from '../../src/oauth/resource-management.ts';
import { openService, type Service, type ServiceOptions } from '../../src/service.ts';
import { timetableOf } from '../../src/wire.ts';
import { freePort } from './servers.ts';
import { type SignedIn, signIn } from './sign-in.ts';

export interface TestServer {
  readonly service: Service;
  readonly issuer: string;
  readonly clock: {
    now(): number;
    /** time passes, for the stores as well */
    advance(seconds: number): void;
    /** the hands of the house's clock alone are moved */
    drift(seconds: number): void;
  };
  /** what was logged, parsed */
  readonly log: Record<string, unknown>[];
  /** POSTs a form to /token. */
  token(form: Form, headers?: Record<string, string>): Promise<Answer>;
  /** POSTs a form to another endpoint of the back channel. */
  post(path: string, form: Form, headers?: Record<string, string>): Promise<Answer>;
  /** Registers a client; the client_secret is in the answer. */
  client(metadata: Record<string, unknown>): Promise<{ client_id: string; client_secret: string }>;
  resource(document: Record<string, unknown>): Promise<void>;
  /** Signs an account in at a client, without any door; it is made where there is none. */
  signIn(client: { client_id: string }, email?: string): Promise<SignedIn>;
  /** Takes the store away for good. */
  cutStore(): Promise<void>;
}

export type Form = Record<string, string> | [string, string][] | string;

export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  // biome-ignore lint/suspicious/noExplicitAny: what a test looks at, it names.
  readonly body: any;
}

/** Starts a service; `env` as the service would find it. It is closed when the test ends. */
export async function testServer(
  t: Test,
  env: Record<string, string> = {},
  options: Pick<ServiceOptions, 'hasDemo' | 'isTrial'> = {},
): Promise<TestServer> {
  const port = await freePort();
  // Not the test's own folder, which is long: the store's socket lies in it, and a socket's path is short.
  const folder = mkdtempSync(join(tmpdir(), 'mintmark-'));
  t.teardown(() => rmSync(folder, { recursive: true, force: true }));
  const { config } = loadConfig({
    env: {
      PORT: String(port),
      MINTMARK_DATA: join(folder, 'data'),
      MINTMARK_KEYS: join(folder, 'keys'),
      LOG_LEVEL: 'debug',
      ...env,
    },
  });
  const log: Record<string, unknown>[] = [];
  const clock = movable();
  const logger = pino(logOptions(config.log_level), { write: (line) => log.push(JSON.parse(line)) });
  const service = await openService(config, logger, {
    clock,
    storesAhead: clock.storesAhead,
    isTrial: true,
    ...options,
  });
  let isCut = false;
  t.teardown(() => (isCut ? service.app.close() : service.close()));
  await service.listen();
  const management = { ...service.house, actor: 'test' };
  return {
    service,
    issuer: config.issuer,
    clock,
    log,
    token: (form, headers) => post(`${config.issuer}/token`, form, headers),
    post: (path, form, headers) => post(`${config.issuer}${path}`, form, headers),
    client: async (metadata) =>
      (await registerClient(management, metadata)) as { client_id: string; client_secret: string },
    resource: async (document) => {
      await createResource({ ...management, timetable: timetableOf(config) }, document);
    },
    signIn: (client, email) => signIn(service, client, email),
    cutStore: () => {
      isCut = true;
      return service.house.database.close();
    },
  };
}

/** The system's time, until it is moved. */
function movable(): TestServer['clock'] & { storesAhead(): number } {
  let [passed, drifted] = [0, 0];
  return {
    now: () => Date.now() / 1000 + passed + drifted,
    storesAhead: () => passed,
    advance: (seconds) => {
      passed += seconds;
    },
    drift: (seconds) => {
      drifted += seconds;
    },
  };
}

async function post(url: string, form: Form, headers: Record<string, string> = {}): Promise<Answer> {
  const body = typeof form === 'string' ? form : new URLSearchParams(form).toString();
  const response = await fetch(url, {
    method: 'POST',
    headers: { 'content-type': 'application/x-www-form-urlencoded', ...headers },
    body,
  });
  const text = await response.text();
  const isJson = response.headers.get('content-type')?.startsWith('application/json');
  return {
    status: response.status,
    headers: response.headers,
    body: isJson && text !== '' ? JSON.parse(text) : text,
  };
}

/** The Authorization header of client_secret_basic (RFC 6749 2.3.1). */
export function basic(clientId: string, secret: string): Record<string, string> {
  const encoded = [clientId, secret].map((half) => new URLSearchParams({ '': half }).toString().slice(1));
  return { authorization: `Basic ${Buffer.from(encoded.join(':')).toString('base64')}` };
}
