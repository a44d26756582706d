// Which tokens are good now: every way to end one, judged on a whole service's stores.
import { sign } from 'node:crypto';
import t from 'tap';
import { setAccountDisabled, setPassword, signOut } from '../../src/accounts/account.ts';
import { generateSigningKey, privateKeyObject } from '../../src/keys/custody.ts';
import { revokeKey } from '../../src/keys/rotate.ts';
import { addClientSecret, setClientDisabled } from '../../src/oauth/client-management.ts';
import { judgeToken } from '../../src/oauth/introspect.ts';
import { revokeFamily } from '../../src/oauth/refresh-families.ts';
import { familyOfTokenId } from '../../src/oauth/refresh-token.ts';
import { StoreUnavailableError } from '../../src/stores/stores.ts';
import { authorizationServerOf, keyManagementOf } from '../../src/wire.ts';
import { basic, testServer } from '../helpers/test-server.ts';

const server = await testServer(t, { MINTMARK_KEYS_SIGNING_ALGS: 'RS256,PS256,ES256,EdDSA' });
const { service, clock, issuer } = server;
const { house, keyring, macKeyRing } = service;
const as = authorizationServerOf(house, keyring, macKeyRing);
const management = { ...house, actor: 'test' };

for (const [resource, profile, signing_alg] of [
  ['https://api.example', 'rfc9068', 'RS256'],
  ['urn:plain', 'plain', 'PS256'],
  ['urn:django', 'simplejwt', 'ES256'],
  ['urn:edwards', 'rfc9068', 'EdDSA'],
]) {
  await server.resource({ resource, profile, signing_alg, scopes: ['read'] });
}

const client = (metadata: Record<string, unknown> = {}) =>
  server.client({
    grant_types: ['client_credentials', 'refresh_token'],
    scope: 'read',
    default_resource: 'https://api.example',
    ...metadata,
  });
const judge = (token: string) => judgeToken(as, token);
let people = 0;
/** A new client, and a new account signed in there. */
async function signedIn(metadata?: Record<string, unknown>) {
  const one = await client(metadata);
  const email = `person${people++}@example.com`;
  const tokens = await server.signIn(one, email);
  return { client: one, email, access: tokens.access_token, refresh: tokens.refresh_token };
}
async function ownToken(one: { client_id: string; client_secret: string }, form = {}): Promise<string> {
  const parameters = { grant_type: 'client_credentials', ...form };
  return (await server.token(parameters, basic(one.client_id, one.client_secret))).body.access_token;
}
const claimsOf = (jws: string) => JSON.parse(Buffer.from(jws.split('.')[1] ?? '', 'base64url').toString());

t.test('tokens of every profile and algorithm are active, and say what they say', async (t) => {
  const one = await client({ resources: ['https://api.example', 'urn:plain', 'urn:django', 'urn:edwards'] });
  for (const resource of ['https://api.example', 'urn:plain', 'urn:django', 'urn:edwards']) {
    const token = await ownToken(one, { resource });
    t.match(await judge(token), {
      kind: 'access_token',
      clientId: one.client_id,
      claims: claimsOf(token),
      familyId: undefined,
    });
    t.match(await judge(token), { kind: 'access_token' }, 'asked again, the same');
  }
});

t.test(
  'both tokens of a sign-in are active, and the refresh token says until when it may wait',
  async (t) => {
    const { access, refresh, client } = await signedIn({ refresh_token_idle_lifetime: 100 });
    t.match(await judge(access), { kind: 'access_token', familyId: String });
    const found = await judge(refresh);
    t.match(found, {
      kind: 'refresh_token',
      clientId: client.client_id,
      family: { clientId: client.client_id },
    });
    t.ok(found?.kind === 'refresh_token' && found.expiresAt === found.issuedAt + 100);
  },
);

