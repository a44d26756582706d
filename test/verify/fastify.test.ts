// The verifier as a Fastify plugin, over a real socket: who is let in, and what those are told who are not.
import Fastify from 'fastify';
import t from 'tap';
import { systemClock } from '../../src/clock.ts';
import { fastifyVerifier } from '../../src/verify/verify.ts';
import { newTrialKey, signedBy, startTrialIssuer } from '../../src/verify-kit/trial-issuer.ts';

const trial = await startTrialIssuer({ port: 0, host: '127.0.0.1', alg: 'RS256' });
const audience = 'https://api.example.com';
const app = Fastify();
await app.register(fastifyVerifier, { issuer: trial.issuer, audience, prefixes: ['Bearer', 'JWT'] });
app.get('/', { onRequest: app.requireToken }, (request) => request.user);
app.get('/own', async (request) => request.jwtVerify());
await app.listen({ port: 0, host: '127.0.0.1' });
t.teardown(async () => {
  await app.close();
  await trial.close();
});
const url = app.listeningOrigin;

const iat = Math.floor(systemClock.now());
const claims = {
  iss: trial.issuer,
  sub: 'ada',
  aud: audience,
  client_id: 'c',
  jti: 'j',
  iat,
  exp: iat + 300,
};
const token = (change: object = {}, { key = trial.key, typ = 'at+jwt' } = {}) =>
  signedBy(key, { alg: 'RS256', typ, kid: key.kid }, { ...claims, ...change });
const get = (authorization: string, path = '/') => fetch(url + path, { headers: { authorization } });

t.test('a good token is let in, after any prefix that is known, and its claims are the user', async (t) => {
  for (const prefix of ['Bearer', 'bearer', 'JWT']) {
    const response = await get(`${prefix} ${token()}`);
    t.strictSame([response.status, await response.json()], [200, claims]);
  }
  t.strictSame(
    await (await get(`Bearer ${token()}`, '/own')).json(),
    claims,
    'by @fastify/jwt’s own name as well',
  );
});

t.test('what is refused is refused with a challenge and the reason', async (t) => {
  const refused = {
    expired: token({ exp: iat - 100 }),
    audience_mismatch: token({ aud: 'x' }),
    typ_unexpected: token({}, { typ: 'JWT' }),
    kid_unknown: token({}, { key: newTrialKey('RS256') }),
    malformed: 'x.y',
    signature_invalid: `${token()}x`,
  };
  for (const [reason, text] of Object.entries(refused)) {
    const { status, headers } = await get(`Bearer ${text}`);
    t.equal(status, 401, reason);
    t.match(headers.get('www-authenticate'), `Bearer error="invalid_token", error_description="${reason}"`);
  }
});

t.test('who shows no token is told of none', async (t) => {
  const { status, headers } = await fetch(url);
  t.strictSame([status, headers.get('www-authenticate')], [401, 'Bearer']);
  for (const authorization of [token(), `Token ${token()}`, `Bearer ${token()} x`, 'Bearer'])
    t.equal((await get(authorization)).status, 401);
});

t.test('while nobody can tell, it is 503', async (t) => {
  const lonely = Fastify();
  t.teardown(() => lonely.close());
  await lonely.register(fastifyVerifier, { issuer: 'http://127.0.0.1:1', audience });
  lonely.get('/', { onRequest: lonely.requireToken }, () => ({}));
  const { statusCode, headers } = await lonely.inject({
    url: '/',
    headers: { authorization: `Bearer ${token()}` },
  });
  t.strictSame([statusCode, headers['retry-after']], [503, '1']);
});
