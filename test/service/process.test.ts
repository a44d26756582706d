// The service as a process: how it ends, https without a proxy, the operator's port, proxies that are trusted, an
// issuer with a path.
import { execFile, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { copyFileSync, readFileSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { connect as connectTls } from 'node:tls';
import { createRemoteJWKSet, customFetch, jwtVerify } from 'jose';
import t, { type Test } from 'tap';
import { Agent, type RequestInit, fetch as undiciFetch } from 'undici';
import type { KeyStanding } from '../../src/keys/report.ts';
import { executableIn } from '../helpers/executable.ts';
import { freePort } from '../helpers/servers.ts';
import { executable, type ServiceProcess, scratchFolder, startService } from '../helpers/service.ts';

const FORM = 'grant_type=client_credentials';

function scratch(t: Test): string {
  const { folder, remove } = scratchFolder();
  t.teardown(remove);
  return folder;
}

async function until(what: string, isSo: () => boolean | Promise<boolean>): Promise<void> {
  for (let left = 600; !(await isSo()); left -= 1) {
    if (left === 0) throw new Error(`${what}: not within 30 s`);
    await sleep(50);
  }
}

/** Of the demo client, which the first start makes. */
function demoAuthorization(folder: string): string {
  const { clientId, clientSecret } = JSON.parse(readFileSync(join(folder, 'data/demo.json'), 'utf8'));
  return `Basic ${Buffer.from(`${clientId}:${clientSecret}`).toString('base64')}`;
}

/** A request whose body has not come yet; the server has read its headers, since it asks for the body. */
async function begun(port: number, authorization: string): Promise<Socket> {
  const socket = connect(port, '127.0.0.1').setEncoding('utf8');
  const headers = [
    'POST /token HTTP/1.1',
    'host: localhost',
    `authorization: ${authorization}`,
    'content-type: application/x-www-form-urlencoded',
    `content-length: ${FORM.length}`,
    'expect: 100-continue',
  ];
  socket.write(`${headers.join('\r\n')}\r\n\r\n`);
  const [answer] = await once(socket, 'data');
  if (!String(answer).startsWith('HTTP/1.1 100')) throw new Error(`no invitation to go on: ${answer}`);
  return socket;
}

async function remainderOf(socket: Socket): Promise<string> {
  let text = '';
  socket.on('data', (chunk) => (text += chunk));
  await once(socket, 'close');
  return text;
}

const isListening = (port: number): Promise<boolean> =>
  new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    socket.once('connect', () => resolve(true));
    socket.once('error', () => resolve(false));
    socket.once('connect', () => socket.destroy());
  });

t.test('the end', async (t) => {
  const folder = scratch(t);
  const again = (): Promise<ServiceProcess> => startService({ folder, env: { LOG_LEVEL: 'info' } });

  t.test('a request that has begun is answered, and a signal that comes twice is one', async (t) => {
    const service = await again();
    const headers = { 'x-forwarded-for': '203.0.113.9' };
    await fetch(`http://127.0.0.1:${service.port}/nowhere`, { headers });
    const socket = await begun(service.port, demoAuthorization(folder));
    // As `npm start` does with Ctrl-C: the terminal and npm both pass it on.
    process.kill(service.pid, 'SIGINT');
    process.kill(service.pid, 'SIGINT');
    await until('nobody new is let in', async () => !(await isListening(service.port)));
    const answer = remainderOf(socket);
    socket.write(FORM);
    t.match(await answer, /^HTTP\/1\.1 200 OK\r\n[\s\S]*"access_token"/);
    const since = performance.now();
    t.equal(await service.exited, 0);
    t.ok(performance.now() - since < 3_000, 'and then nothing is waited for');
    t.match(service.output(), /"signal":"SIGINT","msg":"stopping"/);
    t.match(service.output(), /"address":"127\.0\.0\.1"/, 'what an untrusted proxy says is not believed');
    t.notMatch(service.output(), '203.0.113.9');
    const { out } = await executableIn(folder)(['keys', 'list', '--json']);
    const counts = (JSON.parse(out) as KeyStanding[]).map(({ tokens_issued }) => tokens_issued);
    t.strictSame(counts.sort(), [0, 1], 'the token of the last moment is counted');
  });

  t.test('whoever just keeps a connection does not hold it up', async (t) => {
    const service = await again();
    const socket = await begun(service.port, demoAuthorization(folder));
    socket.on('error', () => {});
    const silent = connect(service.port, '127.0.0.1').on('error', () => {});
    await once(silent, 'connect');
    const since = performance.now();
    t.equal(await service.stop('SIGTERM'), 0);
    t.ok(performance.now() - since < 9_000);
  });

  t.test('a later signal wants it at once', async (t) => {
    const service = await again();
    const socket = await begun(service.port, demoAuthorization(folder));
    socket.on('error', () => {});
    process.kill(service.pid, 'SIGTERM');
    await until('nobody new is let in', async () => !(await isListening(service.port)));
    await sleep(1_100);
    const since = performance.now();
    t.equal(await service.stop('SIGTERM'), 1);
    t.ok(performance.now() - since < 2_000);
  });
});

