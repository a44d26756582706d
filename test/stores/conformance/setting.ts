// What the tests of the ports share: names, entries, races, and text that means to do harm.
import { randomBytes } from 'node:crypto';
import type { Test } from 'tap';
import type { AuditEntry, Stores } from '../../../src/stores/stores.ts';
import { StoreUnavailableError } from '../../../src/stores/stores.ts';

/** Ways into one and the same place: several, where an adapter can have several replicas. */
export type Replicas = readonly [Stores, ...Stores[]];

/** The hands of the house's clock: seconds that they are ahead of the store's. Put them back to 0. */
export interface Hands {
  ahead: number;
}

// A Redis may be shared, and remember the run before.
const run = randomBytes(4).toString('hex');
let names = 0;
/** A name that no other test uses, in this run or another. */
export const fresh = (stem: string): string => `${stem}-${run}-${++names}`;

/** An instant with a fraction that no decimal has: it must come back bit for bit. */
export const T = 1_763_940_000 + 1 / 3;

export const entry = (subject: string, more: Partial<AuditEntry> = {}): AuditEntry => ({
  at: T,
  event: 'test.done',
  actor: 'operator:tester',
  subject,
  ...more,
});

/** The events that are told of a subject, newest first. */
export const eventsOf = async ({ audit }: Stores, subject: string): Promise<string[]> =>
  (await audit.list({ limit: 1_000, subject })).map(({ event }) => event);

/** A hundred at once, spread over the replicas; what each of them got. */
export const race = <R, T>(
  replicas: readonly R[],
  run: (replica: R, racer: number) => Promise<T>,
): Promise<T[]> =>
  Promise.all(Array.from({ length: 100 }, (_, racer) => run(replicas[racer % replicas.length] as R, racer)));

export const count = <T>(outcomes: readonly T[], wanted: T): number =>
  outcomes.filter((outcome) => outcome === wanted).length;

const circle: Record<string, unknown> = {};
circle.circle = circle;

/** Details that no store can write. */
const unwritable: Record<string, Record<string, unknown>> = {
  NUL: { text: 'a\0b' },
  'half a surrogate pair': { text: 'a\ud800b' },
  'a number that JSON has not': { number: 1n },
  'a circle': circle,
};

/** Every verb whose audit entry cannot be written fails as a whole: `read` is the same before and after. */
export async function failsWithItsEntry(
  t: Test,
  read: () => Promise<unknown>,
  verbs: Record<string, (audit: AuditEntry) => Promise<unknown>>,
): Promise<void> {
  for (const [name, verb] of Object.entries(verbs)) {
    for (const [what, details] of Object.entries(unwritable)) {
      const before = await read();
      await t.rejects(verb(entry('unwritable', { details })), `${name} is refused with ${what}`);
      t.strictSame(await read(), before, `${name} with ${what} changed nothing`);
    }
  }
}

/** Names that are strange and whole. */
export const strangeNames = [
  'https://ünï.example/日本?a=b&c=%00',
  "Robert'); DROP TABLE clients; --",
  '👩‍👩‍👧‍👦 ',
  '\\ " $1 % _ {} \n\t\u{7f}\u{85}\ufeff\ufffd',
  'toString',
  'x'.repeat(1_000),
];

const noise = Array.from({ length: 100_000 }, (_, i) =>
  String.fromCodePoint(0x4e00 + ((i * i * 7919) % 20_000)),
);

/** Names that a store may refuse, but may neither bend nor cut. */
const hostileNames: Record<string, string> = {
  NUL: 'a\0b',
  'nothing but NUL': '\0',
  'the first half of a surrogate pair': 'a\ud800',
  'the second half of a surrogate pair': '\udc00a',
  'a hundred thousand letters': 'x'.repeat(100_000),
  'a hundred thousand different letters': noise.join(''),
};

/** A name is kept whole, or refused with nothing kept; to look for it is never an error. */
export async function keepsNamesWholeOrNotAtAll<T>(
  t: Test,
  port: {
    create(name: string): Promise<'created' | 'exists'>;
    find(name: string): Promise<T | undefined>;
    list(): Promise<T[]>;
    nameOf(record: T): string;
  },
): Promise<void> {
  for (const name of strangeNames) {
    t.equal(await port.create(name), 'created');
    const found = await port.find(name);
    t.equal(found && port.nameOf(found), name, JSON.stringify(name).slice(0, 40));
  }
  for (const [what, name] of Object.entries(hostileNames)) {
    t.equal(await port.find(name), undefined, `${what} names nothing`);
    const before = await port.list();
    const outcome = await port.create(name).catch((error: unknown) => error);
    const found = await port.find(name);
    if (outcome === 'created') {
      t.equal(found && port.nameOf(found), name, `${what} is kept whole`);
    } else {
      t.ok(outcome instanceof Error && !(outcome instanceof StoreUnavailableError), `${what} is refused`);
      t.equal(found, undefined);
      t.strictSame(await port.list(), before, 'and leaves nothing');
    }
  }
}

/** As the ports order names: by code point, whatever the language of the server. */
export function byCodePoint(a: string, b: string): number {
  return Buffer.compare(Buffer.from(a), Buffer.from(b));
}

/** In this order, and not in the one of UTF-16 or of a dictionary. */
export const orderedNames = ['A', 'B', 'Z', 'a', 'ab', 'b', 'É', 'é', '\uffee', '\u{1f600}'];
