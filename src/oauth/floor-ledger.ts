// The floors that this replica has to mirror into the durable store: kept in memory, written behind within a second.
// Until then a store that loses its newest writes is met by the token itself (refresh-family.ts, `ahead`).
import { oneAfterAnother } from '../one-after-another.ts';
import type { FamilyStore } from '../stores/stores.ts';
import type { Head } from './refresh-family.ts';

export interface FloorLedger {
  /** A head became current. */
  raise(familyId: string, head: Head): void;
  /** Writes what is new; what fails is kept for the next time. */
  flush(): Promise<void>;
}

/** Rows in one statement, so that none holds too many for too long. */
const batchSize = 2_000;

export function createFloorLedger(families: Pick<FamilyStore, 'raiseFloors'>): FloorLedger {
  let pending = new Map<string, Head>();

  function raise(familyId: string, head: Head): void {
    const known = pending.get(familyId);
    if (known === undefined || known.generation < head.generation) pending.set(familyId, head);
  }

  async function write(): Promise<void> {
    const floors = [...pending].map(([id, head]) => ({ id, head }));
    pending = new Map();
    while (floors.length > 0) {
      const batch = floors.slice(0, batchSize);
      try {
        await families.raiseFloors(batch);
      } catch (error) {
        for (const { id, head } of floors) raise(id, head);
        throw error;
      }
      floors.splice(0, batch.length);
    }
  }

  return { raise, flush: oneAfterAnother(write) };
}
