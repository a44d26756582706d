// The KeyStore port in memory: the model of what stores.ts promises, with what a history needs on top: backups,
// a look at every row ever written, and a reply that gets lost.
import type { AuditEntry, IssuedFigures, KeyRecord, KeySet, KeyStore } from '../../src/stores/stores.ts';
import { StoreUnavailableError } from '../../src/stores/stores.ts';

export interface MemoryKeys extends KeyStore {
  /** the set as it is, without asking */
  now(): KeySet;
  restore(backup: KeySet): void;
  /** the next change is written, and its writer never hears of it */
  loseNextReply(): void;
  readonly audit: AuditEntry[];
}

const byPublishAt = (a: KeyRecord, b: KeyRecord): number =>
  a.publishAt - b.publishAt || (a.kid < b.kid ? -1 : 1);

type Bounds = Pick<IssuedFigures, 'lastTokenExpiresAt' | 'longestLifetime'>;

const grown = (a: Bounds, b: Bounds) => ({
  lastTokenExpiresAt: Math.max(a.lastTokenExpiresAt, b.lastTokenExpiresAt),
  longestLifetime: Math.max(a.longestLifetime, b.longestLifetime),
});

/** A kid's public key never changes, revoked stays revoked, an envelope that is gone stays gone. */
const rewritten = (known: KeyRecord | undefined, next: KeyRecord): KeyRecord =>
  known === undefined
    ? { ...next, tokensIssued: 0 }
    : {
        ...next,
        ...grown(known, next),
        alg: known.alg,
        publicJwk: known.publicJwk,
        tokensIssued: known.tokensIssued,
        privateJwe: known.privateJwe === null ? null : next.privateJwe,
        revokedAt: known.revokedAt ?? next.revokedAt,
      };

export function memoryKeys(onApply: (after: KeySet) => void = () => undefined): MemoryKeys {
  let set: KeySet = { revision: 0, lastT: 0, keys: [] };
  let losesReply = false;
  const audit: AuditEntry[] = [];
  const elsewhere = () => new Promise<void>((resolve) => setImmediate(resolve));

  return {
    audit,
    now: () => set,
    restore: (backup) => {
      set = backup;
    },
    loseNextReply: () => {
      losesReply = true;
    },
    async read() {
      await elsewhere();
      return set;
    },
    async apply(change) {
      await elsewhere();
      if (change.expectedRevision !== set.revision) return 'stale';
      const keys = new Map(set.keys.map((key) => [key.kid, key]));
      for (const next of change.keys) keys.set(next.kid, rewritten(keys.get(next.kid), next));
      set = {
        revision: set.revision + 1,
        lastT: Math.max(set.lastT, change.t),
        keys: [...keys.values()].sort(byPublishAt),
      };
      audit.push(...change.audit);
      onApply(set);
      if (losesReply) {
        losesReply = false;
        throw new StoreUnavailableError('the connection broke before the answer came');
      }
      return 'applied';
    },
    async recordIssued(figures) {
      await elsewhere();
      const issued = new Map(figures.map((figure) => [figure.kid, figure]));
      const keys = set.keys.map((key) => {
        const told = issued.get(key.kid);
        const tokensIssued = key.tokensIssued + (told?.tokens ?? 0);
        return { ...key, ...grown(key, told ?? key), tokensIssued };
      });
      set = { ...set, keys };
    },
  };
}
