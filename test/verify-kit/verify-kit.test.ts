// The verifier kit on services over a real socket: each of a dozen planted bugs is caught by its own probe, and three
// good verifiers pass.
import { createHmac, createPublicKey, type JsonWebKey, verify } from 'node:crypto';
import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import fastifyJwt from '@fastify/jwt';
import Fastify from 'fastify';
import buildGetJwks from 'get-jwks';
import { createRemoteJWKSet, jwtVerify } from 'jose';
import t, { type Test } from 'tap';
import { systemClock } from '../../src/clock.ts';
import { systemRandom } from '../../src/random.ts';
import { fastifyVerifier } from '../../src/verify/verify.ts';
import { type Report, tryService } from '../../src/verify-kit/run.ts';
import { startTrialIssuer } from '../../src/verify-kit/trial-issuer.ts';
import { executableIn } from '../helpers/executable.ts';
import { freePort } from '../helpers/servers.ts';
import { scratchFolder } from '../helpers/service.ts';

// A revoked key has to be waited for.
t.setTimeout(120_000);

const audience = 'https://api.example.com';

/** A service: resolves with its URL. */
type Start = (t: Test, issuer: string) => Promise<string>;

interface How {
  readonly alg?: 'RS256' | 'ES256';
  /** seconds; absent: revocation is not tried, since it has to be waited for */
  readonly cacheLifetime?: number;
}

async function tried(t: Test, start: Start, { alg = 'ES256', cacheLifetime }: How = {}): Promise<Report> {
  const issuer = await startTrialIssuer({ port: 0, host: '127.0.0.1', alg });
  t.teardown(() => issuer.close());
  const url = await start(t, issuer.issuer);
  const trial = { issuer, audience, typ: 'at+jwt' as const, claims: {}, random: systemRandom };
  const headers = { authorization: 'Bearer {token}' };
  return tryService(trial, systemClock, { url, expect: 200, headers, wait: 5, cacheLifetime });
}

const accepted = ({ findings }: Report) =>
  findings.filter(({ outcome }) => outcome === 'accepted').map(({ probe }) => probe);

