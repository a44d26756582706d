// The strict form: what is read, and that what could be read in two ways is not read at all.
import fc from 'fast-check';
import t from 'tap';
import { OAuthError } from '../../src/oauth/errors.ts';
import { assertFormType, parseForm } from '../../src/oauth/parameters.ts';
import '../helpers/search.ts';

const form = (text: string) => parseForm(Buffer.from(text));
const read = (text: string) => [...form(text).values];

function reasonOf(run: () => unknown): string | undefined {
  try {
    run();
  } catch (error) {
    if (!(error instanceof OAuthError)) throw error;
    return error.reason;
  }
  return undefined;
}

const forms: [text: string, values: [string, string][]][] = [
  ['', []],
  [
    'a=1&b=2',
    [
      ['a', '1'],
      ['b', '2'],
    ],
  ],
  [
    'a=1&&b=2&',
    [
      ['a', '1'],
      ['b', '2'],
    ],
  ],
  ['a=x+y%2Bz', [['a', 'x y+z']]],
  ['a=%C3%BC', [['a', 'ü']]],
  ['a=ü', [['a', 'ü']]],
  ['a=b=c', [['a', 'b=c']]],
  ['%61=1', [['a', '1']]],
  ['a=&a=1', [['a', '1']]],
  ['a&a=1', [['a', '1']]],
  [
    'a=1&A=2',
    [
      ['a', '1'],
      ['A', '2'],
    ],
  ],
  [
    '__proto__=1&constructor=2',
    [
      ['__proto__', '1'],
      ['constructor', '2'],
    ],
  ],
];

for (const [text, values] of forms) {
  t.test(`${JSON.stringify(text)} is read as ${JSON.stringify(values)}`, async (t) => {
    t.strictSame(read(text), values);
  });
}

t.test('resource alone may be repeated, and keeps its order', async (t) => {
  t.strictSame(form('resource=b&resource=&resource=a').resources, ['b', 'a']);
});

const refused: [name: string, body: Buffer, reason: string][] = [
  ['a repeated parameter', Buffer.from('a=1&a=1'), 'parameter_repeated'],
  ['a repetition under an encoded name', Buffer.from('a=1&%61=2'), 'parameter_repeated'],
  ['a NUL in a value', Buffer.from('a=%00'), 'parameter_nul'],
  ['a NUL in a name', Buffer.from('a%00=1'), 'parameter_nul'],
  ['a bare NUL', Buffer.from('a=\0'), 'parameter_nul'],
  ['half an escape', Buffer.from('a=%4'), 'parameter_percent_encoding'],
  ['an escape of no digits', Buffer.from('a=%zz'), 'parameter_percent_encoding'],
  ['a percent sign in an omitted parameter', Buffer.from('%=&a=1'), 'parameter_percent_encoding'],
  ['an overlong NUL', Buffer.from('a=%C0%80'), 'parameter_not_utf8'],
  ['a lone surrogate', Buffer.from('a=%ED%A0%80'), 'parameter_not_utf8'],
  ['bytes that are not UTF-8', Buffer.from([0x61, 0x3d, 0xff]), 'parameter_not_utf8'],
  ['101 parameters', Buffer.from('&'.repeat(100)), 'too_many_parameters'],
  ['64 kB and a byte', Buffer.from(`a=${'x'.repeat(65_535)}`), 'form_too_large'],
];

for (const [name, body, reason] of refused) {
  t.test(`${name} is refused`, async (t) => {
    t.equal(
      reasonOf(() => parseForm(body)),
      reason,
    );
  });
}

t.test('100 parameters and 64 kB are read', async (t) => {
  t.equal(form(Array.from({ length: 100 }, (_, i) => `p${i}=1`).join('&')).values.size, 100);
  t.equal(form(`a=${'x'.repeat(65_534)}`).values.get('a')?.length, 65_534);
});

t.test('what URLSearchParams writes is read back, whatever it is', async () => {
  const text = fc.string({ unit: 'binary', minLength: 1 }).filter((value) => !value.includes('\0'));
  fc.assert(
    fc.property(fc.dictionary(text, text, { maxKeys: 20 }), (values) => {
      const entries = Object.entries(values).filter(([name]) => name !== 'resource');
      const { values: found } = form(new URLSearchParams(entries).toString());
      return JSON.stringify([...found]) === JSON.stringify(entries);
    }),
  );
});

t.test('any bytes are read in one way or refused with a reason of their own', async () => {
  const noise = fc.oneof(
    fc.uint8Array({ maxLength: 64 }),
    fc
      .string({ unit: fc.constantFrom('a', '=', '&', '%', '0', '+', 'resource', '\0', 'é') })
      .map((s) => Buffer.from(s)),
  );
  fc.assert(
    fc.property(noise, (bytes) => {
      const reason = reasonOf(() => parseForm(Buffer.from(bytes)));
      return reason === undefined || reason.startsWith('parameter_');
    }),
    { numRuns: 2_000 },
  );
});

const types: [type: string | undefined, ok: boolean][] = [
  ['application/x-www-form-urlencoded', true],
  ['application/x-www-form-urlencoded; charset=utf-8', true],
  ['application/x-www-form-urlencoded;charset="UTF-8"', true],
  ['Application/X-WWW-Form-Urlencoded', true],
  ['application/x-www-form-urlencoded; charset=iso-8859-1', false],
  ['application/x-www-form-urlencoded; boundary=x', false],
  ['application/x-www-form-urlencodedx', false],
  ['application/json', false],
  ['multipart/form-data; boundary=x', false],
  ['', false],
  [undefined, false],
];

for (const [type, ok] of types) {
  t.test(`a form of type ${type} is ${ok ? 'read' : 'refused'}`, async (t) => {
    t.equal(
      reasonOf(() => assertFormType(type)),
      ok ? undefined : 'content_type_not_form',
    );
  });
}
