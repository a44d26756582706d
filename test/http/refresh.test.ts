// The refresh token grant over a real socket: exactly once for a thief, idempotent for a client. On the embedded store,
// and with Redis for the hot half where there is one.
import t, { type Test } from 'tap';
import { setAccountDisabled, setPassword, signOut } from '../../src/accounts/account.ts';
import { hmacSha256 } from '../../src/hmac.ts';
import { addClientSecret, setClientDisabled } from '../../src/oauth/client-management.ts';
import { decodeRefreshToken, encodeRefreshToken, newFamilyId } from '../../src/oauth/refresh-token.ts';
import { type Answer, basic, type TestServer, testServer } from '../helpers/test-server.ts';

t.setTimeout(300_000);

type Client = Awaited<ReturnType<TestServer['client']>>;

const redis = process.env.TEST_REDIS_URL;
const stores: [name: string, env: Record<string, string>][] = [
  ['on the embedded store', {}],
  ...(redis === undefined ? [] : [['with Redis', { REDIS_URL: redis }] as [string, Record<string, string>]]),
];

const claimsOf = (jws: string) => JSON.parse(Buffer.from(jws.split('.')[1] ?? '', 'base64url').toString());
const familyOf = (jws: string): string => claimsOf(jws).jti.slice(0, 22);
const generationOf = (token: string): number => Buffer.from(token.slice(4), 'base64url').readUInt32BE(18);
const invalidGrant = {
  status: 400,
  body: {
    error: 'invalid_grant',
    error_description: 'The refresh token is invalid, expired or revoked.',
  },
};

for (const [name, env] of stores) t.test(name, (t) => grantOn(t, env));

