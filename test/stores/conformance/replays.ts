// ReplayStore: once means once, whatever the identifier is, until it expires by itself.
import { setTimeout as sleep } from 'node:timers/promises';
import type { Test } from 'tap';
import { systemClock } from '../../../src/clock.ts';
import type { ReplayStore } from '../../../src/stores/stores.ts';
import { count, fresh, race } from './setting.ts';

const long = 'x'.repeat(1_000_000);

/** Pairs of which no two are the same, though a careless store might take them for it. */
const pairs: [scope: string, id: string][] = [
  ['a', 'bc'],
  ['ab', 'c'],
  ['', 'abc'],
  ['abc', ''],
  ['a:b', 'c'],
  ['a', 'b:c'],
  ['a', '","b'],
  ['a","', 'b'],
  ['nul', 'a\0b'],
  ['nul', 'a'],
  ['nul\0', 'a'],
  ['nul', '\0a'],
  ['half', '\ud800'],
  ['half', '\udc00'],
  ['half', '\ufffd'],
  ['case', 'A'],
  ['case', 'a'],
  ['é', 'composed'],
  ['e\u0301', 'composed'],
  ['}{', 'tag'],
  ['{', '}tag'],
  ['long', long],
  ['long', `${long}y`],
  ['long', `y${long}`],
];

export async function replaysKeepTheirPromises(t: Test, replicas: readonly ReplayStore[]): Promise<void> {
  const [replays] = replicas as [ReplayStore];
  // The instants are the real ones, for an adapter may let its own clock expire what it keeps.
  const soon = () => systemClock.now() + 60;
  const use = (scope: string, id: string) => replays.useOnce(scope, id, soon(), systemClock.now());

  await t.test('what was used is used for everybody', async (t) => {
    const id = fresh('jti');
    t.equal(await use('client', id), true);
    for (const replay of replicas)
      t.equal(await replay.useOnce('client', id, soon(), systemClock.now()), false);
    t.equal(await use('another client', id), true);
    t.equal(await use('client', fresh('jti')), true);
  });

  await t.test('no identifier is taken for another, and none is refused', async (t) => {
    const scope = fresh('scope');
    const outcomes = await Promise.all(pairs.map(([own, id]) => use(`${own}${scope}`, id)));
    t.strictSame(count(outcomes, true), pairs.length, 'each is new');
    const again = await Promise.all(pairs.map(([own, id]) => use(`${own}${scope}`, id)));
    t.strictSame(count(again, false), pairs.length, 'each is known');
  });

  await t.test('of a hundred that use one identifier, one is the first', async (t) => {
    const id = fresh('jti');
    const outcomes = await race(replicas, (replica) =>
      replica.useOnce('client', id, soon(), systemClock.now()),
    );
    t.equal(count(outcomes, true), 1);
  });

  await t.test('what has expired may be used again, by one', async (t) => {
    const id = fresh('jti');
    const expiresAt = systemClock.now() + 0.3;
    t.equal(await replays.useOnce('client', id, expiresAt, systemClock.now()), true);
    let outcomes: boolean[] = [];
    while (count(outcomes, true) === 0) {
      t.ok(systemClock.now() < expiresAt + 5, 'it expires by itself');
      outcomes = await race(replicas, (replica) => replica.useOnce('client', id, soon(), systemClock.now()));
      t.ok(count(outcomes, true) <= 1);
      await sleep(50);
    }
    t.ok(systemClock.now() >= expiresAt, 'and not before its time');
  });

  await t.test('what was expired when it came does not stay', async (t) => {
    const id = fresh('jti');
    const late = () => replays.useOnce('client', id, systemClock.now() - 1, systemClock.now());
    t.equal(await late(), true);
    const until = systemClock.now() + 5;
    while (!(await late())) t.ok(systemClock.now() < until);
  });
}
