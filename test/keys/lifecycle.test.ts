// The life of a key as a table: its state at every instant that matters, who signs, and when something changes next.
import t from 'tap';
import {
  CLOCK_SKEW,
  isPublished,
  type KeyState,
  type KeyTimes,
  leadTime,
  nextChangeAfter,
  removalOf,
  settleTime,
  signerOf,
  signingHorizon,
  standbyKeys,
  stateOf,
  type Timetable,
} from '../../src/keys/lifecycle.ts';

const T = 1_800_000_000;
const never = Number.POSITIVE_INFINITY;
const instant = 1 / 1024;
const S = 30;
const timetable: Timetable = {
  algs: ['RS256'],
  automaticRotation: true,
  rotationPeriod: 30 * 86_400,
  verifierCacheLifetime: 86_400,
  jwksMaxAge: 300,
  reloadInterval: 10,
  longestTokenLifetime: 300,
};

const key = (kid: string, times: Partial<KeyTimes> = {}): KeyTimes => ({
  kid,
  alg: 'RS256',
  publishAt: T,
  activateAt: never,
  retireAt: never,
  removeAt: never,
  revokedAt: null,
  lastTokenExpiresAt: 0,
  longestLifetime: 0,
  ...times,
});

t.test('the state of a key changes exactly at its instants', async (t) => {
  const life = { activateAt: T + 100, retireAt: T + 200, removeAt: T + 300 };
  const margin = CLOCK_SKEW + S;
  const rows: [string, Partial<KeyTimes>, number, KeyState][] = [
    ['a replica behind the writer sees it already', life, T - 5, 'standby'],
    ['published', life, T, 'standby'],
    ['just before activation', life, T + 100 - instant, 'standby'],
    ['at activation', life, T + 100, 'active'],
    ['just before retirement', life, T + 200 - instant, 'active'],
    ['at retirement', life, T + 200, 'retired'],
    ['just before removal', life, T + 300 - instant, 'retired'],
    ['at removal', life, T + 300, 'removed'],
    ['never planned', {}, T + 1e9, 'standby'],
    [
      'its last token is alive',
      { ...life, lastTokenExpiresAt: T + 300 },
      T + 300 + margin - instant,
      'retired',
    ],
    ['its last token is dead', { ...life, lastTokenExpiresAt: T + 300 }, T + 300 + margin, 'removed'],
    ['its last token died before the plan', { ...life, lastTokenExpiresAt: T + 150 }, T + 299, 'retired'],
    ['retired as it came', { activateAt: T, retireAt: T, removeAt: T + 300 }, T, 'retired'],
    ['revoked while standby', { ...life, revokedAt: T + 1 }, T + 1, 'revoked'],
    ['revoked while active', { ...life, revokedAt: T + 150 }, T + 150, 'revoked'],
    ['revoked stays revoked', { ...life, revokedAt: T + 150 }, T + 1e9, 'revoked'],
  ];
  for (const [name, times, at, state] of rows) t.equal(stateOf(key('k', times), at, timetable), state, name);
});

t.test('a key is published until it is removed or revoked', async (t) => {
  const published = (['standby', 'active', 'retired', 'removed', 'revoked'] as const).filter(isPublished);
  t.same(published, ['standby', 'active', 'retired']);
});

t.test('what the times allow for', async (t) => {
  const hour = 3600;
  const rows: [Partial<Timetable>, { S: number; horizon: number; lead: number }][] = [
    [{}, { S: 30, horizon: hour + 30, lead: 86_400 + 300 + 30 + hour + 30 }],
    [{ verifierCacheLifetime: hour }, { S: 30, horizon: hour + 30, lead: hour + 300 + 30 + hour + 30 }],
    [
      { verifierCacheLifetime: 5, jwksMaxAge: 2, reloadInterval: 1 },
      { S: 3, horizon: 5 + 3, lead: 5 + 2 + 3 + 5 + 3 },
    ],
  ];
  for (const [changes, expected] of rows) {
    const settings = { ...timetable, ...changes };
    const found = { S: settleTime(settings), horizon: signingHorizon(settings), lead: leadTime(settings) };
    t.same(found, expected);
  }
});

t.test('the removal is the plan, or later for the sake of a token', async (t) => {
  t.equal(removalOf(key('k', { removeAt: T + 9 }), timetable), T + 9);
  t.equal(removalOf(key('k', { removeAt: T + 9, lastTokenExpiresAt: T }), timetable), T + 60 + S);
  t.equal(removalOf(key('k', { lastTokenExpiresAt: T }), timetable), never);
});

t.test('the signer is the newest active key that has been active for S', async (t) => {
  const elder = key('elder', { activateAt: T - 1000, retireAt: T + S });
  const newer = key('newer', { activateAt: T });
  const newest = key('newest', { activateAt: T + 10 });
  const rows: [string, KeyTimes[], number, string | undefined][] = [
    ['no key', [], T, undefined],
    ['a key that waits', [newer], T - instant, undefined],
    ['the first key signs at once', [newer], T, 'newer'],
    ['the elder signs on while the newer settles', [elder, newer], T, 'elder'],
    ['to the last instant', [elder, newer], T + S - instant, 'elder'],
    ['then the newer signs', [elder, newer], T + S, 'newer'],
    ['whatever the order of the rows', [newer, elder], T + S, 'newer'],
    ['of two that settle, the eldest signs', [newest, newer], T + 15, 'newer'],
    ['and the newest once it has settled', [newest, newer], T + 10 + S, 'newest'],
    ['a revoked elder does not', [{ ...elder, revokedAt: T }, newer], T, 'newer'],
    ['a retired elder does not', [{ ...elder, retireAt: T }, newer], T, 'newer'],
    ['another algorithm is another matter', [key('es', { alg: 'ES256', activateAt: T })], T, undefined],
    [
      'of two that became active together, the one published first signs',
      [key('a', { publishAt: T, activateAt: T }), key('b', { publishAt: T - 9, activateAt: T })],
      T,
      'b',
    ],
  ];
  for (const [name, keys, at, kid] of rows) t.equal(signerOf(keys, 'RS256', at, timetable)?.kid, kid, name);
});

t.test('the standby keys come in the order in which they will sign', async (t) => {
  const keys = [
    key('reserve', { publishAt: T - 5 }),
    key('older reserve', { publishAt: T - 9 }),
    key('planned', { activateAt: T + 9 }),
    key('out', { activateAt: T + 5, revokedAt: T }),
  ];
  const kids = standbyKeys(keys, 'RS256', T, timetable).map(({ kid }) => kid);
  t.same(kids, ['planned', 'older reserve', 'reserve']);
});

t.test('the next change is the next instant at which a state or the signer changes', async (t) => {
  const life = key('k', {
    activateAt: T + 100,
    retireAt: T + 200,
    removeAt: T + 300,
    lastTokenExpiresAt: T + 290,
  });
  const removal = T + 290 + CLOCK_SKEW + S;
  const instants = [T + 100, T + 100 + S, T + 200, removal, never];
  for (const [i, at] of [T, T + 100, T + 100 + S, T + 200, removal].entries()) {
    t.equal(nextChangeAfter([life], at, timetable), instants[i]);
  }
  t.equal(nextChangeAfter([{ ...life, revokedAt: T }], T, timetable), never, 'a revoked key changes no more');
  t.equal(nextChangeAfter([], T, timetable), never);
});
