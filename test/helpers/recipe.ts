// What every recipe of examples/ is tried with: an issuer, a good token and some that are wrong in one way, and the
// program as a process of its own.
import { spawn } from 'node:child_process';
import { generateKeyPairSync } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type IncomingHttpHeaders } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { decodeJwt, decodeProtectedHeader, SignJWT } from 'jose';
import type { Test } from 'tap';
import { answers } from './service.ts';
import { basic, type TestServer, testServer } from './test-server.ts';

export const AUDIENCE = 'https://api.example.com';

export interface Starting {
  readonly port: number;
  readonly path?: string;
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
}

export interface RecipeKit {
  readonly server: TestServer;
  /** an access token that a recipe takes */
  readonly good: string;
  /** Runs a program until the test ends; its URL, once it answers with 401. */
  start(t: Test, command: readonly string[], starting: Starting): Promise<string>;
  /** `knowsTyp`: false for what cannot look at it, and has to tell tokens apart by `aud` */
  takesGoodTokensAlone(t: Test, url: string, knowsTyp?: boolean): Promise<void>;
}

/** One issuer for all recipes of a test file. */
export async function recipeKit(t: Test): Promise<RecipeKit> {
  const server = await testServer(t);
  const { good, wrong } = await tokensOf(server);
  return {
    server,
    good,
    start: (t, command, starting) => start(t, server.issuer, command, starting),
    takesGoodTokensAlone: async (t, url, knowsTyp = true) => {
      const asked = (token: string) =>
        fetch(url, { headers: token === '' ? {} : { authorization: `Bearer ${token}` } });
      const accepted = await asked(good);
      t.equal(accepted.status, 200, 'a good token is taken');
      const { iss, aud } = (await accepted.json()) as { iss: string; aud: string | string[] };
      t.same([iss, aud].flat(), [server.issuer, AUDIENCE]);
      for (const [name, token] of Object.entries(wrong)) {
        if (name === anotherKind && !knowsTyp) continue;
        const { status, headers } = await asked(token);
        t.equal(status, 401, `${name} is not`);
        t.match(headers.get('www-authenticate'), /^Bearer/i, 'and the answer says how it is done');
      }
    },
  };
}

const anotherKind = 'one of another kind';

/** A good token, and some that are wrong in one way. */
async function tokensOf(server: TestServer) {
  await server.resource({ resource: AUDIENCE, scopes: ['read'] });
  await server.resource({ resource: 'https://other.example.com', scopes: ['read'] });
  const drawn = async (resource: string): Promise<string> => {
    const metadata = { grant_types: ['client_credentials'], scope: 'read', default_resource: resource };
    const { client_id, client_secret } = await server.client(metadata);
    const { body } = await server.token(
      { grant_type: 'client_credentials' },
      basic(client_id, client_secret),
    );
    return body.access_token;
  };
  const good = await drawn(AUDIENCE);
  const [header = '', claims = '', signature = ''] = good.split('.');
  const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  const { alg = '', kid = '' } = decodeProtectedHeader(good);
  const none = Buffer.from(JSON.stringify({ alg: 'none', typ: 'at+jwt', kid })).toString('base64url');
  return {
    good,
    wrong: {
      'no token': '',
      'one for somebody else': await drawn('https://other.example.com'),
      'one with a key of another': await new SignJWT(decodeJwt(good))
        .setProtectedHeader({ alg, kid, typ: 'at+jwt' })
        .sign(privateKey),
      'one without a signature': `${none}.${claims}.`,
      [anotherKind]: await server.service.keyring.sign({
        alg: 'RS256',
        typ: 'JWT',
        claims: decodeJwt<{ iat: number }>(good),
      }),
      'one with claims of its own': `${header}.${Buffer.from(JSON.stringify({ ...decodeJwt(good), sub: 'root' })).toString('base64url')}.${signature}`,
      'what is no token': 'nonsense',
    },
  };
}

/** By `env -i`, because tap would have every Node that descends from a test load its own hooks. */
async function start(
  t: Test,
  issuer: string,
  command: readonly string[],
  { port, path = '/', env = {}, cwd = '.' }: Starting,
): Promise<string> {
  const { PATH = '', HOME = '' } = process.env;
  const party = { ISSUER: issuer, AUDIENCE, PORT: String(port) };
  const whole = { PATH, HOME, ...party, PYTHONDONTWRITEBYTECODE: '1', ...env };
  const assignments = Object.entries(whole).map(([name, value]) => `${name}=${value}`);
  const child = spawn('env', ['-i', ...assignments, ...command], {
    cwd,
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  const complaint = text(child.stderr);
  const exited = once(child, 'exit');
  t.teardown(async () => {
    child.kill('SIGTERM');
    await exited;
  });
  const url = `http://127.0.0.1:${port}${path}`;
  const alive = () => child.exitCode === null;
  if (await answers(url, alive, ({ status }) => status === 401)) return url;
  child.kill('SIGKILL');
  throw new Error(`${command.join(' ')} did not start: ${await complaint}`);
}

/** What came through to a service that knows nothing of tokens. */
export interface Passed {
  readonly method: string | undefined;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

/** A service that answers everybody with the claims of a token, and remembers what came. */
export async function ignorantService(
  t: Test,
  token: string,
): Promise<{ readonly port: number; readonly passed: Passed[] }> {
  const passed: Passed[] = [];
  const service = createServer(async (request, response) => {
    passed.push({ method: request.method, headers: request.headers, body: await text(request) });
    response.setHeader('content-type', 'application/json').end(JSON.stringify(decodeJwt(token)));
  });
  await once(service.listen(0, '127.0.0.1'), 'listening');
  t.teardown(() => {
    service.closeAllConnections();
    service.close();
  });
  return { port: (service.address() as AddressInfo).port, passed };
}

/** tap would have every Node that descends from a test load its own hooks, whatever its environment was to be. */
export const unhooked = (command: readonly string[]): readonly [program: string, words: string[]] => [
  'env',
  ['-u', 'NODE_OPTIONS', ...command],
];

/** Why a recipe cannot be run here; in CI, which installs all that they need, it is run in any case. */
export function missing(isThere: () => unknown, what: string): string | false {
  if (process.env.CI === 'true') return false;
  try {
    return isThere() ? false : what;
  } catch {
    return what;
  }
}
