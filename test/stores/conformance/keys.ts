// KeyStore: compare and swap, and what no change may undo; held against a model over random histories too.
import { isDeepStrictEqual } from 'node:util';
import fc from 'fast-check';
import type { Test } from 'tap';
import type { AuditEntry, IssuedFigures, KeyRecord, KeySet, KeyStore } from '../../../src/stores/stores.ts';
import {
  byCodePoint,
  count,
  entry,
  eventsOf,
  failsWithItsEntry,
  fresh,
  type Replicas,
  race,
  T,
} from './setting.ts';
import '../../helpers/search.ts';

const never = Number.POSITIVE_INFINITY;

const key = (kid: string, more: Partial<KeyRecord> = {}): KeyRecord => ({
  kid,
  alg: 'RS256',
  publishAt: T,
  activateAt: T + 1 / 3,
  retireAt: never,
  removeAt: never,
  revokedAt: null,
  lastTokenExpiresAt: 0,
  longestLifetime: 0,
  tokensIssued: 0,
  publicJwk: { kty: 'RSA', n: `modulus-of-${kid}`, e: 'AQAB' },
  privateJwe: 'a.b.c.d.e',
  ...more,
});

/** What the store promises, in memory. */
function modelOf(start: KeySet) {
  let { revision, lastT } = start;
  const keys = new Map(start.keys.map((known) => [known.kid, known]));
  const grown = (known: KeyRecord, figures: Pick<KeyRecord, 'lastTokenExpiresAt' | 'longestLifetime'>) => ({
    lastTokenExpiresAt: Math.max(known.lastTokenExpiresAt, figures.lastTokenExpiresAt),
    longestLifetime: Math.max(known.longestLifetime, figures.longestLifetime),
  });
  return {
    set: (): KeySet => ({
      revision,
      lastT,
      keys: [...keys.values()].sort((a, b) => a.publishAt - b.publishAt || byCodePoint(a.kid, b.kid)),
    }),
    apply(expectedRevision: number, t: number, given: readonly KeyRecord[]): 'applied' | 'stale' {
      if (expectedRevision !== revision) return 'stale';
      revision += 1;
      lastT = Math.max(lastT, t);
      for (const next of given) {
        const known = keys.get(next.kid);
        const kept = known && {
          alg: known.alg,
          publicJwk: known.publicJwk,
          privateJwe: known.privateJwe === null ? null : next.privateJwe,
          revokedAt: known.revokedAt ?? next.revokedAt,
          ...grown(known, next),
        };
        keys.set(next.kid, { ...next, ...kept, tokensIssued: known?.tokensIssued ?? 0 });
      }
      return 'applied';
    },
    recordIssued(figures: readonly IssuedFigures[]): void {
      for (const issued of figures) {
        const known = keys.get(issued.kid);
        const tokensIssued = (known?.tokensIssued ?? 0) + issued.tokens;
        if (known) keys.set(issued.kid, { ...known, ...grown(known, issued), tokensIssued });
      }
    },
  };
}

