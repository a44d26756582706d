// What an operator is told of the keys, as a table: standings, steps, the rule behind each time, the forecast.
import t from 'tap';
import type { KeyTimes, Timetable } from '../../src/keys/lifecycle.ts';
import { rotate, settle } from '../../src/keys/plan.ts';
import { keyStandings, planReport } from '../../src/keys/report.ts';
import { dateInWords, distanceInWords, durationInWords } from '../../src/words.ts';

const T = 1_800_000_000;
const minute = 60;
const hour = 3600;
const day = 24 * hour;

const timetable: Timetable = {
  algs: ['RS256'],
  automaticRotation: true,
  rotationPeriod: 30 * day,
  verifierCacheLifetime: day,
  jwksMaxAge: 300,
  reloadInterval: 10,
  longestTokenLifetime: 300,
};
/** how long a replica that is cut off from the store goes on */
const cutOff = hour + 30;
const lead = day + 300 + 30 + cutOff;
const never = Number.POSITIVE_INFINITY;

const key = (kid: string, changes: Partial<KeyTimes>): KeyTimes => ({
  kid,
  alg: 'RS256',
  publishAt: T - 10 * day,
  activateAt: never,
  retireAt: never,
  removeAt: never,
  revokedAt: null,
  lastTokenExpiresAt: 0,
  longestLifetime: 0,
  ...changes,
});

const signs = key('signs', { activateAt: T - 10 * day, lastTokenExpiresAt: T + 250, longestLifetime: 300 });
const waits = key('waits', {});
const set = settle([signs, waits], T, timetable);

t.test('every key is told with its state, its times, and how long its tokens live', async (t) => {
  const keys = [
    ...set,
    key('retired', {
      activateAt: T - 40 * day,
      retireAt: T - 100,
      removeAt: T + day,
      lastTokenExpiresAt: T - 1,
    }),
    key('removed', { activateAt: T - 80 * day, retireAt: T - 40 * day, removeAt: T - 39 * day }),
    key('revoked', { activateAt: T - 40 * day, revokedAt: T - 50 }),
  ];
  const counted = keys.map((key) => ({ ...key, tokensIssued: key.kid === 'signs' ? 12 : 0 }));
  t.match(keyStandings(counted, T, timetable), [
    {
      kid: 'signs',
      tokens_issued: 12,
      state: 'active',
      signs: true,
      activate_at: T - 10 * day,
      retire_at: T + 20 * day + 30,
      tokens_until: T + 250,
    },
    {
      kid: 'waits',
      state: 'standby',
      signs: false,
      activate_at: T + 20 * day,
      retire_at: null,
      remove_at: null,
    },
    { kid: 'retired', state: 'retired', signs: false, remove_at: T + day, tokens_until: null },
    { kid: 'removed', state: 'removed', signs: false },
    { kid: 'revoked', state: 'revoked', signs: false, revoked_at: T - 50 },
  ]);
});

t.test('the plan tells what happens, when, and which rule says so', async (t) => {
  const { alg, signer, next, steps } = planReport(set, 'RS256', T, timetable);
  t.match({ alg, signer, next }, { alg: 'RS256', signer: 'signs', next: 'waits' });
  t.match(steps, [
    {
      at: T + 20 * day,
      kid: 'waits',
      becomes: 'active',
      because: 'rotation_period (30 d) after the key that signs now',
    },
    {
      at: T + 20 * day + 30,
      kid: 'signs',
      becomes: 'retired',
      because: /^S \(30 s, 3 x reload_interval\) after the next key is active/,
    },
    {
      at: T + 20 * day + 30 + cutOff + 300 + 60 + 30,
      kid: 'signs',
      becomes: 'removed',
      because:
        'the longest token (5 min) + a replica that is cut off (61 min) + clock skew (60 s) + S (30 s, 3 x reload_interval)',
    },
  ]);
});

t.test('a key that was just published is held by the lead', async (t) => {
  const fresh = key('waits', { publishAt: T - hour });
  const rotated = rotate([signs, fresh], T, timetable, { alg: 'RS256', now: false }) as KeyTimes[];
  const { steps } = planReport(rotated, 'RS256', T, timetable);
  t.match(steps[1], {
    at: T - hour + lead,
    kid: 'waits',
    becomes: 'active',
    because: `published since ${dateInWords(T - hour)}, and then verifier_cache_lifetime (1 d) + jwks_max_age (5 min) + S (30 s, 3 x reload_interval) + a replica that is cut off (61 min)`,
  });
  t.match(steps[0], {
    at: T,
    kid: 'draft:RS256:2',
    becomes: 'published',
    because: /one more from a full lead/,
  });
});

