// decide() as refresh.md has it: every row of its table, the edges of the window, what becomes of a loss. Then what
// holds of it for any state whatever.
import fc from 'fast-check';
import t from 'tap';
import {
  type Decision,
  decide,
  type FamilyState,
  firstState,
  type Head,
  type Presentation,
} from '../../src/oauth/refresh-family.ts';
import { searchLength } from '../helpers/search.ts';

const now = 1_800_000_000;
const window = 61;
const macKey = 2;

const head = (generation: number, since: number): Head => ({ generation, since, macKey: 1 });

/** Generation 7, current for ten seconds; 6 was consumed then, 5 and 4 before. */
const state: FamilyState = {
  ...head(7, now - 10),
  consumed: [
    { generation: 4, at: now - 61.001 },
    { generation: 5, at: now - 61 },
    { generation: 6, at: now - 10 },
  ],
  quarantineUntil: 0,
  revoked: false,
};

const decided = (generation: number, more: Partial<Presentation> = {}): Decision =>
  decide({ generation, state, floor: head(0, now - 1_000), window, now, macKey, ...more });

const rows: [name: string, decision: Decision, expected: Decision][] = [
  [
    'the current token is rotated, by the MAC key of now, and its consumption is noted',
    decided(7),
    {
      outcome: 'rotated',
      head: { generation: 8, since: now, macKey },
      next: {
        ...{ generation: 8, since: now, macKey },
        consumed: [...state.consumed.slice(1), { generation: 7, at: now }],
        quarantineUntil: 0,
        revoked: false,
      },
    },
  ],
  [
    'a token ahead of the state rolls it forward, and what was skipped is in quarantine',
    decided(9),
    {
      outcome: 'ahead',
      head: { generation: 10, since: now, macKey },
      next: {
        ...{ generation: 10, since: now, macKey },
        consumed: [...state.consumed.slice(1), { generation: 9, at: now }],
        quarantineUntil: now + window,
        revoked: false,
      },
    },
  ],
  [
    'a token that was consumed inside the window gets the head again, and nothing is written',
    decided(6),
    { outcome: 'retry', head: head(7, now - 10) },
  ],
  ['the window includes its last instant', decided(5), { outcome: 'retry', head: head(7, now - 10) }],
  ['an instant later it is a replay', decided(4), { outcome: 'replay', next: { ...state, revoked: true } }],
  [
    'a token whose consumption is not known is a replay',
    decided(3),
    { outcome: 'replay', next: { ...state, revoked: true } },
  ],
  [
    'in quarantine it is suspect, and nothing is written',
    decided(3, { state: { ...state, quarantineUntil: now + 0.001 } }),
    { outcome: 'suspect' },
  ],
  [
    'the quarantine ends with its last instant',
    decided(3, { state: { ...state, quarantineUntil: now } }),
    { outcome: 'replay', next: { ...state, quarantineUntil: now, revoked: true } },
  ],
  [
    'a revoked family is revoked for its current token',
    decided(7, { state: { ...state, revoked: true } }),
    { outcome: 'revoked' },
  ],
  ['and for one ahead of it', decided(9, { state: { ...state, revoked: true } }), { outcome: 'revoked' }],
  [
    'a tombstone behind the floor is a tombstone',
    decided(7, { state: { ...state, revoked: true }, floor: head(8, now) }),
    { outcome: 'revoked' },
  ],
];

for (const [name, decision, expected] of rows) t.test(name, async (t) => t.strictSame(decision, expected));

t.test('a family begins with its first token, and no past', async (t) => {
  const first = firstState(now, 1);
  t.strictSame(first, { ...head(0, now), consumed: [], quarantineUntil: 0, revoked: false });
  t.equal(decided(0, { state: first }).outcome, 'rotated');
});

