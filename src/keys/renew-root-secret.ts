// A new root secret: made, given to every machine, and then the one that signs. Tokens of the former are accepted for
// as long as one may wait to be used, so nobody is signed out by it.

import type { Clock } from '../clock.ts';
import { OperatorError } from '../operator-error.ts';
import type { Random } from '../random.ts';
import type { RootSecretRecord, RootSecretStore } from '../stores/stores.ts';
import { loadRootSecrets, ROOT_SECRET, type RootSecret } from './root-secrets.ts';
import { ensureSecretFile } from './secret-files.ts';

export interface RootSecretManagement {
  readonly store: RootSecretStore;
  readonly clock: Clock;
  readonly random: Random;
  readonly actor: string;
  readonly folder: string;
  readonly setting: string | undefined;
  /** seconds by which every replica has read what the store says */
  readonly settleTime: number;
  /** seconds, the longest that any client's refresh token may wait to be used */
  readonly longestIdleLifetime: number;
}

/**
 * At the very first start the secret is made and noted; later it must be the one that was noted. Throws OperatorError,
 * exit 4, where it is another: its tokens would be refused by every other replica.
 */
export async function ensureRootSecret(management: RootSecretManagement): Promise<void> {
  const { store, folder, setting, random } = management;
  if ((await store.list()).length === 0) {
    if (!setting) ensureSecretFile(folder, ROOT_SECRET, random);
    const [first] = loadRootSecrets({ folder, setting });
    if (first) await add(management, { ...first, number: 1, since: 0 }, Number.POSITIVE_INFINITY);
  }
  const newest = (await store.list()).at(-1) as RootSecretRecord;
  const known = loadRootSecrets({ folder, setting });
  if (known.some(({ fingerprint }) => fingerprint === newest.fingerprint)) return;
  throw new OperatorError(
    `the root secret of this deployment is not in ${folder}: copy the file from another replica or from a backup, or set MINTMARK_ROOT_SECRET_FILE`,
    4,
  );
}

/** The secret that waits to be the next one, if there is one. Throws OperatorError, exit 4, where there are several. */
async function waiting({ store, folder, setting }: RootSecretManagement): Promise<RootSecret | undefined> {
  const noted = new Set((await store.list()).map(({ fingerprint }) => fingerprint));
  const found = loadRootSecrets({ folder, setting }).filter(({ fingerprint }) => !noted.has(fingerprint));
  if (found.length > 1)
    throw new OperatorError(`several new root secrets wait in ${folder}: leave one of them`, 4);
  return found[0];
}

/** Makes the next root secret, unless one is waiting already. Returns the path; undefined where one waited. */
export async function prepareRootSecret(management: RootSecretManagement): Promise<string | undefined> {
  assertInFolder(management);
  if (await waiting(management)) return undefined;
  const { folder, random } = management;
  return ensureSecretFile(folder, `${ROOT_SECRET}.${random.id().slice(0, 8)}`, random);
}

/**
 * The waiting secret signs as soon as every replica can know of it; without one it is made first. With `dryRun` says
 * when that would be. Throws OperatorError.
 */
export async function renewRootSecret(
  management: RootSecretManagement,
  { dryRun = false }: { readonly dryRun?: boolean | undefined } = {},
): Promise<RootSecretRecord & { readonly formerUntil: number }> {
  const { store, clock, settleTime, longestIdleLifetime } = management;
  const newest = (await store.list()).at(-1);
  if (newest === undefined)
    throw new OperatorError('there is no root secret yet: start the service first', 4);
  const since = clock.now() + settleTime;
  const formerUntil = since + longestIdleLifetime;
  const number = newest.number + 1;
  if (dryRun) return { number, fingerprint: '', since, until: Number.POSITIVE_INFINITY, formerUntil };
  if ((await waiting(management)) === undefined) await prepareRootSecret(management);
  const next = (await waiting(management)) as RootSecret;
  const record = await add(management, { ...next, number, since }, formerUntil);
  if (record === undefined)
    throw new OperatorError('somebody else renewed the root secret at the same moment: look again');
  return { ...record, formerUntil };
}

async function add(
  { store, clock, actor }: RootSecretManagement,
  { number, fingerprint, since }: RootSecret & Pick<RootSecretRecord, 'number' | 'since'>,
  endOfFormer: number,
): Promise<RootSecretRecord | undefined> {
  const record = { number, fingerprint, since, until: Number.POSITIVE_INFINITY };
  const audit = { at: clock.now(), event: 'root_secret.added', actor, subject: String(number) };
  return (await store.add(record, endOfFormer, audit)) === 'added' ? record : undefined;
}

function assertInFolder({ setting }: RootSecretManagement): void {
  if (!setting) return;
  throw new OperatorError(
    'the root secret is set by MINTMARK_ROOT_SECRET: add the new one there, after a comma',
    4,
  );
}