export async function keysKeepTheirPromises(t: Test, replicas: Replicas): Promise<void> {
  const [stores] = replicas;
  const { keys } = stores;

  /** Applies to whatever is there, at an instant that moves nothing. */
  async function apply(given: KeyRecord[], audit: AuditEntry[] = [], at = 0): Promise<void> {
    const { revision } = await keys.read();
    t.equal(await keys.apply({ expectedRevision: revision, t: at, keys: given, audit }), 'applied');
  }
  const stored = async (kid: string) => (await keys.read()).keys.find((candidate) => candidate.kid === kid);

  await t.test('a set that was never initialised is empty', async (t) => {
    t.strictSame(await keys.read(), { revision: 0, lastT: 0, keys: [] });
  });

  await t.test('a key comes back as it was applied', async (t) => {
    const whole = key(fresh('kid'), {
      alg: 'EdDSA',
      publishAt: T - 1 / 7,
      activateAt: T + 2 ** -20,
      retireAt: T + 1e9,
      revokedAt: T + 3,
      lastTokenExpiresAt: T + 4,
      longestLifetime: 300.5,
      privateJwe: 'x'.repeat(5_000),
    });
    const planned = key(fresh('kid'), { activateAt: never, privateJwe: null });
    await apply([whole, planned]);
    t.strictSame(await stored(whole.kid), whole);
    t.strictSame(await stored(planned.kid), planned);
  });

  await t.test('keys come by publishAt, then by kid', async (t) => {
    const stem = fresh('kid');
    const names = ['B', 'a', 'b', '\uffee', '\u{1f600}'];
    const given = [...names.map((name) => key(stem + name)), key(`${stem}0`, { publishAt: T + 1 })];
    await apply([...given, key(`${stem}z`, { publishAt: T - 1 })].reverse());
    t.strictSame(
      (await keys.read()).keys.map(({ kid }) => kid).filter((kid) => kid.startsWith(stem)),
      ['z', ...names, '0'].map((name) => stem + name),
    );
  });

  await t.test('an applied change moves the revision by one, and t forward only', async (t) => {
    await apply([], [], T);
    const { revision } = await keys.read();
    await apply([], [], T + 0.5);
    t.match(await keys.read(), { revision: revision + 1, lastT: T + 0.5 });
    await apply([], [], T);
    t.match(await keys.read(), { revision: revision + 2, lastT: T + 0.5 });
  });

  await t.test('a change that expects another revision writes nothing', async (t) => {
    const kid = fresh('kid');
    const before = await keys.read();
    for (const expectedRevision of [before.revision - 1, before.revision + 1, 0, -1]) {
      const change = { expectedRevision, t: T + 1e6, keys: [key(kid)], audit: [entry(kid)] };
      t.equal(await keys.apply(change), 'stale');
    }
    t.strictSame(await keys.read(), before);
    t.strictSame(await eventsOf(stores, kid), []);
  });

  await t.test('of a hundred that apply to one revision, one does', async (t) => {
    const kid = fresh('kid');
    const { revision } = await keys.read();
    const outcomes = await race(replicas, ({ keys }, racer) =>
      keys.apply({
        expectedRevision: revision,
        t: T + racer,
        keys: [key(kid, { publicJwk: { kty: 'RSA', n: `of-racer-${racer}` } }), key(`${kid}-${racer}`)],
        audit: [entry(kid, { event: `applied.by_${racer}` }), entry(kid, { event: 'key.created' })],
      }),
    );
    t.equal(count(outcomes, 'applied'), 1);
    t.equal(count(outcomes, 'stale'), 99);
    const winner = outcomes.indexOf('applied');
    const set = await keys.read();
    t.equal(set.revision, revision + 1);
    t.strictSame(
      set.keys.filter((known) => known.kid.startsWith(kid)).map((known) => known.kid),
      [kid, `${kid}-${winner}`],
    );
    t.strictSame((await stored(kid))?.publicJwk, { kty: 'RSA', n: `of-racer-${winner}` });
    t.strictSame(await eventsOf(stores, kid), ['key.created', `applied.by_${winner}`]);
  });

  await t.test('of a hundred that read and apply until it is theirs, each is applied', async (t) => {
    const kid = fresh('kid');
    const { revision } = await keys.read();
    await race(replicas, async ({ keys }, racer) => {
      if (racer >= 10) return;
      for (;;) {
        const { revision: expectedRevision } = await keys.read();
        const change = { expectedRevision, t: 0, keys: [key(`${kid}-${racer}`)], audit: [entry(kid)] };
        if ((await keys.apply(change)) === 'applied') return;
      }
    });
    t.equal((await keys.read()).revision, revision + 10);
    t.equal((await eventsOf(stores, kid)).length, 10);
  });

  await t.test('a kid is one key for ever', async (t) => {
    const first = key(fresh('kid'));
    await apply([first]);
    await apply([{ ...first, alg: 'PS256', publicJwk: { kty: 'EC' }, activateAt: T + 9 }]);
    t.strictSame(await stored(first.kid), { ...first, activateAt: T + 9 });
  });

  await t.test('revoked is for ever, at the first instant', async (t) => {
    const first = key(fresh('kid'));
    await apply([first]);
    await apply([{ ...first, revokedAt: T + 5 }]);
    for (const revokedAt of [null, T + 4, T + 6]) {
      await apply([{ ...first, revokedAt }]);
      t.equal((await stored(first.kid))?.revokedAt, T + 5);
    }
  });

  await t.test('an envelope changes, and once gone stays gone', async (t) => {
    const first = key(fresh('kid'));
    await apply([first]);
    await apply([{ ...first, privateJwe: 'rewrapped' }]);
    t.equal((await stored(first.kid))?.privateJwe, 'rewrapped');
    await apply([{ ...first, privateJwe: null }]);
    t.equal((await stored(first.kid))?.privateJwe, null);
    await apply([first]);
    t.equal((await stored(first.kid))?.privateJwe, null);
  });

  await t.test('what was issued only grows, in any order, and leaves the revision alone', async (t) => {
    const [one, two] = [fresh('kid'), fresh('kid')];
    await apply([key(one), key(two)]);
    const { revision, lastT } = await keys.read();
    const record = (...figures: [kid: string, lastTokenExpiresAt: number, longestLifetime: number][]) =>
      keys.recordIssued(
        figures.map(([kid, lastTokenExpiresAt, longestLifetime]) => ({
          kid,
          lastTokenExpiresAt,
          longestLifetime,
          tokens: 0,
        })),
      );
    const figures = { lastTokenExpiresAt: T + 1 / 7, longestLifetime: 600 };
    await record([one, T + 1 / 7, 300], [two, T, 60], ['unknown', T, 60], [one, T, 600], [one, T - 1, 1]);
    t.match(await stored(one), figures);
    t.match(await stored(two), { lastTokenExpiresAt: T, longestLifetime: 60 });
    await record([one, T - 5, 5], [two, T + 1, 30]);
    await record([one, T + 1 / 7, 300]);
    await record();
    t.match(await stored(one), figures);
    t.match(await stored(two), { lastTokenExpiresAt: T + 1, longestLifetime: 60 });
    t.match(await keys.read(), { revision, lastT });
    t.equal(await stored('unknown'), undefined);
    await apply([key(one, { retireAt: T + 50 })]);
    t.match(await stored(one), { ...figures, retireAt: T + 50 }, 'nor does a change shrink it');
  });

  await t.test(
    'tokens are added up, as often as they are told of, and no change moves their number',
    async (t) => {
      const [one, two] = [fresh('kid'), fresh('kid')];
      await apply([key(one, { tokensIssued: 7 }), key(two)]);
      const told = (kid: string, tokens: number) => ({
        kid,
        lastTokenExpiresAt: T,
        longestLifetime: 1,
        tokens,
      });
      await keys.recordIssued([told(one, 3), told(two, 2 ** 40), told(one, 4)]);
      await keys.recordIssued([told(one, 5)]);
      await apply([key(one, { tokensIssued: 900, retireAt: T + 50 })]);
      t.match(await stored(one), { tokensIssued: 12, retireAt: T + 50 });
      t.match(await stored(two), { tokensIssued: 2 ** 40 });
    },
  );

  await t.test(
    'a hundred that record and apply, in any order, neither block each other nor lose',
    async (t) => {
      const kids = Array.from({ length: 40 }, () => fresh('kid'));
      await apply(kids.map((kid) => key(kid)));
      const outcomes = await race(replicas, async ({ keys }, racer) => {
        const order = racer % 2 ? kids : kids.toReversed();
        if (racer % 10 === 0) {
          const { revision } = await keys.read();
          return keys.apply({
            expectedRevision: revision,
            t: 0,
            keys: order.map((kid) => key(kid)),
            audit: [],
          });
        }
        const figures = { lastTokenExpiresAt: T + racer, longestLifetime: racer, tokens: racer };
        return keys.recordIssued(order.map((kid) => ({ kid, ...figures })));
      });
      t.ok(count(outcomes, 'applied') >= 1);
      // The racers that record are all but every tenth.
      const tokensIssued = (99 * 100) / 2 - (90 * 10) / 2;
      for (const kid of kids) {
        t.match(await stored(kid), { lastTokenExpiresAt: T + 99, longestLifetime: 99, tokensIssued });
      }
    },
  );

  await t.test('there is no change without its entries', async (t) => {
    const kid = fresh('kid');
    await failsWithItsEntry(t, () => keys.read(), {
      apply: async (audit) => {
        const { revision } = await keys.read();
        return keys.apply({ expectedRevision: revision, t: T, keys: [key(kid)], audit: [entry(kid), audit] });
      },
    });
    t.strictSame(await eventsOf(stores, kid), []);
  });

  await t.test('a change that names a key twice, or by what cannot be kept, is refused whole', async (t) => {
    const before = await keys.read();
    const [kid, other] = [fresh('kid'), fresh('kid')];
    const refused = [
      [key(kid), key(kid, { retireAt: T + 9 })],
      [key(other), key('a\0b')],
      [key(other), key('a\ud800')],
    ];
    for (const given of refused) {
      const change = { expectedRevision: before.revision, t: T, keys: given, audit: [entry(kid)] };
      await t.rejects(keys.apply(change));
    }
    t.strictSame(await keys.read(), before);
    t.strictSame(await eventsOf(stores, kid), []);
  });

  await t.test('every history ends where the model does', () => followsTheModel(keys));
}

