// The service's own care for its keys: every replica reloads, one of them maintains.
import type { LeaseStore } from '../stores/stores.ts';
import type { Keyring } from './keyring.ts';
import { type KeyChange, type KeyManagement, maintainKeys } from './rotate.ts';

const LEASE = 'key-maintenance';

export interface KeyCare {
  readonly keyring: Keyring;
  readonly management: KeyManagement;
  readonly leases: LeaseStore;
  /** this replica's name for the lease */
  readonly holder: string;
}

/**
 * One round, due every reload interval: where this replica holds the lease it makes what is due, and in any case it
 * reads the keys again. The lease spares the others the work; that it is done once is the compare-and-swap's doing.
 * K9: a revocation that a restored store has forgotten is written by whoever remembers it, since the holder may not.
 * Returns the change, if this round made one.
 */
export async function careForKeys({
  keyring,
  management,
  leases,
  holder,
}: KeyCare): Promise<KeyChange | undefined> {
  const now = management.clock.now();
  const until = now + 3 * management.timetable.reloadInterval;
  const isLeader = await leases.acquire(LEASE, holder, now, until);
  try {
    return isLeader || keyring.remembersMore() ? await maintainKeys(management) : undefined;
  } catch (error) {
    // Another may be fit for it: this one's clock may be wrong, or its key-encryption key missing.
    await leases.release(LEASE, holder);
    throw error;
  } finally {
    await keyring.reload();
  }
}

/** Gives the lease up, if this replica has it: another need not wait until it ends. */
export const endCareForKeys = ({ leases, holder }: Pick<KeyCare, 'leases' | 'holder'>): Promise<void> =>
  leases.release(LEASE, holder);
