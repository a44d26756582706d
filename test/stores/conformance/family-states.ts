// FamilyStateStore: of many that would take a state further one does, and none of them too late.
import { setTimeout as sleep } from 'node:timers/promises';
import type { Test } from 'tap';
import { systemClock } from '../../../src/clock.ts';
import { type FamilyState, firstState } from '../../../src/oauth/refresh-family.ts';
import { newFamilyId } from '../../../src/oauth/refresh-token.ts';
import { systemRandom } from '../../../src/random.ts';
import type { FamilyStateStore } from '../../../src/stores/stores.ts';
import { count, type Hands, race } from './setting.ts';

type Change = Parameters<FamilyStateStore['compareAndSwap']>[0];

/** An instant as states keep it: of whole milliseconds. */
const at = (milliseconds: number): number => milliseconds / 1000;

const next = (state: FamilyState, more: Partial<FamilyState> = {}): FamilyState => ({
  ...state,
  generation: state.generation + 1,
  since: at(Math.round(state.since * 1000) + 1),
  consumed: [...state.consumed, { generation: state.generation, at: state.since }],
  ...more,
});

export async function familyStatesKeepTheirPromises(
  t: Test,
  replicas: readonly FamilyStateStore[],
  hands: Hands,
): Promise<void> {
  const [states] = replicas as [FamilyStateStore];
  const fresh = () => newFamilyId(systemRandom);

  /** A change that is in time and lives, but where `more` says otherwise. */
  const change = (id: string, now: number, more: Partial<Change> = {}): Change => ({
    id,
    expected: undefined,
    next: firstState(now, 1),
    deadline: now + 10,
    expiresAt: now + 60,
    ...more,
  });

  /** A family that has begun. */
  async function begun(more: Partial<Change> = {}): Promise<{ id: string; state: FamilyState; now: number }> {
    const id = fresh();
    const { now } = await states.find(id);
    const first = change(id, now, more);
    t.equal(await states.compareAndSwap(first), 'swapped');
    return { id, state: first.next, now };
  }

  const stateOf = async (id: string, store = states) => (await store.find(id)).state;

  await t.test('nothing is known of a family that nobody wrote down, but what time it is', async (t) => {
    for (const replica of replicas) {
      const { state, now } = await replica.find(fresh());
      t.equal(state, undefined);
      t.ok(Math.abs(now - systemClock.now()) < 60);
      t.equal(now, at(Math.round(now * 1000)), 'in the precision that a state is kept in');
      t.ok((await replica.find(fresh())).now >= now);
    }
  });

  await t.test('a state comes back as it was written, everywhere', async (t) => {
    const full: FamilyState = {
      generation: 2 ** 32 - 1,
      since: at(1_763_940_000_123),
      macKey: 255,
      consumed: Array.from({ length: 32 }, (_, i) => ({
        generation: 2 ** 32 - 33 + i,
        at: at(1_763_940_000_001 + i),
      })),
      quarantineUntil: at(1_763_940_060_999),
      revoked: true,
    };
    for (const written of [full, { ...full, revoked: false, consumed: [] }, firstState(0, 0)]) {
      const { id } = await begun({ next: written });
      for (const replica of replicas) t.strictSame(await stateOf(id, replica), written);
    }
  });

  await t.test('a state takes the place of exactly the one that was expected', async (t) => {
    const { id, state, now } = await begun();
    const second = next(state);
    const third = next(second);
    t.equal(await states.compareAndSwap(change(id, now, { expected: state, next: second })), 'swapped');
    const others: Record<string, FamilyState | undefined> = {
      'nothing at all': undefined,
      'the one before': state,
      'another generation': { ...second, generation: 2 },
      'another instant': { ...second, since: at(Math.round(second.since * 1000) + 1) },
      'another MAC key': { ...second, macKey: 2 },
      'no consumption': { ...second, consumed: [] },
      'another consumption': { ...second, consumed: [{ generation: 0, at: 1 }] },
      'a quarantine': { ...second, quarantineUntil: at(1) },
      'an end': { ...second, revoked: true },
    };
    for (const [what, expected] of Object.entries(others)) {
      t.equal(await states.compareAndSwap(change(id, now, { expected, next: third })), 'lost', what);
      t.strictSame(await stateOf(id), second, `${what}: nothing is written`);
    }
    t.equal(
      await states.compareAndSwap(change(fresh(), now, { expected: second, next: third })),
      'lost',
      'nothing is another than something',
    );
  });

  await t.test('of a hundred swaps from one state, one is made', async (t) => {
    const { id, state, now } = await begun();
    const nexts = Array.from({ length: 100 }, (_, racer) => next(state, { quarantineUntil: at(racer) }));
    const outcomes = await race(replicas, (replica, racer) =>
      replica.compareAndSwap(change(id, now, { expected: state, next: nexts[racer] as FamilyState })),
    );
    t.equal(count(outcomes, 'swapped'), 1);
    t.equal(count(outcomes, 'lost'), 99);
    t.strictSame(await stateOf(id), nexts[outcomes.indexOf('swapped')]);
  });

  await t.test('of a hundred swaps from nothing, one is made', async (t) => {
    const id = fresh();
    const { now } = await states.find(id);
    const outcomes = await race(replicas, (replica, racer) =>
      replica.compareAndSwap(change(id, now, { next: firstState(at(racer), 1) })),
    );
    t.equal(count(outcomes, 'swapped'), 1);
    t.equal(count(outcomes, 'lost'), 99);
    t.strictSame(await stateOf(id), firstState(at(outcomes.indexOf('swapped')), 1));
  });

  await t.test('the same swap again is lost, for it was made', async (t) => {
    const { id, state, now } = await begun();
    const swap = change(id, now, { expected: state, next: next(state) });
    t.equal(await states.compareAndSwap(swap), 'swapped');
    t.equal(await states.compareAndSwap(swap), 'lost');
    t.strictSame(await stateOf(id), swap.next);
  });

  await t.test('families know nothing of each other', async (t) => {
    const [one, two] = [await begun(), await begun()];
    const swap = change(one.id, one.now, { expected: one.state, next: next(one.state) });
    t.equal(await states.compareAndSwap(swap), 'swapped');
    t.strictSame(await stateOf(two.id), two.state);
  });

  await t.test('what comes after its deadline is late, and writes nothing', async (t) => {
    const { id, state } = await begun();
    const { now } = await states.find(id);
    const deadline = at(Math.round(now * 1000) - 1);
    const late = { expected: state, next: next(state), deadline };
    t.equal(await states.compareAndSwap(change(id, now, late)), 'late');
    t.strictSame(await stateOf(id), state);
    const unknown = fresh();
    t.equal(await states.compareAndSwap(change(unknown, now, { deadline })), 'late');
    t.equal(await stateOf(unknown), undefined);
  });

  await t.test('late is late by the clock of the store, as far ahead as the house is', async (t) => {
    const { id, state, now } = await begun();
    const swap = change(id, now, { expected: state, next: next(state), deadline: now + 30 });
    hands.ahead = 31;
    t.teardown(() => {
      hands.ahead = 0;
    });
    const later = await states.find(id);
    t.ok(later.now - now >= 31 && later.now - now < 60);
    t.equal(await states.compareAndSwap(swap), 'late');
    t.strictSame(later.state, state);
    hands.ahead = 0;
    t.equal(await states.compareAndSwap(swap), 'swapped');
  });

  await t.test('a state that has expired is none, and one may begin anew', async (t) => {
    const { id, state, now } = await begun();
    const expiresAt = at(Math.round(now * 1000) + 400);
    const brief = next(state);
    t.equal(
      await states.compareAndSwap(change(id, now, { expected: state, next: brief, expiresAt })),
      'swapped',
    );
    let seen = await states.find(id);
    while (seen.state !== undefined) {
      t.ok(seen.now < expiresAt + 5, 'it expires by itself');
      await sleep(20);
      seen = await states.find(id);
    }
    t.ok(seen.now >= expiresAt, 'and not before its time');
    t.equal(
      await states.compareAndSwap(change(id, seen.now, { expected: brief, next: next(brief) })),
      'lost',
    );
    const outcomes = await race(replicas, (replica, racer) =>
      replica.compareAndSwap(change(id, seen.now, { next: firstState(at(racer), 1) })),
    );
    t.equal(count(outcomes, 'swapped'), 1);
    t.strictSame(await stateOf(id), firstState(at(outcomes.indexOf('swapped')), 1));
  });

  await t.test('a swap gives a new end, sooner or later', async (t) => {
    const { id, state, now } = await begun({ expiresAt: systemClock.now() + 1.5 });
    const longer = change(id, now, { expected: state, next: next(state), expiresAt: now + 60 });
    t.equal(await states.compareAndSwap(longer), 'swapped');
    await sleep(1_600);
    t.strictSame(await stateOf(id), longer.next);
    const over = change(id, now, { expected: longer.next, next: next(longer.next), expiresAt: now - 1 });
    t.equal(await states.compareAndSwap(over), 'late', 'what would be over at once is not written');
    t.strictSame(await stateOf(id), longer.next);
  });

  await t.test('whoever asks after a swap was acknowledged sees it, on every replica', async (t) => {
    let { id, state, now } = await begun();
    for (let turn = 0; turn < 30; turn += 1) {
      // Some ask before, so that a read may be under way already.
      const before = race(replicas, (replica) => replica.find(id));
      const further = next(state, { consumed: [] });
      const swap = change(id, now, { expected: state, next: further });
      const store = replicas[turn % replicas.length] as FamilyStateStore;
      t.equal(await store.compareAndSwap(swap), 'swapped');
      const after = await race(replicas, (replica) => replica.find(id));
      t.ok(after.every((found) => found.state?.generation === further.generation));
      await before;
      state = further;
    }
  });

  await t.test('a hundred families are asked for at once, and each is given its own', async (t) => {
    const families = await Promise.all(
      Array.from({ length: 100 }, (_, i) => begun({ next: firstState(at(i), 1) })),
    );
    const found = await race(replicas, (replica, racer) => stateOf(families[racer]?.id as string, replica));
    t.strictSame(
      found,
      families.map(({ state }) => state),
    );
  });
}
