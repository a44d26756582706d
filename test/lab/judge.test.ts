// The judge of the laboratory, on histories written by hand.
import t from 'tap';
import type { History, Kind, Showing } from './history.ts';
import { blindness, judge, judgeIssuer } from './judge.ts';

const timetable = {
  algs: ['RS256' as const],
  automaticRotation: false,
  rotationPeriod: 1000,
  verifierCacheLifetime: 10,
  jwksMaxAge: 1,
  reloadInterval: 1,
  longestTokenLifetime: 20,
};
const kind: Kind = { name: 'someone', cacheLifetime: 10, unknownKidCooldown: null };

const showing = (at: number, refusal?: string, other: Partial<Showing> = {}): Showing => ({
  verifier: 'someone',
  kid: 'a',
  at,
  answeredAt: at + 0.1,
  expiresAt: 1000,
  refusal,
  ...other,
});

function history(other: Partial<History>): History {
  return {
    since: 0,
    kinds: [kind],
    showings: [showing(1)],
    fetches: [],
    emergencies: [],
    revocations: [],
    drawn: 1,
    undrawn: [],
    timetable,
    ...other,
  };
}

function brokenRules(other: Partial<History>): string[] {
  return judge(history(other)).flatMap(({ violations }) => violations.map(({ rule }) => rule));
}

t.test('a good token that is refused breaks a rule', async (t) => {
  t.same(brokenRules({}), []);
  t.same(brokenRules({ showings: [showing(1), showing(2, 'no key')] }), ['no good token is refused']);
});

t.test(
  'a token that may have expired, or may have been revoked, before the answer is no good token',
  async (t) => {
    t.same(brokenRules({ showings: [showing(1, 'expired', { expiresAt: 1.05 })] }), []);
    t.same(
      brokenRules({ showings: [showing(1, 'no key')], revocations: [{ kid: 'a', revokedAt: 1.05 }] }),
      [],
    );
  },
);

t.test('a verifier that keeps the JWKS for too long may refuse', async (t) => {
  t.same(brokenRules({ kinds: [{ ...kind, isCareless: true }], showings: [showing(1, 'no key')] }), []);
});

t.test('a verifier that was shown nothing proves nothing', async (t) => {
  t.same(brokenRules({ showings: [] }), ['it was asked']);
});

// Published at 100, signs at once: the JWKS of 97 lacks it, and is kept until 107.
const emergency = {
  emergencies: [{ kid: 'a', publishedAt: 100, decidedAt: 100, planned: 10 }],
  fetches: [
    { verifier: 'someone', at: 97, kids: ['b'] },
    { verifier: 'someone', at: 107, kids: ['a', 'b'] },
  ],
};
const refusedUntil = (last: number): Showing[] =>
  Array.from({ length: 60 }, (_, n) => 100 + n / 2).map((at) =>
    showing(at, at <= last ? 'no key' : undefined),
  );

t.test('in an emergency a verifier refuses for as long as its cache is old', async (t) => {
  t.same(brokenRules({ ...emergency, showings: refusedUntil(107) }), []);
  t.same(brokenRules({ ...emergency, showings: refusedUntil(110) }), ['refused as long as its cache is old']);
  t.same(brokenRules({ ...emergency, showings: refusedUntil(103) }), ['refused as long as its cache is old']);
  t.same(brokenRules({ ...emergency, showings: refusedUntil(0) }), ['refused as long as its cache is old']);
});

t.test('nobody refuses for longer than the plan said', async (t) => {
  t.same(brokenRules({ ...emergency, showings: refusedUntil(116) }), [
    'refused no longer than the plan said',
    'refused as long as its cache is old',
  ]);
});

t.test('one that is only bounded may refuse for a shorter time', async (t) => {
  const kinds = [{ ...kind, isBounded: true as const }];
  t.same(brokenRules({ ...emergency, kinds, showings: refusedUntil(0) }), []);
});

t.test('the row says what the plan, the cache and the eye saw', async (t) => {
  const [row] = judge(history({ ...emergency, showings: refusedUntil(107) }));
  t.match(row, { planned: 10, expected: 7, seen: 7, refused: 0, refusedInEmergency: 15, fetches: 2 });
});

t.test('a JWKS from after the key is gone does not make its cache old', async (t) => {
  const fetches = [...emergency.fetches, { verifier: 'someone', at: 150, kids: ['c'] }];
  t.same(brokenRules({ ...emergency, fetches, showings: refusedUntil(107) }), []);
});

t.test('a revoked key is trusted no longer than the cache lives', async (t) => {
  const revocations = [{ kid: 'a', revokedAt: 100 }];
  const showings = [showing(104), showing(120, 'no key')];
  t.same(brokenRules({ revocations, showings }), []);
  t.equal(judge(history({ revocations, showings }))[0]?.trustedFor, 4);
  t.same(brokenRules({ revocations, showings: [showing(120)] }), ['a revoked key is distrusted in time']);
  t.same(
    brokenRules({ kinds: [{ ...kind, keepsRemovedKeys: true }], revocations, showings: [showing(120)] }),
    [],
  );
});

t.test('a client that got no token is the fault of the issuer', async (t) => {
  t.same(judgeIssuer(history({})), []);
  t.match(judgeIssuer(history({ undrawn: ['503'] })), [{ rule: 'every client gets its token' }]);
  t.match(judgeIssuer(history({ drawn: 0 })), [{ rule: 'every client gets its token' }]);
});

t.test('a cooldown bounds the blindness, and so does the cache', async (t) => {
  t.equal(blindness({ name: '', cacheLifetime: 600, unknownKidCooldown: 30 }), 30);
  t.equal(blindness({ name: '', cacheLifetime: 20, unknownKidCooldown: 30 }), 20);
  t.equal(blindness({ name: '', cacheLifetime: 20, unknownKidCooldown: null }), 20);
});
