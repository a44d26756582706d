// One reason and one sentence for every token: a table, with keys of every state.
import { sign } from 'node:crypto';
import t from 'tap';
import { generateSigningKey, privateKeyObject, type SigningKeyMaterial } from '../../src/keys/custody.ts';
import { decodeToken } from '../../src/oauth/decoded-token.ts';
import { explainToken } from '../../src/oauth/explain.ts';
import type { ExplainParts, KnownKey, Reason, Records } from '../../src/oauth/explanation.ts';
import type { Foresight } from '../../src/oauth/refresh-foresight.ts';
import type {
  AccountRecord,
  ClientRecord,
  FamilyRecord,
  FamilyStanding,
  ResourceRecord,
} from '../../src/stores/stores.ts';

const now = 1_800_000_000;
const issuer = 'https://id.example';
const active = await generateSigningKey('ES256', 2048);
const other = await generateSigningKey('ES256', 2048);
const edwards = await generateSigningKey('EdDSA', 2048);

const known = ({ kid, alg, publicJwk }: SigningKeyMaterial, changes: Partial<KnownKey> = {}): KnownKey => ({
  kid,
  alg,
  publicJwk,
  state: 'active',
  ...changes,
});

const client = { clientId: 'shop', disabledAt: null, tokensValidAfter: null } as ClientRecord;
const account = { sub: 'ada', disabledAt: null, tokensValidAfter: null } as AccountRecord;
const resource = (profile: ResourceRecord['profile']) => ({ profile }) as ResourceRecord;

const idOf = (letter: string) => letter.repeat(22);
const family = {
  id: idOf('f'),
  clientId: 'shop',
  sub: 'ada',
  idleLifetime: 1000,
  expiresAt: now + 5000,
  accountCutOff: null,
  clientCutOff: null,
  revokedAt: null,
} as FamilyRecord;
const revoked: FamilyRecord = { ...family, revokedAt: now - 60, revocation: 'replayed' };
const standing = (changes: Partial<FamilyRecord> = {}): FamilyStanding =>
  ({ family: { ...family, ...changes }, account, client }) as FamilyStanding;
const standings: Record<string, FamilyStanding> = {
  [idOf('f')]: standing(),
  [idOf('r')]: standing({ ...revoked, id: idOf('r') }),
  [idOf('x')]: standing({ expiresAt: now - 60 }),
  [idOf('s')]: { ...standing(), account: { ...standing().account, tokensValidAfter: now - 500 } },
  [idOf('c')]: { ...standing(), client: { ...standing().client, tokensValidAfter: now - 500 } },
};

const records: Records = {
  client: async (id: string) =>
    ({
      shop: client,
      closed: { ...client, disabledAt: now - 60 },
      renewed: { ...client, tokensValidAfter: now - 60 },
    })[id],
  account: async (sub: string) =>
    ({
      ada: account,
      eve: { ...account, disabledAt: now - 60 },
      bob: { ...account, tokensValidAfter: now - 20 },
    })[sub],
  resource: async (uri: string) =>
    ({ 'https://api.example': resource('rfc9068'), 'https://plain.example': resource('plain') })[uri],
  family: async (id) => standings[id],
  isRevoked: async (jti) => jti === 'given-back',
  refreshToken: async () => undefined,
};

const parts: ExplainParts = {
  issuer,
  algs: ['RS256', 'PS256', 'ES256', 'EdDSA'],
  keys: [known(active), known(edwards)],
  records,
  now,
};

const claims = {
  iss: issuer,
  sub: 'shop',
  aud: 'https://api.example',
  client_id: 'shop',
  iat: now - 100,
  exp: now + 200,
  jti: 'a',
};

const base64url = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url');

interface Token {
  header?: Record<string, unknown>;
  claims?: Record<string, unknown>;
  by?: SigningKeyMaterial;
}

/** A token signed by `by`, whatever its header says; a member that is undefined is left out. */
function token({ header = {}, claims: changed = {}, by = active }: Token = {}): string {
  const head = { alg: by.alg, typ: 'at+jwt', kid: by.kid, ...header };
  const input = `${base64url(head)}.${base64url({ ...claims, ...changed })}`;
  const key = privateKeyObject(by.privateJwk);
  const signature =
    by.alg === 'ES256'
      ? sign('sha256', Buffer.from(input), { key, dsaEncoding: 'ieee-p1363' })
      : sign(null, Buffer.from(input), key);
  return `${input}.${signature.toString('base64url')}`;
}

