// A test of the tests: an engine that is wrong in one way only, and the histories of refresh-properties.test.ts find
// it out, by the invariant that it breaks. The same histories are lived by the real engine, and nothing is found.
import fc from 'fast-check';
import t from 'tap';
import type { FamilyStateStore, FamilyStore } from '../../src/stores/stores.ts';
import { type Engine, type Rewriting, realEngine, rewrittenEngine } from './refresh-engine.ts';
import { setting, steps } from './refresh-histories.ts';
import { live } from './refresh-history.ts';
import { memoryStage } from './refresh-stages.ts';
import { Broken, type Invariant } from './refresh-truth.ts';
import '../helpers/search.ts';

type Swap = Parameters<FamilyStateStore['compareAndSwap']>[0];
type Standing = NonNullable<Awaited<ReturnType<FamilyStore['find']>>>;

const swapping = (
  change: (swap: Swap, store: FamilyStateStore) => Swap | Promise<Swap>,
): Partial<Engine> => ({
  hot: (store) => ({
    ...store,
    compareAndSwap: async (swap) => store.compareAndSwap(await change(swap, store)),
  }),
});

const standing = (change: (family: Standing['family']) => Partial<Standing['family']>): Partial<Engine> => ({
  families: (store) => ({
    ...store,
    find: async (id) => {
      const found = await store.find(id);
      return found && { ...found, family: { ...found.family, ...change(found.family) } };
    },
  }),
});

const decision = (from: string, to: string): Rewriting => ({ file: 'refresh-family', from, to });
const grant = (from: string, to: string): Rewriting => ({ file: 'grants/refresh-token', from, to });
const token = (from: string, to: string): Rewriting => ({ file: 'refresh-token', from, to });

/** The mutations that the design names, then one for every invariant that they leave out. */
const mutations: readonly (readonly [
  what: string,
  breaks: readonly Invariant[],
  wrong: Partial<Engine> | Rewriting,
])[] = [
  ['no deadline', ['I10'], swapping((swap) => ({ ...swap, deadline: Number.POSITIVE_INFINITY }))],
  ['no roll-forward', ['newest', 'I5'], decision('if (generation > known.generation) {', 'if (false) {')],
  [
    'no floor',
    ['I13'],
    standing(({ createdAt }) => ({ floor: { generation: 0, since: createdAt, macKey: 1 } })),
  ],
  [
    'unlimited retry of the parent',
    ['I13', 'I14'],
    decision(
      'if (consumedAt !== undefined && now - consumedAt <= window)',
      'if (generation === known.generation - 1 || (consumedAt !== undefined && now - consumedAt <= window))',
    ),
  ],
  [
    'grace measured from the age of the head',
    ['I13', 'I14'],
    decision(
      'if (consumedAt !== undefined && now - consumedAt <= window)',
      'if (now - known.since <= window)',
    ),
  ],
  ['no quarantine', ['I5'], decision('if (now < known.quarantineUntil)', 'if (false)')],
  [
    'no list of consumptions',
    ['newest', 'I5'],
    swapping((swap) => ({ ...swap, next: { ...swap.next, consumed: swap.next.consumed.slice(-1) } })),
  ],
  [
    'I1: a swap that does not compare',
    ['I1', 'I3'],
    swapping(async (swap, store) => ({ ...swap, expected: (await store.find(swap.id)).state })),
  ],
  [
    'I2: a retry gets a successor of its own',
    ['I2'],
    decision(
      "outcome: 'retry', head: headOf(known)",
      "outcome: 'retry', head: { ...headOf(known), since: now + 2 }",
    ),
  ],
  [
    'I3: what is written falls back',
    ['I3'],
    swapping((swap) =>
      swap.next.generation > 2 ? { ...swap, next: { ...swap.next, generation: 1 } } : swap,
    ),
  ],
  ['I4: the durable store is not asked who is revoked', ['I4'], standing(() => ({ revokedAt: null }))],
  [
    'I6: what is older than the window is refused and forgotten',
    ['I6'],
    decision(
      "return { outcome: 'replay', next: { ...known, revoked: true } }",
      "return { outcome: 'suspect' }",
    ),
  ],
  [
    'I7: the MAC is not verified',
    ['I7'],
    token('if (!timingSafeEqual(mac.subarray(0, MAC_SIZE), bytes.subarray(PAYLOAD_SIZE)))', 'if (false)'),
  ],
  [
    'I8: the client is not asked after',
    ['I8'],
    grant('if (standing.family.clientId !== client.clientId)', 'if (false)'),
  ],
  // Whichever shows first: a token that is honoured, or a state that is kept, past the end of the family.
  ['I9: an end that moves', ['I9', 'I12'], standing(({ expiresAt }) => ({ expiresAt: expiresAt + 10_000 }))],
  ['I9: no idle lifetime', ['I9'], grant('&& isUsedLate(token, standing.family, now)', '&& false')],
  [
    'I10: a hot store that is away is taken for an empty one',
    ['I10'],
    {
      hot: (store) => ({
        ...store,
        find: (id) => store.find(id).catch(() => ({ state: undefined, now: 1_800_000_000 })),
      }),
    },
  ],
  [
    'I11: every rotation is told as if something had been lost',
    ['I11'],
    decision("return rotated('rotated',", "return rotated('ahead',"),
  ],
  [
    'I12: a state without an end',
    ['I12'],
    swapping((swap) => ({ ...swap, expiresAt: Number.POSITIVE_INFINITY })),
  ],
  [
    'I15: jti of the moment',
    ['I15'],
    token('JSON.stringify([familyId, generation,', 'JSON.stringify([familyId, process.hrtime(),'),
  ],
  [
    'bytes: a retry is told the time of day',
    ['bytes'],
    { file: 'access-token', from: 'Math.floor(refresh?.head.since ?? now)', to: 'Math.floor(now)' },
  ],
];

const numRuns = 1_000;

/** Lives the histories, and says what was found first. */
async function searched(engine: Engine): Promise<unknown> {
  const property = fc.asyncProperty(setting, steps, (setting, steps) =>
    live(memoryStage(), setting, steps, engine).then(() => undefined),
  );
  const { errorInstance } = await fc.check(property, { endOnFailure: true, numRuns });
  return errorInstance ?? undefined;
}

t.setTimeout(600_000);

t.test('nothing is found where nothing is wrong', async (t) => {
  t.equal(await searched(realEngine), undefined);
});

for (const [what, breaks, wrong] of mutations) {
  t.test(what, async (t) => {
    const engine = 'file' in wrong ? await rewrittenEngine(wrong) : { ...realEngine, ...wrong };
    const found = await searched(engine);
    if (!(found instanceof Broken)) throw found ?? new Error('nothing was found');
    t.ok(breaks.includes(found.invariant), found.message);
    t.comment(found.message);
  });
}