/** A certificate for localhost, and its key. */
function certificate(folder: string, name: string): { cert: string; key: string } {
  const [cert, key] = ['cert', 'key'].map((kind) => join(folder, `${name}.${kind}.pem`)) as [string, string];
  const curve = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];
  const subject = ['-subj', '/CN=localhost', '-addext', 'subjectAltName=DNS:localhost', '-days', '2'];
  execFileSync('openssl', ['req', '-x509', ...curve, ...subject, '-out', cert, '-keyout', key], {
    stdio: 'pipe',
  });
  return { cert, key };
}

/** The fingerprint of the certificate that a new connection is shown. */
async function shown(port: number): Promise<string> {
  const socket = connectTls({ port, host: '127.0.0.1', servername: 'localhost', rejectUnauthorized: false });
  await once(socket, 'secureConnect');
  const { fingerprint256 } = socket.getPeerCertificate();
  socket.destroy();
  return fingerprint256;
}

const refusal = (env: Record<string, string>): Promise<{ code: unknown; stderr: string }> =>
  new Promise((resolve) => {
    const options = { env: { ...process.env, NODE_OPTIONS: '', NODE_ENV: 'development', ...env } };
    execFile(process.execPath, [executable, 'start'], options, (error, _stdout, stderr) =>
      resolve({ code: error?.code ?? 0, stderr }),
    );
  });

t.test('where Redis is missing it starts, and says at once what keeps it from being ready', async (t) => {
  const folder = scratch(t);
  const where = { MINTMARK_DATA: join(folder, 'data'), MINTMARK_KEYS: join(folder, 'keys') };
  const nobody = await freePort();
  const env = {
    ...process.env,
    ...where,
    PORT: String(await freePort()),
    REDIS_URL: `redis://127.0.0.1:${nobody}`,
  };
  const child = spawn(process.execPath, [executable, 'start'], { env, stdio: ['ignore', 'pipe', 'ignore'] });
  const exited = once(child, 'exit');
  let output = '';
  child.stdout.on('data', (chunk) => (output += chunk));
  await until('it says so', () => output.includes('not ready'));
  child.kill();
  await exited;
  t.match(output, /"msg":"started"/);
  const [fault, ...others] = output.split('\n').filter((line) => line.includes('not ready'));
  const said = { check: 'redis', reason: `Redis does not answer: connect ECONNREFUSED 127.0.0.1:${nobody}` };
  t.match(JSON.parse(fault ?? '{}'), said);
  t.same(others, [], 'and nothing of what is well');
});

