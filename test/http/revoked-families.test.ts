// GET /.well-known/revoked-families over a real socket: what a service that verifies offline is told, and what nobody is.
import { createLocalJWKSet, decodeJwt, type JSONWebKeySet, type JWTPayload, jwtVerify } from 'jose';
import t from 'tap';
import { endpointsOf } from '../../src/oauth/authorization-server.ts';
import { addClientSecret, setClientDisabled } from '../../src/oauth/client-management.ts';
import { clientDigest, createRevocationFeed } from '../../src/oauth/revoked-families.ts';
import type { EndingStore } from '../../src/stores/stores.ts';
import { freePort } from '../helpers/servers.ts';
import { basic, testServer } from '../helpers/test-server.ts';

const port = await freePort();
const server = await testServer(t, {
  PORT: String(port),
  MINTMARK_ISSUER: `http://localhost:${port}/tenant`,
});
const { issuer, clock, service } = server;
const { stores } = service.house;
const url = `${issuer}/.well-known/revoked-families`;
const members = { grant_types: ['client_credentials', 'refresh_token'] };
const shop = await server.client({ ...members, client_id: 'shop' });
const management = { ...service.house, actor: 'test' };

interface Feed extends JWTPayload {
  readonly families: string[];
  readonly clients: Record<string, number>;
}

/** The feed as it is once what was known before is too old. */
async function feed(): Promise<Feed> {
  clock.advance(6);
  return decodeJwt(await (await fetch(url)).text()) as unknown as Feed;
}

const jtiOf = (jws: string): string => decodeJwt(jws).jti as string;
const names = ({ families }: Feed, jws: string): boolean => families.includes(jtiOf(jws).slice(0, 12));
const revoke = (token: string) =>
  server.post('/revoke', { token }, basic(shop.client_id, shop.client_secret));

t.test(
  'it is signed by a published key, under a typ of its own, and passes for no other token',
  async (t) => {
    const response = await fetch(url);
    t.equal(response.headers.get('content-type'), 'application/revoked-families+jwt');
    t.equal(response.headers.get('cache-control'), 'public, max-age=5');
    t.equal(response.headers.get('access-control-allow-origin'), '*');
    const jwks = (await (await fetch(`${issuer}/.well-known/jwks.json`)).json()) as JSONWebKeySet;
    const options = { issuer, audience: url, typ: 'revoked-families+jwt', algorithms: ['RS256'] };
    const { payload } = await jwtVerify(await response.text(), createLocalJWKSet(jwks), options);
    t.strictSame(Object.keys(payload), ['iss', 'aud', 'iat', 'families', 'clients'], 'no sub, no exp');
    t.ok(clock.now() - (payload.iat as number) < 11);
    const metadata = await (await fetch(`${issuer}/.well-known/openid-configuration`)).json();
    t.equal((metadata as { revoked_families_uri: string }).revoked_families_uri, url);
  },
);

t.test('a family that was revoked is named until its last access token has expired', async (t) => {
  const [one, other] = [await server.signIn(shop), await server.signIn(shop)];
  t.notOk(names(await feed(), one.access_token));
  await revoke(one.refresh_token);
  const after = await feed();
  t.ok(names(after, one.access_token));
  t.notOk(names(after, other.access_token));
  clock.advance(340);
  t.ok(names(await feed(), one.access_token), 'with leeway for a clock that is behind');
  clock.advance(20);
  t.notOk(names(await feed(), one.access_token));
});

t.test('a cut-off of an account names its families, by no sub, and not the next one', async (t) => {
  const [one, other] = [await server.signIn(shop, 'bob@example.com'), await server.signIn(shop)];
  const sub = decodeJwt(one.access_token).sub as string;
  await stores.accounts.cutOff(sub, clock.now(), { at: 0, event: 'e', actor: 'a', subject: sub });
  const next = await server.signIn(shop, 'bob@example.com');
  const after = await feed();
  t.strictSame(
    [one, next, other].map(({ access_token }) => names(after, access_token)),
    [true, false, false],
  );
  t.notMatch(JSON.stringify(after), sub);
});

t.test('a client that was cut off or disabled is told by a digest, with the instant', async (t) => {
  const other = await server.client(members);
  const third = await server.client(members);
  await addClientSecret(management, other.client_id, { replace: true });
  const at = clock.now();
  await setClientDisabled(management, third.client_id, true);
  const { clients } = await feed();
  t.strictSame(
    Object.keys(clients).sort(),
    [clientDigest(other.client_id), clientDigest(third.client_id)].sort(),
  );
  for (const instant of Object.values(clients)) t.ok(Number.isInteger(instant) && Math.abs(instant - at) < 3);
});

t.test('who has it is told that it is the same', async (t) => {
  const etag = (await fetch(url)).headers.get('etag') ?? '';
  t.equal((await fetch(url, { headers: { 'if-none-match': etag } })).status, 304);
});

/** A feed of its own, over what `since` answers. */
const feedOver = (since: EndingStore['since']) =>
  createRevocationFeed({
    endpoints: endpointsOf(issuer),
    issuer,
    signingAlgs: ['RS256'],
    keyring: service.keyring,
    endings: { since },
    clock,
  });

t.test('many who ask at once make one reading', async (t) => {
  let readings = 0;
  const counted = feedOver((...query) => {
    readings += 1;
    return stores.endings.since(...query);
  });
  const answers = await Promise.all(Array.from({ length: 50 }, () => counted()));
  t.strictSame([readings, new Set(answers).size], [1, 1]);
  clock.advance(6);
  await Promise.all(Array.from({ length: 50 }, () => counted()));
  t.equal(readings, 2);
});

t.test('more than fits is cut to the latest, and it says from when on it is complete', async (t) => {
  const at = clock.now();
  const many = Array.from({ length: 50_000 }, (_, n) => ({
    id: `${n}`.padStart(22, 'f'),
    at: at - n / 1000,
  }));
  const cut = decodeJwt(await feedOver(async () => ({ families: many, clients: [] }))());
  t.equal(cut.since, Math.floor(at - 49.999) + 1);
});

t.test('while the store is away the last one serves on, and its iat tells how old it is', async (t) => {
  const { iat = 0 } = await feed();
  await server.cutStore();
  clock.advance(600);
  const late = decodeJwt(await (await fetch(url)).text());
  t.equal(late.iat, iat);
  clock.advance(3600);
  t.equal((await fetch(url)).status, 503);
});
