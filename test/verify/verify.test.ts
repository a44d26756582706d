// The verifier helper, over a real socket: what it takes, why it refuses, and how seldom it asks.
import { randomBytes } from 'node:crypto';
import t from 'tap';
import { systemClock } from '../../src/clock.ts';
import { explainForeign } from '../../src/explain.ts';
import type { Reason } from '../../src/oauth/explanation.ts';
import { createVerifier, type RefusalReason, type VerifierOptions } from '../../src/verify/verify.ts';
import {
  base64url,
  newTrialKey,
  signedBy,
  startTrialIssuer,
  type TrialKey,
} from '../../src/verify-kit/trial-issuer.ts';
import { basic, testServer } from '../helpers/test-server.ts';

const audience = 'https://api.example.com';
const started = () => startTrialIssuer({ port: 0, host: '127.0.0.1', alg: 'ES256' });
const trial = await started();
t.teardown(() => trial.close());

function movable() {
  let ahead = 0;
  const advance = (seconds: number) => {
    ahead += seconds;
  };
  return { now: () => systemClock.now() + ahead, advance };
}

const verifierOf = (options: Partial<VerifierOptions> = {}) =>
  createVerifier({ issuer: trial.issuer, audience, ...options });

const good = (issuer = trial.issuer) => {
  const iat = Math.floor(systemClock.now());
  return {
    iss: issuer,
    sub: 'ada',
    aud: audience,
    client_id: 'shop',
    jti: 'j',
    scope: 'a b',
    iat,
    exp: iat + 300,
  };
};

interface Token {
  header?: Record<string, unknown>;
  claims?: Record<string, unknown>;
  key?: TrialKey;
}

const token = ({ header = {}, claims = {}, key = trial.key }: Token = {}) =>
  signedBy(key, { alg: key.alg, typ: 'at+jwt', kid: key.kid, ...header }, { ...good(), ...claims });

const reasonOf = async (verified: Promise<unknown>): Promise<string | undefined> =>
  verified.then(
    () => undefined,
    (error) => error.reason ?? error.name,
  );

t.test('a good token is taken, and says who it is', async (t) => {
  const { verify } = verifierOf();
  for (let i = 0; i < 2; i += 1) {
    t.match(await verify(token()), { subject: 'ada', clientId: 'shop', scopes: ['a', 'b'], claims: good() });
  }
  t.match(await verify(token({ claims: { aud: ['x', audience] } })), { subject: 'ada' });
  t.match(await verify(token({ header: { typ: 'application/AT+JWT' } })), { subject: 'ada' });
});

const now = Math.floor(systemClock.now());
const [head, body, signature = ''] = token().split('.');
const refused: Record<string, readonly [reason: RefusalReason, token: string]> = {
  'no JWT': ['malformed', 'x'],
  nothing: ['malformed', ''],
  'one that is too long': ['malformed', 'x'.repeat(20_000)],
  'one that is not signed': ['alg_none', `${base64url({ alg: 'none' })}.${body}.`],
  'a MAC': ['alg_not_allowed', token({ header: { alg: 'HS256' } })],
  'an extension': ['crit_unsupported', token({ header: { crit: ['x'] } })],
  'another issuer’s': ['issuer_mismatch', token({ claims: { iss: 'https://evil.example' } })],
  'one of no issuer': ['missing_claim', token({ claims: { iss: undefined } })],
  'one of no key': ['kid_missing', token({ header: { kid: undefined } })],
  'one of a key that is not published': ['kid_unknown', token({ key: newTrialKey('ES256') })],
  'one that names another algorithm': ['alg_mismatch', token({ header: { alg: 'RS256' } })],
  'a changed one': ['signature_invalid', `${head}.${base64url({ ...good(), sub: 'eve' })}.${signature}`],
  'a stripped one': ['signature_invalid', `${head}.${body}.`],
  'another spelling of the signature': ['signature_invalid', `${head}.${body}.${signature}=`],
  'an ID token': ['typ_unexpected', token({ header: { typ: 'JWT' } })],
  'one without typ': ['typ_unexpected', token({ header: { typ: undefined } })],
  'one without client_id': ['missing_claim', token({ claims: { client_id: undefined } })],
  'an exp in words': ['missing_claim', token({ claims: { exp: 'tomorrow' } })],
  'one that has expired': ['expired', token({ claims: { iat: now - 400, exp: now - 100 } })],
  'one that is not valid yet': ['not_yet_valid', token({ claims: { nbf: now + 100 } })],
  'one from the future': ['issued_in_future', token({ claims: { iat: now + 100 } })],
  'one for another service': ['audience_mismatch', token({ claims: { aud: 'https://other.example' } })],
  'expired and for another': ['expired', token({ claims: { exp: now - 100, aud: 'x' } })],
};

for (const [what, [reason, text]] of Object.entries(refused)) {
  t.test(`${what} is refused as ${reason}`, async (t) => {
    const { verify } = verifierOf();
    t.equal(await reasonOf(verify(text)), reason);
    t.equal(await reasonOf(verify(text)), reason, 'the second time as well');
  });
}

t.test('explain gives the same reason for each of them', async (t) => {
  // A service knows more of the token than another issuer's explain asks for: typ, client_id, algorithms.
  const alike = Object.entries(refused).filter(
    ([what]) => !/too long|without client_id|ID token|without typ/.test(what),
  );
  for (const [what, [reason, text]] of alike) {
    const explained = await explainForeign(trial.issuer, systemClock, { text, audience });
    t.equal(explained.reason satisfies Reason, reason, what);
  }
});

t.test('a remembered token expires like any other', async (t) => {
  const clock = movable();
  const { verify } = verifierOf({ clock, leeway: 0 });
  const one = token();
  await verify(one);
  clock.advance(301);
  t.equal(await reasonOf(verify(one)), 'expired');
});