const ends: [what: string, end: (one: Awaited<ReturnType<typeof signedIn>>) => Promise<unknown>][] = [
  ['its account is disabled', ({ email }) => setAccountDisabled(management, email, true)],
  ['its account has a new password', ({ email }) => setPassword(management, email, 'correct horse')],
  ['its account is signed out', ({ email }) => signOut(management, email)],
  ['its client is disabled', ({ client }) => setClientDisabled(management, client.client_id, true)],
  [
    'the secret of its client is replaced',
    ({ client }) => addClientSecret(management, client.client_id, { replace: true }),
  ],
  [
    'its family is revoked',
    async ({ access }) => {
      const standing = await house.stores.families.find(familyOfTokenId(claimsOf(access).jti) ?? '');
      const ending = { revocation: 'revoked_by_operator', actor: 'test' } as const;
      if (standing) await revokeFamily(as, standing.family, ending);
    },
  ],
];
for (const [what, end] of ends) {
  t.test(`both tokens of a sign-in are inactive at once where ${what}`, async (t) => {
    const [one, other] = [await signedIn(), await signedIn()];
    t.ok((await judge(one.access)) && (await judge(one.refresh)));
    await end(one);
    t.strictSame([await judge(one.access), await judge(one.refresh)], [undefined, undefined]);
    t.ok((await judge(other.access)) && (await judge(other.refresh)), 'and no others');
  });
}

t.test('one access token that was revoked is inactive, and no other of the same sign-in', async (t) => {
  const { access, refresh } = await signedIn();
  await house.stores.revokedTokens.revoke(claimsOf(access).jti, clock.now() + 300);
  t.equal(await judge(access), undefined);
  t.ok(await judge(refresh));
});

t.test('a client’s own token ends with the client, and with its secret', async (t) => {
  const [disabled, replaced] = [await client(), await client()];
  const tokens = [await ownToken(disabled), await ownToken(replaced)];
  for (const token of tokens) t.ok(await judge(token));
  clock.advance(1.1);
  await setClientDisabled(management, disabled.client_id, true);
  const { client_secret } = await addClientSecret(management, replaced.client_id, { replace: true });
  clock.advance(1.1);
  for (const token of tokens) t.equal(await judge(token), undefined);
  t.ok(
    await judge(await ownToken({ ...replaced, client_secret: client_secret ?? '' })),
    'a later one is good',
  );
});

t.test('an access token is active until exp, and not a moment longer', async (t) => {
  const token = await ownToken(await client({ access_token_lifetime: 50 }));
  clock.advance(claimsOf(token).exp - clock.now() - 0.5);
  t.ok(await judge(token));
  clock.advance(0.6);
  t.equal(await judge(token), undefined);
});

t.test('a refresh token is active until it was idle for too long, or its family is over', async (t) => {
  const idle = await signedIn({ refresh_token_idle_lifetime: 100 });
  const over = await signedIn({ refresh_token_lifetime: 50, access_token_lifetime: 200 });
  clock.advance(48);
  t.ok((await judge(idle.refresh)) && (await judge(over.refresh)));
  clock.advance(3);
  t.strictSame([await judge(over.refresh), await judge(over.access)], [undefined, undefined]);
  t.ok(await judge(idle.refresh));
  clock.advance(50);
  t.equal(await judge(idle.refresh), undefined);
});

t.test(
  'a consumed refresh token is active for as long as it is answered again, and asking consumes nothing',
  async (t) => {
    const { client: one, refresh } = await signedIn({ refresh_retry_window: 10 });
    const form = { grant_type: 'refresh_token', refresh_token: refresh };
    const { body } = await server.token(form, basic(one.client_id, one.client_secret));
    t.match(await judge(refresh), { expiresAt: undefined });
    t.ok(await judge(body.refresh_token));
    clock.advance(12);
    t.equal(await judge(refresh), undefined);
    t.ok(await judge(body.refresh_token), 'the successor lives: nobody took the question for a replay');
  },
);

t.test('a token that is not exactly ours is inactive', async (t) => {
  const { access, refresh } = await signedIn();
  const [header = '', claims = '', signature = ''] = access.split('.');
  const flip = (text: string, at: number) =>
    `${text.slice(0, at)}${text[at] === 'A' ? 'B' : 'A'}${text.slice(at + 1)}`;
  const none = Buffer.from('{"alg":"none","typ":"at+jwt"}').toString('base64url');
  const wrong = [
    '',
    'x',
    'a.b.c',
    `Bearer ${access}`,
    `${access} `,
    `${access}=`,
    `${none}.${claims}.`,
    `${none}.${claims}.${signature}`,
    ...[0, 20, 100].map((at) => `${header}.${flip(claims, at)}.${signature}`),
    ...[0, 5, 50].map((at) => `${header}.${claims}.${flip(signature, at)}`),
    `${header}.${claims}.${signature.slice(0, -1)}`,
    ...[4, 9, 30, 60].map((at) => flip(refresh, at)),
    refresh.slice(0, -1),
    `${refresh}A`,
  ];
  for (const text of wrong) t.equal(await judge(text), undefined, text.slice(0, 40));
});

