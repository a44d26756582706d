// What each key has signed here, as far as it bounds the key's life: kept in memory, written behind.
import { oneAfterAnother } from '../one-after-another.ts';
import type { IssuedFigures, KeyRecord, KeyStore } from '../stores/stores.ts';

export interface IssuedLedger {
  /** Seconds: the token's `iat` and `exp`. */
  record(kid: string, iat: number, exp: number): void;
  /** The same, in the store before it is so: where that fails nothing is recorded. */
  write(kid: string, iat: number, exp: number): Promise<void>;
  /** The key with what was signed here but may not be in the store yet. */
  merge(key: KeyRecord): KeyRecord;
  /** Writes what is new since the last call; what fails is kept for the next one. */
  flush(): Promise<void>;
  /** Whether this ledger has written that the key signs tokens that live this long. */
  hasWritten(kid: string, lifetime: number): boolean;
}

type Figures = Omit<IssuedFigures, 'kid'>;

const largest = (a: Figures, b: Figures): Figures => ({
  lastTokenExpiresAt: Math.max(a.lastTokenExpiresAt, b.lastTokenExpiresAt),
  longestLifetime: Math.max(a.longestLifetime, b.longestLifetime),
});

export function createIssuedLedger(keys: Pick<KeyStore, 'recordIssued'>): IssuedLedger {
  const issued = new Map<string, Figures>();
  const written = new Map<string, Figures>();
  async function writeNew(): Promise<void> {
    const unwritten = [...issued].filter(([kid, figures]) => written.get(kid) !== figures);
    if (unwritten.length === 0) return;
    await keys.recordIssued(unwritten.map(([kid, figures]) => ({ kid, ...figures })));
    for (const [kid, figures] of unwritten) written.set(kid, figures);
  }
  function record(kid: string, iat: number, exp: number): void {
    const sofar = issued.get(kid);
    if (sofar && sofar.lastTokenExpiresAt >= exp && sofar.longestLifetime >= exp - iat) return;
    const figures = { lastTokenExpiresAt: exp, longestLifetime: exp - iat };
    issued.set(kid, sofar ? largest(sofar, figures) : figures);
  }
  return {
    record,
    async write(kid, iat, exp) {
      const figures = { lastTokenExpiresAt: exp, longestLifetime: exp - iat };
      await keys.recordIssued([{ kid, ...figures }]);
      const sofar = written.get(kid);
      written.set(kid, sofar ? largest(sofar, figures) : figures);
      record(kid, iat, exp);
    },
    merge(key) {
      const own = issued.get(key.kid);
      return own ? { ...key, ...largest(key, own) } : key;
    },
    flush: oneAfterAnother(writeNew),
    hasWritten: (kid, lifetime) => (written.get(kid)?.longestLifetime ?? 0) >= lifetime,
  };
}
