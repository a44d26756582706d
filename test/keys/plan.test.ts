// The plan as a table: what a set of keys becomes by itself, by each intent, and by a change of the settings.
import assert from 'node:assert/strict';
import fc from 'fast-check';
import t, { type Test } from 'tap';
import { type KeyTimes, leadTime, signerOf, stateOf, type Timetable } from '../../src/keys/lifecycle.ts';
import {
  type ImportRole,
  importedTimes,
  isDraft,
  type NothingToDo,
  removalAfter,
  remove,
  revoke,
  rotate,
  settle,
} from '../../src/keys/plan.ts';
import type { SigningAlg } from '../../src/stores/stores.ts';
import { searchLength } from '../helpers/search.ts';

const T = 1_800_000_000;
const never = Number.POSITIVE_INFINITY;
const day = 86_400;
const S = 30;
const timetable: Timetable = {
  algs: ['RS256'],
  automaticRotation: true,
  rotationPeriod: 30 * day,
  verifierCacheLifetime: day,
  jwksMaxAge: 300,
  reloadInterval: 10,
  longestTokenLifetime: 300,
};
const manual = { ...timetable, automaticRotation: false };
const both: Timetable = { ...timetable, algs: ['RS256', 'ES256'] };
const lead = leadTime(timetable);

const key = (kid: string, times: Partial<KeyTimes> = {}): KeyTimes => ({
  kid,
  alg: 'RS256',
  publishAt: T - 100 * day,
  activateAt: never,
  retireAt: never,
  removeAt: never,
  revokedAt: null,
  lastTokenExpiresAt: 0,
  longestLifetime: 0,
  ...times,
});

type Plan = readonly KeyTimes[] | NothingToDo | undefined;

/** The plan as applied: every key that it drafts is made and gets a name, in the order of the drafts. */
function made(plan: Plan, ...names: string[]): KeyTimes[] {
  if (!plan || 'nothingToDo' in plan) throw new Error(`there is no plan: ${plan?.nothingToDo}`);
  const drafts = plan.filter(isDraft).length;
  if (drafts !== names.length) throw new Error(`${drafts} keys are drafted, not ${names.length}`);
  return plan.map((key) => (isDraft(key) ? { ...key, kid: names.shift() as string } : key));
}

/** The key of that name, with its instants from T on. */
function told(keys: readonly KeyTimes[], kid: string) {
  const { publishAt, activateAt, retireAt, revokedAt } = keys.find((key) => key.kid === kid) as KeyTimes;
  return {
    publish: publishAt - T,
    activate: activateAt - T,
    retire: retireAt - T,
    ...(revokedAt !== null && { revoked: revokedAt - T }),
  };
}

const nothing = (plan: Plan): string => (plan && 'nothingToDo' in plan ? plan.nothingToDo : 'something');
const signer = (keys: readonly KeyTimes[], at: number, settings = timetable, alg: SigningAlg = 'RS256') =>
  signerOf(keys, alg, at, settings)?.kid;
const byKid = (keys: readonly KeyTimes[]) => [...keys].sort((a, b) => (a.kid < b.kid ? -1 : 1));
const states = (keys: readonly KeyTimes[], at: number) =>
  Object.fromEntries(keys.map((key) => [key.kid, stateOf(key, at, timetable)]));

/** A set in the middle of its life: `one` has signed for ten days, `two` waits and is ready. */
const whole = settle([key('one', { activateAt: T - 10 * day }), key('two')], T, timetable);
/** A set that has just been made. */
const fresh = made(settle([], T, timetable), 'one', 'two');

t.test('the first start', async (t) => {
  t.same(told(fresh, 'one'), { publish: 0, activate: 0, retire: 30 * day + S });
  t.same(told(fresh, 'two'), { publish: 0, activate: 30 * day, retire: never });
  t.equal(signer(fresh, T), 'one', 'the first key signs at once');
  const set = made(settle([], T, both), 'rs1', 'es1', 'rs2', 'es2');
  t.same(
    [signer(set, T, both), signer(set, T, both, 'ES256')],
    ['rs1', 'es1'],
    'each algorithm gets its own',
  );
  t.same(
    told(made(settle([], T, manual), 'one', 'two'), 'two').activate,
    never,
    'by hand nothing is planned',
  );
});

