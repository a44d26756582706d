// The authorization code grant: RFC 6749 4.1.3, OpenID Connect Core 3.1.3.2, RFC 7636 4.6, RFC 9700 4.5. The rule it
// keeps: a code is exchanged once; whoever brings it again ends what it opened.

import type { AccountRecord } from '../../stores/stores.ts';
import { type AuthorizationCode, consumeCode, type FoundCode, findCode } from '../authorization-code.ts';
import type { AuthorizationServer } from '../authorization-server.ts';
import { accountClaims } from '../claims.ts';
import type { AuthenticatedClient } from '../client-authentication.ts';
import { OAuthError, type Reason } from '../errors.ts';
import type { Parameters } from '../parameters.ts';
import { assertVerifier } from '../pkce.ts';
import { revokeFamily } from '../refresh-families.ts';
import { grantedResource } from '../resource.ts';
import { scopeAt, scopeTokens } from '../scope.ts';
import { beginFamily, type Granted } from '../sign-in.ts';
import { requestedNames, standardClaims } from '../standard-claims.ts';
import type { Authorization, Grant } from './grant.ts';

/** Seconds, at most, in which a second use is known for one: longer than a code could lie about unnoticed. */
const REMEMBERED = 3_600;

export const authorizationCode: Grant = {
  async prove(as, client, parameters) {
    const { values } = parameters;
    const id = values.get('code');
    if (id === undefined) throw new OAuthError('code_missing');
    const code = await findCode(as, id);
    if (code === undefined) throw new OAuthError('code_unknown');
    if (code.request.clientId !== client.clientId) throw new OAuthError('code_of_another_client');
    if (code.familyId !== undefined) throw await replayed(as, code.familyId);
    if (values.get('redirect_uri') !== code.request.redirectUri)
      throw new OAuthError('code_redirect_uri_differs');
    assertVerifier(values.get('code_verifier'), code.request.codeChallenge);
    return exchange(as, client, parameters, id, code);
  },
};

async function exchange(
  as: AuthorizationServer,
  client: AuthenticatedClient,
  { resources }: Parameters,
  id: string,
  code: FoundCode,
): Promise<Authorization> {
  const account = await accountOf(as, code);
  const resource = await grantedResource(as, code.request.resources, resources);
  const granted = grantedBy(as, client, account, code);
  const { family, refresh, open } = await beginFamily(as, client, account, granted);
  const { nonce, claims } = code.request;
  const scope = scopeAt(granted.scope, resource);
  const idToken = scopeTokens(granted.scope).includes('openid')
    ? { nonce, claims: standardClaims(account, requestedNames(claims?.id_token)) }
    : undefined;
  async function commit(): Promise<boolean> {
    // Whoever gets tokens of a session is told when it ends, so there must be one to end.
    if (!(await as.sessions.addClient(code.session.sid, client.clientId)))
      throw new OAuthError('code_signed_out');
    // Opened first, so that a second use always finds what it has to end.
    await open();
    const until = Math.min(family.expiresAt, family.createdAt + REMEMBERED);
    const isFirst = await consumeCode(as, id, code, family.id, until);
    if (!isFirst)
      await revokeFamily(as, family, { revocation: 'code_replayed', actor: `client:${client.clientId}` });
    return isFirst;
  }
  return { sub: account.sub, scope, resource, login: granted.login, refresh, idToken, commit };
}

function grantedBy(
  as: AuthorizationServer,
  { metadata }: AuthenticatedClient,
  account: AccountRecord,
  { request, session }: AuthorizationCode,
): Granted {
  const { authTime, acr, amr, sid } = session;
  const claims = accountClaims(account, { ...as.claims, ...metadata.claims });
  const isRefreshable =
    scopeTokens(request.scope).includes('offline_access') && metadata.grant_types.includes('refresh_token');
  return {
    login: { authTime, acr, amr, session: sid, claims },
    scope: request.scope,
    resources: request.resources,
    claimsRequest: request.claims,
    isRefreshable,
  };
}

/** The account, if it is still as the sign-in saw it. Throws OAuthError. */
async function accountOf(
  { accounts }: AuthorizationServer,
  { session }: AuthorizationCode,
): Promise<AccountRecord> {
  const account = await accounts.findBySub(session.sub);
  const isAlive = account?.disabledAt === null && account.tokensValidAfter === session.accountCutOff;
  if (!isAlive) throw new OAuthError('code_signed_out');
  return account;
}

/** RFC 6749 4.1.2: ends what the first use opened. */
async function replayed(as: AuthorizationServer, familyId: string): Promise<OAuthError> {
  const reason: Reason = 'code_replayed';
  const standing = await as.families.find(familyId);
  if (standing) {
    const { family } = standing;
    await revokeFamily(as, family, { revocation: 'code_replayed', actor: `client:${family.clientId}` });
  }
  return new OAuthError(reason, { familyId });
}
