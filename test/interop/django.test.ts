// Django REST framework with simplejwt, as Debian ships them: the project of examples/django takes our access tokens,
// and what our door answers is what simplejwt itself answers.
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { decodeJwt } from 'jose';
import t, { type Test } from 'tap';
import { createAccount } from '../../src/accounts/account.ts';
import { importAccounts } from '../../src/accounts/import.ts';
import { mintAccessToken } from '../../src/oauth/access-token.ts';
import { authorizationServerOf } from '../../src/wire.ts';
import { freePort } from '../helpers/servers.ts';
import { answers } from '../helpers/service.ts';
import { type Answer, testServer } from '../helpers/test-server.ts';

// On a machine that has much else to do.
t.setTimeout(120_000);

/** Debian's own, which has Debian's packages; another may come before it on PATH. */
const python = '/usr/bin/python3';

function isThere(): boolean {
  try {
    execFileSync(python, ['-c', 'import rest_framework_simplejwt, jwt, cryptography'], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

// In CI a missing Django is a failure, as a missing store is.
const missing =
  !isThere() && process.env.CI !== 'true' && `no ${python} with python3-djangorestframework-simplejwt`;

const audience = 'https://api.example.com';
const password = 'correct horse battery';

async function startIssuer(t: Test) {
  const server = await testServer(t, { MINTMARK_SIGN_IN_CLIENT_ID: 'django-app' });
  await server.resource({ resource: audience, profile: 'simplejwt' });
  await server.resource({ resource: 'https://other.example.com', profile: 'simplejwt' });
  await server.resource({ resource: 'https://plain.example.com', profile: 'plain' });
  const app = { token_endpoint_auth_method: 'none', first_party: true };
  await server.client({
    ...app,
    client_id: 'django-app',
    default_resource: audience,
    claims: { name: 'name', roles: 'attributes.roles' },
  });
  await server.client({ ...app, client_id: 'other-app', default_resource: 'https://other.example.com' });
  return { server, management: { ...server.service.house, actor: 'test' } };
}

/** The project of the example, until the test ends; answers with the URL of its view. */
async function startProject(t: Test, issuer: string): Promise<string> {
  const port = await freePort();
  const child = spawn(python, ['manage.py', 'runserver', '--noreload', `127.0.0.1:${port}`], {
    cwd: 'examples/django',
    env: { PATH: process.env.PATH, ISSUER: issuer, AUDIENCE: audience, PYTHONDONTWRITEBYTECODE: '1' },
    stdio: 'ignore',
  });
  const exited = once(child, 'exit');
  t.teardown(async () => {
    child.kill('SIGKILL');
    await exited;
  });
  const url = `http://127.0.0.1:${port}/me/`;
  const alive = () => child.exitCode === null;
  if (!(await answers(url, alive, ({ status }) => status === 401)))
    throw new Error('the project did not start');
  return url;
}

t.test('a project of Django REST framework takes our tokens', { skip: missing }, async (t) => {
  const { server, management } = await startIssuer(t);
  const claims = { attributes: { roles: ['editor'] } };
  const ada = await createAccount(management, { email: 'ada@example.com', name: 'Ada', password, claims });
  const { issuer, service } = server;
  const view = await startProject(t, issuer);

  async function signIn(fields: object = {}): Promise<{ access: string; refresh: string }> {
    const response = await fetch(`${issuer}/api/token/`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ username: ada.email, password, ...fields }),
    });
    return (await response.json()) as { access: string; refresh: string };
  }

  async function show(token: string): Promise<Pick<Answer, 'status' | 'body'>> {
    const response = await fetch(view, { headers: { authorization: `Bearer ${token}` } });
    return { status: response.status, body: await response.json() };
  }

  t.test('its protected view takes an access token, and needs no user table', async (t) => {
    const { access } = await signIn();
    t.strictSame(await show(access), {
      status: 200,
      body: { id: ada.sub, name: 'Ada', roles: ['editor'] },
    });
  });

  t.test('it takes one that was refreshed', async (t) => {
    const { refresh } = await signIn();
    const response = await fetch(`${issuer}/api/token/refresh/`, {
      method: 'POST',
      body: new URLSearchParams({ refresh }),
    });
    const { access } = (await response.json()) as { access: string };
    t.equal((await show(access)).status, 200);
  });

  t.test('it refuses what is no access token of ours for it', async (t) => {
    const { access, refresh } = await signIn();
    const other = await signIn({ client_id: 'other-app' });
    const as = authorizationServerOf(service.house, service.keyring, service.macKeyRing);
    const facts = { clientId: 'django-app', client: {}, sub: ada.sub, scope: undefined };
    const resource = await as.resources.find(audience);
    const past = { ...as, clock: { now: () => server.clock.now() - 301 } };
    const expired = await mintAccessToken(past, { ...facts, resource });
    const current = await mintAccessToken(as, { ...facts, resource });
    t.equal((await show(current.jws)).status, 200, 'all that is wrong with the expired one is its time');
    const plain = await mintAccessToken(as, {
      ...facts,
      resource: { ...(resource as NonNullable<typeof resource>), profile: 'plain' },
    });
    const refused: Record<string, string> = {
      'an expired one': expired.jws,
      'a refresh token': refresh,
      "another audience's": other.access,
      'one that does not say its type': plain.jws,
      'one that was changed': `${access.slice(0, -5)}${access.at(-5) === 'A' ? 'B' : 'A'}${access.slice(-4)}`,
    };
    for (const [name, token] of Object.entries(refused)) {
      const { status, body } = await show(token);
      t.equal(status, 401, name);
      t.equal(body.code, 'token_not_valid', name);
    }
  });
});

