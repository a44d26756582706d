// A new root secret: made, given to every machine, and then the one that signs. Tokens of the former are accepted for
// as long as one may wait to be used, so nobody is signed out by it.

import type { Clock } from '../clock.ts';
import { OperatorError } from '../operator-error.ts';
import type { Random } from '../random.ts';
import type { RootSecretRecord, RootSecretStore } from '../stores/stores.ts';
import { loadRootSecrets, ROOT_SECRET, type RootSecret } from './root-secrets.ts';
import { ensureSecretFile } from './secret-files.ts';

/** The number of its key is one byte of a token. */
const MAC_KEY_LIMIT = 255;

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

interface Options {
  readonly dryRun?: boolean | undefined;
}

/**
 * Makes the next root secret; it does nothing yet. Returns its path; undefined at a dry run. Throws OperatorError:
 * exit 3 where one waits already.
 */
export async function prepareRootSecret(
  management: RootSecretManagement,
  { dryRun = false }: Options = {},
): Promise<string | undefined> {
  assertInFolder(management);
  const known = await waiting(management);
  if (known) throw new OperatorError(`nothing to do: the next root secret waits in ${known.file}`, 3);
  const number = (await management.store.list()).length + 1;
  return dryRun ? undefined : makeNext(management, number);
}

/** Named by its number, so that two who make it at once make one. */
const makeNext = ({ folder, random }: RootSecretManagement, number: number): string =>
  ensureSecretFile(folder, `${ROOT_SECRET}.${number}`, random);

export interface Renewal {
  readonly number: number;
  /** from when it signs, and until when its predecessor verifies */
  readonly since: number;
  readonly formerUntil: number;
  /** where it is; undefined for one of the setting, and where a dry run would make one */
  readonly file: string | undefined;
}

/**
 * The waiting secret signs as soon as every replica can know of it; without one it is made first. Throws
 * OperatorError: exit 3 where one that was renewed lately does not sign yet.
 */
export async function renewRootSecret(
  management: RootSecretManagement,
  { dryRun = false }: Options = {},
): Promise<Renewal> {
  const { store, clock, settleTime, longestIdleLifetime } = management;
  const newest = (await store.list()).at(-1);
  if (newest === undefined)
    throw new OperatorError('there is no root secret yet: start the service first', 4);
  const now = clock.now();
  if (newest.since > now) {
    const soon = `root secret ${newest.number} is new, and signs in ${Math.ceil(newest.since - now)} s`;
    throw new OperatorError(`nothing to do: ${soon}`, 3);
  }
  if (newest.number >= MAC_KEY_LIMIT)
    throw new OperatorError(
      `a refresh token can tell ${MAC_KEY_LIMIT} root secrets apart, and so many were used`,
      4,
    );
  const since = now + settleTime;
  const renewal = { number: newest.number + 1, since, formerUntil: since + longestIdleLifetime };
  const known = await waiting(management);
  if (!known) assertInFolder(management);
  if (dryRun) return { ...renewal, file: known?.file };
  if (!known) makeNext(management, renewal.number);
  const next = await waiting(management);
  const isAdded = next && (await add(management, { ...next, ...renewal }, renewal.formerUntil));
  if (!isAdded)
    throw new OperatorError('somebody else renewed the root secret at the same moment: look again');
  return { ...renewal, file: next.file };
}

async function add(
  { store, clock, actor }: RootSecretManagement,
  { number, fingerprint, since }: RootSecret & Pick<RootSecretRecord, 'number' | 'since'>,
  endOfFormer: number,
): Promise<boolean> {
  const record = { number, fingerprint, since, until: Number.POSITIVE_INFINITY };
  const audit = { at: clock.now(), event: 'root_secret.added', actor, subject: String(number) };
  return (await store.add(record, endOfFormer, audit)) === 'added';
}

function assertInFolder({ setting }: RootSecretManagement): void {
  if (!setting) return;
  throw new OperatorError(
    'the root secret is set by MINTMARK_ROOT_SECRET: add the new one there, after a comma',
    4,
  );
}
