// Whatever is thrown at it, over a real socket: each gets its refusal, none gets a 500, and the next is served.
import { type AddressInfo, connect } from 'node:net';
import fc from 'fast-check';
import { Registry } from 'prom-client';
import t, { type Test } from 'tap';
import { buildApp } from '../../src/app.ts';
import { createEvents } from '../../src/events.ts';
import { SigningUnavailableError } from '../../src/keys/signing-unavailable.ts';
import type { AuthorizationServer } from '../../src/oauth/authorization-server.ts';
import { authorizationServerOf } from '../../src/wire.ts';
import { basic, testServer } from '../helpers/test-server.ts';
import '../helpers/search.ts';

const server = await testServer(t, { MINTMARK_TOKENS_ACCESS_TOKEN_LIFETIME: '60' });
const { issuer } = server;
const { hostname, port } = new URL(issuer);
const { client_id, client_secret } = await server.client({});
const { authorization = '' } = basic(client_id, client_secret);
const form = 'application/x-www-form-urlencoded';

interface Raw {
  readonly status: number;
  readonly head: string;
  readonly body: string;
}

/** Writes bytes to a connection of its own, and reads until the server closes it. */
function raw(bytes: string | Buffer, wait = 5_000): Promise<Raw> {
  return new Promise((resolve, reject) => {
    const socket = connect(Number(port), hostname === 'localhost' ? '127.0.0.1' : hostname);
    const chunks: Buffer[] = [];
    socket.setTimeout(wait, () => socket.destroy(new Error('no answer')));
    socket.on('data', (chunk) => chunks.push(chunk));
    socket.on('error', reject);
    socket.on('close', () => {
      const [head = '', ...rest] = Buffer.concat(chunks).toString('latin1').split('\r\n\r\n');
      resolve({ status: Number(head.split(' ')[1]), head: head.toLowerCase(), body: rest.join('\r\n\r\n') });
    });
    socket.write(bytes);
  });
}

interface Post {
  readonly path?: string;
  readonly method?: string;
  readonly headers?: Record<string, string | undefined>;
  readonly body?: string | Buffer;
}

/** A request as it stands, with the length of its body. */
function request({ method = 'POST', path = '/token', headers = {}, body = '' }: Post): Buffer {
  const given = { host: `${hostname}:${port}`, connection: 'close', authorization, ...headers };
  const lines = Object.entries(given).flatMap(([name, value]) =>
    value === undefined ? [] : `${name}: ${value}`,
  );
  const head = [`${method} ${path} HTTP/1.1`, ...lines, `content-length: ${Buffer.byteLength(body)}`, '', ''];
  return Buffer.concat([Buffer.from(head.join('\r\n')), Buffer.from(body)]);
}

const post = (body: string | Buffer, type = form): Buffer =>
  request({ headers: { 'content-type': type }, body });
const right = 'grant_type=client_credentials';

t.test('what is right is served over this socket too', async (t) => {
  t.equal((await raw(post(right))).status, 200);
});

