// What would become of a refresh token if its client presented it now: for whoever asks and must not change a thing
// (RFC 7662, `mintmark explain`). The rule it keeps: the answer is the grant's, since the same functions give it.
import type { FamilyRecord } from '../stores/stores.ts';
import type { AuthorizationServer } from './authorization-server.ts';
import type { Reason } from './errors.ts';
import { deathOf, isUsedLate, retryWindowOf } from './refresh-families.ts';
import { decide } from './refresh-family.ts';
import type { RefreshToken } from './refresh-token.ts';

export interface Foresight {
  /** the refusal, or how it would be answered */
  readonly outcome: Reason | 'rotated' | 'ahead' | 'retry';
  /** undefined where nothing is known of the family */
  readonly family: FamilyRecord | undefined;
  /** the clock of the store that decides */
  readonly now: number;
}

export type ForesightParts = Pick<
  AuthorizationServer,
  'families' | 'familyStates' | 'macKeys' | 'refresh'
> & {
  readonly clients: Pick<AuthorizationServer['clients'], 'find'>;
};

/** Judges a token whose MAC holds. Throws StoreUnavailableError or MacKeyMissingError. */
export async function foresee(as: ForesightParts, token: RefreshToken): Promise<Foresight> {
  const { familyId, generation } = token;
  // One after the other: a floor that is older than the state looks like no loss.
  const standing = await as.families.find(familyId);
  const { state, now } = await as.familyStates.find(familyId);
  if (standing === undefined) return { outcome: 'refresh_token_unknown', family: undefined, now };
  const { family } = standing;
  const death = deathOf(standing, now);
  if (death !== undefined) return { outcome: death, family, now };
  const client = await as.clients.find(family.clientId);
  const window = retryWindowOf(as, client?.metadata ?? {});
  const macKey = as.macKeys().current.number;
  const { outcome } = decide({ generation, state, floor: family.floor, window, now, macKey });
  return { outcome: refusalOf(outcome, isUsedLate(token, family, now)), family, now };
}

function refusalOf(outcome: ReturnType<typeof decide>['outcome'], isLate: boolean): Foresight['outcome'] {
  if (outcome === 'revoked') return 'refresh_token_revoked';
  if (outcome === 'suspect') return 'refresh_token_suspect';
  if (outcome === 'replay') return 'refresh_token_replayed';
  return outcome !== 'retry' && isLate ? 'refresh_token_idle' : outcome;
}
