// Keys that leave and join: an export is the whole set under a passphrase, an import is such an export or one key
// (PEM or JWK) of the issuer that was here before, so that its tokens and its verifiers go on without a cut.
import { OperatorError } from '../operator-error.ts';
import type { KeyRecord, SigningAlg } from '../stores/stores.ts';
import {
  importSigningKey,
  openKeySet,
  publicJwkOf,
  type SigningKeyMaterial,
  sealKeySet,
  unwrapPrivateKey,
} from './custody.ts';
import { isPublished, type KeyTimes, stateOf } from './lifecycle.ts';
import { type ImportRole, importedTimes, settle } from './plan.ts';
import { type ChangeOptions, changeKeys, type KeyChange, type KeyManagement } from './rotate.ts';

/** Times travel as JSON: an instant that is not planned is null there. */
type ExportedTimes = Record<
  'publishAt' | 'activateAt' | 'retireAt' | 'removeAt' | 'revokedAt',
  number | null
>;

interface ExportedKey {
  readonly jwk: Readonly<Record<string, string>>;
  readonly alg: SigningAlg;
  readonly times: ExportedTimes & Pick<KeyTimes, 'lastTokenExpiresAt' | 'longestLifetime'>;
}

const finite = (instant: number | null): number | null => (Number.isFinite(instant) ? instant : null);

/** Every key that is not out, with its private half and its times, as a compact JWE under the passphrase. */
export async function exportKeys(management: KeyManagement, passphrase: string): Promise<string> {
  const { keys } = await management.keys.read();
  const t = management.clock.now();
  const exported: ExportedKey[] = [];
  for (const key of keys) {
    if (key.privateJwe === null || !isPublished(stateOf(key, t, management.timetable))) continue;
    const jwk = await unwrapPrivateKey(key.privateJwe, management.keyEncryptionKeys());
    exported.push({ jwk, alg: key.alg, times: exportedTimes(key) });
  }
  if (exported.length === 0) throw new OperatorError('nothing to do: there are no keys yet', 3);
  return sealKeySet({ keys: exported.map(({ jwk }) => jwk), mintmark: exported }, passphrase);
}

const exportedTimes = (key: KeyRecord): ExportedKey['times'] => ({
  publishAt: key.publishAt,
  activateAt: finite(key.activateAt),
  retireAt: finite(key.retireAt),
  removeAt: finite(key.removeAt),
  revokedAt: key.revokedAt,
  lastTokenExpiresAt: key.lastTokenExpiresAt,
  longestLifetime: key.longestLifetime,
});

export interface ImportRequest extends Pick<ChangeOptions, 'dryRun' | 'reason'> {
  readonly text: string;
  readonly role: ImportRole;
  readonly alg?: SigningAlg | undefined;
  /** opens an export */
  readonly passphrase?: string | undefined;
}

interface Arrival {
  readonly material: SigningKeyMaterial;
  /** as exported; undefined for a single key, which gets those of its role */
  readonly times?: KeyTimes;
}

/**
 * Adds the keys that are not known yet. Throws OperatorError: exit 3 where all are known, exit 4 where one is
 * revoked, since revoked is for ever (K9).
 */
export async function importKeys(management: KeyManagement, request: ImportRequest): Promise<KeyChange> {
  const arrivals = await arrivalsOf(request);
  const { timetable } = management;
  const { dryRun = false, reason } = request;
  const materials = arrivals.map(({ material }) => material);
  const options = { dryRun, reason, event: 'keys.imported', arrivals: materials };
  return changeKeys(
    management,
    (keys, t) => {
      const fresh = arrivals.filter(({ material }) => isNew(management, keys, material.kid));
      if (fresh.length === 0) return { nothingToDo: 'every key of the file is here already' };
      const joined = fresh.map(({ material: { kid, alg }, times }): KeyTimes => {
        const own = times && (keys.length > 0 ? joiningTimes(times, t) : times);
        return own ?? importedTimes(kid, alg, request.role, t, timetable);
      });
      return settle([...keys, ...joined], t, timetable);
    },
    options,
  );
}

/**
 * The times of an exported key that joins a set in use, whose verifiers do not know it: a standby key waits for its
 * lead from now on, and an active one signs once every replica publishes it.
 */
function joiningTimes(times: KeyTimes, t: number): KeyTimes {
  if (times.retireAt <= t) return times;
  return { ...times, publishAt: t, activateAt: times.activateAt <= t ? t : Number.POSITIVE_INFINITY };
}

function isNew({ revokedElsewhere }: KeyManagement, keys: readonly KeyRecord[], kid: string): boolean {
  const known = keys.find((key) => key.kid === kid);
  if ((known && known.revokedAt !== null) || revokedElsewhere?.().has(kid)) {
    throw new OperatorError(`${kid} was revoked, and revoked is for ever: import another key`, 4);
  }
  return known === undefined;
}

/** Whether a file is an export, which opens with a passphrase: a compact JWE. */
export const isSealed = (text: string): boolean => /^[\w-]+(\.[\w-]*){4}$/.test(text.trim());

async function arrivalsOf({ text, alg, passphrase }: ImportRequest): Promise<Arrival[]> {
  if (!isSealed(text)) return [{ material: await importSigningKey(text, alg) }];
  if (passphrase === undefined)
    throw new OperatorError('this file is an export: give its passphrase with --passphrase-file', 2);
  const opened = (await openKeySet(text.trim(), passphrase)) as { mintmark?: ExportedKey[] };
  if (!Array.isArray(opened.mintmark))
    throw new OperatorError('the file opens, but it is not an export of `mintmark keys export`');
  return Promise.all(opened.mintmark.map(restored));
}

async function restored({ jwk, alg, times }: ExportedKey): Promise<Arrival> {
  const material = await importSigningKey(JSON.stringify(jwk), alg);
  const planned = (instant: number | null) => instant ?? Number.POSITIVE_INFINITY;
  return {
    material: { ...material, publicJwk: publicJwkOf(material.publicJwk, material.kid, alg) },
    times: {
      kid: material.kid,
      alg,
      publishAt: planned(times.publishAt),
      activateAt: planned(times.activateAt),
      retireAt: planned(times.retireAt),
      removeAt: planned(times.removeAt),
      revokedAt: times.revokedAt,
      lastTokenExpiresAt: times.lastTokenExpiresAt,
      longestLifetime: times.longestLifetime,
    },
  };
}
