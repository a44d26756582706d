// Fetching from where somebody else chose: what is never reached, held against real servers.
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer, type RequestListener } from 'node:http';
import { createServer as createHttpsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import t from 'tap';
import { documentFetcher, formPoster } from '../src/fetch-document.ts';

const outside = documentFetcher({ allowLoopback: false });
const local = documentFetcher({ allowLoopback: true, timeLimit: 1 });
const post = formPoster({ allowLoopback: true, timeLimit: 1 });

/** Runs a module in a process of its own, and gives its exit code. */
async function spawnChild(script: string, env: NodeJS.ProcessEnv): Promise<number> {
  const child = spawn(process.execPath, ['--input-type=module', '-e', script], { env, stdio: 'inherit' });
  const [code] = await once(child, 'exit');
  return code;
}

let asked = 0;
let answer: RequestListener = (_request, response) => response.end('{}');
const server = createServer((request, response) => {
  asked += 1;
  answer(request, response);
}).listen(0, '127.0.0.1');
await once(server, 'listening');
const { port } = server.address() as AddressInfo;
const url = `http://127.0.0.1:${port}/keys?a=b`;
t.teardown(() => {
  server.closeAllConnections();
  server.close();
});

t.test('a document on loopback is fetched where the issuer is on loopback', async (t) => {
  let seen: Record<string, unknown> = {};
  answer = ({ url, method, headers }, response) => {
    seen = { url, method, accept: headers.accept, cookie: headers.cookie };
    response.end('{"keys":[]}');
  };
  t.strictSame(await local(url), { keys: [] });
  t.strictSame(seen, {
    url: '/keys?a=b',
    method: 'GET',
    accept: 'application/jwk-set+json, application/json',
    cookie: undefined,
  });
});

const refused: [name: string, url: string, message: RegExp][] = [
  ['http', 'http://example.com/', /^http: is not allowed/],
  ['a file', 'file:///etc/passwd', /^file: is not allowed/],
  ['loopback by address', `https://127.0.0.1:${port}/`, /127\.0\.0\.1 is loopback/],
  ['loopback in another spelling', `https://2130706433:${port}/`, /127\.0\.0\.1 is loopback/],
  ['loopback by name', `https://localhost:${port}/`, /is loopback/],
  ['loopback in IPv6', `https://[::1]:${port}/`, /::1 is loopback/],
  ['loopback as IPv6 has IPv4', `https://[::ffff:127.0.0.1]:${port}/`, /is ipv4Mapped/],
  ['loopback behind NAT64', 'https://[64:ff9b::7f00:1]/', /is rfc6052/],
  ['a private network', 'https://10.1.2.3/', /10\.1\.2\.3 is private/],
  ['another private network', 'https://192.168.0.1/', /is private/],
  ['the metadata of a cloud', 'https://169.254.169.254/latest', /is linkLocal/],
  ['carrier-grade NAT', 'https://100.64.0.1/', /is carrierGradeNat/],
  ['no address', 'https://0.0.0.0/', /is unspecified/],
  ['a unique local address', 'https://[fd00::1]/', /is uniqueLocal/],
  ['a multicast group', 'https://224.0.0.1/', /is multicast/],
];

for (const [name, address, message] of refused) {
  t.test(`${name} is never reached`, async (t) => {
    const before = asked;
    await t.rejects(outside(address), { message });
    await t.rejects(formPoster({ allowLoopback: false })(address, {}), { message });
    t.equal(asked, before);
  });
}

t.test('a loopback issuer reaches loopback, and no further into its network', async (t) => {
  await t.rejects(local('https://10.1.2.3/'), { message: /is private/ });
  await t.rejects(local('http://example.com/'), { message: /http: is not allowed/ });
});

t.test('a redirect is not followed', async (t) => {
  answer = (_request, response) => response.writeHead(302, { location: url }).end();
  await t.rejects(local(url), { message: /status 302/ });
});

t.test('an error is no document', async (t) => {
  answer = (_request, response) => response.writeHead(500).end('{}');
  await t.rejects(local(url), { message: /status 500/ });
});

t.test('what is no JSON is no document', async (t) => {
  answer = (_request, response) => response.end('<html>');
  await t.rejects(local(url), { name: 'SyntaxError' });
});

t.test('64 kB are enough', async (t) => {
  answer = (_request, response) => response.end(JSON.stringify('x'.repeat(65_534)));
  t.equal(await local(url), 'x'.repeat(65_534));
  answer = (_request, response) => response.end(JSON.stringify('x'.repeat(65_535)));
  await t.rejects(local(url), { message: /size/i });
});

t.test('a body without an end is given up at the limit', async (t) => {
  answer = (_request, response) => {
    const more = () => response.write('x'.repeat(10_000), () => response.destroyed || setImmediate(more));
    more();
  };
  await t.rejects(local(url), { message: /size/i });
});

t.test('a form is posted, and its status is the answer, whatever comes with it', async (t) => {
  let seen: Record<string, unknown> = {};
  answer = async ({ url, method, headers }, response) => {
    seen = { url, method, type: headers['content-type'], length: headers['content-length'] };
    response.writeHead(400).write('x'.repeat(100_000));
  };
  t.equal(await post(url, { logout_token: 'a b&c' }), 400);
  const type = 'application/x-www-form-urlencoded';
  t.strictSame(seen, { url: '/keys?a=b', method: 'POST', type, length: '20' });
  answer = (_request, response) => response.writeHead(302, { location: url }).end();
  t.equal(await post(url, {}), 302, 'no redirect is followed');
  answer = () => {};
  await t.rejects(post(url, {}), { name: 'TimeoutError' });
});

t.test('a server that does not answer is given up in time', async (t) => {
  answer = () => {};
  await t.rejects(local(url), { name: 'TimeoutError' });
  answer = (_request, response) => response.write('{');
  await t.rejects(local(url), { name: 'TimeoutError' });
});

t.test('a proxy that the environment names is not asked', async (t) => {
  answer = (_request, response) => response.end('{}');
  const module = new URL('../src/fetch-document.js', import.meta.url);
  const script = `import { documentFetcher } from ${JSON.stringify(module.href)};
    await documentFetcher({ allowLoopback: true })(${JSON.stringify(url)});`;
  const proxy = 'http://127.0.0.1:9';
  const env = { ...process.env, HTTP_PROXY: proxy, http_proxy: proxy, NODE_USE_ENV_PROXY: '1' };
  t.equal(await spawnChild(script, env), 0);
});

t.test('over TLS, a certificate that is trusted is taken and any other refused', async (t) => {
  const folder = t.testdir({});
  const [key, cert] = [join(folder, 'key.pem'), join(folder, 'cert.pem')];
  execFileSync(
    'openssl',
    [
      ...['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '1'],
      ...['-subj', '/CN=localhost', '-addext', 'subjectAltName=DNS:localhost,IP:127.0.0.1'],
      ...['-keyout', key, '-out', cert],
    ],
    { stdio: 'ignore' },
  );
  const tls = createHttpsServer({ key: readFileSync(key), cert: readFileSync(cert) }, (_request, response) =>
    response.end('{"keys":[]}'),
  ).listen(0, '127.0.0.1');
  await once(tls, 'listening');
  t.teardown(() => tls.close());
  const address = `https://127.0.0.1:${(tls.address() as AddressInfo).port}/`;
  await t.rejects(local(address), { code: /SELF_SIGNED/ });
  const module = new URL('../src/fetch-document.js', import.meta.url);
  const script = `import { documentFetcher } from ${JSON.stringify(module.href)};
    const { keys } = await documentFetcher({ allowLoopback: true })(${JSON.stringify(address)});
    process.exit(keys.length);`;
  t.equal(await spawnChild(script, { ...process.env, NODE_EXTRA_CA_CERTS: cert }), 0);
});
