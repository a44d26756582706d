// What is still to be mailed: written once, given to one replica at a time.
import type { Test } from 'tap';
import type { Letter } from '../../../src/stores/stores.ts';
import { fresh, type Replicas, race } from './setting.ts';

export async function lettersKeepTheirPromises(t: Test, replicas: Replicas): Promise<void> {
  const [{ letters }, other] = [replicas[0], replicas.at(-1) ?? replicas[0]];

  /** Decades ago, so that nothing but what this test leaves is due by then. */
  const letter = (more: Partial<Letter> = {}): Omit<Letter, 'attempts'> => ({
    id: fresh('letter'),
    kind: 'sign_up',
    email: 'ünï+"x"@example.com',
    language: 'de',
    interaction: null,
    createdAt: 1_000,
    ...more,
  });

  await t.test('a letter comes back as it was written, due at once', async (t) => {
    const written = letter({ kind: 'new_password', interaction: 'an-interaction', createdAt: 1_000.5 });
    await letters.add(written);
    t.strictSame(await other.letters.take(1_000, 2_000, 10), []);
    t.strictSame(await other.letters.take(1_000.5, 2_000, 10), [{ ...written, attempts: 1 }]);
    await letters.remove(written);
    await letters.remove(written);
    t.strictSame(await letters.take(9_000, 9_000, 10), []);
  });

  await t.test('of a hundred who take at once each letter is one replica’s', async (t) => {
    const ids = Array.from({ length: 30 }, () => letter());
    for (const one of ids) await letters.add(one);
    const taken = await race(replicas, ({ letters }) => letters.take(1_000, 1_030, 1));
    t.strictSame(
      taken
        .flat()
        .map(({ id }) => id)
        .sort(),
      ids.map(({ id }) => id).sort(),
    );
    t.strictSame(await letters.take(1_029, 1_029, 100), []);
    const again = await letters.take(1_030, 1_060, 100);
    t.equal(again.length, 30, 'and due again where nothing came of it');
    t.ok(again.every(({ attempts }) => attempts === 2));
    for (const one of again) await letters.remove(one);
  });

  await t.test('what is postponed is due later, and the longest due comes first', async (t) => {
    const [late, early] = [letter(), letter()];
    for (const one of [late, early]) await letters.add(one);
    await letters.postpone(late, 1_500);
    await letters.postpone(early, 1_400);
    t.strictSame(await letters.take(1_399, 1_400, 10), []);
    t.strictSame(
      (await letters.take(1_500, 1_600, 10)).map(({ id }) => id).sort(),
      [late.id, early.id].sort(),
    );
    for (const one of [late, early]) await letters.remove(one);
  });
}