/** A server that answers 200 where `isGood` says so, 401 otherwise, and 500 where it throws. */
async function serve(t: Test, isGood: (token: string) => Promise<boolean>): Promise<string> {
  const tokenOf = ({ headers }: IncomingMessage) => /^Bearer (.+)$/.exec(headers.authorization ?? '')?.[1];
  const server = createServer({ maxHeaderSize: 65_536 }, async (request, response) => {
    const token = tokenOf(request);
    const status = await (token === undefined
      ? Promise.resolve(401)
      : isGood(token).then((good) => (good ? 200 : 401))
    ).catch(() => 500);
    response.writeHead(status).end();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.teardown(() => {
    server.closeAllConnections();
    server.close();
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

type Bug =
  | 'none is taken'
  | 'the public key is a secret'
  | 'any issuer'
  | 'any audience'
  | 'any typ'
  | 'no exp'
  | 'no nbf'
  | 'the first of two claims'
  | 'an embedded key'
  | 'the kid is a path'
  | 'the kid is a query'
  | 'the signature is not looked at'
  | 'no signature is no failure'
  | 'keys for ever'
  | 'a fetch for each kid';

const jsonOf = (part = '') => JSON.parse(Buffer.from(part, 'base64url').toString());

/** The naive reviver of the first of two members. */
function firstOf(text: string): Record<string, unknown> {
  const claims = JSON.parse(text);
  for (const name of ['exp', 'aud', 'iss']) {
    const [, value] = new RegExp(`"${name}":("[^"]*"|\\d+)`).exec(text) ?? [];
    if (value !== undefined) claims[name] = JSON.parse(value);
  }
  return claims;
}

/** Written by hand, as too many are, and right but for the bug. */
function handmade(bug: Bug | undefined): Start {
  return async (t, issuer) => {
    let keys: (JsonWebKey & { kid: string })[] = [];
    let fetchedAt = 0;
    const load = async () => {
      fetchedAt = Date.now();
      keys = ((await (await fetch(`${issuer}/.well-known/jwks.json`)).json()) as { keys: typeof keys }).keys;
    };
    const age = () => Date.now() - fetchedAt;
    const find = async (kid: string) => {
      if (bug !== 'keys for ever' && age() > 1000) await load();
      const found = keys.find((key) => key.kid === kid);
      if (found || (bug !== 'a fetch for each kid' && age() < 500)) return found;
      await load();
      return keys.find((key) => key.kid === kid);
    };
    const isSigned = async (token: string, header: Record<string, unknown>): Promise<boolean> => {
      if (bug === 'the signature is not looked at') return true;
      const [head, body, encoded = ''] = token.split('.');
      const input = `${head}.${body}`;
      const mac = (secret: string) =>
        createHmac('sha256', secret).update(input).digest('base64url') === encoded;
      if (bug === 'no signature is no failure' && encoded === '' && header.alg === 'ES256') return true;
      if (bug === 'none is taken' && header.alg === 'none') return true;
      const kid = String(header.kid);
      if (bug === 'the kid is a path' && kid.includes('/')) return mac('');
      if (bug === 'the kid is a query' && kid.includes('UNION SELECT')) return mac('secret');
      const jwk = (bug === 'an embedded key' && (header.jwk as JsonWebKey)) || (await find(kid));
      if (!jwk) return false;
      const key = createPublicKey({ key: jwk, format: 'jwk' });
      if (bug === 'the public key is a secret' && header.alg === 'HS256')
        return mac(key.export({ type: 'spki', format: 'pem' }) as string);
      const signature = Buffer.from(encoded, 'base64url');
      if (header.alg !== 'ES256' || header.crit || signature.toString('base64url') !== encoded) return false;
      return verify('sha256', Buffer.from(input), { key, dsaEncoding: 'ieee-p1363' }, signature);
    };
    return serve(t, async (token) => {
      const [head, body = ''] = token.split('.');
      const header = jsonOf(head);
      const text = Buffer.from(body, 'base64url').toString();
      const claims = bug === 'the first of two claims' ? firstOf(text) : JSON.parse(text);
      const now = Date.now() / 1000;
      return (
        (await isSigned(token, header)) &&
        (bug === 'any issuer' || claims.iss === issuer) &&
        (bug === 'any audience' || claims.aud === audience) &&
        (bug === 'any typ' || header.typ === 'at+jwt') &&
        (bug === 'no exp' || claims.exp > now) &&
        (bug === 'no nbf' || claims.nbf === undefined || claims.nbf <= now)
      );
    });
  };
}

t.test('a verifier without a bug gets an A', async (t) => {
  const { grade, findings } = await tried(t, handmade(undefined), { cacheLifetime: 1 });
  t.strictSame(
    findings.filter(({ outcome }) => outcome !== 'refused'),
    [],
  );
  t.equal(grade, 'A');
});

/** By which probe each is caught; a bug may well open more doors than one. */
const planted: Record<Exclude<Bug, 'a fetch for each kid'>, string[]> = {
  'none is taken': ['alg_none'],
  'the public key is a secret': ['hmac_with_public_key'],
  'any issuer': ['issuer_wrong', 'claims_duplicate'],
  'any audience': ['audience_wrong', 'claims_duplicate'],
  'any typ': ['id_token', 'typ_wrong', 'typ_missing'],
  'no exp': ['expired', 'claims_duplicate'],
  'no nbf': ['not_yet_valid'],
  'the first of two claims': ['claims_duplicate'],
  'an embedded key': ['key_embedded'],
  'the kid is a path': ['kid_path'],
  'the kid is a query': ['kid_sql'],
  'the signature is not looked at': [],
  'no signature is no failure': ['signature_stripped'],
  'keys for ever': ['key_revoked'],
};

for (const [bug, probes] of Object.entries(planted)) {
  t.test(`the bug "${bug}" is caught`, async (t) => {
    const report = await tried(t, handmade(bug as Bug), bug === 'keys for ever' ? { cacheLifetime: 1 } : {});
    t.equal(report.grade, 'F');
    if (probes.length > 0) t.strictSame(accepted(report), probes);
    else
      for (const probe of ['signature_changed', 'signature_stripped', 'kid_unknown'])
        t.ok(accepted(report).includes(probe));
  });
}

t.test('a fetch for each kid that nobody knows is told, and is no hole', async (t) => {
  const { grade, findings } = await tried(t, handmade('a fetch for each kid'));
  t.match(
    findings.find(({ probe }) => probe === 'kid_flood'),
    { outcome: 'fault', detail: '200 fetches for 200 kids' },
  );
  t.equal(grade, 'B');
});

const good: Record<string, Start> = {
  jose: async (t, issuer) => {
    const url = new URL(`${issuer}/.well-known/jwks.json`);
    const keys = createRemoteJWKSet(url, { cacheMaxAge: 1000 });
    const options = { issuer, audience, typ: 'at+jwt', algorithms: ['RS256'], requiredClaims: ['exp'] };
    return serve(t, (token) =>
      jwtVerify(token, keys, options).then(
        () => true,
        () => false,
      ),
    );
  },
  '@fastify/jwt with get-jwks': async (t, issuer) => {
    const getJwks = buildGetJwks({ issuersWhitelist: [issuer], providerDiscovery: true, ttl: 1000 });
    // Left to itself it falls back on a key that the JWKS has no more, again and again while its tokens come.
    const forgetting = setInterval(() => {
      for (const cache of [getJwks.cache, getJwks.staleCache])
        (cache as unknown as Map<string, unknown>).clear();
    }, 1000);
    t.teardown(() => clearInterval(forgetting));
    const app = Fastify();
    await app.register(fastifyJwt, {
      decode: { complete: true },
      secret: (async (
        _request: unknown,
        { header, payload }: { header: Record<string, string>; payload: Record<string, string> },
      ) =>
        getJwks.getPublicKey({
          kid: header.kid ?? '',
          alg: header.alg ?? '',
          domain: payload.iss ?? '',
        })) as unknown as string,
      verify: {
        algorithms: ['ES256'],
        allowedIss: issuer,
        allowedAud: audience,
        checkTyp: 'at+jwt',
        requiredClaims: ['exp', 'aud', 'iss'],
      },
    });
    app.setErrorHandler((_error, _request, reply) => reply.code(401).send({}));
    app.get('/', { onRequest: (request) => request.jwtVerify() }, () => ({}));
    await app.listen({ port: 0, host: '127.0.0.1' });
    t.teardown(() => app.close());
    return app.listeningOrigin;
  },
  'mintmark/verify': async (t, issuer) => {
    const app = Fastify();
    await app.register(fastifyVerifier, { issuer, audience, jwksLifetime: 1 });
    app.get('/', { onRequest: app.requireToken }, () => ({}));
    await app.listen({ port: 0, host: '127.0.0.1' });
    t.teardown(() => app.close());
    return app.listeningOrigin;
  },
};

for (const [name, start] of Object.entries(good)) {
  t.test(`${name} takes nothing that is forged`, async (t) => {
    const report = await tried(t, start, { alg: name === 'jose' ? 'RS256' : 'ES256', cacheLifetime: 1 });
    t.not(report.grade, 'F');
    t.notOk(report.findings.some(({ outcome }) => outcome === 'left_out'));
    if (name === 'mintmark/verify') t.equal(report.grade, 'A');
  });
}

t.test('the command', async (t) => {
  const { folder, remove } = scratchFolder();
  t.teardown(remove);
  const mintmark = executableIn(folder);
  const port = await freePort();
  const issuer = `http://localhost:${port}`;
  const words = ['--audience', audience, '--port', String(port), '--alg', 'ES256', '--wait', '1'];
  const sound = await handmade(undefined)(t, issuer);
  const lax = await handmade('any typ')(t, issuer);

  const told = await mintmark(['verify-kit', sound, ...words]);
  t.match(told, { code: 0, err: /the issuer of the trial is http:\/\/localhost/ });
  t.match(told.out, /^refused +must +alg_none[\s\S]*left_out +must +key_revoked[\s\S]*grade A/m);
  const failed = await mintmark(['verify-kit', lax, ...words, '--json']);
  t.equal(failed.code, 4);
  t.match(JSON.parse(failed.out), { grade: 'F', audience, issuer });
  const headers = ['--header', 'X-Token: {token}', '--expect', '204'];
  t.match(await mintmark(['verify-kit', sound, ...words, ...headers]), {
    code: 1,
    err: /answers 401 and not 204 to a good token: have it trust the issuer/,
  });
  t.match(await mintmark(['verify-kit', sound, ...words, '--alg', 'HS256']), { code: 2 });
});