t.test('the removal counts the horizon, the longest token, skew and S', async (t) => {
  const margin = 3600 + S + 60 + S;
  t.equal(removalAfter(T, key('k'), timetable), T + 300 + margin);
  t.equal(removalAfter(T, key('k', { longestLifetime: day }), timetable), T + day + margin);
  t.equal(removalAfter(T, key('k', { longestLifetime: 5 }), timetable), T + 300 + margin);
});

t.test('settled once is settled', async () => {
  const instant = fc.oneof(
    fc.constantFrom(T, T - lead, T + lead, T - S, T - 30 * day, never),
    fc.integer({ min: -40 * day, max: 40 * day }).map((by) => T + by),
  );
  const some = fc
    .record({
      times: fc.tuple(instant, instant, instant, instant),
      revoked: fc.boolean(),
      alg: fc.constantFrom('RS256' as const, 'ES256' as const),
      longestLifetime: fc.constantFrom(0, 600),
    })
    .map(({ times, revoked, ...rest }) => {
      const [publishAt, activateAt, retireAt, removeAt] = times.sort((a, b) => (a < b ? -1 : 1));
      const revokedAt = revoked ? T - 5 : null;
      return { ...rest, publishAt: Math.min(publishAt, T), activateAt, retireAt, removeAt, revokedAt };
    });
  const sets = fc.array(some, { maxLength: 6 }).map((keys) => keys.map((times, i) => key(`key ${i}`, times)));
  const settings = fc.record({
    automaticRotation: fc.boolean(),
    rotationPeriod: fc.constantFrom(60, 2 * lead, 30 * day),
    algs: fc.constantFrom<SigningAlg[]>(['RS256'], ['RS256', 'ES256']),
  });
  fc.assert(
    fc.property(sets, settings, (keys, changes) => {
      const rules = { ...timetable, ...changes };
      const once = settle(keys, T, rules);
      assert.deepStrictEqual(byKid(settle(once, T, rules)), byKid(once));
      for (const alg of rules.algs) {
        const counted = once.filter((key) => key.alg === alg).map((key) => stateOf(key, T, rules));
        assert(counted.includes('standby'), `${alg} has a standby key`);
      }
    }),
    { numRuns: 300 * searchLength },
  );
});

t.test('the reserve is published a lead before it is the only one', async (t) => {
  const dueAt = T + 20 * day;
  t.equal(settle(whole, dueAt - lead - 1, timetable).length, 2, 'not before');
  const set = made(settle(whole, dueAt - lead, timetable), 'three');
  t.same(told(set, 'three'), { publish: 20 * day - lead, activate: never, retire: never });
  t.equal(settle(set, dueAt - 1, timetable).length, 3, 'and once');
  const rotated = settle(set, dueAt, timetable);
  t.same(states(rotated, dueAt), { one: 'active', two: 'active', three: 'standby' });
  t.same(told(rotated, 'three').activate, 50 * day, 'its own turn is planned');
});

t.test('a rotation by itself goes through without a maintenance at its instants', async (t) => {
  t.same(told(whole, 'two'), { publish: -100 * day, activate: 20 * day, retire: never });
  const dueAt = T + 20 * day;
  t.same([signer(whole, dueAt + S - 1), signer(whole, dueAt + S)], ['one', 'two']);
  t.same(states(whole, dueAt + S), { one: 'retired', two: 'active' });
});

t.test(
  'a rotation that is overdue comes at once where the standby key is ready, whole in one step',
  async (t) => {
    const late = T + 60 * day;
    const overdue = [key('one', { activateAt: T - 10 * day }), key('two')];
    const set = made(settle(overdue, late, timetable), 'three');
    t.same(told(set, 'two').activate, 60 * day);
    t.same(told(set, 'three'), { publish: 60 * day, activate: 90 * day, retire: never });
  },
);

