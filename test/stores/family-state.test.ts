// A family's state as a text: nothing is lost in it, the same state is the same text, and no other text is read.
import assert from 'node:assert/strict';
import fc from 'fast-check';
import t from 'tap';
import type { FamilyState } from '../../src/oauth/refresh-family.ts';
import { decodeFamilyState, encodeFamilyState } from '../../src/stores/family-state.ts';
import '../helpers/search.ts';

/** Whole milliseconds, as stores tell the time. */
const instant = fc.integer({ min: 0, max: 10 ** 14 }).map((milliseconds) => milliseconds / 1000);
const generation = fc.integer({ min: 0, max: 2 ** 32 - 1 });
const plain = { noNullPrototype: true };
const states: fc.Arbitrary<FamilyState> = fc.record(
  {
    generation,
    since: instant,
    macKey: fc.integer({ min: 0, max: 255 }),
    consumed: fc.array(fc.record({ generation, at: instant }, plain), { maxLength: 32 }),
    quarantineUntil: instant,
    revoked: fc.boolean(),
  },
  plain,
);

const example: FamilyState = {
  generation: 42,
  since: 1_763_940_000.125,
  macKey: 3,
  consumed: [
    { generation: 40, at: 1_763_939_990 },
    { generation: 41, at: 1_763_940_000.125 },
  ],
  quarantineUntil: 0,
  revoked: false,
};
const text = '1  42 1763940000125 3 0 40 1763939990000 41 1763940000125';

t.test('the text is fixed, for the version before must read it', async (t) => {
  t.equal(encodeFamilyState(example), text);
  t.strictSame(decodeFamilyState(text), example);
  t.equal(encodeFamilyState({ ...example, revoked: true }), text.replace('1  ', '1 r '));
});

t.test('nothing is lost', async () => {
  fc.assert(
    fc.property(states, (state) => {
      assert.deepStrictEqual(decodeFamilyState(encodeFamilyState(state)), state);
    }),
  );
});

t.test('two states are one text where they are one state, and only there', async () => {
  fc.assert(
    fc.property(states, states, (one, other) => {
      const isSame = JSON.stringify(one) === JSON.stringify(other);
      return (encodeFamilyState(one) === encodeFamilyState(other)) === isSame;
    }),
  );
});

t.test('a sum of instants is one text, whatever its last bits are', async () => {
  fc.assert(
    fc.property(instant, fc.integer({ min: 0, max: 121 }), (now, window) => {
      const state = { ...example, quarantineUntil: now + window };
      return encodeFamilyState(decodeFamilyState(encodeFamilyState(state))) === encodeFamilyState(state);
    }),
  );
});

const others = [
  '',
  ' ',
  '1',
  text.replace('1', '2'),
  text.replace('1', '10'),
  ` ${text}`,
  `${text} `,
  `${text} 42`,
  `${text}\n`,
  text.replace('1  ', '1 '),
  text.replace('1  ', '1 x '),
  text.replace('1  ', '1 rr '),
  text.replace(' 3 ', ' '),
  text.replace(' 3 ', ' - '),
  text.replace(' 3 ', '  '),
  text.replace(' 42 ', ' 4r2 '),
  text.replace(' 42 ', ' 42.5 '),
  text.replace(' 42 ', ' -42 '),
  text.replace(' 42 ', ' NaN '),
  text.replace('1763940000125', '1e12'),
  JSON.stringify(example),
];

for (const other of others) {
  t.test(`${JSON.stringify(other)} is refused`, async (t) => {
    t.throws(() => decodeFamilyState(other), { name: 'RangeError', message: /another version/ });
  });
}