t.test('a strict window leaves nothing but the time that a swap may take', async (t) => {
  const strict = { window: 1, state: { ...state, consumed: [{ generation: 6, at: now - 1 }] } };
  t.equal(decided(6, strict).outcome, 'retry');
  t.equal(decided(6, { ...strict, now: now + 0.001 }).outcome, 'replay');
});

t.test('what has left the window is no longer carried along', async (t) => {
  const { next } = decided(7, { now: now + 100 }) as { next: FamilyState };
  t.strictSame(next.consumed, [{ generation: 7, at: now + 100 }]);
});

const floor = head(7, now - 20);
const seeded = {
  ...floor,
  consumed: [{ generation: 6, at: now - 20 }],
  quarantineUntil: now + window,
  revoked: false,
};

const losses: [what: string, state: FamilyState | undefined, known: FamilyState][] = [
  ['a state that is gone', undefined, seeded],
  ['a state that was rolled back', { ...firstState(now - 900, 1), quarantineUntil: now - 5 }, seeded],
  [
    'a state that was rolled back and still knows of its past',
    { ...state, ...head(5, now - 30), consumed: [{ generation: 4, at: now - 30 }] },
    { ...seeded, consumed: [{ generation: 4, at: now - 30 }, ...seeded.consumed] },
  ],
];

for (const [what, state, known] of losses) {
  t.test(`after ${what}`, async (t) => {
    const after = (generation: number) => decided(generation, { state, floor });
    await t.test('the floor is current, and stays in quarantine', async (t) => {
      const decision = after(7);
      t.match(decision, { outcome: 'rotated', head: { generation: 8, since: now } });
      t.match(decision, { next: { quarantineUntil: now + window } });
    });
    await t.test('its parent, inside the window of the floor, gets the same token again', async (t) => {
      t.strictSame(after(6), { outcome: 'retry', head: floor, next: known });
    });
    await t.test('what the floor had not seen yet rolls on from there', async (t) => {
      t.match(after(8), {
        outcome: 'ahead',
        head: { generation: 9 },
        next: { quarantineUntil: now + window },
      });
    });
    await t.test('an older token is suspect, the loss is noted, and nobody is revoked', async (t) => {
      t.strictSame(after(3), { outcome: 'suspect', next: known });
    });
    await t.test('the parent of a floor that is older than the window is suspect too', async (t) => {
      t.equal(decided(6, { state, floor: head(7, now - 61.001) }).outcome, 'suspect');
    });
  });
}

t.test('a floor that is no news changes nothing', async (t) => {
  t.strictSame(decided(6, { floor: head(7, now - 999) }), { outcome: 'retry', head: head(7, now - 10) });
  t.equal(decided(3, { floor: head(7, now - 999) }).outcome, 'replay');
});

t.test('of the first generation there is no parent', async (t) => {
  const decision = decided(0, { state: undefined, floor: head(0, now - 20) });
  t.match(decision, { outcome: 'rotated', next: { consumed: { length: 1 } } });
});

t.test(
  'after 32 consumptions in one window, the one that is dropped is suspect and not a replay',
  async (t) => {
    let busy = firstState(now, 1);
    for (let generation = 0; generation < 33; generation += 1) {
      busy = (decided(generation, { state: busy, now: now + generation }) as { next: FamilyState }).next;
    }
    t.equal(busy.consumed.length, 32);
    t.equal(decided(1, { state: busy, now: now + 33 }).outcome, 'retry');
    t.equal(decided(0, { state: busy, now: now + 33 }).outcome, 'suspect');
    t.equal(decided(0, { state: busy, now: now + window - 0.001 }).outcome, 'suspect');
    t.equal(decided(0, { state: busy, now: now + window }).outcome, 'replay');
  },
);

// ---- for any state whatever