t.test('ten thousand kids that nobody knows make one fetch in a cooldown', async (t) => {
  const clock = movable();
  const { verify } = verifierOf({ clock });
  const flood = async (length: number) => {
    const kids = Array.from({ length }, () => randomBytes(8).toString('hex'));
    const reasons = await Promise.all(
      kids.map((kid) =>
        reasonOf(verify(`${base64url({ alg: 'ES256', typ: 'at+jwt', kid })}.${body}.${signature}`)),
      ),
    );
    t.ok(reasons.every((reason) => reason === 'kid_unknown'));
  };
  const before = trial.fetches();
  await flood(10_000);
  t.equal(trial.fetches() - before, 1, 'the first one, which had to be');
  clock.advance(31);
  for (let i = 0; i < 2; i += 1) await flood(100);
  t.equal(trial.fetches() - before, 2);
  await verify(token());
});

t.test('a hundred first tokens make one fetch', async (t) => {
  const { verify } = verifierOf();
  const before = trial.fetches();
  await Promise.all(Array.from({ length: 100 }, () => verify(token())));
  t.equal(trial.fetches() - before, 1);
});

t.test('a key that has left the JWKS counts no more from the next fetch on', async (t) => {
  const own = await started();
  t.teardown(() => own.close());
  const clock = movable();
  const { verify } = createVerifier({ issuer: own.issuer, audience, clock, jwksLifetime: 20 });
  const by = (key: TrialKey) =>
    signedBy(key, { alg: 'ES256', typ: 'at+jwt', kid: key.kid }, good(own.issuer));
  const [one, other] = [by(own.key), by(own.other)];
  await Promise.all([verify(one), verify(other)]);
  own.revoke(own.other);
  await verify(other);
  clock.advance(21);
  await verify(one);
  t.equal(await reasonOf(verify(other)), 'kid_unknown', 'though it was verified before');
});

t.test('while the issuer is away what is known serves on, up to the bound', async (t) => {
  const own = await started();
  const clock = movable();
  const { verify } = createVerifier({ issuer: own.issuer, audience, clock, staleLifetime: 900 });
  const claims = { ...good(own.issuer), exp: now + 9000 };
  const one = signedBy(own.key, { alg: 'ES256', typ: 'at+jwt', kid: own.key.kid }, claims);
  await verify(one);
  await own.close();
  clock.advance(890);
  await verify(one);
  clock.advance(20);
  await t.rejects(verify(one), { name: 'VerifierUnavailableError', statusCode: 503 });
});

t.test('other names of claims, another typ', async (t) => {
  const { verify } = verifierOf({ typ: 'JWT', claimNames: { subject: 'user_id', scope: 'scp' } });
  const claims = { sub: undefined, user_id: 7, scp: ['x'], scope: undefined };
  t.match(await verify(token({ header: { typ: 'JWT' }, claims })), { subject: '7', scopes: ['x'] });
  t.equal(await reasonOf(verify(token())), 'typ_unexpected');
});

t.test('what cannot be meant is refused at once', async (t) => {
  t.throws(() => verifierOf({ issuer: 'http://id.example.com' }), /not https/);
  t.throws(() => verifierOf({ audience: '' }), /audience is missing/);
  t.throws(() => verifierOf({ leeway: Number.NaN }), /leeway/);
  t.throws(() => verifierOf({ revocation: { onStale: 'refuse', maxStaleness: 5 } }), /maxStaleness/);
});

t.test('with the revocation feed of a running issuer', async (t) => {
  const server = await testServer(t);
  const { issuer, clock } = server;
  const members = { grant_types: ['client_credentials', 'refresh_token'], client_id: 'shop' };
  const { client_id, client_secret } = await server.client(members);
  const options = { issuer, audience: issuer, clock };
  const strict = createVerifier({ ...options, revocation: { onStale: 'refuse' } });
  const lenient = createVerifier({ ...options, revocation: { onStale: 'accept' } });
  const plain = createVerifier(options);
  const [one, other] = [await server.signIn({ client_id }), await server.signIn({ client_id })];
  for (const { verify } of [strict, lenient, plain]) await verify(one.access_token);
  await server.post('/revoke', { token: one.refresh_token }, basic(client_id, client_secret));
  clock.advance(20);
  for (const { verify } of [strict, lenient]) {
    t.equal(await reasonOf(verify(one.access_token)), 'family_revoked');
    await verify(other.access_token);
  }
  await plain.verify(one.access_token);
  const own = await server.token({ grant_type: 'client_credentials' }, basic(client_id, client_secret));
  await strict.verify(own.body.access_token);
  await server.service.house.stores.clients.setDisabled(client_id, clock.now(), {
    at: 0,
    event: 'e',
    actor: 'a',
    subject: client_id,
  });
  clock.advance(20);
  t.equal(await reasonOf(strict.verify(own.body.access_token)), 'client_cut_off');
  await server.service.house.stores.clients.setDisabled(client_id, null, {
    at: 0,
    event: 'e',
    actor: 'a',
    subject: client_id,
  });
  clock.advance(20);
  await strict.verify(own.body.access_token);
  await server.service.app.close();
  clock.advance(50);
  t.equal(await reasonOf(strict.verify(other.access_token)), undefined, 'as long as it is fresh enough');
  clock.advance(20);
  t.equal(await reasonOf(strict.verify(other.access_token)), 'VerifierUnavailableError');
  t.equal(await reasonOf(lenient.verify(other.access_token)), undefined);
  t.equal(await reasonOf(lenient.verify(one.access_token)), 'family_revoked', 'what was said stays said');
});
