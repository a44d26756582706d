// The two ports of families in memory: the model of what token-ports.ts promises, with what a history needs on top.
// Both halves keep what the real adapters keep, in the precision in which they keep it.
import type { FamilyState } from '../../src/oauth/refresh-family.ts';
import { decodeFamilyState, encodeFamilyState, lastInstant } from '../../src/stores/family-state.ts';
import type { AccountRecord, FamilyRecord, FamilyStateStore, FamilyStore } from '../../src/stores/stores.ts';

/** A hot state as it lies in the store; the instant is that at which the store drops it. */
export interface Stored {
  readonly text: string;
  readonly expiresAt: number;
}

export interface MemoryStates extends FamilyStateStore {
  peek(id: string): Stored | undefined;
  put(id: string, stored: Stored | undefined): void;
}

/** `now`: the store's own clock. */
export function memoryFamilyStates(now: () => number): MemoryStates {
  const states = new Map<string, Stored>();
  const peek = (id: string): Stored | undefined => {
    const stored = states.get(id);
    return stored !== undefined && stored.expiresAt > now() ? stored : undefined;
  };
  const textOf = (state: FamilyState | undefined) => state && encodeFamilyState(state);
  return {
    peek,
    put: (id, stored) => void (stored === undefined ? states.delete(id) : states.set(id, stored)),
    async find(id) {
      const stored = peek(id);
      return { state: stored && decodeFamilyState(stored.text), now: now() };
    },
    async compareAndSwap({ id, expected, next, deadline, expiresAt }) {
      if (now() > lastInstant(deadline, expiresAt)) return 'late';
      if (peek(id)?.text !== textOf(expected)) return 'lost';
      states.set(id, { text: encodeFamilyState(next), expiresAt });
      return 'swapped';
    },
  };
}

export type MemoryAccount = Pick<AccountRecord, 'sub' | 'email' | 'name' | 'claims'> & {
  disabledAt: number | null;
  tokensValidAfter: number | null;
};

/** `accounts`: by sub, and others may change them. */
export function memoryFamilies(accounts: ReadonlyMap<string, MemoryAccount>): FamilyStore {
  const rows = new Map<string, FamilyRecord>();
  const due = new Set<string>();
  async function find(id: string) {
    const family = rows.get(id);
    const account = family && accounts.get(family.sub);
    if (family === undefined || account === undefined) return undefined;
    return {
      family,
      account: { updatedAt: 0, ...account },
      client: { disabledAt: null, tokensValidAfter: null },
    };
  }
  return {
    async open(family) {
      rows.set(family.id, family);
    },
    find,
    vitals: find,
    async listOf(sub, now) {
      return [...rows.values()].filter((family) => family.sub === sub && family.expiresAt > now);
    },
    async raiseFloors(floors) {
      for (const { id, head } of floors) {
        const family = rows.get(id);
        if (family && family.floor.generation < head.generation) rows.set(id, { ...family, floor: head });
      }
    },
    async revoke(id, at, revocation) {
      const family = rows.get(id);
      if (family === undefined) return 'unknown';
      if (family.revokedAt !== null) return 'unchanged';
      rows.set(id, { ...family, revokedAt: at, revocation });
      due.add(id);
      return 'changed';
    },
    async dueTombstones(limit) {
      return [...due].slice(0, limit).map((id) => rows.get(id) as FamilyRecord);
    },
    async tombstonesSet(ids) {
      for (const id of ids) due.delete(id);
    },
  };
}