const hostile: [name: string, bytes: string | Buffer, status: number, reason?: string][] = [
  // parameters
  ['a repeated parameter', post(`${right}&scope=a&scope=a`), 400, 'parameter_repeated'],
  ['a repeated grant_type', post(`${right}&${right}`), 400, 'parameter_repeated'],
  ['a repeated unknown parameter', post(`${right}&x=1&x=2`), 400, 'parameter_repeated'],
  ['a NUL', post(`${right}&scope=a%00`), 400, 'parameter_nul'],
  ['bad percent-encoding', post(`${right}&scope=%`), 400, 'parameter_percent_encoding'],
  ['percent-encoded bytes that are not UTF-8', post(`${right}&scope=%ff`), 400, 'parameter_not_utf8'],
  ['bytes that are not UTF-8', post(Buffer.from([0x61, 0x3d, 0xff])), 400, 'parameter_not_utf8'],
  ['101 parameters', post(`${right}${'&a=b'.repeat(100)}`), 400, 'too_many_parameters'],
  ['more than 64 kB', post(`${right}&scope=${'x'.repeat(65_536)}`), 400, 'form_too_large'],
  ['more than 64 kB in chunks', chunked('a'.repeat(70_000)), 400, 'form_too_large'],
  ['a body that is empty', post(''), 400, 'grant_type_missing'],
  ['names of the prototype', post('__proto__=1&constructor=2&toString=3'), 400, 'grant_type_missing'],
  ['the prototype for a grant type', post('grant_type=__proto__'), 400, 'grant_type_unsupported'],
  ['a blank grant type', post('grant_type=+'), 400, 'grant_type_unsupported'],
  ['a scope of controls', post(`${right}&scope=a%0Ab`), 400, 'scope_malformed'],
  ['a resource of nothing but a scheme', post(`${right}&resource=https:`), 400, 'resource_malformed'],
  ['a resource with half a surrogate', post(`${right}&resource=urn:%F0%9F%98`), 400, 'parameter_not_utf8'],
  // content types
  ['JSON', post('{"grant_type":"client_credentials"}', 'application/json'), 400, 'content_type_not_form'],
  ['broken JSON', post('{', 'application/json'), 400, 'content_type_not_form'],
  ['a prototype in JSON', post('{"__proto__":{}}', 'application/json'), 400, 'content_type_not_form'],
  ['multipart', post('--x--', 'multipart/form-data; boundary=x'), 400, 'content_type_not_form'],
  ['plain text', post(right, 'text/plain'), 400, 'content_type_not_form'],
  ['another charset', post(right, `${form}; charset=utf-16`), 400, 'content_type_not_form'],
  ['a content type that is none', post(right, ';;;'), 400, 'content_type_not_form'],
  ['an empty content type', post(right, ''), 400, 'content_type_not_form'],
  ['no content type', request({ body: right }), 400, 'content_type_not_form'],
  ['neither body nor content type', request({}), 400, 'content_type_not_form'],
  [
    'a compressed body',
    request({
      headers: { 'content-type': form, 'content-encoding': 'gzip' },
      body: Buffer.from([0x1f, 0x8b, 8]),
    }),
    400,
    'parameter_not_utf8',
  ],
  // where secrets do not belong
  [
    'parameters in the URL',
    request({ path: `/token?${right}`, headers: { 'content-type': form } }),
    400,
    'query_not_allowed',
  ],
  // who asks
  [
    'a secret twice',
    post(`${right}&client_id=${client_id}&client_secret=${client_secret}`),
    400,
    'several_client_authentications',
  ],
  [
    'an authorization of 12 kB',
    request({ headers: { authorization: `Basic ${'A'.repeat(12_000)}`, 'content-type': form }, body: right }),
    401,
    'authorization_header_malformed',
  ],
  [
    'a NUL in a client_id',
    request({
      headers: { authorization: `Basic ${Buffer.from('a%00:b').toString('base64')}`, 'content-type': form },
      body: right,
    }),
    401,
    'authorization_header_malformed',
  ],
  [
    'a client_id of 40 kB',
    request({
      headers: { authorization: undefined, 'content-type': form },
      body: `${right}&client_id=${'x'.repeat(40_000)}&client_secret=x`,
    }),
    401,
  ],
  [
    'an assertion of 40 kB',
    request({
      headers: { 'content-type': form },
      body: `client_assertion=${'x'.repeat(40_000)}&client_assertion_type=urn:ietf:params:oauth:client-assertion-type:jwt-bearer`,
    }),
    400,
  ],
  // methods and paths
  ['GET', request({ method: 'GET' }), 405, 'method_not_allowed'],
  ['HEAD', request({ method: 'HEAD' }), 405, 'method_not_allowed'],
  [
    'PUT with a form',
    request({ method: 'PUT', headers: { 'content-type': form }, body: right }),
    405,
    'method_not_allowed',
  ],
  ['DELETE', request({ method: 'DELETE' }), 405, 'method_not_allowed'],
  ['OPTIONS', request({ method: 'OPTIONS', path: '/introspect' }), 405, 'method_not_allowed'],
  ['TRACE', request({ method: 'TRACE' }), 405, 'method_not_allowed'],
  ['PROPFIND', request({ method: 'PROPFIND' }), 405, 'method_not_allowed'],
  [
    'POST to the keys',
    request({ path: '/.well-known/jwks.json', headers: { 'content-type': 'application/json' }, body: '{' }),
    405,
    'method_not_allowed',
  ],
  ['a path that is not', request({ method: 'GET', path: '/admin' }), 404, 'not_found'],
  [
    'a form to a path that is not',
    request({ path: '/admin', headers: { 'content-type': form }, body: right }),
    404,
    'not_found',
  ],
  ['another spelling of the path', request({ path: '/Token' }), 404, 'not_found'],
  ['a slash too many', request({ path: '/token/' }), 404, 'not_found'],
  ['bad percent-encoding in the path', request({ method: 'GET', path: '/%zz' }), 400, 'request_malformed'],
  ['NUL in the path', request({ method: 'GET', path: '/%00' }), 404, 'not_found'],
  [
    'bytes that are not UTF-8 in the path',
    request({ method: 'GET', path: '/%ff' }),
    400,
    'request_malformed',
  ],
  ['the path of another folder', request({ method: 'GET', path: '/../../etc/passwd' }), 404, 'not_found'],
  ['the URL of another server', request({ method: 'GET', path: 'http://other.example/token' }), 404],
  // what is no HTTP
  ['no HTTP', 'hello\r\n\r\n', 400],
  ['a method that is not', 'BREW /token HTTP/1.1\r\nhost: x\r\n\r\n', 400],
  ['headers of 20 kB', request({ headers: { 'x-large': 'x'.repeat(20_000) } }), 431],
  ['a header without a colon', 'GET / HTTP/1.1\r\nhost: x\r\nnonsense\r\n\r\n', 400],
  ['no Host', 'GET / HTTP/1.1\r\n\r\n', 400],
  ['two lengths', 'POST /token HTTP/1.1\r\nhost: x\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\nab', 400],
  [
    'a length and chunks',
    'POST /token HTTP/1.1\r\nhost: x\r\ncontent-length: 1\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n',
    400,
  ],
  ['a chunk of no size', 'POST /token HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n', 400],
  [
    'an expectation that is not',
    request({ headers: { expect: 'the-unexpected', 'content-type': form }, body: right }),
    417,
  ],
];