/** The claims of a token that comes from a sign-in. */
const ofFamily = (letter: string) => ({ sub: 'ada', jti: `${idOf(letter)}.${idOf('m')}` });

const unsigned = `${base64url({ alg: 'none' })}.${base64url(claims)}.`;
const [head, body, signature] = token().split('.') as [string, string, string];

const cases: [
  reason: Reason,
  what: string,
  text: string,
  sentence: RegExp,
  changes?: Partial<ExplainParts>,
][] = [
  [
    'ok',
    'a good token',
    token(),
    new RegExp(`signed by ${active.kid}, for https://api.example, good for another 3 min`),
  ],
  ['ok', 'one signed with EdDSA', token({ by: edwards }), /signed by/],
  [
    'ok',
    'one in a token response',
    JSON.stringify({ access_token: token(), token_type: 'Bearer' }),
    /signed by/,
  ],
  ['ok', 'one of the first-party door', JSON.stringify({ access: token(), refresh: 'mmr_' }), /signed by/],
  ['ok', 'one copied from a header', `Authorization: Bearer ${token()}\n`, /signed by/],
  ['ok', 'its audience among several', token({ claims: { aud: ['x', 'y'] } }), /for x,y/, { audience: 'y' }],
  ['ok', 'typ with its prefix', token({ header: { typ: 'application/at+JWT' } }), /signed by/],
  [
    'ok',
    'typ JWT where the profile says so',
    token({ header: { typ: 'JWT' }, claims: { aud: 'https://plain.example' } }),
    /./,
  ],
  ['ok', 'an account that is well', token({ claims: { sub: 'ada' } }), /signed by/],
  ['ok', 'an account signed out before', token({ claims: { sub: 'bob', iat: now - 10 } }), /signed by/],
  ['ok', 'a clock that is a little ahead', token({ claims: { iat: now + 60 } }), /signed by/],
  ['malformed', 'nothing', ' \n', /nothing was given/],
  ['malformed', 'something else', 'abc', /no JWT: it has 1 of 3 parts/],
  ['malformed', 'a JWE', 'a.b.c.d.e', /encrypted \(JWE\)/],
  ['malformed', 'a header that is no JSON', `!.${body}.${signature}`, /its header is no JSON object/],
  [
    'malformed',
    'a header that is a list',
    `${base64url([])}.${body}.${signature}`,
    /its header is no JSON object/,
  ],
  [
    'malformed',
    'claims that are null',
    `${head}.${base64url(null)}.${signature}`,
    /its claims are no JSON object/,
  ],
  ['malformed', 'padding', `${head}=.${body}.${signature}`, /its header is no JSON object/],
  [
    'malformed',
    'an error response',
    '{"error":"invalid_client","error_description":"Who?"}',
    /the error invalid_client \(Who\?\)/,
  ],
  ['malformed', 'a response without a token', '{"id_token":"x"}', /no access_token in this JSON/],
  ['malformed', 'half a response', '{"access_token', /neither a JWT nor JSON/],
  ['alg_none', 'alg none', unsigned, /not signed at all/],
  ['alg_none', 'alg NONE', token({ header: { alg: 'NONE' } }), /not signed at all/],
  [
    'alg_not_allowed',
    'a shared secret',
    token({ header: { alg: 'HS256' } }),
    /alg HS256 is not one of RS256, PS256/,
  ],
  ['alg_not_allowed', 'no alg', token({ header: { alg: undefined } }), /alg undefined/],
  ['crit_unsupported', 'crit', token({ header: { crit: ['b64'], b64: false } }), /crit/],
  [
    'issuer_mismatch',
    'another issuer',
    token({ claims: { iss: 'https://id.example/' } }),
    /from https:\/\/id.example\/, and this issuer is https:\/\/id.example$/,
  ],
  ['missing_claim', 'no issuer', token({ claims: { iss: undefined } }), /no iss/],
  ['kid_missing', 'no kid', token({ header: { kid: undefined } }), /names no key/],
  ['kid_unknown', 'a kid nobody knows', token({ by: other }), /never had a key/],
  [
    'key_removed',
    'a removed key',
    token(),
    /left the JWKS at 2027-01-15T07:58:20Z/,
    { keys: [known(active, { state: 'removed', outAt: now - 100 })] },
  ],
  [
    'key_revoked',
    'a revoked key',
    token(),
    /was revoked at 2027-01-15T07:58:20Z/,
    { keys: [known(active, { state: 'revoked', outAt: now - 100 })] },
  ],
  ['ok', 'a retired key', token(), /signed by/, { keys: [known(active, { state: 'retired' })] }],
  [
    'key_standby',
    'a key that waits',
    token(),
    /does not sign yet/,
    { keys: [known(active, { state: 'standby' })] },
  ],
  [
    'alg_mismatch',
    'a key used with another alg',
    token({ header: { alg: 'RS256' } }),
    /says RS256, and the key \S+ signs with ES256 alone/,
  ],
  [
    'signature_invalid',
    'another key',
    token({ by: other, header: { kid: active.kid } }),
    /changed, or forged/,
  ],
  [
    'signature_invalid',
    'changed claims',
    `${head}.${base64url({ ...claims, sub: 'root' })}.${signature}`,
    /changed, or forged/,
  ],
  ['signature_invalid', 'no signature', `${head}.${body}.`, /changed, or forged/],
  [
    'typ_unexpected',
    'an ID token',
    token({ header: { typ: 'JWT' } }),
    /typ is jwt, and access tokens for https:\/\/api.example are at\+jwt/,
  ],
  ['typ_unexpected', 'a logout token', token({ header: { typ: 'logout+jwt' } }), /typ is logout\+jwt/],
  ['typ_unexpected', 'no typ', token({ header: { typ: undefined } }), /typ is jwt/],
  [
    'missing_claim',
    'no jti, no client',
    token({ claims: { jti: undefined, client_id: '' } }),
    /lacks client_id, jti/,
  ],
  ['missing_claim', 'a date for a time', token({ claims: { exp: '2027-01-15' } }), /exp is no number/],
  ['expired', 'expired', token({ claims: { exp: now - 42 } }), /expired 42 s ago, at 2027-01-15T07:59:18Z/],
  ['expired', 'expiring this second', token({ claims: { exp: now } }), /expired 0 s ago/],
  ['not_yet_valid', 'nbf ahead', token({ claims: { nbf: now + 30 } }), /valid in 30 s, and not before/],
  ['issued_in_future', 'iat ahead', token({ claims: { iat: now + 61 } }), /issued 61 s in the future/],
  [
    'audience_mismatch',
    'another audience',
    token(),
    /is for https:\/\/api.example, and not for https:\/\/x.example/,
    { audience: 'https://x.example' },
  ],
  [
    'client_unknown',
    'a client that is gone',
    token({ claims: { client_id: 'gone' } }),
    /client gone is not registered/,
  ],
  [
    'client_disabled',
    'a disabled client',
    token({ claims: { client_id: 'closed' } }),
    /disabled at 2027-01-15T07:59:00Z/,
  ],
  ['account_unknown', 'an account that is gone', token({ claims: { sub: 'nobody' } }), /no account nobody/],
  ['account_disabled', 'a disabled account', token({ claims: { sub: 'eve' } }), /eve was disabled at/],
  [
    'signed_out',
    'an account signed out since',
    token({ claims: { sub: 'bob' } }),
    /bob was signed out everywhere at/,
  ],
  [
    'client_cut_off',
    'a client whose secret was replaced since',
    token({ claims: { client_id: 'renewed', sub: 'renewed' } }),
    /the secret of its client renewed was replaced at 2027-01-15T07:59:00Z, and it is older/,
  ],
  ['ok', 'a token of a sign-in', token({ claims: ofFamily('f') }), /signed by/],
  [
    'ok',
    'a token of a sign-in, with a pairwise subject',
    token({ claims: { ...ofFamily('f'), sub: 'derived' } }),
    /signed by/,
  ],
  [
    'family_unknown',
    'a sign-in that is over',
    token({ claims: { ...ofFamily('o'), sub: 'derived' } }),
    /the family o{22}, is not known/,
  ],
  [
    'family_revoked',
    'a sign-in that was revoked',
    token({ claims: ofFamily('r') }),
    /the family r{22}, was revoked since a token of it was replayed at 2027-01-15T07:59:00Z/,
  ],
  [
    'family_expired',
    'a sign-in at its end',
    token({ claims: ofFamily('x') }),
    /ended at 2027-01-15T07:59:00Z/,
  ],
  [
    'signed_out',
    'a sign-in from before the account was signed out',
    token({ claims: ofFamily('s') }),
    /ada was signed out everywhere at/,
  ],
  [
    'client_cut_off',
    'a sign-in from before the secret was replaced',
    token({ claims: ofFamily('c') }),
    /the secret of its client shop was replaced at/,
  ],
  [
    'token_revoked',
    'one that was given back',
    token({ claims: { jti: 'given-back' } }),
    /revoked by its client/,
  ],
  ['refresh_token_malformed', 'a refresh token of nobody', ' mmr_abc\n', /this issuer did not make it/],
  [
    'malformed',
    'a refresh token of another issuer',
    'mmr_abc',
    /only its own issuer can read/,
    { records: undefined },
  ],
];

