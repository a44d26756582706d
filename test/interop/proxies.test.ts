// The recipes of examples/ that stand before a service (docs/recipes.md): each is run as it stands, and lets good access
// tokens through to a service that knows none. Those that ask the issuer's /forward-auth say whose a request is, whatever
// a client says.
import { chmodSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { decodeJwt } from 'jose';
import t, { type Test } from 'tap';
import { ignorantService, missing, type Passed, recipeKit } from '../helpers/recipe.ts';
import { freePort } from '../helpers/servers.ts';
import { scratchFolder } from '../helpers/service.ts';
import { basic } from '../helpers/test-server.ts';

// On a machine that has much else to do.
t.setTimeout(120_000);

const kit = await recipeKit(t);
const { server } = kit;

const programOf = (...paths: readonly string[]) => paths.find((path) => existsSync(path));
const nginx = programOf('/usr/sbin/nginx', '/usr/bin/nginx', '/usr/local/sbin/nginx');
const caddy = programOf('/usr/bin/caddy', '/usr/local/bin/caddy');

function scratch(t: Test): string {
  const { folder, remove } = scratchFolder();
  t.teardown(remove);
  return folder;
}

/** nginx by a file of examples/, with other addresses than those that are in it. */
async function startNginx(t: Test, name: string, addresses: Readonly<Record<string, string>>) {
  const folder = scratch(t);
  for (const name of ['logs', 'temp']) mkdirSync(join(folder, name));
  const port = await freePort();
  let text = readFileSync(`examples/nginx/${name}`, 'utf8');
  const others = {
    ...addresses,
    '127.0.0.1:8080': `127.0.0.1:${port}`,
    'pid nginx.pid': `pid ${folder}/pid`,
  };
  for (const [address, other] of Object.entries(others)) text = text.replace(address, other);
  writeFileSync(join(folder, name), text);
  return kit.start(t, [nginx ?? 'nginx', '-p', folder, '-c', join(folder, name)], { port });
}

t.test(
  'nginx lets good tokens through that a verifier has taken',
  { skip: missing(() => nginx, 'no nginx') },
  async (t) => {
    const verifier = await freePort();
    await kit.start(t, [process.execPath, 'examples/express.js'], { port: verifier });
    const { port, passed } = await ignorantService(t, kit.good);
    const url = await startNginx(t, 'nginx.conf', {
      '127.0.0.1:4000': `127.0.0.1:${verifier}`,
      '127.0.0.1:5000': `127.0.0.1:${port}`,
    });
    await kit.takesGoodTokensAlone(t, url);
    const seen = passed.map(({ headers }) => headers.authorization);
    t.same(seen, [`Bearer ${kit.good}`], 'nothing else came through');
  },
);

/** A client's own token with no scope, which a header would have to be empty for. */
async function unscopedToken(): Promise<string> {
  const { client_id, client_secret } = await server.client({
    grant_types: ['client_credentials'],
    default_resource: 'https://api.example.com',
  });
  const form = { grant_type: 'client_credentials' };
  return (await server.token(form, basic(client_id, client_secret))).body.access_token;
}

async function asksTheIssuer(t: Test, url: string, passed: Passed[]): Promise<void> {
  await kit.takesGoodTokensAlone(t, url);
  t.equal(passed.length, 1, 'nothing else came through');

  const forged = {
    'x-auth-subject': 'root',
    'X-AUTH-CLIENT': 'root',
    'x-auth-scope': 'admin',
    x_auth_subject: 'root',
    'x-auth_scope': 'admin',
  };
  const ask = (token: string, init: RequestInit = {}) =>
    fetch(url, { ...init, headers: { authorization: `Bearer ${token}`, ...forged } });
  const identity = (one: Passed | undefined) =>
    Object.fromEntries(
      Object.entries(one?.headers ?? {}).filter(([name, value]) => /^x.auth/.test(name) && value !== ''),
    );
  const { sub, client_id } = decodeJwt(kit.good);
  t.equal((await ask(kit.good, { method: 'POST', body: '{"amount":1}' })).status, 200);
  t.match(passed.at(-1), { method: 'POST', body: '{"amount":1}' });
  t.same(identity(passed.at(-1)), {
    'x-auth-subject': sub,
    'x-auth-client': client_id,
    'x-auth-scope': 'read',
  });
  const unscoped = await unscopedToken();
  t.equal((await ask(unscoped)).status, 200);
  const self = String(decodeJwt(unscoped).sub);
  const known = { 'x-auth-subject': self, 'x-auth-client': self };
  t.same(identity(passed.at(-1)), known, 'a scope that is not there is nobody’s to give');

  const client = await server.client({
    grant_types: ['refresh_token'],
    scope: 'read',
    default_resource: 'https://api.example.com',
    first_party: true,
  });
  const { access_token, refresh_token } = await server.signIn(client);
  t.equal((await ask(access_token)).status, 200);
  await server.post('/revoke', { token: refresh_token }, basic(client.client_id, client.client_secret));
  const before = passed.length;
  const { status, headers } = await ask(access_token);
  t.equal(status, 401, 'a sign-in that was revoked is over at once');
  t.match(headers.get('www-authenticate'), /^Bearer .*error="invalid_token"/);
  t.equal(passed.length, before);
}

t.test('nginx asks the issuer', { skip: missing(() => nginx, 'no nginx') }, async (t) => {
  const { port, passed } = await ignorantService(t, kit.good);
  const url = await startNginx(t, 'forward-auth.conf', {
    '127.0.0.1:3000': new URL(server.issuer).host,
    '127.0.0.1:5000': `127.0.0.1:${port}`,
  });
  await asksTheIssuer(t, url, passed);
});

t.test('Caddy asks the issuer', { skip: missing(() => caddy, 'no caddy') }, async (t) => {
  const service = await ignorantService(t, kit.good);
  const folder = scratch(t);
  const env = { SERVICE: `127.0.0.1:${service.port}`, XDG_DATA_HOME: folder, XDG_CONFIG_HOME: folder };
  const command = [caddy ?? 'caddy', 'run', '--config', 'examples/caddy/Caddyfile'];
  const url = await kit.start(t, command, { port: await freePort(), env });
  await asksTheIssuer(t, url, service.passed);
});

const apache = programOf('/usr/sbin/apache2');
const hasModule = existsSync('/usr/lib/apache2/modules/mod_oauth2.so');

t.test(
  'Apache verifies by mod_oauth2',
  { skip: missing(() => apache && hasModule, 'no apache2 with mod_oauth2') },
  async (t) => {
    const { port, passed } = await ignorantService(t, kit.good);
    const folder = scratch(t);
    // Apache gives up being root.
    chmodSync(folder, 0o755);
    const env = { SERVICE: `127.0.0.1:${port}`, FOLDER: folder };
    const command = [apache ?? 'apache2', '-X', '-f', join(process.cwd(), 'examples/apache/apache.conf')];
    const url = await kit.start(t, command, { port: await freePort(), env });
    await kit.takesGoodTokensAlone(t, url, false);
    const forged = { OAUTH2_CLAIM_sub: 'root', 'oauth2-claim-sub': 'root', oauth2_claim_role: 'admin' };
    await fetch(url, { headers: { authorization: `Bearer ${kit.good}`, ...forged } });
    t.equal(passed.length, 2, 'nothing else came through');
    const told = Object.entries(passed.at(-1)?.headers ?? {}).filter(([name]) => /^oauth2.claim/.test(name));
    t.match(Object.fromEntries(told), { oauth2_claim_sub: decodeJwt(kit.good).sub });
    t.notOk(told.some(([, value]) => ['root', 'admin'].includes(String(value))));
  },
);
