// What src/stores/stores.ts promises, asked of every adapter: none of it can be skipped.
import type { Test } from 'tap';
import { accountsKeepTheirPromises } from './conformance/accounts.ts';
import { clientsKeepTheirPromises } from './conformance/clients.ts';
import { consentsKeepTheirPromises } from './conformance/consents.ts';
import { documentsKeepTheirPromises } from './conformance/documents.ts';
import { keysKeepTheirPromises } from './conformance/keys.ts';
import { leasesKeepTheirPromises } from './conformance/leases.ts';
import { replaysKeepTheirPromises } from './conformance/replays.ts';
import { resourcesKeepTheirPromises } from './conformance/resources.ts';
import { sessionsKeepTheirPromises } from './conformance/sessions.ts';
import type { Replicas } from './conformance/setting.ts';
import { upkeepKeepsItsPromises } from './conformance/upkeep.ts';

export { documentsKeepTheirPromises } from './conformance/documents.ts';
export { replaysKeepTheirPromises } from './conformance/replays.ts';
export type { Replicas } from './conformance/setting.ts';
export { everyVerbIsUnavailable } from './conformance/unavailable.ts';

/** The whole suite. `open` gives ways into one place that was empty, and that nobody else uses. */
export async function storesKeepTheirPromises(t: Test, open: () => Promise<Replicas>): Promise<void> {
  const replicas = await open();
  await t.test('clients', (t) => clientsKeepTheirPromises(t, replicas));
  await t.test('resources', (t) => resourcesKeepTheirPromises(t, replicas));
  await t.test('accounts', (t) => accountsKeepTheirPromises(t, replicas));
  await t.test('keys', (t) => keysKeepTheirPromises(t, replicas));
  await t.test('leases', (t) => leasesKeepTheirPromises(t, replicas));
  await t.test('replays', (t) =>
    replaysKeepTheirPromises(
      t,
      replicas.map(({ replays }) => replays),
    ),
  );
  await t.test('documents', (t) =>
    documentsKeepTheirPromises(
      t,
      replicas.map(({ documents }) => documents),
    ),
  );
  await t.test('sessions', (t) => sessionsKeepTheirPromises(t, replicas));
  await t.test('consents', (t) => consentsKeepTheirPromises(t, replicas));
  await t.test('audit, health and sweeper', (t) => upkeepKeepsItsPromises(t, replicas));
}
