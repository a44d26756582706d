// PairwiseSecretStore: one secret for ever, whoever makes it, and one envelope at a time.
import type { Test } from 'tap';
import { count, entry, eventsOf, failsWithItsEntry, fresh, type Replicas, race } from './setting.ts';

export async function pairwiseSecretKeepsItsPromises(t: Test, replicas: Replicas): Promise<void> {
  const [stores] = replicas;
  const { pairwiseSecret } = stores;
  let jwe = '';

  await t.test('of a hundred that make it, one does', async (t) => {
    const subject = fresh('made');
    t.equal(await pairwiseSecret.read(), undefined);
    t.equal(
      await pairwiseSecret.replace('none', 'some', entry(subject)),
      'stale',
      'there is none to replace',
    );
    const outcomes = await race(replicas, ({ pairwiseSecret }, racer) =>
      pairwiseSecret.create(`jwe ${racer}`, entry(subject)),
    );
    t.equal(count(outcomes, 'created'), 1);
    t.equal(count(outcomes, 'exists'), 99);
    jwe = `jwe ${outcomes.indexOf('created')}`;
    for (const replica of replicas) t.equal(await replica.pairwiseSecret.read(), jwe);
    t.equal((await eventsOf(stores, subject)).length, 1);
  });

  await t.test('of a hundred that give it another envelope, one does', async (t) => {
    const subject = fresh('replaced');
    const outcomes = await race(replicas, ({ pairwiseSecret }, racer) =>
      pairwiseSecret.replace(jwe, `next ${racer}`, entry(subject)),
    );
    t.equal(count(outcomes, 'replaced'), 1);
    t.equal(await pairwiseSecret.read(), `next ${outcomes.indexOf('replaced')}`);
    t.equal((await eventsOf(stores, subject)).length, 1);
  });

  await t.test('there is no change without its entry', (t) =>
    failsWithItsEntry(t, () => pairwiseSecret.read(), {
      replace: async (audit) => pairwiseSecret.replace((await pairwiseSecret.read()) ?? '', 'x', audit),
    }),
  );
}
