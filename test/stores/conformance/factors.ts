// Second factors: one state for an account, swapped whole.
import type { Test } from 'tap';
import type { Factors } from '../../../src/stores/stores.ts';
import {
  count,
  entry,
  eventsOf,
  failsWithItsEntry,
  fresh,
  type Replicas,
  race,
  strangeNames,
  T,
} from './setting.ts';

export async function factorsKeepTheirPromises(t: Test, replicas: Replicas): Promise<void> {
  const [one, other] = [replicas[0], replicas.at(-1) ?? replicas[0]];
  const { factors } = one;
  const passkey = {
    id: 'id',
    publicKey: 'key',
    counter: 2 ** 32 - 1,
    transports: ['internal'],
    isBackupEligible: false,
    name: 'Phone',
    addedAt: T,
    lastUsedAt: null,
  };
  const state = (more: Partial<Factors> = {}): Factors => ({
    handle: fresh('handle'),
    totp: { jwe: 'a.b.c.d.e', lastStep: 58_798_000, addedAt: T },
    recoveryCodes: ['one', 'two'],
    passkeys: [passkey],
    ...more,
  });
  const swap = (
    sub: string,
    expected: Factors | undefined,
    next: Factors | undefined,
    audit = [entry(sub)],
  ) => factors.compareAndSwap({ sub, expected, next, audit });

  await t.test('a state comes back as it was, everywhere', async (t) => {
    const sub = fresh('sub');
    t.equal(await factors.find(sub), undefined);
    const first = state();
    t.equal(await swap(sub, undefined, first), true);
    t.strictSame(await other.factors.find(sub), first);
    t.strictSame(await other.factors.findByHandle(first.handle), { sub, factors: first });
    t.equal(await other.factors.findByHandle(fresh('handle')), undefined);
    const second = state({ totp: null, passkeys: strangeNames.map((name) => ({ ...passkey, name })) });
    t.equal(await swap(sub, first, second), true);
    t.strictSame(await other.factors.find(sub), second);
    t.equal(await other.factors.findByHandle(first.handle), undefined);
    t.equal(await swap(sub, second, undefined), true);
    t.equal(await other.factors.find(sub), undefined);
    t.equal(await swap(sub, undefined, first), true, 'and can begin again');
  });

  await t.test('nothing is written, and nothing noted, where something else stands there', async (t) => {
    const [sub, first, second] = [fresh('sub'), state(), state()];
    t.equal(await swap(sub, first, second), false);
    t.equal(await swap(sub, first, undefined), false);
    t.equal(await swap(sub, undefined, first), true);
    t.equal(await swap(sub, undefined, second), false);
    t.equal(await swap(sub, second, first), false);
    t.equal(await swap(sub, { ...first, recoveryCodes: ['two', 'one'] }, undefined), false);
    t.strictSame(await other.factors.find(sub), first);
    t.equal((await eventsOf(one, sub)).length, 1);
  });

  await t.test('a handle is of one account', async (t) => {
    const [sub, first] = [fresh('sub'), state()];
    await swap(fresh('sub'), undefined, first);
    t.equal(await swap(sub, undefined, first), false);
    t.equal(await factors.find(sub), undefined);
  });

  await t.test('of a hundred who swap the same, one does', async (t) => {
    const [sub, first] = [fresh('sub'), state()];
    await swap(sub, undefined, first);
    const outcomes = await race(replicas, (replica, racer) =>
      replica.factors.compareAndSwap({
        sub,
        expected: first,
        next: { ...first, recoveryCodes: [`racer ${racer}`] },
        audit: [entry(sub)],
      }),
    );
    t.equal(count(outcomes, true), 1);
    t.strictSame((await factors.find(sub))?.recoveryCodes, [`racer ${outcomes.indexOf(true)}`]);
    t.equal((await eventsOf(one, sub)).length, 2);
  });

  await t.test('those of every account are listed', async (t) => {
    const [sub, first] = [fresh('sub'), state()];
    await swap(sub, undefined, first);
    const listed = await other.factors.list();
    t.strictSame(
      listed.filter((found) => found.sub === sub),
      [{ sub, factors: first }],
    );
  });

  await t.test('nothing changes without its entry', async (t) => {
    const [sub, first] = [fresh('sub'), state()];
    await swap(sub, undefined, first);
    await failsWithItsEntry(t, () => factors.find(sub), {
      change: (audit) => swap(sub, first, { ...first, totp: null }, [audit]),
      removal: (audit) => swap(sub, first, undefined, [audit]),
      beginning: (audit) => swap(fresh('sub'), undefined, state(), [audit]),
    });
  });
}