t.test('https', async (t) => {
  const folder = scratch(t);
  const [one, two] = [certificate(folder, 'one'), certificate(folder, 'two')];
  const served = { cert: join(folder, 'served.cert.pem'), key: join(folder, 'served.key.pem') };
  copyFileSync(one.cert, served.cert);
  copyFileSync(one.key, served.key);
  const [port, operatorPort] = [await freePort(), await freePort()];
  const issuer = `https://localhost:${port}/tenant`;
  const service = await startService({
    folder,
    port,
    operatorPort,
    env: {
      LOG_LEVEL: 'info',
      MINTMARK_ISSUER: issuer,
      MINTMARK_TLS_CERT: served.cert,
      MINTMARK_TLS_KEY: served.key,
      MINTMARK_TRUSTED_PROXIES: 'loopback',
    },
  });
  t.teardown(() => service.stop());
  const dispatcher = new Agent({ connect: { ca: readFileSync(one.cert) } });
  t.teardown(() => dispatcher.destroy());
  const ask = (url: string, init: RequestInit = {}) => undiciFetch(url, { ...init, dispatcher });

  t.test('an issuer with a path is found where both specifications look', async (t) => {
    const { origin } = new URL(issuer);
    for (const url of [
      `${issuer}/.well-known/openid-configuration`,
      `${origin}/.well-known/oauth-authorization-server/tenant`,
      `${origin}/.well-known/openid-configuration/tenant`,
    ]) {
      const response = await ask(url);
      t.equal(response.status, 200, url);
      t.match(await response.json(), { issuer, token_endpoint: `${issuer}/token` });
      t.match(response.headers.get('strict-transport-security'), /^max-age=\d+$/);
    }
  });

  t.test('its tokens are verified by what it publishes', async (t) => {
    const headers = {
      authorization: demoAuthorization(folder),
      'content-type': 'application/x-www-form-urlencoded',
    };
    const answer = await ask(`${issuer}/token`, { method: 'POST', headers, body: FORM });
    const { access_token } = (await answer.json()) as { access_token: string };
    const { jwks_uri } = (await (await ask(`${issuer}/.well-known/openid-configuration`)).json()) as {
      jwks_uri: string;
    };
    const keys = createRemoteJWKSet(new URL(jwks_uri), { [customFetch]: ask as unknown as typeof fetch });
    const { payload } = await jwtVerify(access_token, keys, { issuer, audience: issuer });
    t.equal(payload.client_id, 'demo');
  });

  t.test('http is not spoken on its port', async (t) => {
    await t.rejects(fetch(`http://127.0.0.1:${port}/livez`));
  });

  t.test('the operator is answered on the port of its own, and nowhere else', async (t) => {
    for (const path of ['/livez', '/readyz', '/metrics']) {
      t.equal((await fetch(`http://127.0.0.1:${operatorPort}${path}`)).status, 200);
      t.equal((await ask(`https://localhost:${port}${path}`)).status, 404);
    }
    t.equal((await fetch(`http://127.0.0.1:${operatorPort}/tenant/.well-known/jwks.json`)).status, 404);
  });

  t.test('a trusted proxy says who is asking', async (t) => {
    await ask(`https://localhost:${port}/nowhere`, { headers: { 'x-forwarded-for': '203.0.113.9' } });
    await until('it is in the log', () => service.output().includes('"address":"203.0.113.9"'));
    t.pass();
  });

  t.test(
    'a certificate that is replaced is served without a restart, once its key is there too',
    async (t) => {
      const before = await shown(port);
      copyFileSync(two.cert, served.cert);
      await until('it is told', () => service.output().includes('cannot be used'));
      t.equal(await shown(port), before, 'half of a renewal is not served');
      copyFileSync(two.key, served.key);
      await until('the new one is served', async () => (await shown(port)) !== before);
      t.equal(await service.stop(), 0);
    },
  );

  t.test('is refused at the start where the files will not do', async (t) => {
    const where = { MINTMARK_DATA: join(folder, 'none'), MINTMARK_KEYS: join(folder, 'none') };
    const start = (cert: string, key: string) =>
      refusal({ ...where, PORT: String(port), MINTMARK_TLS_CERT: cert, MINTMARK_TLS_KEY: key });
    const starts = [start(one.cert, ''), start(one.cert, two.key), start(join(folder, 'no.pem'), one.key)];
    const [half, stranger, missing] = await Promise.all(starts);
    t.match(half, { code: 1, stderr: /^mintmark: MINTMARK_TLS_CERT: [^\n]+ give both[^\n]+\n$/ });
    t.match(stranger, {
      code: 1,
      stderr: /^mintmark: cannot serve https [^\n]+key values mismatch[^\n]+\n$/,
    });
    t.match(missing, { code: 1, stderr: /^mintmark: cannot serve https [^\n]+no\.pem[^\n]+\n$/ });
  });
});
