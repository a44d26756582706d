// HMAC-SHA-256: RFC 2104. It gives what RFC 4231 says, and what node:crypto's own gives.
import { createHmac } from 'node:crypto';
import fc from 'fast-check';
import t from 'tap';
import { hmacSha256 } from '../src/hmac.ts';
import './helpers/search.ts';

// RFC 4231 4.2 to 4.5: the cases whose key is no longer than a block.
const vectors = [
  ['0b'.repeat(20), 'Hi There', 'b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7'],
  [
    Buffer.from('Jefe').toString('hex'),
    'what do ya want for nothing?',
    '5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843',
  ],
  [
    'aa'.repeat(20),
    Buffer.alloc(50, 0xdd),
    '773ea91e36800e46854db8ebd09181a72959098b3ef8c122d9635514ced565fe',
  ],
  [
    '0102030405060708090a0b0c0d0e0f10111213141516171819',
    Buffer.alloc(50, 0xcd),
    '82558a389a443c0ea4cc819899f2083a85f0faa3e578f8077a2e3ff46729665b',
  ],
] as const;

for (const [n, [key, content, mac]] of vectors.entries()) {
  t.test(`RFC 4231, case ${n + 1}`, async (t) => {
    t.equal(hmacSha256(Buffer.from(key, 'hex'))(Buffer.from(content)).toString('hex'), mac);
  });
}

t.test('any key of up to a block and any parts give what node:crypto gives for them together', async () => {
  const bytes = (maxLength: number) => fc.uint8Array({ maxLength }).map((some) => Buffer.from(some));
  fc.assert(
    fc.property(bytes(64), fc.array(bytes(200), { maxLength: 4 }), (key, parts) => {
      const known = createHmac('sha256', key).update(Buffer.concat(parts)).digest();
      return hmacSha256(key)(...parts).equals(known);
    }),
  );
});

t.test('a key longer than a block is refused', async (t) => {
  t.throws(() => hmacSha256(Buffer.alloc(65)), RangeError);
});