t.test('an algorithm that joins', async (t) => {
  const joined = made(settle(whole, T, both), 'es1', 'es2');

  await t.test('waits for its lead, and a reserve with it', async (t) => {
    t.same(told(joined, 'es1').activate, lead);
    t.same(
      [signer(joined, T + lead - 1, both, 'ES256'), signer(joined, T + lead, both, 'ES256')],
      [undefined, 'es1'],
    );
    t.same(told(joined, 'es2'), { publish: 0, activate: lead + 30 * day, retire: never });
  });

  await t.test('does not rotate before it signs', async (t) => {
    t.match(nothing(rotate(joined, T, both, { alg: 'ES256', now: false })), /does not sign yet/);
    t.match(nothing(rotate(joined, T, both, { alg: 'ES256', now: true })), /does not sign yet/);
  });

  await t.test('signs in its time though its first key was revoked while it waited', async (t) => {
    const left = made(revoke(joined, T + 60, both, 'es1'), 'es3');
    t.same(told(left, 'es2').activate, lead, 'the reserve was published as long ago');
    t.same(told(left, 'es3').publish, 60);
    const again = made(revoke(left, T + 90, both, 'es2'), 'es4');
    t.same(told(again, 'es3').activate, 60 + lead, 'and the one after it was not');
    const later = settle(again, T + lead + 1, both);
    t.same(told(later, 'es3').activate, 60 + lead, 'a revoked key that never signed is no emergency');
  });

  await t.test('waits though one of its keys was imported to verify', async (t) => {
    const legacy = importedTimes('legacy', 'ES256', 'retired', T, both);
    const set = made(settle([...whole, legacy], T, both), 'es1', 'es2');
    t.equal(told(set, 'es1').activate, lead);
  });

  await t.test('waits longer where the lead grows meanwhile', async (t) => {
    const slower = { ...both, verifierCacheLifetime: 2 * day };
    t.equal(told(settle(joined, T + 60, slower), 'es1').activate, leadTime(slower));
  });
});

t.test('an algorithm that is not configured is left as it is', async (t) => {
  const legacy = key('es', { alg: 'ES256', activateAt: T - 10 * day, retireAt: T + 5 });
  t.same(
    settle([...whole, legacy], T, timetable).find(({ kid }) => kid === 'es'),
    legacy,
  );
  t.match(nothing(rotate([...whole, legacy], T, timetable, { alg: 'ES256', now: false })), /not among/);
  t.match(nothing(rotate([...whole, legacy], T, timetable, { alg: 'ES256', now: true })), /not among/);
});

t.test('rotate', async (t) => {
  const intent = { alg: 'RS256', now: false } as const;
  const now = { alg: 'RS256', now: true } as const;

  await t.test('comes at once where the standby key is ready, by S', async (t) => {
    const set = made(rotate(whole, T, timetable, intent), 'three');
    t.same(told(set, 'two'), { publish: -100 * day, activate: 0, retire: 30 * day + S });
    t.equal(told(set, 'one').retire, S);
    t.same(told(set, 'three'), { publish: 0, activate: 30 * day, retire: never });
    t.same([signer(set, T + S - 1), signer(set, T + S)], ['one', 'two']);
  });

  await t.test('comes at the earliest safe instant where it is not', async (t) => {
    const set = made(rotate(fresh, T + 60, timetable, intent), 'three');
    t.equal(told(set, 'two').activate, lead);
    t.equal(told(set, 'three').publish, 60, 'the reserve with it, since the lead is near');
    t.match(
      nothing(rotate(set, T + 120, timetable, intent)),
      /rotates at .* already, the earliest safe instant/,
    );
    t.match(nothing(rotate(set, T + lead, timetable, intent)), /was rotated at .* already/);
  });

  await t.test('asked again within a lead it has been done', async (t) => {
    const set = made(rotate(whole, T, timetable, intent), 'three');
    for (const later of [0, S, lead - 1]) {
      t.match(
        nothing(rotate(set, T + later, timetable, intent)),
        /was rotated at .* already/,
        `${later} s later`,
      );
    }
    t.equal(
      told(made(rotate(set, T + lead, timetable, intent), 'four'), 'three').activate,
      lead,
      'and not after',
    );
  });

  await t.test(
    'is not taken for done because of a key that was imported to verify, or is revoked',
    async (t) => {
      const legacy = importedTimes('legacy', 'RS256', 'retired', T - 5, timetable);
      t.equal(
        told(made(rotate([...fresh, legacy], T + 60, timetable, intent), 'three'), 'two').activate,
        lead,
      );
      const emergency = made(revoke(whole, T, timetable, 'one'), 'three');
      t.equal(told(made(rotate(emergency, T + 60, timetable, intent), 'four'), 'three').activate, lead);
    },
  );

  await t.test('goes by hand alone where nothing comes by itself', async (t) => {
    const set = settle([key('one', { activateAt: T - 10 * day }), key('two')], T, manual);
    t.equal(told(set, 'two').activate, never);
    t.equal(told(made(rotate(set, T, manual, intent), 'three'), 'two').activate, 0);
  });

  await t.test('--now does not wait for the lead, only for the replicas', async (t) => {
    const set = made(rotate(fresh, T + 60, timetable, now), 'three');
    t.equal(told(set, 'two').activate, 60);
    t.same([signer(set, T + 60 + S - 1), signer(set, T + 60 + S)], ['one', 'two']);
  });

  await t.test('--now waits for the replicas though the first key is younger than S', async (t) => {
    const set = made(rotate(fresh, T + 5, timetable, now), 'three');
    t.same([signer(set, T + 5), signer(set, T + 5 + S - 1), signer(set, T + 5 + S)], ['one', 'one', 'two']);
  });

  await t.test('--now asked by two at the first instant is one rotation', async (t) => {
    const set = made(rotate(fresh, T, timetable, now), 'three');
    t.match(nothing(rotate(set, T, timetable, now)), /was rotated at .* already/);
  });

  await t.test('--now asked by two is one rotation, after a revocation too', async (t) => {
    const set = made(rotate(whole, T, timetable, now), 'three');
    t.match(nothing(rotate(set, T + S - 1, timetable, now)), /was rotated at/);
    t.equal(told(made(rotate(set, T + S, timetable, now), 'four'), 'three').activate, S);
    const emergency = made(revoke(whole, T, timetable, 'one'), 'three');
    t.match(nothing(rotate(emergency, T + 1, timetable, now)), /was rotated at/);
  });
});

