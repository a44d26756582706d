// What each key has signed here, as far as it bounds the key's life, and how many tokens: kept in memory, written behind.
//
// The rules it keeps: what bounds the key's life is a largest of all, so it may be written as often as one likes, and
// is until it has been; the number is added, so a write that may have failed is counted twice rather than not at all
// (docs/decisions/0025).
import { oneAfterAnother } from '../one-after-another.ts';
import type { IssuedFigures, KeyRecord, KeyStore } from '../stores/stores.ts';

export interface IssuedLedger {
  /** Seconds: the token's `iat` and `exp`. What has no `exp` is read at once, and is no token to be counted. */
  record(kid: string, iat: number, exp: number | undefined): void;
  /** Such a token's bounds in the store, before there is one: where that fails nothing is recorded. */
  write(kid: string, iat: number, exp: number): Promise<void>;
  /** The key with what was signed here but may not be in the store yet, but for the number. */
  merge(key: KeyRecord): KeyRecord;
  /** Writes what is new since the last call; what fails is kept for the next one. */
  flush(): Promise<void>;
  /** Whether this ledger has written that the key signs tokens that live this long. */
  hasWritten(kid: string, lifetime: number): boolean;
}

type Bounds = Pick<IssuedFigures, 'lastTokenExpiresAt' | 'longestLifetime'>;

const largest = (a: Bounds, b: Bounds): Bounds => ({
  lastTokenExpiresAt: Math.max(a.lastTokenExpiresAt, b.lastTokenExpiresAt),
  longestLifetime: Math.max(a.longestLifetime, b.longestLifetime),
});

export function createIssuedLedger(keys: Pick<KeyStore, 'recordIssued'>): IssuedLedger {
  const issued = new Map<string, Bounds>();
  const written = new Map<string, Bounds>();
  /** tokens that were not written yet */
  const uncounted = new Map<string, number>();
  async function writeNew(): Promise<void> {
    const news = [...issued].flatMap(([kid, bounds]) => {
      const tokens = uncounted.get(kid) ?? 0;
      return written.get(kid) === bounds && tokens === 0 ? [] : [{ kid, bounds, tokens }];
    });
    if (news.length === 0) return;
    await keys.recordIssued(news.map(({ kid, bounds, tokens }) => ({ kid, ...bounds, tokens })));
    for (const { kid, bounds, tokens } of news) {
      written.set(kid, bounds);
      // Others were signed meanwhile.
      uncounted.set(kid, (uncounted.get(kid) ?? 0) - tokens);
    }
  }
  function raise(kid: string, iat: number, exp: number): void {
    const sofar = issued.get(kid);
    if (sofar && sofar.lastTokenExpiresAt >= exp && sofar.longestLifetime >= exp - iat) return;
    const bounds = { lastTokenExpiresAt: exp, longestLifetime: exp - iat };
    issued.set(kid, sofar ? largest(sofar, bounds) : bounds);
  }
  return {
    record(kid, iat, exp) {
      raise(kid, iat, exp ?? iat);
      if (exp !== undefined) uncounted.set(kid, (uncounted.get(kid) ?? 0) + 1);
    },
    async write(kid, iat, exp) {
      const bounds = { lastTokenExpiresAt: exp, longestLifetime: exp - iat };
      await keys.recordIssued([{ kid, ...bounds, tokens: 0 }]);
      const sofar = written.get(kid);
      written.set(kid, sofar ? largest(sofar, bounds) : bounds);
      raise(kid, iat, exp);
    },
    merge(key) {
      const own = issued.get(key.kid);
      return own ? { ...key, ...largest(key, own) } : key;
    },
    flush: oneAfterAnother(writeNew),
    hasWritten: (kid, lifetime) => (written.get(kid)?.longestLifetime ?? 0) >= lifetime,
  };
}
