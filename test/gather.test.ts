// Reads that are gathered: fewer than questions, and none that is older than its question.
import fc from 'fast-check';
import t from 'tap';
import { gather } from '../src/gather.ts';
import './helpers/search.ts';

/** A read that a test answers when it likes. */
interface Read {
  readonly keys: readonly string[];
  answer(found: Record<string, string>): void;
  fail(error: unknown): void;
}

function readable(options: { underWay: number; limit: number }) {
  const reads: Read[] = [];
  const ask = gather<string>(
    (keys) =>
      new Promise((resolve, reject) => {
        const answer = (found: Record<string, string>) => resolve(new Map(Object.entries(found)));
        reads.push({ keys, answer, fail: reject });
      }),
    options,
  );
  return { reads, ask };
}

const settled = () => new Promise((resolve) => setImmediate(resolve));
const keysOf = (reads: readonly Read[]) => reads.map(({ keys }) => keys);

t.test('the first question is read at once, the next ones together when a read has ended', async (t) => {
  const { reads, ask } = readable({ underWay: 1, limit: 10 });
  const answers = ['a', 'b', 'c', 'b'].map((key) => ask(key));
  t.strictSame(keysOf(reads), [['a']]);
  reads[0]?.answer({ a: 'A' });
  t.equal(await answers[0], 'A');
  await settled();
  t.strictSame(keysOf(reads), [['a'], ['b', 'c']], 'each key once');
  reads[1]?.answer({ b: 'B' });
  t.strictSame(await Promise.all(answers), ['A', 'B', undefined, 'B'], 'what is not found is undefined');
});

t.test('a question is not answered by a read that began before it, though it has the same key', async (t) => {
  const { reads, ask } = readable({ underWay: 1, limit: 10 });
  const first = ask('a');
  const second = ask('a');
  reads[0]?.answer({ a: 'old' });
  t.equal(await first, 'old');
  await settled();
  t.strictSame(keysOf(reads), [['a'], ['a']]);
  reads[1]?.answer({ a: 'new' });
  t.equal(await second, 'new');
});

t.test('as many reads are under way as may be, and each has as many keys as it may', async (t) => {
  const { reads, ask } = readable({ underWay: 2, limit: 3 });
  const answers = [...'abcdefgh'].map((key) => ask(key));
  t.strictSame(keysOf(reads), [['a'], ['b']]);
  reads[1]?.answer({ b: 'B' });
  await settled();
  t.strictSame(keysOf(reads).slice(2), [['c', 'd', 'e']], 'those that wait longest first');
  reads[0]?.answer({ a: 'A' });
  await settled();
  t.strictSame(keysOf(reads).slice(3), [['f', 'g', 'h']]);
  for (const { keys, answer } of reads)
    answer(Object.fromEntries(keys.map((key) => [key, key.toUpperCase()])));
  t.strictSame(await Promise.all(answers), [...'ABCDEFGH']);
});

t.test(
  'a read that fails fails for all who shared it or have waited for it, and for nobody later',
  async (t) => {
    const { reads, ask } = readable({ underWay: 1, limit: 2 });
    const asked = (key: string) => ask(key).catch((error: unknown) => error);
    const outcomes = ['a', 'b', 'b', 'c'].map(asked);
    reads[0]?.answer({ a: 'A' });
    await settled();
    const error = new Error('away');
    reads[1]?.fail(error);
    t.strictSame(await Promise.all(outcomes), ['A', error, error, error]);
    const later = asked('d');
    reads[2]?.answer({ d: 'D' });
    t.equal(await later, 'D');
  },
);

t.test(
  'a read that throws before it begins fails for those who asked, and the next ones go on',
  async (t) => {
    let broken = true;
    const ask = gather<string>(
      (keys) => {
        if (broken) throw new RangeError('cannot be asked');
        return Promise.resolve(new Map(keys.map((key) => [key, key])));
      },
      { underWay: 1, limit: 10 },
    );
    await t.rejects(ask('a'), { message: 'cannot be asked' });
    broken = false;
    t.equal(await ask('a'), 'a');
  },
);

t.test('where questions come fast there is a pause, and what is asked in it is read together', async (t) => {
  const pause = 0.02;
  const begun: number[] = [];
  const reads: (readonly string[])[] = [];
  const ask = gather<string>(
    async (keys) => {
      begun.push(performance.now());
      reads.push(keys);
      return new Map(keys.map((key) => [key, key]));
    },
    { underWay: 2, limit: 10, pause },
  );
  for (const key of ['a', 'b']) t.equal(await ask(key), key);
  t.strictSame(reads.splice(0), [['a'], ['b']], 'one after the other they are read at once');
  begun.splice(0);
  t.strictSame(await Promise.all([...'cdef'].map((key) => ask(key))), [...'cdef']);
  t.strictSame(reads, [['c'], ['d'], ['e', 'f']]);
  t.ok((begun[2] ?? 0) - (begun[1] ?? 0) >= pause * 1000 - 1, 'no sooner than that');
});

t.test('whatever the order, every question has an answer that is no older than itself', async () => {
  const step = fc.oneof(
    fc.record({ ask: fc.constantFrom('a', 'b', 'c', 'd') }),
    fc.record({ answer: fc.nat(5) }),
    fc.constant('write' as const),
  );
  const limits = fc.record({
    underWay: fc.integer({ min: 1, max: 3 }),
    limit: fc.integer({ min: 1, max: 3 }),
  });
  await fc.assert(
    fc.asyncProperty(limits, fc.array(step, { maxLength: 60 }), async (options, steps) => {
      // What is stored is how often it was written; a read sees what stands when it begins.
      let version = 0;
      const open: (() => void)[] = [];
      const ask = gather<number>((keys) => {
        const seen = new Map(keys.map((key) => [key, version]));
        if (keys.length > options.limit || open.length >= options.underWay) throw new Error('too many');
        return new Promise((resolve) => open.push(() => resolve(seen)));
      }, options);
      const questions: Promise<boolean>[] = [];
      for (const one of steps) {
        if (one === 'write') version += 1;
        else if ('ask' in one) {
          const asked = version;
          questions.push(ask(one.ask).then((seen) => seen !== undefined && seen >= asked));
        } else {
          open.splice(one.answer % Math.max(1, open.length), 1)[0]?.();
          await settled();
        }
      }
      while (open.length > 0) {
        open.shift()?.();
        await settled();
      }
      return (await Promise.all(questions)).every((fresh) => fresh);
    }),
  );
});
