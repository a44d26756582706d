// The second factors of an account as one state: what changes it is decided on what was read, and compared and swapped.
// The rule it keeps: whatever is to be used once is used once, whoever else uses it at the same moment.
import type { Clock } from '../clock.ts';
import type { Random } from '../random.ts';
import { type AuditEntry, type FactorStore, type Factors, StoreUnavailableError } from '../stores/stores.ts';

export interface FactorParts {
  readonly factors: FactorStore;
  readonly clock: Clock;
  readonly random: Random;
}

/** Whether a password alone is not enough. Recovery codes stand in for a factor, and are none. */
export const hasSecondFactor = (factors: Factors | undefined): boolean =>
  factors !== undefined && (factors.totp !== null || factors.passkeys.length > 0);

/** What a change makes of the state (undefined: nothing changes), the event that is told of it, and its own answer. */
export interface FactorChange<T> {
  readonly next?: Factors;
  readonly event?: string;
  readonly details?: Readonly<Record<string, unknown>>;
  readonly answer: T;
}

const SWAP_ATTEMPTS = 30;

/** `change` may be asked several times. Throws StoreUnavailableError, and what `change` throws. */
export async function changeFactors<T>(
  { factors: store, clock, random }: FactorParts,
  { sub, actor }: { readonly sub: string; readonly actor: string },
  change: (factors: Factors, now: number) => FactorChange<T>,
): Promise<T> {
  for (let attempt = 0; attempt < SWAP_ATTEMPTS; attempt += 1) {
    const expected = await store.find(sub);
    const now = clock.now();
    const { next, event, details, answer } = change(expected ?? noFactors(random), now);
    if (next === undefined) return answer;
    const entry = event === undefined ? [] : [entryOf({ sub, actor, event, details }, now)];
    // Without a factor there is nothing to recover.
    const kept = hasSecondFactor(next) ? next : undefined;
    if (expected === undefined && kept === undefined) return answer;
    if (await store.compareAndSwap({ sub, expected, next: kept, audit: entry })) return answer;
  }
  throw new StoreUnavailableError('others were faster, over and over');
}

/** WebAuthn 14.6.1: the handle is random, and says nothing of the person. */
const noFactors = (random: Random): Factors => ({
  handle: random.bytes(32).toString('base64url'),
  totp: null,
  recoveryCodes: [],
  passkeys: [],
});

interface Told {
  readonly sub: string;
  readonly actor: string;
  readonly event: string;
  readonly details: FactorChange<unknown>['details'] | undefined;
}

const entryOf = ({ sub, actor, event, details }: Told, at: number): AuditEntry => ({
  at,
  event: `account.${event}`,
  actor,
  subject: sub,
  ...(details && { details }),
});
