// A set of keys in memory, of nobody's tokens: what a drill is played on.
import type { KeyRecord, KeySet, KeyStore } from '../stores/stores.ts';

/** An empty store that keeps the promises of the port, for one process. */
export function shadowKeys(): KeyStore {
  let set: KeySet = { revision: 0, lastT: 0, keys: [] };
  return {
    read: async () => set,
    async apply({ expectedRevision, t, keys }) {
      if (expectedRevision !== set.revision) return 'stale';
      const all = new Map<string, KeyRecord>([...set.keys, ...keys].map((key) => [key.kid, key]));
      set = { revision: set.revision + 1, lastT: Math.max(set.lastT, t), keys: [...all.values()] };
      return 'applied';
    },
    // Its tokens are shown to nobody.
    recordIssued: async () => undefined,
  };
}