function chunked(body: string): string {
  const head = `POST /token HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-type: ${form}\r\n`;
  return `${head}transfer-encoding: chunked\r\n\r\n${body.length.toString(16)}\r\n${body}\r\n0\r\n\r\n`;
}

for (const [name, bytes, status, reason] of hostile) {
  t.test(`${name} is answered with ${status}`, async (t) => {
    const lines = server.log.length;
    const answer = await raw(bytes);
    t.equal(answer.status, status);
    t.notMatch(answer.body, /node_modules|\.[jt]s:/, 'nothing of the inside is shown');
    if (status === 405) t.match(answer.head, /\r\nallow: \S/);
    if (reason !== undefined) {
      t.equal(server.log[lines]?.reason, reason);
      t.ok(answer.head.includes(`x-request-id: ${server.log[lines]?.requestId}`), 'as the log has it');
      if (!/^(HEAD|TRACE)/.test(bytes.toString('latin1'))) {
        t.match(JSON.parse(answer.body), { error: String, error_description: String });
      }
    }
  });
}

t.test('a request that is cut off is no fault', async (t) => {
  const lines = server.log.length;
  await new Promise<void>((resolve) => {
    const socket = connect(Number(port), '127.0.0.1', () => {
      socket.write(
        `POST /token HTTP/1.1\r\nhost: x\r\ncontent-type: ${form}\r\ncontent-length: 100\r\n\r\nhalf`,
      );
      setTimeout(() => socket.destroy(), 50);
    });
    socket.on('close', () => resolve());
  });
  t.equal((await raw(post(right))).status, 200);
  t.notOk(
    server.log.slice(lines).some(({ level }) => level === 50),
    'nothing was logged as an error',
  );
});

t.test('any body is answered, and never with a 500', async (t) => {
  const bodies = fc.oneof(
    fc.uint8Array({ maxLength: 200 }).map((bytes) => Buffer.from(bytes)),
    fc
      .array(
        fc.tuple(
          fc.constantFrom('grant_type', 'scope', 'resource', 'client_id', 'x'),
          fc.string({ unit: 'binary' }),
        ),
        {
          maxLength: 6,
        },
      )
      .map((pairs) => Buffer.from(new URLSearchParams(pairs).toString())),
  );
  const headers = fc.option(
    fc.oneof(
      fc.constant(authorization),
      fc.string().map((text) => `Basic ${Buffer.from(text).toString('base64')}`),
    ),
    { nil: undefined },
  );
  await fc.assert(
    fc.asyncProperty(bodies, headers, async (body, header) => {
      const response = await fetch(`${issuer}/token`, {
        method: 'POST',
        headers: { 'content-type': form, ...(header !== undefined && { authorization: header }) },
        body,
      });
      const answer = (await response.json()) as { error?: string; access_token?: string };
      return response.status < 500 && (answer.error ?? answer.access_token) !== undefined;
    }),
    { numRuns: 200 },
  );
  t.notOk(server.log.some(({ level }) => level === 50));
});

/** The service with one part that fails. */
async function broken(t: Test, fault: Partial<AuthorizationServer>): Promise<Response> {
  const { house, keyring, macKeyRing } = server.service;
  const registry = new Registry();
  const app = await buildApp({
    as: { ...authorizationServerOf(house, keyring, macKeyRing), ...fault },
    config: house.config,
    checks: [],
    events: createEvents(registry),
    jwksFetches: { record: () => {} },
    registry,
    log: server.service.app.log,
  });
  t.teardown(() => app.close());
  await app.listen({ port: 0, host: '127.0.0.1' });
  return fetch(`http://127.0.0.1:${(app.server.address() as AddressInfo).port}/token`, {
    method: 'POST',
    headers: { 'content-type': form, authorization },
    body: right,
  });
}

t.test('a fault is a server_error, and nothing of it is shown', async (t) => {
  const random = { ...server.service.house.random, id: failing() };
  const response = await broken(t, { random });
  t.equal(response.status, 500);
  t.match(await response.json(), { error: 'server_error', error_description: /^Something went wrong here/ });
  t.equal(response.headers.get('cache-control'), 'no-store');
});

/** The first id is the request's own. */
function failing(): () => string {
  let calls = 0;
  return () => {
    calls += 1;
    if (calls > 1) throw new RangeError('no more randomness');
    return 'request';
  };
}

t.test('when no token can be signed, the client is asked to come back', async (t) => {
  const response = await broken(t, {
    keyring: {
      jwks: () => server.service.keyring.jwks(),
      longestLifetime: () => 300,
      inTurn: (work) => work(),
      sign: () => Promise.reject(new SigningUnavailableError('too many wait')),
    },
  });
  t.equal(response.status, 503);
  t.match(response.headers.get('retry-after'), /^[123]$/);
  t.match(await response.json(), { error: 'temporarily_unavailable' });
  t.match(server.log.at(-1), { level: 40, reason: 'signing_unavailable', cause: 'too many wait' });
});
