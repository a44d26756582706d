// Random histories for refresh-history.ts: where they start, and what happens in them.
import fc from 'fast-check';
import type { Act, Fate, Presentation, Racer, Setting, Step, Who } from './refresh-history.ts';

const index = fc.nat({ max: 7 });
const replica = fc.nat({ max: 1 });
const family = fc.nat({ max: 2 });

export const setting: fc.Arbitrary<Setting> = fc.record({
  // Not 0, which promises nobody a retry: what becomes of one then is for the table of decide().
  retryWindow: fc.constantFrom(5, 10, 60, 120),
  lifetime: fc.constantFrom(1_500, 9_000),
  idleLifetime: fc.constantFrom(800, 5_000),
  skews: fc.array(fc.constantFrom(0, 0.3, -3, 3_600, -3_600), { minLength: 1, maxLength: 2 }),
  families: fc.integer({ min: 1, max: 2 }),
});

const who: fc.Arbitrary<Who> = fc.oneof(
  { weight: 5, arbitrary: fc.constant<Who>({ by: 'newest' }) },
  {
    weight: 3,
    arbitrary: fc.record({ by: fc.constant('tab' as const), back: fc.integer({ min: 1, max: 4 }) }),
  },
  { weight: 2, arbitrary: fc.constant<Who>({ by: 'thief' }) },
);

const fate: fc.Arbitrary<Fate> = fc.oneof(
  { weight: 8, arbitrary: fc.constant<Fate>('answered') },
  { weight: 4, arbitrary: fc.constantFrom<Fate>('lost', 'killed', 'stuck', 'unheard') },
);

const presentation: fc.Arbitrary<Presentation> = fc.record({ who, replica, fate });

const loss: fc.Arbitrary<Act> = fc.oneof(
  { weight: 3, arbitrary: fc.constant<Act>({ do: 'snapshot' }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('restore' as const), which: index }) },
  { weight: 2, arbitrary: fc.constant<Act>({ do: 'flush' }) },
);

const act: fc.Arbitrary<Act> = fc.oneof(
  { weight: 8, arbitrary: loss },
  { weight: 4, arbitrary: fc.record({ do: fc.constant('mirror' as const), replica }) },
  { weight: 4, arbitrary: fc.record({ do: fc.constant('repeat' as const), which: fc.nat({ max: 30 }) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('kill' as const), replica }) },
  { weight: 1, arbitrary: fc.constantFrom<Act>({ do: 'drain' }, { do: 'renew' }) },
  {
    weight: 1,
    arbitrary: fc.record({
      do: fc.constantFrom('revoke' as const, 'sign out' as const, 'disable' as const),
      family,
      replica,
    }),
  },
);

const racer: fc.Arbitrary<Racer> = fc.oneof(
  { weight: 7, arbitrary: fc.record({ who, replica, fate, times: fc.integer({ min: 1, max: 3 }) }) },
  { weight: 3, arbitrary: act },
  { weight: 1, arbitrary: fc.constant<Racer>({ do: 'tick' }) },
);

const race: fc.Arbitrary<Step> = fc.record({
  do: fc.constant('race' as const),
  family,
  racers: fc.array(racer, { minLength: 2, maxLength: 5 }),
  order: fc.array(fc.nat({ max: 11 }), { minLength: 1, maxLength: 24 }),
});

const time: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 3,
    arbitrary: fc.record({
      do: fc.constant('wait' as const),
      seconds: fc.oneof(
        { weight: 6, arbitrary: fc.constantFrom(0.02, 0.5, 1.2, 5) },
        { weight: 3, arbitrary: fc.constantFrom(15, 70, 130) },
        { weight: 1, arbitrary: fc.constantFrom(300, 800) },
      ),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constant('meet' as const),
      family,
      which: index,
      edge: fc.constantFrom(
        'window' as const,
        'deadline' as const,
        'deadline' as const,
        'idle' as const,
        'expiry' as const,
      ),
      by: fc.constantFrom(-0.5, -0.01, 0, 0.01, 0.5),
    }),
  },
);

const nuisance: fc.Arbitrary<Step> = fc.oneof(
  { weight: 3, arbitrary: fc.record({ do: fc.constant('steal' as const), family, which: index }) },
  {
    weight: 1,
    arbitrary: fc.record({
      do: fc.constant('alter' as const),
      family,
      at: fc.nat({ max: 65 }),
      to: fc.constantFrom(...'ABCQgw0_-+=é'),
    }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('stranger' as const), family }) },
  {
    weight: 1,
    arbitrary: fc.record({
      do: fc.constant('cut' as const),
      store: fc.constantFrom('hot' as const, 'durable' as const),
    }),
  },
  { weight: 1, arbitrary: fc.constant<Step>({ do: 'mend' }) },
);

const present: fc.Arbitrary<Step> = fc
  .tuple(presentation, family)
  .map(([presentation, family]) => ({ ...presentation, do: 'present', family }));

const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 9, arbitrary: present },
  { weight: 5, arbitrary: act },
  { weight: 4, arbitrary: time },
  { weight: 3, arbitrary: race },
  { weight: 2, arbitrary: nuisance },
);

export const steps: fc.Arbitrary<Step[]> = fc.array(step, { maxLength: 40, size: 'max' });