type Asked = [method: string, path: string, type: string, body: string];
const json = 'application/json';
const form = 'application/x-www-form-urlencoded';
const post = (path: string, body: unknown): Asked => ['POST', path, json, JSON.stringify(body)];

const asked: Asked[] = [
  post('', { username: 'ada@example.com', password: 'wrong' }),
  post('', { username: 'nobody@example.com', password: 'wrong' }),
  post('', { username: 'off@example.com', password }),
  ['POST', '', form, 'username=ada@example.com&password=wrong'],
  post('', { username: 'ada@example.com' }),
  ['POST', '', form, 'username=ada@example.com'],
  post('', { username: '', password: ' ' }),
  post('', { username: null, password: null }),
  post('', { username: true, password: [] }),
  post('', { username: { a: 1 }, password: {} }),
  post('', { username: 'a\0', password: 'b\0' }),
  ['POST', '', json, '{"username":"\\ud800","password":"x"}'],
  ...['[]', '[1]', '"x"', '1', '1.5', 'true', 'null'].map((body): Asked => ['POST', '', json, body]),
  ['POST', '', 'text/plain', 'x'],
  ['POST', '', 'application/xml', '<x/>'],
  ['GET', '', json, ''],
  ['PUT', '/refresh', json, '{}'],
  ['DELETE', '/verify', json, ''],
  post('/refresh', {}),
  post('/refresh', { refresh: '' }),
  post('/refresh', { refresh: 'x' }),
  ['POST', '/refresh', form, 'refresh=x'],
  post('/verify', {}),
  post('/verify', { token: null }),
  post('/verify', { token: 'x.y.z' }),
  post('/blacklist', {}),
  post('/blacklist', { refresh: 'x' }),
];

t.test('the door takes over from simplejwt', { skip: missing }, async (t) => {
  const { server, management } = await startIssuer(t);
  const requests = asked.map(([method, path, type, body]) => [method, `/api/token${path}/`, type, body]);
  const theirs = JSON.parse(
    execFileSync(python, ['test/interop/simplejwt.py'], { input: JSON.stringify(requests) }).toString(),
  );
  const imported = await importAccounts(management, { text: theirs.users, keepIds: true });
  t.strictSame(imported, { imported: 2, existing: 0, refused: [] });

  t.test('its people sign in with the passwords that they have, and keep their ids', async (t) => {
    const response = await fetch(`${server.issuer}/api/token/`, {
      method: 'POST',
      body: new URLSearchParams({ username: 'ada@example.com', password }),
    });
    const { access } = (await response.json()) as { access: string };
    t.match(decodeJwt(access), { sub: '1', user_id: '1', token_type: 'access' });
  });

  t.test('it refuses in its words', async (t) => {
    for (const [index, [method, path, type, body]] of asked.entries()) {
      const response = await fetch(`${server.issuer}/api/token${path}/`, {
        method,
        headers: { 'content-type': type },
        ...(method !== 'GET' && { body }),
      });
      const ours = {
        status: response.status,
        type: response.headers.get('content-type')?.split(';')[0],
        challenge: response.headers.get('www-authenticate'),
        body: await response.json(),
      };
      t.strictSame(ours, theirs.answers[index], `${method} /api/token${path}/ ${type} ${body}`);
    }
  });
});