t.test('revoke', async (t) => {
  const ready = made(settle(whole, T + 20 * day - lead, timetable), 'three');

  await t.test('of the signer: the standby key signs at once, and a new one is made', async (t) => {
    const set = made(revoke(whole, T, timetable, 'one'), 'three');
    t.equal(signer(set, T), 'two');
    t.same(told(set, 'one').revoked, 0);
    t.same(told(set, 'two'), { publish: -100 * day, activate: 0, retire: 30 * day + S });
    t.same(told(set, 'three'), { publish: 0, activate: 30 * day, retire: never });
  });

  await t.test('of the next: the reserve takes its place, no sooner than is safe', async (t) => {
    const at = T + 20 * day - lead + 60;
    const set = made(revoke(ready, at, timetable, 'two'), 'four');
    t.same([told(set, 'three').activate, told(set, 'one').retire], [20 * day, 20 * day + S]);
    const unready = made(revoke(whole, T + 20 * day - 5, timetable, 'two'), 'three', 'four');
    t.equal(told(unready, 'three').activate, 20 * day - 5 + lead);
  });

  await t.test('of the reserve: another is made', async (t) => {
    const set = made(revoke(ready, T + 20 * day - 60, timetable, 'three'), 'four');
    t.same([told(set, 'two').activate, told(set, 'four').publish], [20 * day, 20 * day - 60]);
  });

  await t.test('of the newer during the overlap: the elder signs on, and the next takes over', async (t) => {
    const rotated = settle(ready, T + 20 * day + 5, timetable);
    const set = made(revoke(rotated, T + 20 * day + 5, timetable, 'two'), 'four');
    t.equal(signer(set, T + 20 * day + 5), 'one');
    t.same([told(set, 'three').activate, told(set, 'one').retire], [20 * day + 5, 20 * day + 5 + S]);
  });

  await t.test('of the elder during the overlap: the newer signs at once', async (t) => {
    const set = revoke(settle(ready, T + 20 * day + 5, timetable), T + 20 * day + 5, timetable, 'one');
    t.equal(signer(made(set), T + 20 * day + 5), 'two');
  });

  await t.test('of a key that signs no more changes nothing else', async (t) => {
    const past = [
      key('retired', { activateAt: T - 50 * day, retireAt: T - 10, removeAt: T + day }),
      key('removed', { activateAt: T - 90 * day, retireAt: T - 50 * day, removeAt: T - 49 * day }),
    ];
    for (const { kid } of past) {
      const set = made(revoke([...past, ...whole], T, timetable, kid));
      t.same(
        set.filter((one) => one.kid !== kid),
        settle([...past, ...whole], T, timetable).filter((one) => one.kid !== kid),
      );
      t.equal(told(set, kid).revoked, 0);
    }
  });

  await t.test(
    'of every key, one after the other, always leaves one that signs and one that waits',
    async (t) => {
      let set: KeyTimes[] = whole;
      for (const [i, kid] of ['one', 'two', 'three', 'four'].entries()) {
        set = made(revoke(set, T + i, timetable, kid), ['three', 'four', 'five', 'six'][i] as string);
        t.equal(signer(set, T + i), ['two', 'three', 'four', 'five'][i]);
        t.equal(set.filter((one) => stateOf(one, T + i, timetable) === 'standby').length, 1);
      }
    },
  );

  await t.test('where nothing is left a new key signs at once', async (t) => {
    const set = made(revoke([key('one', { activateAt: T - 5 })], T, timetable, 'one'), 'two', 'three');
    t.equal(signer(set, T), 'two');
  });

  await t.test('twice is once; what is not there is not there', async (t) => {
    const set = made(revoke(whole, T, timetable, 'one'), 'three');
    t.match(nothing(revoke(set, T + 9, timetable, 'one')), /was revoked at .* already/);
    t.equal(revoke(set, T, timetable, 'nobody'), undefined);
  });
});