const outcomes: [
  outcome: Foresight['outcome'],
  reason: Reason,
  sentence: RegExp,
  changes?: Partial<FamilyRecord>,
][] = [
  ['rotated', 'ok', /^it is the newest of the family f{22}, and would be answered with the next$/],
  ['ahead', 'ok', /has lost a write; it would be answered/],
  ['retry', 'ok', /^it was used lately/],
  ['refresh_token_expired', 'refresh_token_expired', /ended at 2027-01-15T09:23:20Z/],
  ['refresh_token_idle', 'refresh_token_idle', /not used since 2027-01-15T07:58:20Z, longer than 17 min/],
  [
    'refresh_token_revoked',
    'refresh_token_revoked',
    /was revoked since a token of it was replayed at/,
    revoked,
  ],
  ['refresh_token_revoked', 'refresh_token_revoked', /^the family f{22} was revoked$/],
  ['refresh_token_signed_out', 'refresh_token_signed_out', /account ada has been signed out/],
  ['refresh_token_account_disabled', 'refresh_token_account_disabled', /account ada is disabled/],
  ['refresh_token_client_disabled', 'refresh_token_client_disabled', /client shop is disabled/],
  ['refresh_token_client_cut_off', 'refresh_token_client_cut_off', /secret of its client shop has been/],
  ['refresh_token_suspect', 'refresh_token_suspect', /the store has forgotten when/],
  ['refresh_token_replayed', 'refresh_token_replayed', /the family f{22} would be revoked/],
];

