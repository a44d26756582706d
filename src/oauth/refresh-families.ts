// Families of refresh tokens among their stores: opened, judged, ended. The durable row is the authority and comes
// first; the hot state follows. The rule it keeps: a family that was revoked is dead from the first step on.
import type { Clock } from '../clock.ts';
import {
  type AuditEntry,
  type Change,
  type FamilyRecord,
  type FamilyVitals,
  type Revocation,
  StoreUnavailableError,
} from '../stores/stores.ts';
import type { AuthorizationServer } from './authorization-server.ts';
import type { ClientMetadata } from './client.ts';
import type { Reason } from './errors.ts';
import { type FamilyState, firstState } from './refresh-family.ts';
import type { RefreshToken } from './refresh-token.ts';

/**
 * Seconds that a swap may take from the reading that it was decided on. One that comes later is not made: its caller
 * was told "later" and may have tried again.
 */
export const SWAP_LIFETIME = 1;

/** How often a swap that another was faster than is decided anew. */
export const SWAP_ATTEMPTS = 10;

type Stores = Pick<AuthorizationServer, 'families' | 'familyStates'>;

/** Why the family is dead, whatever token of it is presented; undefined while it lives. */
export function deathOf({ family, account, client }: FamilyVitals, now: number): Reason | undefined {
  if (family.revokedAt !== null) return 'refresh_token_revoked';
  if (account.disabledAt !== null) return 'refresh_token_account_disabled';
  if (account.tokensValidAfter !== family.accountCutOff) return 'refresh_token_signed_out';
  if (client.disabledAt !== null) return 'refresh_token_client_disabled';
  if (client.tokensValidAfter !== family.clientCutOff) return 'refresh_token_client_cut_off';
  return now >= family.expiresAt ? 'refresh_token_expired' : undefined;
}

/** Seconds in which a consumed token still gets its answer again: as the client has it, and what a swap may take. */
export const retryWindowOf = (
  as: Pick<AuthorizationServer, 'refresh'>,
  { refresh_retry_window }: Pick<ClientMetadata, 'refresh_retry_window'>,
): number => (refresh_retry_window ?? as.refresh.retryWindow) + SWAP_LIFETIME;

/** Whether a token has waited too long to be used. A retry has been used already. */
export const isUsedLate = (
  { issuedAt }: Pick<RefreshToken, 'issuedAt'>,
  { idleLifetime }: Pick<FamilyRecord, 'idleLifetime'>,
  now: number,
): boolean => now >= issuedAt + idleLifetime;

/** When the hot state of a family that was used at `now` is of no use any more. */
export const stateExpiresAt = ({ idleLifetime, expiresAt }: FamilyRecord, now: number): number =>
  Math.min(now + idleLifetime, expiresAt);

/** Writes down a new family, the durable half first. Throws StoreUnavailableError. */
export async function openFamily(as: Stores, family: FamilyRecord, state: FamilyState, audit: AuditEntry) {
  await as.families.open(family, audit);
  const { since } = state;
  const outcome = await as.familyStates.compareAndSwap({
    id: family.id,
    expected: undefined,
    next: state,
    deadline: since + SWAP_LIFETIME,
    expiresAt: stateExpiresAt(family, since),
  });
  if (outcome !== 'swapped') throw new StoreUnavailableError('a family could not be opened in time');
}

export interface Ending {
  readonly revocation: Revocation;
  /** as in an audit entry */
  readonly actor: string;
}

/**
 * Ends a family: durable, then hot. Where the second fails it is dead all the same, the caller is told to try again,
 * and the tombstone stays due. Throws StoreUnavailableError.
 */
export async function revokeFamily(
  as: Stores & { readonly clock: Clock },
  family: FamilyRecord,
  { revocation, actor }: Ending,
): Promise<Change> {
  const at = as.clock.now();
  const details = { client_id: family.clientId, sub: family.sub };
  const event =
    revocation === 'replayed' || revocation === 'code_replayed' ? `family.${revocation}` : 'family.revoked';
  const change = await as.families.revoke(family.id, at, revocation, {
    at,
    event,
    actor,
    subject: family.id,
    details,
  });
  await setTombstone(as, family);
  await as.families.tombstonesSet([family.id]);
  return change;
}

/** Puts an end into the hot store, where a refresh that is under way will meet it. Throws StoreUnavailableError. */
export async function setTombstone(
  as: Pick<Stores, 'familyStates'>,
  { id, expiresAt }: Pick<FamilyRecord, 'id' | 'expiresAt'>,
) {
  for (let attempt = 0; attempt < SWAP_ATTEMPTS; attempt += 1) {
    const { state, now } = await as.familyStates.find(id);
    if (state?.revoked || now >= expiresAt) return;
    const next = { ...(state ?? firstState(now, 0)), revoked: true };
    const change = { id, expected: state, next, deadline: now + SWAP_LIFETIME, expiresAt };
    if ((await as.familyStates.compareAndSwap(change)) === 'swapped') return;
  }
  throw new StoreUnavailableError('the end of a family could not be written in time');
}

/** Sets the tombstones that are due, some at a time; one that fails does not hold up the others. Then throws. */
export async function drainTombstones(as: Stores): Promise<void> {
  const due = await as.families.dueTombstones(100);
  const failures: unknown[] = [];
  for (const family of due) {
    try {
      await setTombstone(as, family);
      await as.families.tombstonesSet([family.id]);
    } catch (error) {
      failures.push(error);
    }
  }
  if (failures.length > 0) throw failures[0];
}
