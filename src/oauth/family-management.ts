// Sign-ins as an operator cares for them: listed, with where each stands, and ended one by one.
import { type AccountManagement, findAccount } from '../accounts/account.ts';
import { assertChanged } from '../change.ts';
import type { Clock } from '../clock.ts';
import { OperatorError } from '../operator-error.ts';
import type { FamilyRecord, FamilyStanding, Stores } from '../stores/stores.ts';
import type { Reason } from './errors.ts';
import { revocationInWords } from './family-words.ts';
import { deathOf, revokeFamily } from './refresh-families.ts';
import type { Head } from './refresh-family.ts';

/** `actor` stands in the audit log. */
export interface FamilyManagement {
  readonly stores: Pick<Stores, 'families' | 'familyStates'> & AccountManagement['stores'];
  readonly clock: Clock;
  readonly actor: string;
}

/** Where a sign-in stands; all but `alive` has ended it. */
export type FamilyCondition =
  | 'alive'
  | 'idle'
  | 'expired'
  | 'revoked'
  | 'signed_out'
  | 'account_disabled'
  | 'client_disabled'
  | 'client_cut_off';

export interface FamilyStatus {
  readonly family: FamilyRecord;
  readonly condition: FamilyCondition;
  /** the newest token */
  readonly head: Head;
}

/** The sign-ins of an account that have not expired, newest first. Throws OperatorError where there is no account. */
export async function listFamilies(management: FamilyManagement, email: string): Promise<FamilyStatus[]> {
  const { families } = management.stores;
  const { sub } = await findAccount(management, email);
  const found = await families.listOf(sub, management.clock.now());
  return Promise.all(found.map((family) => statusOf(management, family)));
}

/** Ends a sign-in. Throws OperatorError: exit 1 where there is none, exit 3 where it has been revoked. */
export async function endFamily(
  management: FamilyManagement,
  id: string,
  { dryRun = false }: { readonly dryRun?: boolean | undefined } = {},
): Promise<FamilyRecord> {
  const { stores, clock, actor } = management;
  const standing = await stores.families.find(id);
  if (standing === undefined) throw new OperatorError(unknown(id));
  const { family } = standing;
  const words = { unknown: unknown(id), unchanged: `${id} was ${revocationInWords(family)} already` };
  if (family.revokedAt !== null) assertChanged('unchanged', words);
  if (!dryRun) {
    const ending = { revocation: 'revoked_by_operator', actor } as const;
    assertChanged(await revokeFamily({ ...stores, clock }, family, ending), words);
  }
  return { ...family, revokedAt: clock.now(), revocation: 'revoked_by_operator' };
}

/** What programs are shown of a sign-in. Instants in epoch seconds. */
export const familyJson = ({ family, condition, head }: FamilyStatus) => ({
  id: family.id,
  client_id: family.clientId,
  sub: family.sub,
  sid: family.session,
  scope: family.scope,
  resources: family.resources,
  state: condition,
  generation: head.generation,
  signed_in_at: family.createdAt,
  last_used_at: head.since,
  idle_at: head.since + family.idleLifetime,
  expires_at: family.expiresAt,
  revoked_at: family.revokedAt,
  revocation: family.revocation,
});

/** Where it stands, for people. */
export const conditionInWords = ({ family, condition }: FamilyStatus): string =>
  condition === 'revoked' ? revocationInWords(family) : condition.replaceAll('_', ' ');

async function statusOf({ stores }: FamilyManagement, family: FamilyRecord): Promise<FamilyStatus> {
  const [standing, { state, now }] = await Promise.all([
    stores.families.find(family.id),
    stores.familyStates.find(family.id),
  ]);
  const { floor } = family;
  const head = state !== undefined && state.generation >= floor.generation ? state : floor;
  return { family, condition: conditionOf(standing, head, now), head };
}

/** Undefined: it was swept away a moment ago. */
function conditionOf(standing: FamilyStanding | undefined, { since }: Head, now: number): FamilyCondition {
  if (standing === undefined) return 'expired';
  const death = deathOf(standing, now);
  if (death !== undefined) return conditions[death] ?? 'revoked';
  return now >= since + standing.family.idleLifetime ? 'idle' : 'alive';
}

const conditions: Partial<Record<Reason, FamilyCondition>> = {
  refresh_token_expired: 'expired',
  refresh_token_signed_out: 'signed_out',
  refresh_token_account_disabled: 'account_disabled',
  refresh_token_client_disabled: 'client_disabled',
  refresh_token_client_cut_off: 'client_cut_off',
};

const unknown = (id: string): string =>
  `there is no family ${id}: see \`mintmark families list --account E\`; one that has expired is forgotten`;