async function followsTheModel(keys: KeyStore): Promise<void> {
  const instant = fc.oneof(
    fc.integer({ min: 0, max: 20 }).map((seconds) => T + seconds),
    fc.double({ min: 0, max: 4e9, noNaN: true }).map((seconds) => seconds + 0),
    fc.constant(never),
  );
  const figure = fc.double({ min: 0, max: 4e9, noNaN: true }).map((seconds) => seconds + 0);
  const kid = fc.integer({ min: 0, max: 3 }).map((n) => `model-${n}`);
  const record = fc.record<KeyRecord>({
    kid,
    alg: fc.constantFrom('RS256', 'PS256', 'ES256', 'EdDSA'),
    publishAt: instant,
    activateAt: instant,
    retireAt: instant,
    removeAt: instant,
    revokedAt: fc.option(instant.filter(Number.isFinite), { freq: 2 }),
    lastTokenExpiresAt: figure,
    longestLifetime: figure,
    tokensIssued: fc.nat(),
    publicJwk: fc.dictionary(fc.constantFrom('kty', 'n', 'e', 'x'), fc.stringMatching(/^[\w-]{0,20}$/), {
      noNullPrototype: true,
    }),
    privateJwe: fc.option(fc.stringMatching(/^[\w.-]{1,20}$/), { freq: 3 }),
  });
  const step = fc.oneof(
    fc.record({
      kind: fc.constant('apply' as const),
      behind: fc.constantFrom(0, 0, 0, 1, -1),
      t: instant.filter(Number.isFinite),
      keys: fc.uniqueArray(record, { selector: (given) => given.kid, maxLength: 4 }),
    }),
    fc.record({
      kind: fc.constant('issued' as const),
      figures: fc.array(
        fc.record({ kid, lastTokenExpiresAt: figure, longestLifetime: figure, tokens: fc.nat() }),
        { maxLength: 6 },
      ),
    }),
  );

  const property = fc.asyncProperty(fc.array(step, { maxLength: 12 }), async (history) => {
    // Each history goes on under kids of its own, where the one before has left the set.
    const stem = fresh('history');
    const model = modelOf(await keys.read());
    for (const taken of history) {
      if (taken.kind === 'issued') {
        const figures = taken.figures.map((issued) => ({ ...issued, kid: stem + issued.kid }));
        await keys.recordIssued(figures);
        model.recordIssued(figures);
      } else {
        const given = taken.keys.map((next) => ({ ...next, kid: stem + next.kid }));
        const expectedRevision = model.set().revision - taken.behind;
        const change = { expectedRevision, t: taken.t, keys: given, audit: [] };
        const outcome = await keys.apply(change);
        if (outcome !== model.apply(expectedRevision, taken.t, given)) return false;
      }
      if (!isDeepStrictEqual(await keys.read(), model.set())) return false;
    }
    return true;
  });
  await fc.assert(property, { numRuns: 30 });
}
