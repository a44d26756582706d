// Random histories for history.ts: where they start, and what happens in them.
import fc from 'fast-check';
import { leadTime, type Timetable } from '../../src/keys/lifecycle.ts';
import type { Setting, Step } from './history.ts';

const index = fc.nat({ max: 7 });
const replica = index;
const timetable: fc.Arbitrary<Timetable> = fc
  .record({
    verifierCacheLifetime: fc.constantFrom(5, 60, 600),
    jwksMaxAge: fc.constantFrom(1, 30),
    reloadInterval: fc.constantFrom(1, 10),
    longestTokenLifetime: fc.constantFrom(5, 60, 900),
    automaticRotation: fc.boolean(),
    periods: fc.constantFrom(0.6, 1.01, 2, 10),
    // Making an ES256 key takes fifty times as long.
    algs: fc.oneof(
      { weight: 6, arbitrary: fc.constant(['EdDSA'] as const) },
      { weight: 1, arbitrary: fc.constant(['EdDSA', 'ES256'] as const) },
    ),
  })
  .map(({ periods, ...times }) => {
    const draft = { ...times, rotationPeriod: 0 };
    return { ...draft, rotationPeriod: Math.ceil(leadTime(draft) * periods) };
  });

export const setting: fc.Arbitrary<Setting> = fc.record({
  timetable,
  replicas: fc.integer({ min: 1, max: 3 }),
  hasNotes: fc.boolean(),
});

const operation: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 3,
    arbitrary: fc.record({ do: fc.constant('rotate' as const), now: fc.constant(false), alg: index }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ do: fc.constant('rotate' as const), now: fc.constant(true), alg: index }),
  },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('revoke' as const), which: index }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('remove' as const), which: index }) },
  {
    weight: 1,
    arbitrary: fc.record({
      do: fc.constant('import' as const),
      role: fc.constantFrom('active' as const, 'standby' as const, 'retired' as const),
    }),
  },
);

export const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 6, arbitrary: operation },
  {
    weight: 6,
    arbitrary: fc.record({
      do: fc.constant('meet' as const),
      replica,
      boundary: index,
      by: fc.constantFrom(-1 / 1024, 0, 1 / 1024, 3, -3),
    }),
  },
  {
    weight: 4,
    arbitrary: fc.record({
      do: fc.constant('wait' as const),
      seconds: fc.oneof(fc.integer({ min: 1, max: 40 }), fc.integer({ min: 40, max: 5_000 })),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({ do: fc.constant('sign' as const), replica, share: fc.constantFrom(0.1, 1, 4) }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('maintain' as const), replica }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('race' as const), one: operation, other: operation }) },
  {
    weight: 6,
    arbitrary: fc.record({
      do: fc.constantFrom('cut' as const, 'mend' as const, 'crash' as const, 'restart' as const),
      replica,
    }),
  },
  {
    weight: 4,
    arbitrary: fc
      .constantFrom(
        'outage',
        'end of outage',
        'end of outage',
        'join',
        'backup',
        'restore',
        'restore',
        'lose reply',
      )
      .map((what) => ({ do: what }) as Step),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constant('clock' as const),
      replica,
      offset: fc.constantFrom(-1, 0, 1, 0.3),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ do: fc.constant('outlive' as const), by: fc.constantFrom(-1 / 1024, 0, 1, 30) }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      do: fc.constant('deploy' as const),
      timetable: fc.oneof(
        fc.record({ longestTokenLifetime: fc.constantFrom(5, 900) }),
        fc.record({ verifierCacheLifetime: fc.constantFrom(5, 600) }),
        fc.record({ automaticRotation: fc.boolean() }),
        fc.record({ algs: fc.constantFrom(['EdDSA'] as const, ['EdDSA', 'ES256'] as const) }),
      ),
    }),
  },
);