t.test('a refresh token is told by what would become of it', async (t) => {
  const presented = { familyId: idOf('f'), generation: 3, issuedAt: now - 100, macKey: 1 };
  const explained = (outcome: Foresight['outcome'], found: FamilyRecord | undefined) =>
    explainToken('mmr_x', {
      ...parts,
      records: {
        ...records,
        refreshToken: async () => ({ token: presented, foresight: { outcome, family: found, now } }),
      },
    });
  for (const [outcome, reason, sentence, changes] of outcomes) {
    const { accepted, ...found } = await explained(outcome, { ...family, ...changes });
    t.match(found, { reason, sentence, header: null, claims: null }, outcome);
    t.equal(accepted, reason === 'ok');
    t.same(found.times, { now, age: 100, expires_in: 900 });
  }
  t.match(await explained('refresh_token_unknown', undefined), {
    reason: 'refresh_token_unknown',
    sentence: /the family f{22} is not known here/,
    times: { expires_in: null },
  });
});

t.test('the first objection is the reason', async (t) => {
  for (const [reason, what, text, sentence, changes] of cases) {
    const { accepted, ...found } = await explainToken(text, { ...parts, ...changes });
    t.match(found, { reason, sentence }, `${what}: ${reason}`);
    t.equal(accepted, reason === 'ok');
  }
});

t.test('a reason is told with what the token says, and the seconds between the clocks', async (t) => {
  const { header, claims: said, times } = await explainToken(token(), parts);
  t.same([header, said], [{ alg: 'ES256', typ: 'at+jwt', kid: active.kid }, claims]);
  t.same(times, { now, age: 100, expires_in: 200 });
  const nothing = await explainToken('', parts);
  t.same([nothing.header, nothing.claims, nothing.times], [null, null, { now, age: null, expires_in: null }]);
});

t.test('of another issuer the keys, the claims and the times decide', async (t) => {
  const { records: _, ...foreign } = { ...parts, keys: [{ ...known(active), alg: undefined }] };
  const reasonOf = async (changes: Token) => (await explainToken(token(changes), foreign)).reason;
  const unusual = { client_id: undefined, jti: undefined, sub: 'anybody' };
  t.equal(await reasonOf({ header: { typ: undefined }, claims: unusual }), 'ok');
  t.equal(await reasonOf({ header: { typ: 'logout+jwt' } }), 'typ_unexpected');
  t.equal(await reasonOf({ claims: { exp: undefined } }), 'missing_claim');
  t.equal(await reasonOf({ claims: { exp: now - 1 } }), 'expired');
  t.equal(await reasonOf({ header: { alg: 'RS256' } }), 'signature_invalid', 'a key has one type');
});

t.test('a token is taken apart without being believed', async (t) => {
  t.match(decodeToken(unsigned), { jws: unsigned, header: { alg: 'none' }, claims });
});