async function grantOn(t: Test, env: Record<string, string>): Promise<void> {
  const server = await testServer(t, env);
  const { clock, service } = server;
  const { house, macKeyRing } = service;
  const management = { ...house, actor: 'test' };
  const api = 'https://api.example';
  const files = 'https://files.example';
  await server.resource({ resource: api, scopes: ['read', 'write'] });
  await server.resource({ resource: files, scopes: ['read'] });

  const client = (metadata: Record<string, unknown> = {}) =>
    server.client({
      grant_types: ['refresh_token'],
      scope: 'read write',
      default_resource: api,
      ...metadata,
    });
  const shop = await client();
  let people = 0;
  const newcomer = () => `person${people++}@example.com`;
  const signIn = (at: Client = shop, email = newcomer()) => server.signIn(at, email);
  const refresh = (token: string, form: Record<string, string> = {}, at: Client = shop): Promise<Answer> =>
    server.token(
      { grant_type: 'refresh_token', refresh_token: token, ...form },
      basic(at.client_id, at.client_secret),
    );
  const standing = async (accessToken: string) => {
    const id = familyOf(accessToken);
    const [found, { state }] = await Promise.all([
      house.stores.families.find(id),
      house.stores.familyStates.find(id),
    ]);
    return { ...found?.family, state };
  };
  const reasonOf = ({ headers }: Answer) =>
    server.log.find(({ requestId, reason }) => reason && requestId === headers.get('x-request-id'))?.reason;
  const last = await signIn();

  /** Refused, for the caller like every other, in the log for this reason. */
  async function refused(t: Test, answer: Answer, reason: string): Promise<void> {
    t.match({ status: answer.status, body: answer.body }, invalidGrant);
    t.equal(reasonOf(answer), reason);
  }

  t.test('a refresh gives an access token and the next refresh token, for the same sign-in', async (t) => {
    const one = await signIn();
    clock.advance(10);
    const { status, headers, body } = await refresh(one.refresh_token);
    t.equal(status, 200);
    t.equal(headers.get('cache-control'), 'no-store');
    t.match(body, {
      token_type: 'Bearer',
      expires_in: 300,
      scope: 'read write',
      refresh_token: /^mmr_[\w-]{62}$/,
    });
    const [before, after] = [claimsOf(one.access_token), claimsOf(body.access_token)];
    for (const claim of ['sub', 'aud', 'client_id', 'auth_time', 'acr', 'amr', 'sid', 'scope']) {
      t.same(after[claim], before[claim], claim);
    }
    t.not(after.jti, before.jti);
    t.ok(after.iat >= before.iat + 9);
    t.equal(generationOf(body.refresh_token), 1);
  });

  t.test('a chain goes on, each token from the last', async (t) => {
    let { refresh_token } = await signIn();
    for (let generation = 1; generation <= 5; generation += 1) {
      const { status, body } = await refresh(refresh_token);
      t.strictSame([status, generationOf(body.refresh_token)], [200, generation]);
      refresh_token = body.refresh_token;
      clock.advance(100);
    }
  });

  t.test('a retry within the window gets the same bytes, as often as it comes', async (t) => {
    const { refresh_token } = await signIn();
    const { body: first } = await refresh(refresh_token);
    clock.advance(30);
    for (let retry = 0; retry < 3; retry += 1) {
      const { status, body } = await refresh(refresh_token);
      t.equal(status, 200);
      t.strictSame(
        [body.refresh_token, body.access_token, body.scope],
        [first.refresh_token, first.access_token, first.scope],
      );
      t.ok(body.expires_in <= 270, 'the token is as old as the first answer');
    }
    t.equal((await refresh(first.refresh_token)).status, 200);
  });

  t.test('fifty at once all get one and the same successor', async (t) => {
    const one = await signIn();
    const answers = await Promise.all(Array.from({ length: 50 }, () => refresh(one.refresh_token)));
    t.same([...new Set(answers.map(({ status }) => status))], [200]);
    for (const member of ['refresh_token', 'access_token']) {
      t.equal(new Set(answers.map(({ body }) => body[member])).size, 1, member);
    }
    t.match((await standing(one.access_token)).state, { generation: 1, revoked: false });
  });

  t.test('a retry that asks for less gets a token of its own, and the same refresh token', async (t) => {
    const { refresh_token } = await signIn();
    const { body: first } = await refresh(refresh_token);
    const { body: narrow } = await refresh(refresh_token, { scope: 'read' });
    t.equal(narrow.refresh_token, first.refresh_token);
    t.not(claimsOf(narrow.access_token).jti, claimsOf(first.access_token).jti);
  });

  t.test('scope is narrowed for one token, and never widened', async (t) => {
    const limited = await client({ scope: 'read write admin' });
    const one = await signIn(limited);
    const { body } = await refresh(one.refresh_token, { scope: 'read' }, limited);
    t.strictSame([body.scope, claimsOf(body.access_token).scope], ['read', 'read']);
    const { body: whole } = await refresh(body.refresh_token, {}, limited);
    t.equal(whole.scope, 'read write', 'the family is as wide as it was');
    for (const scope of ['read admin', 'admin', 'openid', 'read  write']) {
      const answer = await refresh(whole.refresh_token, { scope }, limited);
      t.match([answer.status, answer.body.error], [400, 'invalid_scope'], scope);
    }
    t.match((await standing(one.access_token)).state, { generation: 2 }, 'and a refusal consumes nothing');
  });

  t.test('only what was granted is a resource to ask for', async (t) => {
    const both = await client({ resources: [api, files] });
    const one = await signIn(both);
    const same = await refresh(one.refresh_token, { resource: api }, both);
    t.equal(claimsOf(same.body.access_token).aud, api);
    for (const resource of [files, 'https://unknown.example', 'x']) {
      const answer = await refresh(same.body.refresh_token, { resource }, both);
      t.match([answer.status, answer.body.error], [400, 'invalid_target'], resource);
    }
    t.match((await standing(one.access_token)).state, { generation: 1 });
  });

  t.test('another client’s token is refused, and stays as it is', async (t) => {
    const [one, other] = [await signIn(), await client()];
    await refused(t, await refresh(one.refresh_token, {}, other), 'refresh_token_of_another_client');
    t.match(await standing(one.access_token), { revokedAt: null, state: { generation: 0, revoked: false } });
    t.equal((await refresh(one.refresh_token)).status, 200);
  });

  t.test('a confidential client authenticates, a public one says who it is', async (t) => {
    const spa = await client({ token_endpoint_auth_method: 'none' });
    const [one, own] = [await signIn(), await signIn(spa)];
    const grant_type = 'refresh_token';
    const form = { grant_type, refresh_token: one.refresh_token };
    for (const answer of [
      await server.token(form),
      await server.token({ ...form, client_id: shop.client_id }),
      await server.token(form, basic(shop.client_id, 'wrong')),
    ]) {
      t.match([answer.status, answer.body.error], [401, 'invalid_client']);
    }
    t.match((await standing(one.access_token)).state, { generation: 0 });
    const mine = { grant_type, refresh_token: own.refresh_token, client_id: spa.client_id };
    t.equal((await server.token(mine)).status, 200);
  });

  t.test('without the grant type, or without a token, nothing is given', async (t) => {
    const other = await server.client({});
    const one = await signIn(other);
    const answer = await refresh(one.refresh_token, {}, other);
    t.match([answer.status, answer.body.error], [400, 'unauthorized_client']);
    const none = await server.token(
      { grant_type: 'refresh_token' },
      basic(shop.client_id, shop.client_secret),
    );
    t.match([none.status, none.body.error], [400, 'invalid_request']);
  });

  t.test('a token that waits for the idle lifetime has waited too long', async (t) => {
    const idle = await client({ refresh_token_idle_lifetime: 100 });
    const [used, unused] = [await signIn(idle), await signIn(idle)];
    clock.advance(90);
    const { status, body } = await refresh(used.refresh_token, {}, idle);
    t.equal(status, 200);
    clock.advance(90);
    await refused(t, await refresh(unused.refresh_token, {}, idle), 'refresh_token_idle');
    t.equal((await refresh(body.refresh_token, {}, idle)).status, 200, 'each use begins it anew');
  });

  t.test('no refresh extends the lifetime of the sign-in', async (t) => {
    const short = await client({ refresh_token_lifetime: 200, refresh_token_idle_lifetime: 1000 });
    let { refresh_token } = await signIn(short);
    for (let i = 0; i < 3; i += 1) {
      clock.advance(60);
      ({ refresh_token } = (await refresh(refresh_token, {}, short)).body);
    }
    clock.advance(21);
    await refused(t, await refresh(refresh_token, {}, short), 'refresh_token_expired');
  });

  for (const window of [0, 5, 60]) {
    t.test(`with a retry window of ${window} s a consumed token is answered for so long`, async (t) => {
      const at = await client({ refresh_retry_window: window });
      const one = await signIn(at);
      await refresh(one.refresh_token, {}, at);
      // What a swap may take comes on top.
      if (window > 0) {
        clock.advance(window - 0.5);
        t.equal((await refresh(one.refresh_token, {}, at)).status, 200);
        clock.advance(0.5);
      }
      clock.advance(1.1);
      await refused(t, await refresh(one.refresh_token, {}, at), 'refresh_token_replayed');
    });
  }

  t.test('a replay ends this sign-in and no other, and leaves its entry', async (t) => {
    const email = newcomer();
    const [one, other] = [await signIn(shop, email), await signIn(shop, email)];
    const { body } = await refresh(one.refresh_token);
    clock.advance(62);
    const replayed = await refresh(one.refresh_token);
    await refused(t, replayed, 'refresh_token_replayed');
    await refused(t, await refresh(body.refresh_token), 'refresh_token_revoked');
    t.match(await standing(one.access_token), { revocation: 'replayed', state: { revoked: true } });
    t.equal((await refresh(other.refresh_token)).status, 200);

    const family = familyOf(one.access_token);
    const [entry] = await house.stores.audit.list({ limit: 1, subject: family });
    t.match(entry, {
      event: 'family.replayed',
      actor: `client:${shop.client_id}`,
      details: { client_id: shop.client_id, sub: claimsOf(one.access_token).sub },
    });
    const told = JSON.stringify([entry, server.log]);
    for (const token of [one.refresh_token, body.refresh_token, body.access_token]) {
      t.notOk(told.includes(token), 'no token is told of');
    }
    const line = server.log.find(
      ({ familyId, reason }) => familyId === family && reason === 'refresh_token_replayed',
    );
    t.equal(line?.level, 40, 'a warning');
    const metrics = await (await fetch(`${server.issuer}/metrics`)).text();
    for (const outcome of ['rotated', 'retry', 'replayed', 'revoked']) {
      t.match(metrics, new RegExp(`mintmark_refresh_total\\{outcome="${outcome}"\\} \\d+`));
    }
  });

  const ends: [what: string, reason: string, end: (email: string, at: Client) => Promise<unknown>][] = [
    ['the account is disabled', 'account_disabled', (email) => setAccountDisabled(management, email, true)],
    ['its password is new', 'signed_out', (email) => setPassword(management, email, 'correct horse')],
    ['it is signed out everywhere', 'signed_out', (email) => signOut(management, email)],
  ];
  for (const [what, reason, end] of ends) {
    t.test(`all sign-ins of an account are over once ${what}`, async (t) => {
      const email = newcomer();
      const [one, other, stranger] = [await signIn(shop, email), await signIn(shop, email), await signIn()];
      await end(email, shop);
      for (const { refresh_token } of [one, other]) {
        await refused(t, await refresh(refresh_token), `refresh_token_${reason}`);
      }
      t.equal((await refresh(stranger.refresh_token)).status, 200);
    });
  }

  t.test('an account that is enabled again signs in anew, and its old sign-ins stay over', async (t) => {
    const email = newcomer();
    const old = await signIn(shop, email);
    await setAccountDisabled(management, email, true);
    await setAccountDisabled(management, email, false);
    await refused(t, await refresh(old.refresh_token), 'refresh_token_signed_out');
    t.equal((await refresh((await signIn(shop, email)).refresh_token)).status, 200);
  });

  t.test(
    'a client that is disabled refreshes nothing, and its sign-ins live on when it is enabled',
    async (t) => {
      const at = await client();
      const one = await signIn(at);
      await setClientDisabled(management, at.client_id, true);
      clock.advance(1.1);
      t.match(await refresh(one.refresh_token, {}, at), { status: 401 });
      await setClientDisabled(management, at.client_id, false);
      clock.advance(1.1);
      t.equal((await refresh(one.refresh_token, {}, at)).status, 200);
    },
  );

  t.test('a secret that is replaced cuts off what the old one opened', async (t) => {
    const at = await client();
    const old = await signIn(at);
    const { client_secret = '' } = await addClientSecret(management, at.client_id, { replace: true });
    clock.advance(1.1);
    const renewed = { ...at, client_secret };
    await refused(t, await refresh(old.refresh_token, {}, renewed), 'refresh_token_client_cut_off');
    const later = await signIn(renewed);
    t.equal((await refresh(later.refresh_token, {}, renewed)).status, 200);
  });

  t.test('any bit that is flipped makes it nobody’s, and changes nothing', async (t) => {
    const one = await signIn();
    // The clock was moved, and who has not read the store for long says "later" to a number that it does not know.
    await macKeyRing.reload();
    const bytes = Buffer.from(one.refresh_token.slice(4), 'base64url');
    // Whoever has not read the root secrets for a while says "later" to a number that it does not know.
    await macKeyRing.reload();
    for (let bit = 0; bit < bytes.length * 8; bit += 11) {
      const flipped = Buffer.from(bytes);
      flipped[bit >> 3] = (flipped[bit >> 3] ?? 0) ^ (1 << (bit & 7));
      await refused(t, await refresh(`mmr_${flipped.toString('base64url')}`), 'refresh_token_malformed');
    }
    t.match(await standing(one.access_token), { revokedAt: null, state: { generation: 0 } });
    t.equal((await refresh(one.refresh_token)).status, 200);
  });

  t.test('another spelling of a token is not the token', async (t) => {
    const { refresh_token } = await signIn();
    const spellings = [
      `${refresh_token}=`,
      ` ${refresh_token}`,
      refresh_token.slice(4),
      refresh_token.toUpperCase(),
      `${refresh_token}A`,
      refresh_token.slice(0, -1),
    ];
    for (const text of spellings) await refused(t, await refresh(text), 'refresh_token_malformed');
  });

  t.test('a MAC key that nobody has, and a family that nobody opened, are refused', async (t) => {
    await macKeyRing.reload();
    const { current } = macKeyRing.macKeys();
    const token = { familyId: newFamilyId(house.random), generation: 0, issuedAt: Math.floor(clock.now()) };
    const made = (macKey: typeof current, issuer = server.issuer) =>
      encodeRefreshToken(issuer, macKey, token);
    await refused(t, await refresh(made(current)), 'refresh_token_unknown');
    await refused(t, await refresh(made({ ...current, number: 7 })), 'refresh_token_malformed');
    await refused(
      t,
      await refresh(made({ ...current, mac: hmacSha256(house.random.bytes(32)) })),
      'refresh_token_malformed',
    );
    await refused(t, await refresh(made(current, 'https://elsewhere.example')), 'refresh_token_malformed');
    t.match(decodeRefreshToken(server.issuer, macKeyRing.macKeys(), made(current)), token);
  });

  if (house.redis) {
    t.test('while Redis is away it is 503 with Retry-After, and nothing is consumed', async (t) => {
      const one = await signIn();
      const at = one.access_token;
      house.redis?.close();
      const { status, headers, body } = await refresh(one.refresh_token);
      t.match([status, body.error], [503, 'temporarily_unavailable']);
      t.match(headers.get('retry-after'), /^[123]$/);
      t.match(await house.stores.families.find(familyOf(at)), {
        family: { revokedAt: null, floor: { generation: 0 } },
      });
    });
  }

  t.test('while the database is away it is 503 with Retry-After', async (t) => {
    await server.cutStore();
    const { status, headers, body } = await refresh(last.refresh_token);
    t.match([status, body.error], [503, 'temporarily_unavailable']);
    t.match(headers.get('retry-after'), /^[123]$/);
  });
}