t.test('import', async (t) => {
  const join = (set: readonly KeyTimes[], role: ImportRole, at = T) =>
    settle([...set, importedTimes('legacy', 'RS256', role, at, timetable)], at, timetable);

  await t.test('as active: it signs when every replica publishes it, and the other retires', async (t) => {
    const set = join(whole, 'active');
    t.same([signer(set, T + S - 1), signer(set, T + S)], ['one', 'legacy']);
    t.same([told(set, 'one').retire, told(set, 'two').activate], [S, 20 * day]);
  });

  await t.test('as standby: it queues, and signs in its turn', async (t) => {
    const set = join(whole, 'standby');
    t.same(told(set, 'legacy'), { publish: 0, activate: never, retire: never });
    t.equal(told(set, 'two').activate, 20 * day);
  });

  await t.test('as retired: it verifies until its tokens are dead, and then goes', async (t) => {
    const set = join(whole, 'retired');
    const legacy = set.find(({ kid }) => kid === 'legacy') as KeyTimes;
    t.equal(stateOf(legacy, T, timetable), 'retired');
    t.equal(legacy.removeAt, removalAfter(T, legacy, timetable));
    t.equal(signer(set, T), 'one');
  });

  await t.test('before the first start: in whatever role, the issuer signs at once', async (t) => {
    t.equal(signer(made(join([], 'active'), 'one'), T), 'legacy');
    t.equal(signer(made(join([], 'standby'), 'one'), T), 'legacy');
    t.equal(signer(made(join([], 'retired'), 'one', 'two'), T), 'one');
  });
});

t.test('a change of the settings between two settles', async (t) => {
  const planned = made(rotate(fresh, T + 60, timetable, { alg: 'RS256', now: false }), 'three');
  const replanned = (set: readonly KeyTimes[], changes: Partial<Timetable>, at = T + 120) =>
    settle(set, at, { ...timetable, ...changes });

  await t.test('a longer lead puts the activation off', async (t) => {
    const changes = { verifierCacheLifetime: 3 * day };
    t.equal(told(replanned(planned, changes), 'two').activate, leadTime({ ...timetable, ...changes }));
  });

  await t.test('a shorter lead does not bring it forward unasked', async (t) => {
    t.equal(told(replanned(planned, { verifierCacheLifetime: 60 }), 'two').activate, lead);
  });

  await t.test('a shorter period brings it forward, no sooner than is safe', async (t) => {
    t.equal(told(replanned(whole, { rotationPeriod: 15 * day }), 'two').activate, 5 * day);
    const overdue = made(replanned(whole, { rotationPeriod: 5 * day }), 'three');
    t.equal(told(overdue, 'two').activate, 120, 'at once where it is overdue');
    t.equal(told(made(replanned(fresh, { rotationPeriod: 60 }), 'three'), 'two').activate, lead);
  });

  await t.test('a longer period leaves what is planned', async (t) => {
    t.equal(told(replanned(whole, { rotationPeriod: 90 * day }), 'two').activate, 20 * day);
  });

  await t.test('rotation by hand leaves what is planned, and plans nothing after it', async (t) => {
    const set = made(settle(whole, T + 20 * day - 60, manual), 'three');
    t.equal(told(set, 'two').activate, 20 * day);
    t.equal(told(settle(set, T + 20 * day, manual), 'three').activate, never);
  });

  await t.test('longer tokens put the removal of a key off, also of one that has retired', async (t) => {
    const rotated = made(rotate(whole, T, timetable, { alg: 'RS256', now: false }), 'three');
    const removal = (keys: readonly KeyTimes[]) => keys.find(({ kid }) => kid === 'one')?.removeAt;
    const before = removal(settle(rotated, T + 2 * S, timetable)) as number;
    t.equal(removal(replanned(rotated, { longestTokenLifetime: 900 })), before + 600);
    t.equal(removal(replanned(rotated, { longestTokenLifetime: 5 })), before, 'never forward');
    const found = rotated.map((one) => ({ ...one, longestLifetime: 500 }));
    t.equal(removal(replanned(found, {})), before + 200, 'nor is one found out too late');
    t.equal(removal(replanned(found, {}, before)), before, 'one that was removed stays removed');
  });
});

