// One reason and one sentence for every token: a table, with keys of every state.
import { sign } from 'node:crypto';
import t from 'tap';
import { generateSigningKey, privateKeyObject, type SigningKeyMaterial } from '../../src/keys/custody.ts';
import { decodeToken } from '../../src/oauth/decoded-token.ts';
import { type ExplainParts, explainToken, type KnownKey, type Reason } from '../../src/oauth/explain.ts';
import type { AccountRecord, ClientRecord, ResourceRecord } from '../../src/stores/stores.ts';

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

const client = { clientId: 'shop', disabledAt: null } as ClientRecord;
const account = { sub: 'ada', disabledAt: null, tokensValidAfter: null } as AccountRecord;
const resource = (profile: ResourceRecord['profile']) => ({ profile }) as ResourceRecord;

const records = {
  client: async (id: string) => ({ shop: client, closed: { ...client, disabledAt: now - 60 } })[id],
  account: async (sub: string) =>
    ({
      ada: account,
      eve: { ...account, disabledAt: now - 60 },
      bob: { ...account, tokensValidAfter: now - 20 },
    })[sub],
  resource: async (uri: string) =>
    ({ 'https://api.example': resource('rfc9068'), 'https://plain.example': resource('plain') })[uri],
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
  ['malformed', 'something else', 'mmr_abc', /no JWT: it has 1 of 3 parts/],
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
];

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