const generation = fc.nat({ max: 9 });
const instant = fc.integer({ min: -200, max: 0 }).map((seconds) => now + seconds);
const anyHead = fc.record({ generation, since: instant, macKey: fc.constantFrom(1, 2) });
const anyState = fc
  .tuple(
    anyHead,
    fc.uniqueArray(generation, { maxLength: 9 }),
    fc.array(instant, { minLength: 9, maxLength: 9 }),
  )
  .chain(([head, generations, instants]) =>
    fc.record({
      generation: fc.constant(head.generation),
      since: fc.constant(head.since),
      macKey: fc.constant(head.macKey),
      consumed: fc.constant(
        generations
          .filter((one) => one < head.generation)
          .sort((a, b) => a - b)
          .map((generation, i) => ({ generation, at: [...instants].sort()[i] as number })),
      ),
      quarantineUntil: fc.integer({ min: -100, max: 100 }).map((seconds) => now + seconds),
      revoked: fc.boolean(),
    }),
  );
const presentation: fc.Arbitrary<Presentation> = fc.record({
  generation,
  state: fc.option(anyState, { nil: undefined }),
  floor: anyHead,
  window: fc.constantFrom(1, 11, 61, 121),
  now: fc.constant(now),
  macKey: fc.constant(2),
});

/** What must hold of every decision, each by its name. */
const laws: [name: string, law: (presentation: Presentation, decision: Decision) => boolean][] = [
  [
    'I2: whatever succeeds gets a later generation, and the one that is written',
    (presentation, decision) =>
      !('head' in decision) ||
      (decision.head.generation > presentation.generation &&
        (decision.next === undefined || decision.next.generation === decision.head.generation)),
  ],
  [
    'I3: what is written is never behind the state, nor behind the floor',
    ({ state, floor }, decision) =>
      !('next' in decision && decision.next) ||
      decision.next.generation >= Math.max(state?.generation ?? 0, state?.revoked ? 0 : floor.generation),
  ],
  [
    'I4: a revoked family is revoked, whatever is presented',
    ({ state }, decision) => !state?.revoked || decision.outcome === 'revoked',
  ],
  [
    'I5: nobody is revoked in quarantine, nor by a state that has fallen behind',
    ({ state, floor }, decision) =>
      decision.outcome !== 'replay' ||
      (state !== undefined && state.generation >= floor.generation && now >= state.quarantineUntil),
  ],
  [
    'I11: ahead is what neither the state nor the floor has seen',
    ({ generation, state, floor }, decision) =>
      decision.outcome !== 'ahead' ||
      (generation > floor.generation && generation > (state?.generation ?? -1)),
  ],
  [
    'I13: what is behind the floor is never rotated',
    ({ generation, floor }, decision) =>
      generation >= floor.generation || !['rotated', 'ahead'].includes(decision.outcome),
  ],
  [
    'I14: whatever is retried was consumed inside the window',
    ({ generation, state, floor, window }, decision) =>
      decision.outcome !== 'retry' ||
      [...(state?.consumed ?? []), { generation: floor.generation - 1, at: floor.since }].some(
        (one) => one.generation === generation && now - one.at <= window,
      ),
  ],
  [
    'a loss that is seen is noted for a window, whatever becomes of the token',
    ({ state, floor, window }, decision) =>
      (state !== undefined && (state.revoked || state.generation >= floor.generation)) ||
      ('next' in decision && (decision.next?.quarantineUntil ?? 0) >= now + window),
  ],
  [
    'a state has at most 32 consumptions, oldest first, all of earlier generations',
    (_, decision) => {
      const next = 'next' in decision ? decision.next : undefined;
      if (next === undefined) return true;
      const generations = next.consumed.map((one) => one.generation);
      return (
        generations.length <= 32 &&
        generations.every(
          (one, i) => one < next.generation && (i === 0 || one > (generations[i - 1] as number)),
        )
      );
    },
  ],
];

const numRuns = 2_000 * searchLength;

for (const [name, law] of laws) {
  t.test(name, async () => {
    fc.assert(
      fc.property(presentation, (presentation) => law(presentation, decide(presentation))),
      { numRuns },
    );
  });
}
