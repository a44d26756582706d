// The root secret: what refresh tokens are made with. Its MAC key is derived by HKDF (RFC 5869), so that what else may
// be derived from it one day gives nothing away of it.
//
// The files are `root-secret` and `root-secret.*` of the keys folder, or the setting; the store says by fingerprint
// which of them signs from when. So no replica makes tokens that another one refuses: where a secret is missing, the
// answer is "later" and not "no".
import { hkdfSync } from 'node:crypto';
import type { Clock } from '../clock.ts';
import { hmacSha256, type Mac } from '../hmac.ts';
import { type MacKey, MacKeyMissingError, type MacKeys } from '../oauth/refresh-token.ts';
import { readSecretFile } from '../secret-file.ts';
import type { RootSecretRecord, RootSecretStore } from '../stores/stores.ts';
import { parseSecret, secretFiles } from './secret-files.ts';

export const ROOT_SECRET = 'root-secret';

/** What is derived from a root secret. */
export interface RootSecret {
  /** names it in the store */
  readonly fingerprint: string;
  readonly mac: Mac;
  /** where it is; undefined for one of the setting */
  readonly file?: string;
}

const derived = (secret: Buffer, purpose: string, size: number): Buffer =>
  Buffer.from(hkdfSync('sha256', secret, '', `mintmark ${purpose}`, size));

const rootSecretOf = (secret: Buffer): RootSecret => ({
  fingerprint: derived(secret, 'root secret fingerprint', 16).toString('base64url'),
  mac: hmacSha256(derived(secret, 'refresh token MAC', 32)),
});

/**
 * The secrets of the folder, or of the setting (comma separated). Empty where there is none yet. Throws OperatorError
 * for a file that others can read or that holds no secret.
 */
export function loadRootSecrets(source: {
  readonly folder: string;
  readonly setting?: string | undefined;
}): readonly RootSecret[] {
  if (source.setting) {
    return source.setting.split(',').map((text) => rootSecretOf(parseSecret(text, 'MINTMARK_ROOT_SECRET')));
  }
  const files = secretFiles(source.folder, ROOT_SECRET, [ROOT_SECRET]);
  return files.map((file) => ({ ...rootSecretOf(parseSecret(readSecretFile(file), file)), file }));
}

export interface MacKeyRing {
  /** The keys of this moment. */
  macKeys(): MacKeys;
  /** Reads the store, and the folder where the store names a secret that is not known. */
  reload(): Promise<void>;
  /** In words, why this replica is not ready; empty when it is. */
  faults(): readonly string[];
}

export interface MacKeyRingParts {
  readonly store: Pick<RootSecretStore, 'list'>;
  readonly secrets: () => readonly RootSecret[];
  readonly clock: Clock;
  /** seconds between the moment a root secret is noted and the first token by it */
  readonly settleTime: number;
}

/** An empty ring: `reload` fills it. */
export function createMacKeyRing({ store, secrets, clock, settleTime }: MacKeyRingParts): MacKeyRing {
  let records: readonly RootSecretRecord[] = [];
  let known = new Map<string, Mac>();
  let readAt = Number.NEGATIVE_INFINITY;

  const keyOf = ({ number, fingerprint }: RootSecretRecord): MacKey => {
    const mac = known.get(fingerprint);
    if (mac === undefined) throw new MacKeyMissingError(missing(number));
    return { number, mac };
  };

  return {
    macKeys() {
      const now = clock.now();
      const current = records.findLast(({ since }) => since <= now);
      if (current === undefined) throw new MacKeyMissingError(unread);
      return {
        current: keyOf(current),
        find(number) {
          const record = records.find((one) => one.number === number);
          // Who has not read the store for so long may not know of the newest.
          if (record === undefined && now - readAt > settleTime / 2) throw new MacKeyMissingError(unread);
          return record !== undefined && now < record.until ? keyOf(record) : undefined;
        },
      };
    },

    async reload() {
      const now = clock.now();
      records = await store.list();
      readAt = now;
      if (records.some(({ fingerprint }) => !known.has(fingerprint))) {
        known = new Map(secrets().map(({ fingerprint, mac }) => [fingerprint, mac]));
      }
    },

    faults() {
      const now = clock.now();
      const needed = records.filter(({ until }) => now < until);
      if (needed.length === 0) return [unread];
      return needed.filter(({ fingerprint }) => !known.has(fingerprint)).map(({ number }) => missing(number));
    },
  };
}

const unread = 'the root secrets could not be read from the store for some time';

const missing = (number: number): string =>
  `root secret ${number} is not in the keys folder: copy it from another replica`;
