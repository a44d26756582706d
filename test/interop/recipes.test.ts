// The recipes of examples/ (docs/recipes.md): each is run as it stands, and takes good access tokens and no other.
import { execFileSync, spawn } from 'node:child_process';
import { generateKeyPairSync } from 'node:crypto';
import { once } from 'node:events';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { decodeJwt, decodeProtectedHeader, SignJWT } from 'jose';
import t, { type Test } from 'tap';
import { freePort } from '../helpers/servers.ts';
import { answers } from '../helpers/service.ts';
import { basic, testServer } from '../helpers/test-server.ts';

// On a machine that has much else to do.
t.setTimeout(120_000);

const AUDIENCE = 'https://api.example.com';
const server = await testServer(t);
const tokens = await tokensOf();

/** A good token, and some that are wrong in one way. */
async function tokensOf() {
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
      'one that says it is another kind': `${Buffer.from(JSON.stringify({ alg, kid, typ: 'JWT' })).toString('base64url')}.${claims}.${signature}`,
      'one with claims of its own': `${header}.${Buffer.from(JSON.stringify({ ...decodeJwt(good), sub: 'root' })).toString('base64url')}.${signature}`,
      'what is no token': 'nonsense',
    },
  };
}

/** By `env -i`, because tap would have every Node that descends from a test load its own hooks. */
async function start(t: Test, command: readonly string[], port: number, path = '/'): Promise<string> {
  const { PATH = '', HOME = '' } = process.env;
  const env = {
    PATH,
    HOME,
    ISSUER: server.issuer,
    AUDIENCE,
    PORT: String(port),
    PYTHONDONTWRITEBYTECODE: '1',
  };
  const assignments = Object.entries(env).map(([name, value]) => `${name}=${value}`);
  const child = spawn('env', ['-i', ...assignments, ...command], { stdio: 'ignore' });
  const exited = once(child, 'exit');
  t.teardown(async () => {
    child.kill('SIGTERM');
    await exited;
  });
  const url = `http://127.0.0.1:${port}${path}`;
  const alive = () => child.exitCode === null;
  if (!(await answers(url, alive, ({ status }) => status === 401)))
    throw new Error(`${command} did not start`);
  return url;
}

async function takesGoodTokensAlone(t: Test, url: string): Promise<void> {
  const asked = (token: string) =>
    fetch(url, { headers: token === '' ? {} : { authorization: `Bearer ${token}` } });
  const accepted = await asked(tokens.good);
  t.equal(accepted.status, 200, 'a good token is taken');
  t.match(await accepted.json(), { iss: server.issuer, aud: AUDIENCE });
  for (const [name, token] of Object.entries(tokens.wrong)) {
    const { status, headers } = await asked(token);
    t.equal(status, 401, `${name} is not`);
    t.match(headers.get('www-authenticate'), /^Bearer/i, 'and the answer says how it is done');
  }
}

const python = '/usr/bin/python3';

/** Why a recipe cannot be run here; in CI, which installs all that they need, it is run in any case. */
function missing(isThere: () => unknown, what: string): string | false {
  if (process.env.CI === 'true') return false;
  try {
    return isThere() ? false : what;
  } catch {
    return what;
  }
}
const modules = (...names: readonly string[]) => {
  const isThere = () => execFileSync(python, ['-c', `import ${names.join(', ')}`], { stdio: 'pipe' });
  return missing(isThere, `no ${python} with ${names.join(', ')}`);
};

const node = process.execPath;
const recipes: readonly (readonly [name: string, command: readonly string[], skip: string | false])[] = [
  ['Fastify', [node, 'examples/fastify.js'], false],
  ['Express', [node, 'examples/express.js'], false],
  ['Hono', [node, 'examples/hono.js'], false],
  ['Flask', [python, 'examples/flask_app.py'], modules('flask', 'jwt', 'cryptography')],
  ['FastAPI', [python, 'examples/fastapi_app.py'], modules('fastapi', 'uvicorn', 'jwt', 'cryptography')],
];

for (const [name, command, skip] of recipes)
  t.test(`${name} takes good tokens alone`, { skip }, async (t) => {
    await takesGoodTokensAlone(t, await start(t, command, await freePort()));
  });

const nginx = ['/usr/sbin/nginx', '/usr/bin/nginx', '/usr/local/sbin/nginx'].find((path) => existsSync(path));

t.test(
  'nginx lets good tokens through to a service that knows none',
  { skip: missing(() => nginx, 'no nginx') },
  async (t) => {
    const verifier = await freePort();
    await start(t, [node, 'examples/express.js'], verifier);
    const seen: (string | undefined)[] = [];
    const service = createServer((request, response) => {
      seen.push(request.headers.authorization);
      response.setHeader('content-type', 'application/json').end(JSON.stringify(decodeJwt(tokens.good)));
    });
    await once(service.listen(0, '127.0.0.1'), 'listening');
    t.teardown(() => service.close());

    const front = await freePort();
    const folder = mkdtempSync(join(tmpdir(), 'mintmark-nginx-'));
    t.teardown(() => rmSync(folder, { recursive: true, force: true }));
    for (const name of ['logs', 'temp']) mkdirSync(join(folder, name));
    const { port } = service.address() as AddressInfo;
    const text = readFileSync('examples/nginx/nginx.conf', 'utf8')
      .replace('127.0.0.1:8080', `127.0.0.1:${front}`)
      .replace('127.0.0.1:4000', `127.0.0.1:${verifier}`)
      .replace('127.0.0.1:5000', `127.0.0.1:${port}`)
      .replace('pid nginx.pid', `pid ${folder}/nginx.pid`);
    writeFileSync(join(folder, 'nginx.conf'), text);
    const url = await start(t, [nginx ?? 'nginx', '-p', folder, '-c', join(folder, 'nginx.conf')], front);
    await takesGoodTokensAlone(t, url);
    t.same(seen, [`Bearer ${tokens.good}`], 'nothing else came through');
  },
);
