// The cache that clients, resources and remote keys are read through, held against a source that can be cut off.
import t from 'tap';
import { readThrough } from '../src/read-through.ts';

class Away extends Error {
  override name = 'Away';
}

/** A source that counts how often it is asked, and its cache, with a clock that moves when told to. */
function house(
  settings: { cooldown?: number; retryAfter?: number; capacity?: number; rememberFailures?: boolean } = {},
) {
  const source = {
    values: new Map<string, string>(),
    asked: 0,
    failure: undefined as Error | undefined,
    async read(key: string) {
      source.asked += 1;
      if (source.failure) throw source.failure;
      return source.values.get(key);
    },
  };
  const clock = { time: 1000, now: () => clock.time };
  const cache = readThrough({
    read: source.read,
    isOutage: (error) => error instanceof Away,
    clock,
    freshFor: 10,
    staleFor: 100,
    cooldown: 0,
    retryAfter: 5,
    rememberFailures: false,
    capacity: 1000,
    ...settings,
  });
  return { source, clock, cache };
}

t.test('what is fresh is not read again', async (t) => {
  const { source, clock, cache } = house();
  source.values.set('a', '1');
  t.equal(await cache.find('a'), '1');
  source.values.set('a', '2');
  clock.time += 9.9;
  t.equal(await cache.find('a'), '1');
  clock.time += 0.1;
  t.equal(await cache.find('a'), '2');
  t.equal(source.asked, 2);
});

t.test('what was read is not fresh for longer where the clock is set back', async (t) => {
  const { source, clock, cache } = house();
  source.values.set('a', '1');
  t.equal(await cache.find('a'), '1');
  source.values.set('a', '2');
  clock.time -= 50;
  t.equal(await cache.find('a'), '2');
});

t.test('what is not there is never remembered', async (t) => {
  const { source, cache } = house();
  t.equal(await cache.find('a'), undefined);
  source.values.set('a', '1');
  t.equal(await cache.find('a'), '1');
});

t.test('what is gone is forgotten', async (t) => {
  const { source, clock, cache } = house();
  source.values.set('a', '1');
  await cache.find('a');
  source.values.delete('a');
  clock.time += 10;
  t.equal(await cache.find('a'), undefined);
  source.failure = new Away();
  await t.rejects(cache.find('a'), { name: 'Away' });
});

t.test('everybody who asks at once waits for one read', async (t) => {
  const { source, cache } = house();
  source.values.set('a', '1');
  t.strictSame(await Promise.all([cache.find('a'), cache.find('a'), cache.reload('a')]), ['1', '1', '1']);
  t.equal(source.asked, 1);
});

t.test('in an outage the known value serves on, and not for ever', async (t) => {
  const { source, clock, cache } = house();
  source.values.set('a', '1');
  await cache.find('a');
  source.failure = new Away();
  clock.time += 99;
  t.equal(await cache.find('a'), '1');
  clock.time += 1;
  await t.rejects(cache.find('a'), { name: 'Away' });
});

t.test('in an outage nobody waits for the source, which is asked once in a while', async (t) => {
  const { source, clock, cache } = house();
  source.values.set('a', '1');
  await cache.find('a');
  source.failure = new Away();
  clock.time += 10;
  for (let i = 0; i < 10; i += 1) await cache.find('a');
  t.equal(source.asked, 2);
  clock.time += 5;
  for (let i = 0; i < 10; i += 1) await cache.find('a');
  t.equal(source.asked, 3);
});

t.test('after an outage the next answer is the new one', async (t) => {
  const { source, clock, cache } = house();
  source.values.set('a', '1');
  await cache.find('a');
  source.failure = new Away();
  clock.time += 10;
  await cache.find('a');
  source.failure = undefined;
  source.values.set('a', '2');
  clock.time += 5;
  t.equal(await cache.find('a'), '1', 'while the source is asked in the background');
  t.equal(await cache.find('a'), '2');
});

t.test('in an outage, keys that were made up push out none that is known', async (t) => {
  const { source, clock, cache } = house({ capacity: 2 });
  source.values.set('a', '1');
  await cache.find('a');
  source.failure = new Away();
  for (const key of ['x', 'y', 'z']) await t.rejects(cache.find(key), { name: 'Away' });
  clock.time += 10;
  t.equal(await cache.find('a'), '1');
});

t.test('where failures are remembered, a source that is away is left in peace', async (t) => {
  const { source, clock, cache } = house({ rememberFailures: true });
  source.failure = new Away();
  await t.rejects(cache.find('a'), { name: 'Away' });
  await t.rejects(cache.find('a'), { name: 'Away' });
  t.equal(source.asked, 1);
  clock.time += 5;
  source.failure = undefined;
  source.values.set('a', '1');
  t.equal(await cache.find('a'), '1');
});

t.test('what is broken here is no outage', async (t) => {
  const { source, clock, cache } = house();
  source.values.set('a', '1');
  await cache.find('a');
  clock.time += 10;
  source.failure = new TypeError('broken');
  await t.rejects(cache.find('a'), { name: 'TypeError' });
});

t.test('a reload asks the source, but not within the cooldown', async (t) => {
  const { source, clock, cache } = house({ cooldown: 3 });
  source.values.set('a', '1');
  await cache.find('a');
  source.values.set('a', '2');
  t.equal(await cache.reload('a'), '1');
  clock.time += 3;
  t.equal(await cache.reload('a'), '2');
  t.equal(await cache.find('a'), '2');
});

t.test('the value read longest ago gives way', async (t) => {
  const { source, clock, cache } = house({ capacity: 2 });
  for (const key of ['a', 'b', 'c']) source.values.set(key, key);
  await cache.find('a');
  await cache.find('b');
  clock.time += 10;
  await cache.find('a');
  await cache.find('c');
  source.failure = new Away();
  clock.time += 10;
  t.equal(await cache.find('a'), 'a');
  t.equal(await cache.find('c'), 'c');
  await t.rejects(cache.find('b'), { name: 'Away' });
});
