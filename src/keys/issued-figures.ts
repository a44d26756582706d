// What each key has signed here, as far as it bounds the key's life: kept in memory, written behind.
import type { IssuedFigures, KeyRecord, KeyStore } from '../stores/stores.ts';

export interface IssuedLedger {
  /** Seconds: the token's `iat` and `exp`. */
  record(kid: string, iat: number, exp: number): void;
  /** The key with what was signed here but may not be in the store yet. */
  merge(key: KeyRecord): KeyRecord;
  /** Writes what is new since the last call; what fails is kept for the next one. */
  flush(): Promise<void>;
}

type Figures = Omit<IssuedFigures, 'kid'>;

const largest = (a: Figures, b: Figures): Figures => ({
  lastTokenExpiresAt: Math.max(a.lastTokenExpiresAt, b.lastTokenExpiresAt),
  longestLifetime: Math.max(a.longestLifetime, b.longestLifetime),
});

export function createIssuedLedger(keys: Pick<KeyStore, 'recordIssued'>): IssuedLedger {
  const issued = new Map<string, Figures>();
  const unwritten = new Set<string>();
  return {
    record(kid, iat, exp) {
      const sofar = issued.get(kid);
      if (sofar && sofar.lastTokenExpiresAt >= exp && sofar.longestLifetime >= exp - iat) return;
      const figures = { lastTokenExpiresAt: exp, longestLifetime: exp - iat };
      issued.set(kid, sofar ? largest(sofar, figures) : figures);
      unwritten.add(kid);
    },
    merge(key) {
      const own = issued.get(key.kid);
      return own ? { ...key, ...largest(key, own) } : key;
    },
    async flush() {
      if (unwritten.size === 0) return;
      const kids = [...unwritten];
      unwritten.clear();
      try {
        await keys.recordIssued(kids.map((kid) => ({ kid, ...(issued.get(kid) as Figures) })));
      } catch (error) {
        for (const kid of kids) unwritten.add(kid);
        throw error;
      }
    },
  };
}