t.test('a time that no rule sets is one that was asked for', async (t) => {
  const asked = settle([signs, key('waits', { activateAt: T + 5 * day })], T, timetable);
  t.match(planReport(asked, 'RS256', T, timetable).steps[0], {
    at: T + 5 * day,
    because: 'as it was asked for, no sooner than is safe',
  });
});

t.test('a token that outlives the plan holds the removal up', async (t) => {
  const until = T + 90 * day;
  const long = settle([{ ...signs, lastTokenExpiresAt: until }, waits], T, timetable);
  t.match(planReport(long, 'RS256', T, timetable).steps.at(-1), {
    at: until + 60 + 30,
    becomes: 'removed',
    because: `the last token that it signed expires at ${dateInWords(until)} + clock skew (60 s) + S (30 s, 3 x reload_interval)`,
  });
});

t.test('what lies in the past, and what is out, is not told', async (t) => {
  const revoked = key('revoked', { activateAt: T + hour, revokedAt: T - 1 });
  const { steps } = planReport([...set, revoked], 'RS256', T, timetable);
  t.notOk(steps.some(({ kid, at }) => kid === 'revoked' || at < T));
});

t.test('without automatic rotation nothing is planned', async (t) => {
  const manual = { ...timetable, automaticRotation: false };
  t.same(planReport(settle([signs, waits], T, manual), 'RS256', T, manual).steps, []);
});

t.test('before the first start the plan is the first keys', async (t) => {
  const { signer, steps } = planReport(settle([], T, timetable), 'RS256', T, timetable);
  t.equal(signer, 'draft:RS256:0');
  t.match(steps.slice(0, 2), [
    { becomes: 'published', at: T },
    { becomes: 'published', at: T },
  ]);
});

const outageCases: [since: number, refusing: Record<string, number>, not: string[]][] = [
  [lead, {}, ['jose']],
  [
    0,
    { jose: 30, 'Microsoft.IdentityModel': 300, Envoy: 600, Confluent: day },
    ['PyJWT', 'go-oidc', 'jwks-rsa'],
  ],
  [
    5 * minute,
    // A shared cache before it adds max-age and S.
    { Envoy: 300, Istio: 900, 'any, within the declared cache': day - 300 + 300 + 30 },
    ['jose', 'Microsoft.IdentityModel'],
  ],
  [2 * hour, { TIBCO: 22 * hour }, ['Kong', 'AWS API Gateway (HTTP)']],
  [day + 5 * minute, { 'any, within the declared cache': 30 }, ['Confluent']],
];

t.test('who would refuse good tokens if the next key signed now', async (t) => {
  for (const [since, refusing, not] of outageCases) {
    const keys = settle([signs, key('waits', { publishAt: T - since })], T, timetable);
    const { outage_if_now } = planReport(keys, 'RS256', T, timetable);
    const found = Object.fromEntries(outage_if_now.map(({ verifier, seconds }) => [verifier, seconds]));
    t.match(found, refusing, `published ${durationInWords(since)} ago`);
    for (const name of not) t.notOk(name in found, name);
  }
  t.same(planReport(set, 'RS256', T, timetable).outage_if_now, [], 'nobody, once the lead is over');
});

t.test('instants and durations in words', async (t) => {
  const durations: [number, string][] = [
    [0, '0 s'],
    [1.4, '1 s'],
    [60, '1 min'],
    [90, '90 s'],
    [120, '2 min'],
    [3600, '1 h'],
    [5400, '90 min'],
    [86_400, '1 d'],
    [90_000, '25 h'],
    [30 * day, '30 d'],
    [never, 'for ever'],
  ];
  for (const [seconds, words] of durations) t.equal(durationInWords(seconds), words);
  t.equal(distanceInWords(T + 3 * hour, T), 'in 3 h');
  t.equal(distanceInWords(T - 300, T), '5 min ago');
  t.equal(distanceInWords(T + 0.4, T), 'now');
  t.equal(dateInWords(T + 0.987), '2027-01-15T08:00:00Z');
});
