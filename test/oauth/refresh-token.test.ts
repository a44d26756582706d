// Refresh tokens as strings: RFC 6749 1.5. What was not made here is refused, whatever it looks like, and the format
// never changes unnoticed.
import fc from 'fast-check';
import t from 'tap';
import { hmacSha256 } from '../../src/hmac.ts';
import {
  accessTokenId,
  decodeRefreshToken,
  encodeRefreshToken,
  familyOfTokenId,
  looksLikeRefreshToken,
  type MacKey,
  MacKeyMissingError,
  type MacKeys,
  newFamilyId,
} from '../../src/oauth/refresh-token.ts';
import '../helpers/search.ts';

const issuer = 'https://id.example.com';
const macKey: MacKey = { number: 7, mac: hmacSha256(Buffer.alloc(32, 7)) };
const otherKey: MacKey = { number: 8, mac: hmacSha256(Buffer.alloc(32, 8)) };

const keysOf = (...known: MacKey[]): MacKeys => ({
  current: known[0] as MacKey,
  find: (number) => known.find((one) => one.number === number),
});
const keys = keysOf(macKey);

const example = { familyId: 'AAECAwQFBgcICQoLDA0ODw', generation: 0x01020304, issuedAt: 1_763_940_000 };
// Version 1, MAC key 7, the bytes 00 to 0f, the generation, the instant; then the MAC.
const vector = 'mmr_AQcAAQIDBAUGBwgJCgsMDQ4PAQIDBGkjlqCySSWqrumMDHuRmIkCA35gJjZOTA';

const decode = (text: string) => decodeRefreshToken(issuer, keys, text);
const token = encodeRefreshToken(issuer, macKey, example);

/** The same bytes, changed, as a string. */
function bent(change: (bytes: Buffer) => void, text = token): string {
  const bytes = Buffer.from(text.slice(4), 'base64url');
  change(bytes);
  return `mmr_${bytes.toString('base64url')}`;
}

const tokens = fc.record(
  {
    familyId: fc
      .uint8Array({ minLength: 16, maxLength: 16 })
      .map((bytes) => Buffer.from(bytes).toString('base64url')),
    generation: fc.integer({ min: 0, max: 2 ** 32 - 1 }),
    issuedAt: fc.integer({ min: 0, max: 2 ** 32 - 1 }),
  },
  { noNullPrototype: true },
);

t.test('the format is fixed: a token made elsewhere, or long ago, is this one', async (t) => {
  t.equal(token, vector);
  t.equal(token.length, 66);
  t.match(token, /^mmr_[\w-]{62}$/);
  t.strictSame(decode(token), { ...example, macKey: 7 });
});

t.test('whatever a token says comes back, and the same facts are the same string', async () => {
  fc.assert(
    fc.property(tokens, fc.integer({ min: 0, max: 255 }), (facts, number) => {
      const key = { ...macKey, number };
      const text = encodeRefreshToken(issuer, key, facts);
      const read = decodeRefreshToken(issuer, keysOf(key), text);
      return (
        text === encodeRefreshToken(issuer, key, { ...facts }) &&
        looksLikeRefreshToken(text) &&
        JSON.stringify(read) === JSON.stringify({ ...facts, macKey: number })
      );
    }),
  );
});

t.test('a token with any one bit flipped is refused', async (t) => {
  const everyKey = { ...keys, find: (number: number) => ({ ...macKey, number }) };
  for (let bit = 0; bit < 46 * 8; bit += 1) {
    const text = bent((bytes) => {
      bytes[bit >> 3] = (bytes[bit >> 3] as number) ^ (1 << (bit & 7));
    });
    if (decodeRefreshToken(issuer, everyKey, text) !== undefined) t.fail(`bit ${bit}`);
  }
});

t.test('a token with any one letter changed is refused', async (t) => {
  const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_+/= \n\0é';
  for (let i = 0; i < token.length; i += 1) {
    for (const letter of alphabet) {
      if (letter === token[i]) continue;
      const text = token.slice(0, i) + letter + token.slice(i + 1);
      if (decode(text) !== undefined) t.fail(`${letter} at ${i}`);
    }
  }
});

t.test('no two tokens are alike, and none is good for other facts', async () => {
  fc.assert(
    fc.property(tokens, tokens, (one, other) => {
      const texts = [one, other].map((facts) => encodeRefreshToken(issuer, macKey, facts)) as [
        string,
        string,
      ];
      // The facts of the one under the MAC of the other.
      const crossed = bent(
        (bytes) => Buffer.from(texts[1].slice(4), 'base64url').copy(bytes, 26, 26),
        texts[0],
      );
      const isSame = JSON.stringify(one) === JSON.stringify(other);
      return isSame ? texts[0] === texts[1] : decode(crossed) === undefined;
    }),
  );
});

t.test('no text that was not made here is a token', async () => {
  const payload = fc.uint8Array({ minLength: 46, maxLength: 46 }).map((bytes) => {
    const shaped = Buffer.from(bytes);
    shaped.set([1, 7]);
    return `mmr_${shaped.toString('base64url')}`;
  });
  fc.assert(fc.property(fc.oneof(fc.string(), payload), (text) => decode(text) === undefined));
});

