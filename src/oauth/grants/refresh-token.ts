// The refresh token grant: RFC 6749 6, RFC 9700 4.14.2. The token is judged by refresh-family.ts; what it is good for
// may be narrowed and never widened.
import { type FamilyStanding, StoreUnavailableError } from '../../stores/stores.ts';
import type { AuthorizationServer } from '../authorization-server.ts';
import { accountClaims } from '../claims.ts';
import type { AuthenticatedClient } from '../client-authentication.ts';
import { OAuthError, type Reason } from '../errors.ts';
import type { Parameters } from '../parameters.ts';
import {
  deathOf,
  isUsedLate,
  retryWindowOf,
  revokeFamily,
  SWAP_ATTEMPTS,
  SWAP_LIFETIME,
  stateExpiresAt,
} from '../refresh-families.ts';
import { type Decision, decide, type FamilyState, type Head } from '../refresh-family.ts';
import { decodeRefreshToken, type RefreshToken } from '../refresh-token.ts';
import { grantedResource } from '../resource.ts';
import { grantedScope, scopeTokens, sharedScope } from '../scope.ts';
import { requestedNames, standardClaims } from '../standard-claims.ts';
import type { Authorization, Grant } from './grant.ts';

type Parts = Pick<
  AuthorizationServer,
  'issuer' | 'clock' | 'macKeys' | 'families' | 'familyStates' | 'floors' | 'refresh' | 'resources' | 'claims'
>;

export const refreshToken: Grant = {
  async prove(as, client, parameters) {
    const text = parameters.values.get('refresh_token');
    if (text === undefined) throw new OAuthError('refresh_token_missing');
    const token = decodeRefreshToken(as.issuer, as.macKeys(), text);
    if (token === undefined) throw new OAuthError('refresh_token_malformed');
    for (let attempt = 0; attempt < SWAP_ATTEMPTS; attempt += 1) {
      const proven = await provenBy(as, client, parameters, token);
      if (proven !== undefined) return proven;
    }
    throw new StoreUnavailableError('others were faster, over and over');
  },
};

/** Undefined where somebody else was faster than a refusal: then it has to be decided anew. */
async function provenBy(
  as: Parts,
  client: AuthenticatedClient,
  parameters: Parameters,
  token: RefreshToken,
): Promise<Authorization | undefined> {
  const { familyId, generation } = token;
  const [standing, found] = await Promise.all([as.families.find(familyId), as.familyStates.find(familyId)]);
  const refuse = (reason: Reason) => new OAuthError(reason, { familyId });
  if (standing === undefined) throw refuse('refresh_token_unknown');
  if (standing.family.clientId !== client.clientId) throw refuse('refresh_token_of_another_client');
  const { state, now } = found;
  const death = deathOf(standing, now);
  if (death !== undefined) throw refuse(death);
  // What may be wrong with the rest of the request is found before anything is consumed.
  const facts = await grantedFacts(as, client, standing, parameters);
  const window = retryWindowOf(as, client.metadata);
  const macKey = as.macKeys().current.number;
  const decision = decide({ generation, state, floor: standing.family.floor, window, now, macKey });
  const swap = () => swapIn(as, standing, state, decision, now);
  if (!('head' in decision)) {
    const reason = await refused(as, standing, decision, swap);
    if (reason === undefined) return undefined;
    throw refuse(reason);
  }
  if (decision.outcome !== 'retry' && isUsedLate(token, standing.family, now)) {
    throw refuse('refresh_token_idle');
  }
  const { head, outcome } = decision;
  return {
    ...facts,
    refresh: { familyId, head, outcome, isRefreshable: true, expiresAt: standing.family.expiresAt },
    commit: swap,
  };
}

/** What the family was granted, as far as the client and the resource still allow it and the request asks for it. */
async function grantedFacts(
  as: Parts,
  { metadata }: AuthenticatedClient,
  { family, account }: FamilyStanding,
  { values, resources }: Parameters,
): Promise<Omit<Authorization, 'commit'>> {
  const resource = await grantedResource(as, family.resources, resources);
  const granted = family.scope ?? undefined;
  const scope = grantedScope({
    requested: values.get('scope'),
    // A client without a scope of its own may have the issuer's, and was granted no others.
    ofClient: metadata.scope === undefined ? granted : sharedScope(granted, metadata.scope),
    ofResource: resource?.scopes,
  });
  const { sub, authTime, acr, amr, session } = family;
  const claims = accountClaims(account, { ...as.claims, ...metadata.claims });
  const login = { authTime, acr, amr, session, claims };
  // OpenID Connect Core 12.2: without the nonce, which was for the first one.
  const idToken = scopeTokens(granted).includes('openid')
    ? { nonce: undefined, claims: standardClaims(account, requestedNames(family.claimsRequest?.id_token)) }
    : undefined;
  return { sub, scope, resource, login, idToken };
}

/** Makes the decision true. False where somebody else was faster: then it has to be taken anew. */
async function swapIn(
  as: Parts,
  { family }: FamilyStanding,
  expected: FamilyState | undefined,
  decision: Decision,
  now: number,
): Promise<boolean> {
  if (!('next' in decision) || decision.next === undefined) return true;
  const { id } = family;
  const expiresAt = stateExpiresAt(family, now);
  const change = { id, expected, next: decision.next, deadline: now + SWAP_LIFETIME, expiresAt };
  const outcome = await as.familyStates.compareAndSwap(change);
  if (outcome === 'late') throw new StoreUnavailableError('a refresh token could not be rotated in time');
  if (outcome === 'swapped' && decision.outcome !== 'retry') mirror(as, id, decision.next);
  return outcome === 'swapped';
}

const mirror = ({ floors }: Parts, id: string, { generation, since, macKey }: Head): void =>
  floors.raise(id, { generation, since, macKey });

/** Does what a refusal asks for, and says why it is one, if it still is. Throws StoreUnavailableError. */
async function refused(
  as: Parts,
  { family }: FamilyStanding,
  { outcome }: Decision,
  swap: () => Promise<boolean>,
): Promise<Reason | undefined> {
  if (outcome === 'revoked') return 'refresh_token_revoked';
  // What looked like a loss is none where the family was used between the reading of one store and of the other.
  if (outcome === 'suspect') return (await swap()) ? 'refresh_token_suspect' : undefined;
  await revokeFamily(as, family, { revocation: 'replayed', actor: `client:${family.clientId}` });
  return 'refresh_token_replayed';
}
