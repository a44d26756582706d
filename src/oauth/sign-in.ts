// What an end-user's sign-in is worth to a client: an access token, and a new family of refresh tokens. The rule it
// keeps: a family is told by the cut-offs that the sign-in saw, so none outlives one that came in between.
import type { AccountRecord, FamilyRecord } from '../stores/stores.ts';
import { accessTokenLifetime } from './access-token.ts';
import type { AuthorizationServer } from './authorization-server.ts';
import { accountClaims } from './claims.ts';
import type { ClaimsRequest } from './claims-request.ts';
import type { AuthenticatedClient } from './client-authentication.ts';
import type { Authorization, Login } from './grants/grant.ts';
import { openFamily } from './refresh-families.ts';
import { firstState } from './refresh-family.ts';
import { newFamilyId } from './refresh-token.ts';
import { selectResource } from './resource.ts';
import { grantedScope } from './scope.ts';

/** Somebody has just shown who they are. */
export interface SignIn {
  /** as it was read before anything was verified */
  readonly account: AccountRecord;
  readonly acr: string;
  readonly amr: readonly string[];
}

type Parts = Pick<
  AuthorizationServer,
  | 'accessTokenLifetime'
  | 'claims'
  | 'clock'
  | 'families'
  | 'familyStates'
  | 'macKeys'
  | 'random'
  | 'refresh'
  | 'resources'
>;

/** All that the client may have for its default resource. Throws OAuthError; StoreUnavailableError at the commit. */
export async function authorizeSignIn(
  as: Parts,
  client: AuthenticatedClient,
  { account, acr, amr }: SignIn,
): Promise<Authorization> {
  const { metadata } = client;
  const resource = await selectResource(as, metadata, []);
  const scope = grantedScope({
    requested: undefined,
    ofClient: metadata.scope,
    ofResource: resource?.scopes,
  });
  const claims = accountClaims(account, { ...as.claims, ...metadata.claims });
  const login = { authTime: as.clock.now(), acr, amr, session: as.random.id(), claims };
  const resources = resource === undefined ? [] : [resource.resource];
  const granted = { login, scope, resources, claimsRequest: undefined, isRefreshable: true };
  const { family, refresh, open } = await beginFamily(as, client, account, granted);
  return { sub: family.sub, scope, resource, login, refresh, commit: () => open().then(() => true) };
}

/** What a family is begun with. */
export interface Granted {
  readonly login: Login;
  readonly scope: string | undefined;
  readonly resources: readonly string[];
  readonly claimsRequest: ClaimsRequest | undefined;
  /** false: the family lives as long as its one access token, which can be revoked by it */
  readonly isRefreshable: boolean;
}

/** A family that begins with `open`; nothing is written before. `account` is as the sign-in saw it. */
export async function beginFamily(
  as: Parts,
  client: AuthenticatedClient,
  account: Pick<AccountRecord, 'sub' | 'tokensValidAfter'>,
  granted: Granted,
) {
  const { metadata, clientId } = client;
  const id = newFamilyId(as.random);
  // The hot store's clock is the one that its ages count by.
  const { now } = await as.familyStates.find(id);
  const state = firstState(now, as.macKeys().current.number);
  const { generation, since, macKey } = state;
  const { claims, ...login } = granted.login;
  const head = { generation, since, macKey };
  const family: FamilyRecord = {
    ...login,
    id,
    clientId,
    sub: account.sub,
    scope: granted.scope ?? null,
    resources: granted.resources,
    claimsRequest: granted.claimsRequest ?? null,
    createdAt: now,
    expiresAt: now + (await lifetimeOf(as, client, granted)),
    idleLifetime: metadata.refresh_token_idle_lifetime ?? as.refresh.idleLifetime,
    accountCutOff: account.tokensValidAfter,
    clientCutOff: client.tokensValidAfter,
    floor: head,
    revokedAt: null,
    revocation: null,
  };
  const audit = {
    at: as.clock.now(),
    event: 'account.signed_in',
    actor: `client:${clientId}`,
    subject: account.sub,
    details: { family: id, amr: login.amr },
  };
  const { isRefreshable } = granted;
  const { expiresAt } = family;
  const refresh = { familyId: id, head, outcome: 'opened', isRefreshable, expiresAt } as const;
  return { family, refresh, open: () => openFamily(as, family, state, audit) };
}

async function lifetimeOf(
  as: Parts,
  { metadata }: AuthenticatedClient,
  { isRefreshable, resources }: Granted,
) {
  if (isRefreshable) return metadata.refresh_token_lifetime ?? as.refresh.lifetime;
  const found = await Promise.all(resources.map((uri) => as.resources.find(uri)));
  return Math.max(...[undefined, ...found].map((resource) => accessTokenLifetime(as, metadata, resource)));
}
