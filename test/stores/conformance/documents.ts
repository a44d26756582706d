// What waits to be used: found by its name, swapped whole, gone by itself.
import type { Test } from 'tap';
import { systemClock } from '../../../src/clock.ts';
import type { DocumentStore } from '../../../src/stores/stores.ts';
import { count, fresh, race, strangeNames } from './setting.ts';

export async function documentsKeepTheirPromises(t: Test, replicas: readonly DocumentStore[]): Promise<void> {
  const [documents, other] = [replicas[0], replicas.at(-1)] as [DocumentStore, DocumentStore];
  const soon = () => systemClock.now() + 60;
  const swap = (id: string, expected: string | undefined, next: string | undefined, expiresAt = soon()) =>
    documents.compareAndSwap({ kind: 'k', id, expected, next, expiresAt });

  await t.test('one is found everywhere until it is taken away', async (t) => {
    const id = fresh('document');
    t.equal(await documents.find('k', id), undefined);
    t.equal(await swap(id, undefined, 'one'), true);
    t.equal(await other.find('k', id), 'one');
    t.equal(await other.find('l', id), undefined, 'another kind is another document');
    t.equal(await swap(id, 'one', 'two'), true);
    t.equal(await other.find('k', id), 'two');
    t.equal(await swap(id, 'two', undefined), true);
    t.equal(await other.find('k', id), undefined);
    t.equal(await swap(id, undefined, 'three'), true, 'and can stand there again');
  });

  await t.test('nothing is written where something else stands there', async (t) => {
    const id = fresh('document');
    t.equal(await swap(id, 'one', 'two'), false, 'nothing is not something');
    t.equal(await swap(id, 'one', undefined), false);
    await swap(id, undefined, 'one');
    t.equal(await swap(id, undefined, 'two'), false);
    t.equal(await swap(id, 'ONE', 'two'), false);
    t.equal(await swap(id, 'one ', undefined), false);
    t.equal(await other.find('k', id), 'one');
  });

  await t.test('whatever the text, it comes back as it was', async (t) => {
    const texts = [...strangeNames, JSON.stringify({ a: '\u2028"\\' }), 'x'.repeat(200_000)];
    for (const text of texts) {
      const id = fresh(text.slice(0, 100));
      t.equal(await swap(id, undefined, text), true);
      t.equal(await other.find('k', id), text);
      t.equal(await swap(id, text, `${text}.`), true, 'and is compared whole');
    }
  });

  await t.test('of a hundred who swap the same, one does', async (t) => {
    const id = fresh('document');
    await swap(id, undefined, 'start');
    const outcomes = await race(replicas, (replica, racer) =>
      replica.compareAndSwap({ kind: 'k', id, expected: 'start', next: `racer ${racer}`, expiresAt: soon() }),
    );
    t.equal(count(outcomes, true), 1);
    t.equal(await documents.find('k', id), `racer ${outcomes.indexOf(true)}`);
  });

  await t.test('of a hundred who begin or end the same, one does', async (t) => {
    const id = fresh('document');
    const change = { kind: 'k', id, expiresAt: soon() };
    const begun = await race(replicas, (replica) =>
      replica.compareAndSwap({ ...change, expected: undefined, next: 'one' }),
    );
    t.equal(count(begun, true), 1);
    const ended = await race(replicas, (replica) =>
      replica.compareAndSwap({ ...change, expected: 'one', next: undefined }),
    );
    t.equal(count(ended, true), 1);
  });

  await t.test('what has expired is gone, and in nobody’s way', async (t) => {
    const id = fresh('document');
    await swap(id, undefined, 'one', systemClock.now() + 0.001);
    for (const until = systemClock.now() + 5; systemClock.now() < until; ) {
      if ((await documents.find('k', id)) === undefined) break;
    }
    t.equal(await other.find('k', id), undefined);
    t.equal(await swap(id, 'one', 'two'), false);
    t.equal(await swap(id, undefined, 'three'), true);
    t.equal(await other.find('k', id), 'three');
  });
}
