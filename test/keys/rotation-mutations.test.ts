// A test of the tests: a rotation that is wrong in one way only, and the histories of rotation-properties.test.ts
// find it out, by the invariant that it breaks.
import fc from 'fast-check';
import t from 'tap';
import { maintainKeys } from '../../src/keys/rotate.ts';
import { setting, step } from './histories.ts';
import { Broken, type Engine, type Invariant, live, realEngine } from './history.ts';
import '../helpers/search.ts';

const mutations: readonly (readonly [what: string, breaks: readonly Invariant[], engine: Partial<Engine>])[] =
  [
    [
      'a key signs without its lead',
      ['K0'],
      { planning: (timetable) => ({ ...timetable, verifierCacheLifetime: 0, jwksMaxAge: 0 }) },
    ],
    [
      'a key is removed as if its tokens lived a second',
      ['K0'],
      {
        planning: (timetable) => ({ ...timetable, longestTokenLifetime: -10_000 }),
        store: (keys) => ({ ...keys, recordIssued: async () => {} }),
      },
    ],
    ['nobody makes a standby key', ['K1'], { maintain: once }],
    ['t goes backwards', ['K0', 'K8'], { isForgetful: true }],
  ];

const maintained = new WeakSet<object>();

/** The first start is as it should be; after that nobody cares for the keys. */
async function once(management: Parameters<Engine['maintain']>[0]): Promise<unknown> {
  if (maintained.has(management.keys)) return undefined;
  maintained.add(management.keys);
  return maintainKeys(management);
}

t.setTimeout(600_000);

for (const [what, breaks, mutated] of mutations) {
  t.test(what, async (t) => {
    const found = new Set<string>();
    const history = fc.asyncProperty(
      setting,
      fc.array(step, { maxLength: 30, size: 'max' }),
      (setting, steps) =>
        live(setting, steps, { ...realEngine, ...mutated }).then(
          () => true,
          (error: unknown) => {
            if (!(error instanceof Broken)) throw error;
            found.add(error.invariant);
            return !breaks.includes(error.invariant);
          },
        ),
    );
    const { failed } = await fc.check(history, {
      endOnFailure: true,
      interruptAfterTimeLimit: 60_000,
      numRuns: 500,
    });
    t.ok(failed, `found: ${[...found]}`);
  });
}
