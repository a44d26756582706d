// The first-party door: people sign in to our own apps by e-mail and password, and the tokens of it are refreshed,
// shown and ended. It is no grant type: RFC 9700 2.4 rules out the password grant, and rightly so for other people's
// clients. The rule it keeps: only a client registered as `first_party` comes through, and only with its own families.
import { hasSecondFactor } from '../accounts/factors.ts';
import type { FamilyStanding } from '../stores/stores.ts';
import { passwordAcr } from './acr.ts';
import type { AuthorizationServer } from './authorization-server.ts';
import { type AuthenticatedClient, authenticateClient } from './client-authentication.ts';
import { OAuthError, onBehalfOf } from './errors.ts';
import { refreshToken } from './grants/refresh-token.ts';
import { judgeToken } from './introspect.ts';
import type { BackchannelRequest } from './messages.ts';
import { deathOf, revokeFamily } from './refresh-families.ts';
import { decodeRefreshToken } from './refresh-token.ts';
import type { RevocationOutcome } from './revoke.ts';
import { authorizeSignIn } from './sign-in.ts';
import { type IssuedTokens, mintAndCommit } from './token.ts';

/** A person at a client, which says in `parameters` who it is, and how it proves that. */
export interface SignInRequest extends BackchannelRequest {
  readonly email: string;
  readonly password: string;
  /** the network address that the attempt is counted for */
  readonly address: string;
}

/** A refresh token of a client, which says in `parameters` who it is where that has to be proved. */
export interface PresentedRefreshToken extends BackchannelRequest {
  readonly refreshToken: string;
}

/** The tokens of a sign-in, and whose they are. */
export interface SignedIn extends IssuedTokens {
  readonly sub: string;
}

/**
 * Signs a person in, for all that the client may have. A client that is not named is the one that the configuration
 * names. Throws OAuthError, and what issueTokens throws; then nobody is signed in.
 */
export async function signIn(as: AuthorizationServer, request: SignInRequest): Promise<SignedIn> {
  const client = await authenticateFirstParty(as, request, as.signInClientId);
  return onBehalfOf(client.clientId, async () => {
    const found = await as.authenticator.authenticate(request);
    if ('refused' in found) throw new OAuthError(found.refused);
    if ('retryAfter' in found) throw new OAuthError('sign_in_throttled', { retryAfter: found.retryAfter });
    const { account } = found;
    // Only whoever knows the password is told.
    if (!client.metadata.password_suffices && hasSecondFactor(await as.factors.find(account.sub)))
      throw new OAuthError('second_factor_required');
    const prove = () => authorizeSignIn(as, client, { account, acr: passwordAcr, amr: ['pwd'] });
    const issued = await mintAndCommit(as, client, prove);
    return { ...issued, grantType: 'sign_in', sub: account.sub };
  });
}

/** As the grant refresh_token does it; the client need not be named, for the family names it. Throws as it does. */
export async function refreshTokens(
  as: AuthorizationServer,
  request: PresentedRefreshToken,
): Promise<IssuedTokens> {
  const { client } = await presentedFamily(as, request);
  const parameters = { values: new Map([['refresh_token', request.refreshToken]]), resources: [] };
  return onBehalfOf(client.clientId, async () => {
    const issued = await mintAndCommit(as, client, () => refreshToken.prove(as, client, parameters));
    return { ...issued, grantType: 'refresh_token' };
  });
}

/** Ends the family of a token, of whichever generation it is. Throws OAuthError where the family is dead already. */
export async function endFamily(
  as: AuthorizationServer,
  request: PresentedRefreshToken,
): Promise<RevocationOutcome> {
  const { client, standing } = await presentedFamily(as, request);
  const { family } = standing;
  const { clientId } = client;
  const refuse = (reason: OAuthError['reason']) => new OAuthError(reason, { clientId, familyId: family.id });
  if (family.clientId !== clientId) throw refuse('refresh_token_of_another_client');
  const death = deathOf(standing, as.clock.now());
  if (death !== undefined) throw refuse(death);
  await revokeFamily(as, family, { revocation: 'revoked_by_client', actor: `client:${clientId}` });
  return { clientId, revoked: 'refresh_token', familyId: family.id };
}

/** Throws OAuthError unless the token, an access or a refresh token, is good now and of a client that comes this way. */
export async function verifyToken(as: AuthorizationServer, text: string): Promise<void> {
  const token = await judgeToken(as, text);
  if (token === undefined) throw new OAuthError('token_inactive');
  const { clientId } = token;
  const client = await as.clients.find(clientId);
  if (!client?.metadata.first_party) throw new OAuthError('token_not_of_first_party', { clientId });
}

/** The family that a token was made for, dead or alive, and the client that holds it. Throws OAuthError. */
async function presentedFamily(
  as: AuthorizationServer,
  request: PresentedRefreshToken,
): Promise<{ readonly standing: FamilyStanding; readonly client: AuthenticatedClient }> {
  const token = decodeRefreshToken(as.issuer, as.macKeys(), request.refreshToken);
  if (token === undefined) throw new OAuthError('refresh_token_malformed');
  const { familyId } = token;
  const standing = await as.families.find(familyId);
  if (standing === undefined) throw new OAuthError('refresh_token_unknown', { familyId });
  return { standing, client: await authenticateFirstParty(as, request, standing.family.clientId) };
}

/** Whoever names no client at all is taken to mean `assumed`. */
function authenticateFirstParty(
  as: AuthorizationServer,
  { authorization, parameters }: BackchannelRequest,
  assumed: string | undefined,
): Promise<AuthenticatedClient> {
  const { values, resources } = parameters;
  const isNamed = authorization !== undefined || values.has('client_id') || values.has('client_assertion');
  const named =
    isNamed || assumed === undefined ? values : new Map([...values, ['client_id', assumed] as const]);
  return authenticateClient(
    as,
    { authorization, parameters: { values: named, resources } },
    { firstParty: true },
  );
}
