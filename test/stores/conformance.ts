// What src/stores/stores.ts promises, asked of every adapter: none of it can be skipped.
import type { Test } from 'tap';
import type { Stores } from '../../src/stores/stores.ts';
import { accountsKeepTheirPromises } from './conformance/accounts.ts';
import { attemptsKeepTheirPromises } from './conformance/attempts.ts';
import { clientsKeepTheirPromises } from './conformance/clients.ts';
import { consentsKeepTheirPromises } from './conformance/consents.ts';
import { documentsKeepTheirPromises } from './conformance/documents.ts';
import { endingsKeepTheirPromises } from './conformance/endings.ts';
import { factorsKeepTheirPromises } from './conformance/factors.ts';
import { familiesKeepTheirPromises } from './conformance/families.ts';
import { familyStatesKeepTheirPromises } from './conformance/family-states.ts';
import { keysKeepTheirPromises } from './conformance/keys.ts';
import { leasesKeepTheirPromises } from './conformance/leases.ts';
import { lettersKeepTheirPromises } from './conformance/letters.ts';
import { logoutNoticesKeepTheirPromises } from './conformance/logout-notices.ts';
import { pairwiseSecretKeepsItsPromises } from './conformance/pairwise-secret.ts';
import { replaysKeepTheirPromises } from './conformance/replays.ts';
import { resourcesKeepTheirPromises } from './conformance/resources.ts';
import { revokedTokensKeepTheirPromises } from './conformance/revoked-tokens.ts';
import { rootSecretsKeepTheirPromises } from './conformance/root-secrets.ts';
import { sessionsKeepTheirPromises } from './conformance/sessions.ts';
import type { Hands, Replicas } from './conformance/setting.ts';
import { upkeepKeepsItsPromises } from './conformance/upkeep.ts';

export type { Replicas } from './conformance/setting.ts';
export { everyVerbIsUnavailable } from './conformance/unavailable.ts';

/**
 * The whole suite. `open` gives ways into one place that was empty, and that nobody else uses; they go by a clock that
 * is `ahead()` seconds ahead of the world's.
 */
export async function storesKeepTheirPromises(
  t: Test,
  open: (ahead: () => number) => Promise<Replicas>,
): Promise<void> {
  const hands: Hands = { ahead: 0 };
  const replicas = await open(() => hands.ahead);
  await t.test('clients', (t) => clientsKeepTheirPromises(t, replicas));
  await t.test('resources', (t) => resourcesKeepTheirPromises(t, replicas));
  await t.test('accounts', (t) => accountsKeepTheirPromises(t, replicas));
  await t.test('keys', (t) => keysKeepTheirPromises(t, replicas));
  await t.test('root secrets', (t) => rootSecretsKeepTheirPromises(t, replicas));
  await t.test('pairwise secret', (t) => pairwiseSecretKeepsItsPromises(t, replicas));
  await t.test('families', (t) => familiesKeepTheirPromises(t, replicas));
  await t.test('endings', (t) => endingsKeepTheirPromises(t, replicas));
  await t.test('revoked tokens', (t) => revokedTokensKeepTheirPromises(t, replicas));
  await t.test('leases', (t) => leasesKeepTheirPromises(t, replicas));
  await t.test('sessions', (t) => sessionsKeepTheirPromises(t, replicas));
  await t.test('logout notices', (t) => logoutNoticesKeepTheirPromises(t, replicas));
  await t.test('letters', (t) => lettersKeepTheirPromises(t, replicas));
  await t.test('consents', (t) => consentsKeepTheirPromises(t, replicas));
  await t.test('second factors', (t) => factorsKeepTheirPromises(t, replicas));
  await hotStoresKeep(t, replicas, hands);
  await t.test('audit, health and sweeper', (t) => upkeepKeepsItsPromises(t, replicas, hands));
}

type HotStores = Pick<Stores, 'attempts' | 'documents' | 'familyStates' | 'replays'>;

/** What is hot and expires, where that is all that a store keeps. */
export async function hotStoresKeepTheirPromises(
  t: Test,
  open: (ahead: () => number) => Promise<readonly HotStores[]>,
): Promise<void> {
  const hands: Hands = { ahead: 0 };
  await hotStoresKeep(t, await open(() => hands.ahead), hands);
}

async function hotStoresKeep(t: Test, replicas: readonly HotStores[], hands: Hands): Promise<void> {
  const each = <Port extends keyof HotStores>(port: Port) => replicas.map((stores) => stores[port]);
  await t.test('replays', (t) => replaysKeepTheirPromises(t, each('replays')));
  await t.test('attempts', (t) => attemptsKeepTheirPromises(t, each('attempts')));
  await t.test('documents', (t) => documentsKeepTheirPromises(t, each('documents')));
  await t.test('family states', (t) => familyStatesKeepTheirPromises(t, each('familyStates'), hands));
}
