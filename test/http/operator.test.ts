// What an operator's machines are told when something is wrong; and what the log keeps to itself.
import type { AddressInfo } from 'node:net';
import { pino } from 'pino';
import { Registry } from 'prom-client';
import t from 'tap';
import { buildOperatorApp } from '../../src/app.ts';
import { createEvents } from '../../src/events.ts';
import type { Check } from '../../src/http/operator/readiness.ts';
import { logOptions } from '../../src/log.ts';
import { OAuthError } from '../../src/oauth/errors.ts';
import { systemRandom } from '../../src/random.ts';

const log: Record<string, unknown>[] = [];
const logger = pino(logOptions('debug'), { write: (line) => log.push(JSON.parse(line)) });
const clock = { time: 1000, now: () => clock.time };
const registry = new Registry();
const events = createEvents(registry);

let runs = 0;
const checks: Check[] = [
  {
    name: 'sound',
    run: async () => {
      runs += 1;
    },
  },
];
const app = await buildOperatorApp({
  as: { issuer: 'https://id.example.com', clock, random: systemRandom },
  config: { trusted_proxies: ['127.0.0.1'] },
  checks,
  events,
  registry,
  log: logger,
});
app.get('/fault', { schema: { response: { 200: {} } } }, () => {
  throw new TypeError('the inside');
});
app.get('/nothing', { schema: { response: { 200: {} } } }, () => {
  throw undefined;
});
await app.listen({ port: 0, host: '127.0.0.1' });
t.teardown(() => app.close());
const origin = `http://127.0.0.1:${(app.server.address() as AddressInfo).port}`;

t.test('readiness is looked at once a second, however many ask', async (t) => {
  await Promise.all(Array.from({ length: 10 }, () => fetch(`${origin}/readyz`)));
  t.equal(runs, 1);
  clock.time += 1;
  await fetch(`${origin}/readyz`);
  t.equal(runs, 2);
});

t.test('a check that is red or does not answer makes the service not ready, and is named', async (t) => {
  checks.push(
    { name: 'red', run: () => Promise.reject(new Error('at db.internal')) },
    { name: 'silent', run: () => new Promise(() => {}) },
  );
  clock.time += 1;
  const response = await fetch(`${origin}/readyz?verbose`);
  t.equal(response.status, 503);
  t.match(await response.json(), {
    status: 'not ready',
    checks: [
      { name: 'sound', ok: true },
      { name: 'red', ok: false },
      { name: 'silent', ok: false },
    ],
  });
  const told = log.filter(({ msg }) => msg === 'readiness check failed');
  t.strictSame(told.map(({ check }) => check).sort(), ['red', 'silent']);
  t.match(told, [
    { requestId: response.headers.get('x-request-id'), err: { message: 'at db.internal' } },
    { err: { message: 'no answer within 2 s' } },
  ]);
  t.equal((await fetch(`${origin}/livez`)).status, 200, 'alive all the same');
});

t.test('a fault is logged whole and shown not at all', async (t) => {
  const response = await fetch(`${origin}/fault?secret=1`);
  t.equal(response.status, 500);
  t.strictSame(await response.json(), {
    error: 'server_error',
    error_description: 'Something went wrong here, and is in the log.',
  });
  t.match(log.at(-1), {
    level: 50,
    requestId: response.headers.get('x-request-id'),
    req: { method: 'GET', path: '/fault', address: '127.0.0.1' },
    err: { message: 'the inside', stack: /operator\.test/ },
  });
  t.notMatch(JSON.stringify(log), 'secret=1');
  t.match(await (await fetch(`${origin}/metrics`)).text(), /^mintmark_faults_total 1$/m);
});

t.test('the address in the log is the one that a trusted proxy names', async (t) => {
  await fetch(`${origin}/fault`, { headers: { 'x-forwarded-for': '203.0.113.7' } });
  t.match(log.at(-1), { req: { address: '203.0.113.7' } });
});

t.test('an issuer on https says so to browsers', async (t) => {
  const { headers } = await fetch(`${origin}/livez`);
  t.equal(headers.get('strict-transport-security'), 'max-age=31536000');
});

t.test('whoever is slow is cut off', async (t) => {
  const { headersTimeout, requestTimeout, timeout, keepAliveTimeout } = app.server;
  t.strictSame([headersTimeout, requestTimeout, timeout, keepAliveTimeout], [5_000, 10_000, 30_000, 72_000]);
});

t.test('a route that does not say what it answers is not mounted', async (t) => {
  const other = await buildOperatorApp({
    as: { issuer: 'https://id.example.com', clock, random: systemRandom },
    config: { trusted_proxies: [] },
    checks: [],
    events,
    registry,
    log: logger,
  });
  t.throws(() => other.get('/unsaid', () => ({})), { message: '/unsaid has no response schema' });
});

t.test('refusals are told at info, and as warnings where it is not the caller’s doing', async (t) => {
  const asked = { id: '1', method: 'POST', url: '/token?a=b', ip: '127.0.0.1', log: logger };
  events.refused(asked, new OAuthError('client_unknown', { clientId: 'a', cause: new Error('why') }));
  t.match(log.at(-1), {
    level: 30,
    reason: 'client_unknown',
    clientId: 'a',
    cause: 'why',
    req: { path: '/token' },
  });
  events.refused(asked, new OAuthError('store_unavailable'));
  t.match(log.at(-1), { level: 40, reason: 'store_unavailable' });
});

t.test('what has the name of a secret is blanked, should anybody log it', async (t) => {
  logger.info({
    client_secret: 's3cret',
    headers: { authorization: 's3cret' },
    form: { password: 's3cret' },
  });
  t.notMatch(JSON.stringify(log.at(-1)), 's3cret');
});