t.test('a removal before its time', async (t) => {
  const times = { activateAt: T - 40 * day, retireAt: T - day, removeAt: T + day };
  const set = (more: Partial<KeyTimes>) => [
    key('signs', { activateAt: T - day - S }),
    key('waits', { activateAt: T + 29 * day }),
    key('old', { ...times, lastTokenExpiresAt: T - day + 300, longestLifetime: 300, ...more }),
  ];
  const asked = (more: Partial<KeyTimes>, { kid = 'old', at = T, settings = timetable } = {}) =>
    remove(set(more), at, settings, kid);
  const refusal = (plan: ReturnType<typeof asked>) => (plan && 'refused' in plan ? plan.refused : 'none');

  await t.test(
    'is made where lives have become shorter since it retired, and changes nothing else',
    async (t) => {
      const after = asked({});
      t.same(byKid(after as KeyTimes[]), byKid(settle(set({ removeAt: T }), T, timetable)));
      t.equal(
        stateOf((after as KeyTimes[]).find(({ kid }) => kid === 'old') as KeyTimes, T, timetable),
        'removed',
      );
    },
  );

  await t.test('is refused until the exact second', async (t) => {
    const last = { lastTokenExpiresAt: T + 322 };
    t.equal(
      refusal(asked(last)),
      'old stays in the JWKS until 2027-01-15T08:06:52Z (412 s): tokens that it signed are alive; ' +
        'by itself it goes at 2027-01-16T08:00:00Z',
    );
    t.match(refusal(asked(last, { at: T + 411.5 })), /08:06:52Z \(1 s\): tokens that it signed may be alive/);
    t.equal(refusal(asked(last, { at: T + 412 })), 'none');
  });

  await t.test('reckons with a replica that was cut off when the key retired', async (t) => {
    const retireAt = T - 60;
    const earliestAt = removalAfter(retireAt, key('old', { longestLifetime: 300 }), timetable);
    const lately = { retireAt, lastTokenExpiresAt: T - 50, longestLifetime: 300 };
    t.match(refusal(asked(lately, { at: earliestAt - 1 })), /\(1 s\): tokens that it signed may be alive/);
    t.equal(refusal(asked(lately, { at: earliestAt })), 'none');
    const planned = { ...lately, removeAt: earliestAt };
    t.match(refusal(asked(planned, { at: earliestAt - 1 })), /may be alive; then it goes by itself$/);
  });

  await t.test('is refused for longer tokens, of the settings and of the key itself', async (t) => {
    t.match(refusal(asked({ longestLifetime: 1.5 * day })), /may be alive/);
    t.match(
      refusal(asked({}, { settings: { ...timetable, longestTokenLifetime: 1.5 * day } })),
      /may be alive/,
    );
  });

  await t.test('is refused where nothing is on record of what the key has signed', async (t) => {
    t.match(
      refusal(asked({ lastTokenExpiresAt: 0, longestLifetime: 0 })),
      /\(86400 s\): .*; then it goes by itself$/,
    );
  });

  await t.test('is for retired keys alone', async (t) => {
    t.match(refusal(asked({}, { kid: 'signs' })), /^signs is active: a key is removed once it has retired/);
    t.match(refusal(asked({}, { kid: 'waits' })), /^waits is standby: /);
    t.match(
      nothing(asked({ removeAt: T - 1 }) as Plan),
      /^old was removed at 2027-01-15T07:59:59\S+ already$/,
    );
    t.match(nothing(asked({ revokedAt: T - 1 }) as Plan), /^old was revoked at \S+ already$/);
    t.equal(asked({}, { kid: 'nobody' }), undefined);
  });
});

t.test('a clock that stands still or goes back', async (t: Test) => {
  const intent = { alg: 'RS256', now: false } as const;
  const set = made(rotate(whole, T, timetable, intent), 'three');
  t.same(settle(set, T, timetable), set, 'nothing more is due');
  const earlier = settle(set, T - 5, timetable);
  t.equal(told(earlier, 'two').activate, 0, 'what was planned for a later instant stays planned');
  t.equal(signer(earlier, T - 5), 'one');
});