/** A token that has letters which base64 spells otherwise. */
const spelled = Array.from({ length: 100 }, (_, generation) =>
  encodeRefreshToken(issuer, macKey, { ...example, generation }),
).find((text) => /-.*_/.test(text.slice(4))) as string;
const inBase64 = Buffer.from(spelled.slice(4), 'base64url').toString('base64');
const refused: Record<string, string> = {
  nothing: '',
  'the prefix alone': 'mmr_',
  'another prefix': `mmx_${token.slice(4)}`,
  'no prefix': token.slice(4),
  'the prefix in capitals': `MMR_${token.slice(4)}`,
  'a space before': ` ${token.slice(0, -1)}`,
  'a newline after': `${token}\n`,
  'one letter less': token.slice(0, -1),
  'one letter more': `${token}A`,
  'padding instead of the last letters': `${token.slice(0, -2)}==`,
  'base64 with its padding': `mmr_${inBase64}`,
  'the alphabet of base64': `mmr_${inBase64.replace(/=+$/, '')}`,
  'bits after the last byte': token.slice(0, -1) + String.fromCharCode(token.charCodeAt(65) + 1),
  'version 0': bent((bytes) => bytes.writeUInt8(0, 0)),
  'version 2': bent((bytes) => bytes.writeUInt8(2, 0)),
  'the number of a key that is not known': bent((bytes) => bytes.writeUInt8(8, 1)),
  'no MAC': bent((bytes) => bytes.fill(0, 26)),
  'a MAC by another key': encodeRefreshToken(issuer, { ...macKey, mac: otherKey.mac }, example),
  'the token of another issuer': encodeRefreshToken('https://id.example.org', macKey, example),
  'the token of an issuer with a slash': encodeRefreshToken(`${issuer}/`, macKey, example),
  'a token with a token after it': token + token,
  'a JWT': 'eyJhbGciOiJub25lIn0.eyJzdWIiOiJ4In0.',
};

for (const [what, text] of Object.entries(refused)) {
  t.test(`refused: ${what}`, async (t) => {
    t.not(text, token);
    t.equal(decode(text), undefined);
  });
}

t.test('the key is found by the number in the token', async (t) => {
  const both = keysOf(otherKey, macKey);
  t.match(decodeRefreshToken(issuer, both, token), { macKey: 7 });
  t.match(decodeRefreshToken(issuer, both, encodeRefreshToken(issuer, otherKey, example)), { macKey: 8 });
  t.equal(decodeRefreshToken(issuer, keysOf(otherKey), token), undefined);
});

t.test('where the key is missing here the token is neither good nor bad', async (t) => {
  const missing: MacKeys = {
    current: macKey,
    find(number) {
      if (number === 8) throw new MacKeyMissingError('elsewhere');
      return macKey;
    },
  };
  const foreign = encodeRefreshToken(issuer, otherKey, example);
  t.throws(() => decodeRefreshToken(issuer, missing, foreign), MacKeyMissingError);
  t.equal(decodeRefreshToken(issuer, missing, `${foreign}A`), undefined, 'what has another shape is bad');
});

t.test('what does not fit into a token is a fault, not another token', async (t) => {
  for (const bad of [{ generation: 2 ** 32 }, { generation: -1 }, { issuedAt: 2 ** 32 }])
    t.throws(() => encodeRefreshToken(issuer, macKey, { ...example, ...bad }), { name: 'RangeError' });
  t.throws(() => encodeRefreshToken(issuer, { ...macKey, number: 256 }, example), { name: 'RangeError' });
});

t.test('a new family is named by sixteen random bytes', async (t) => {
  t.equal(newFamilyId({ bytes: (length) => Buffer.alloc(length, 0xff) }), '_____________________w');
});

const identity = {
  familyId: example.familyId,
  generation: 3,
  audience: 'https://api.example.com',
  scope: 'read',
};
const jti = accessTokenId(issuer, macKey, identity);

t.test('the jti of an access token is fixed, and says which family it belongs to', async (t) => {
  t.equal(jti, 'AAECAwQFBgcICQoLDA0ODw.utxDWjfIWxiiDH9VNCVi1w');
  t.equal(accessTokenId(issuer, macKey, { ...identity }), jti);
  t.equal(familyOfTokenId(jti), example.familyId);
});

const others: Record<string, string> = {
  'another family': accessTokenId(issuer, macKey, { ...identity, familyId: 'BAECAwQFBgcICQoLDA0ODw' }),
  'another generation': accessTokenId(issuer, macKey, { ...identity, generation: 4 }),
  'another audience': accessTokenId(issuer, macKey, { ...identity, audience: 'https://api.example.com/' }),
  'another scope': accessTokenId(issuer, macKey, { ...identity, scope: 'read write' }),
  'no scope': accessTokenId(issuer, macKey, { ...identity, scope: undefined }),
  'another key': accessTokenId(issuer, otherKey, identity),
  'another issuer': accessTokenId('https://id.example.org', macKey, identity),
  'what could be taken for the audience': accessTokenId(issuer, macKey, {
    ...identity,
    audience: 'https://api.example.com","read',
    scope: undefined,
  }),
};

t.test('an access token for something else has another jti', async (t) => {
  t.equal(new Set([jti, ...Object.values(others)]).size, Object.keys(others).length + 1);
});

t.test('the jti of a token that belongs to no family names none', async (t) => {
  const foreign = [
    '',
    'f81d4fae-7dec-11d0-a765-00a0c91e6bf6',
    `${jti}.x`,
    ` ${jti}`,
    `${jti}\n`,
    jti.slice(1),
    '.',
  ];
  for (const text of foreign) t.equal(familyOfTokenId(text), undefined, text);
});

t.test('what a jti gives away is of no use as a token', async (t) => {
  const [, mac = ''] = jti.split('.');
  const text = bent((bytes) => Buffer.from(mac, 'base64url').copy(bytes, 26));
  t.equal(decode(text), undefined);
});
