// Who fetched the JWKS, as it is kept for operators: names, bounds, and what several replicas add up to.
import t from 'tap';
import type { Timetable } from '../../src/keys/lifecycle.ts';
import { planReport, verifierStandings } from '../../src/keys/report.ts';
import {
  createFetchLedger,
  laggards,
  readVerifierFetches,
  verifierName,
} from '../../src/keys/verifier-fetches.ts';
import type { DocumentStore } from '../../src/stores/stores.ts';

const timetable: Timetable = {
  algs: ['RS256'],
  automaticRotation: true,
  rotationPeriod: 10_000,
  verifierCacheLifetime: 1000,
  jwksMaxAge: 10,
  reloadInterval: 1,
  longestTokenLifetime: 300,
};

/** What a store does, of one document. */
function oneDocument() {
  let body: string | undefined;
  let races = 0;
  const documents: Pick<DocumentStore, 'find' | 'compareAndSwap'> = {
    find: async () => body,
    async compareAndSwap({ expected, next }) {
      if (races-- > 0 || expected !== body) return false;
      body = next;
      return true;
    },
  };
  return { documents, body: () => body, loseRaces: (count: number) => (races = count) };
}

t.test('a verifier is called by its label, else by the product of its User-Agent alone', async (t) => {
  t.equal(verifierName('payments-api', 'jose/v6.2'), 'payments-api');
  t.equal(verifierName(undefined, 'python-requests/2.28 (someone@example.com)'), 'python-requests');
  t.equal(verifierName(undefined, 'Mozilla/5.0 (Macintosh; Intel Mac OS X)'), 'Mozilla');
  t.equal(verifierName(undefined, undefined), 'unnamed');
});

t.test('a label that is none does not count', async (t) => {
  for (const label of ['', 'x'.repeat(41), 'a b', '<script>', 'a\nb', ['a', 'b'], 'someone@example.com'])
    t.equal(verifierName(label, 'node'), 'node', JSON.stringify(label));
});

t.test('what replicas saw adds up, and the last fetch says what a verifier has', async (t) => {
  const { documents } = oneDocument();
  let now = 100;
  const replica = () => createFetchLedger(documents, { clock: { now: () => now }, timetable });
  const [one, other] = [replica(), replica()];
  one.record('jose', 50);
  now = 120;
  other.record('jose', 110);
  other.record('node', 50);
  await Promise.all([one.flush(), other.flush()]);
  const fetches = await readVerifierFetches(documents, now, timetable);
  t.strictSame(
    fetches.find(({ name }) => name === 'jose'),
    {
      name: 'jose',
      firstAt: 100,
      lastAt: 120,
      fetches: 2,
      hasUntil: 110,
    },
  );
  t.strictSame(
    laggards(fetches, 110).map(({ name }) => name),
    ['node'],
  );
});

t.test('who loses a race adds his again, and what cannot be written is kept', async (t) => {
  const { documents, loseRaces } = oneDocument();
  const ledger = createFetchLedger(documents, { clock: { now: () => 100 }, timetable });
  ledger.record('jose', 50);
  loseRaces(2);
  await ledger.flush();
  t.match(await readVerifierFetches(documents, 100, timetable), [{ name: 'jose', fetches: 1 }]);

  ledger.record('jose', 50);
  loseRaces(100);
  await ledger.flush();
  loseRaces(0);
  ledger.record('jose', 50);
  await ledger.flush();
  t.match(await readVerifierFetches(documents, 100, timetable), [{ name: 'jose', fetches: 3 }]);
});

t.test('names that somebody makes up do not push out those that are known', async (t) => {
  const { documents, body } = oneDocument();
  let now = 100;
  const ledger = createFetchLedger(documents, { clock: { now: () => now }, timetable });
  ledger.record('payments', 50);
  await ledger.flush();
  now = 200;
  for (let n = 0; n < 10_000; n += 1) ledger.record(`made-up-${n}`, 50);
  ledger.record('payments', 150);
  await ledger.flush();
  const fetches = await readVerifierFetches(documents, now, timetable);
  t.equal(fetches.length, 64);
  t.match(fetches[0], { name: 'payments', fetches: 2, hasUntil: 150 });
  t.ok((body() as string).length < 10_000);
});

t.test('who has not been seen for two lives of a cache is forgotten', async (t) => {
  const { documents } = oneDocument();
  const ledger = createFetchLedger(documents, { clock: { now: () => 100 }, timetable });
  ledger.record('jose', 50);
  await ledger.flush();
  t.equal((await readVerifierFetches(documents, 2119, timetable)).length, 1);
  t.equal((await readVerifierFetches(documents, 2121, timetable)).length, 0);
});

const never = Number.POSITIVE_INFINITY;
const key = (kid: string, publishAt: number, activateAt: number) => ({
  kid,
  alg: 'RS256' as const,
  publishAt,
  activateAt,
  retireAt: never,
  removeAt: never,
  revokedAt: null,
  lastTokenExpiresAt: 0,
  longestLifetime: 0,
});
const keys = [key('signs', 100, 100), key('waits', 3000, never)];
const seen = (name: string, lastAt: number, hasUntil: number) => ({
  name,
  firstAt: 100,
  lastAt,
  fetches: 7,
  hasUntil,
});

t.test('the plan names who lacks the next key, and who should have it by now', async (t) => {
  const fetches = [seen('late', 2500, 100), seen('overdue', 2000, 100), seen('fine', 3300, 3000)];
  t.strictSame(planReport(keys, 'RS256', 3400, timetable, fetches).laggards, [
    { verifier: 'late', fetched_at: 2500, overdue: false },
    { verifier: 'overdue', fetched_at: 2000, overdue: true },
  ]);
});

t.test('nothing that was seen changes when a key signs', async (t) => {
  const { laggards: _, ...plan } = planReport(keys, 'RS256', 3400, timetable, [seen('late', 2500, 100)]);
  const { laggards: none, ...unseen } = planReport(keys, 'RS256', 3400, timetable);
  t.strictSame(plan, unseen);
  t.strictSame(none, []);
});

t.test('a verifier stands with what it lacks of the JWKS', async (t) => {
  const standings = verifierStandings(
    [seen('late', 2500, 100), seen('fine', 3300, 3000)],
    keys,
    3400,
    timetable,
  );
  t.strictSame(
    standings.map(({ verifier, lacks }) => [verifier, lacks]),
    [
      ['late', ['waits']],
      ['fine', []],
    ],
  );
});