t.test(
  'what our keys signed is no access token where its kind, issuer or claims say otherwise',
  async (t) => {
    const now = Math.floor(clock.now());
    const one = await client({
      resources: ['urn:plain', 'https://api.example'],
      default_resource: 'urn:plain',
    });
    const good = {
      iss: issuer,
      sub: one.client_id,
      aud: 'https://api.example',
      client_id: one.client_id,
      iat: now,
      exp: now + 100,
      jti: 'a',
    };
    const signed = (typ: string, changes: Record<string, unknown> = {}) =>
      keyring.sign({ alg: 'RS256', typ, claims: { ...good, ...changes } });
    t.ok(await judge(await signed('at+jwt')));
    t.ok(await judge(await signed('JWT', { aud: 'urn:plain' })), 'JWT where the resource has it so');
    const others: [typ: string, changes: Record<string, unknown>][] = [
      ['JWT', {}],
      ['JWT', { aud: 'urn:unknown' }],
      ['JWT', { aud: one.client_id, client_id: undefined, azp: one.client_id, nonce: 'n' }],
      ['JWT', { aud: 'urn:plain', client_id: undefined }],
      ['logout+jwt', {}],
      ['token-introspection+jwt', {}],
      ['', {}],
      ['at+jwt', { iss: 'https://elsewhere.example' }],
      ['at+jwt', { aud: ['https://api.example'] }],
      ['at+jwt', { jti: undefined }],
      ['at+jwt', { sub: undefined }],
      ['at+jwt', { sub: 'somebody', jti: 'of-no-family' }],
      ['at+jwt', { client_id: 'nobody', sub: 'nobody' }],
      ['at+jwt', { jti: `${'A'.repeat(22)}.${'A'.repeat(22)}` }],
    ];
    for (const [typ, changes] of others) {
      t.equal(await judge(await signed(typ, changes)), undefined, `${typ} ${JSON.stringify(changes)}`);
    }
  },
);

t.test('what another’s key signed is not ours, under whatever kid', async (t) => {
  const { keys } = JSON.parse(keyring.jwks().body) as { keys: { kid: string; alg: string }[] };
  const stranger = await generateSigningKey('EdDSA', 2048);
  const token = await ownToken(await client());
  for (const kid of [stranger.kid, ...keys.map((key) => key.kid)]) {
    const header = Buffer.from(JSON.stringify({ alg: 'EdDSA', typ: 'at+jwt', kid })).toString('base64url');
    const input = `${header}.${token.split('.')[1]}`;
    const signature = sign(null, Buffer.from(input), privateKeyObject(stranger.privateJwk));
    t.equal(await judge(`${input}.${signature.toString('base64url')}`), undefined);
  }
});

t.test('a revoked key takes its tokens along at once, those too that were verified before', async (t) => {
  const { refresh, access } = await signedIn();
  t.ok(await judge(access));
  const { kid } = JSON.parse(Buffer.from(access.split('.')[0] ?? '', 'base64url').toString());
  await revokeKey(keyManagementOf(house, 'test'), kid, { reason: 'test' });
  await keyring.reload();
  t.equal(await judge(access), undefined);
  t.ok(await judge(refresh), 'refresh tokens are none of its');
});

t.test('where the store is away, nobody says active or inactive', async (t) => {
  const { access, refresh, client: one } = await signedIn();
  const own = await ownToken(one);
  for (const token of [access, refresh, own]) t.ok(await judge(token));
  await server.cutStore();
  for (const token of [access, refresh, own]) await t.rejects(judge(token), StoreUnavailableError);
  t.equal(await judge('mmr_x'), undefined, 'what no store is needed for is still said');
});
