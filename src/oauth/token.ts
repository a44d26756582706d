// The token endpoint, free of HTTP: RFC 6749 3.2 and 5.1. Prove, mint, commit, and only then answer: a racer that
// loses at the commit throws away a token that nobody has seen.
import { type SigningAlg, StoreUnavailableError } from '../stores/stores.ts';
import { mintAccessToken } from './access-token.ts';
import { reaches } from './acr.ts';
import type { AuthorizationServer } from './authorization-server.ts';
import type { ClientMetadata } from './client.ts';
import { type AuthenticatedClient, authenticateClient } from './client-authentication.ts';
import { OAuthError, onBehalfOf } from './errors.ts';
import type { Authorization, Grant, RefreshedFamily } from './grants/grant.ts';
import { grants } from './grants/index.ts';
import { type IdTokenFacts, mintIdToken } from './id-token.ts';
import type { BackchannelRequest, TokenResponse } from './messages.ts';
import type { Parameters } from './parameters.ts';
import { SWAP_ATTEMPTS } from './refresh-families.ts';
import { encodeRefreshToken, type MacKey, MacKeyMissingError } from './refresh-token.ts';
import { presentedTo } from './subject.ts';

/** The answer, and what is worth telling of it. */
export interface IssuedTokens {
  readonly response: TokenResponse;
  readonly clientId: string;
  readonly grantType: string;
  readonly alg: SigningAlg;
  readonly refresh: Pick<RefreshedFamily, 'familyId' | 'outcome'> | undefined;
}

/** Throws OAuthError, StoreUnavailableError, SigningUnavailableError or MacKeyMissingError; then nothing was issued. */
export async function issueTokens(
  as: AuthorizationServer,
  request: BackchannelRequest,
): Promise<IssuedTokens> {
  const client = await authenticateClient(as, request);
  return onBehalfOf(client.clientId, () => issueTo(as, client, request.parameters));
}

async function issueTo(
  as: AuthorizationServer,
  client: AuthenticatedClient,
  parameters: Parameters,
): Promise<IssuedTokens> {
  const grantType = parameters.values.get('grant_type');
  const grant = grantOf(client.metadata, grantType);
  const prove = () => grant.prove(as, client, parameters);
  const { response, clientId, alg, refresh } = await mintAndCommit(as, client, prove);
  return { response, clientId, grantType: grantType as string, alg, refresh };
}

/** Mints what `prove` proves, and commits it: as often as somebody else is faster, within bounds. */
export async function mintAndCommit(
  as: AuthorizationServer,
  client: AuthenticatedClient,
  prove: () => Promise<Authorization>,
): Promise<Omit<IssuedTokens, 'grantType'>> {
  // What cannot be signed yet is not read yet: it would be old, and the swap that it leads to late.
  return as.keyring.inTurn(() => mintInTurn(as, client, prove));
}

async function mintInTurn(
  as: AuthorizationServer,
  client: AuthenticatedClient,
  prove: () => Promise<Authorization>,
): Promise<Omit<IssuedTokens, 'grantType'>> {
  for (let attempt = 0; attempt < SWAP_ATTEMPTS; attempt += 1) {
    const proven = await prove();
    const { clientId, metadata } = client;
    assertAcr(metadata, proven);
    const { scope, resource, refresh } = proven;
    const { sub, login } = await presented(as, metadata, proven);
    const family = refresh && { ...refresh, macKey: macKeyOf(as, refresh) };
    const facts = { clientId, client: metadata, sub, scope, resource, login, refresh: family };
    const token = await mintAccessToken(as, facts);
    const response: TokenResponse = {
      access_token: token.jws,
      token_type: 'Bearer',
      expires_in: token.expiresIn,
      scope,
      refresh_token: family?.isRefreshable ? refreshTokenOf(as, family) : undefined,
      id_token: await idTokenOf(as, facts, proven, token.jws),
    };
    if (await proven.commit()) return { response, clientId, alg: token.alg, refresh: told(refresh) };
  }
  throw new StoreUnavailableError('others were faster, over and over');
}

/** RFC 9470: what a resource or a client requires of a person's sign-in; a client that acts for itself has none. Throws OAuthError. */
function assertAcr(client: ClientMetadata, { resource, login }: Authorization): void {
  const required = [resource?.requireAcr, client.require_acr].filter((acr) => acr != null);
  if (login === undefined || required.every((acr) => reaches(login.acr, acr))) return;
  throw new OAuthError('acr_too_low');
}

type Subject = Pick<Authorization, 'sub' | 'login'>;

/** Who was proved, under the names that this client knows the account and the session by. */
async function presented(
  as: AuthorizationServer,
  client: ClientMetadata,
  subject: Subject,
): Promise<Subject> {
  const { sub, login } = subject;
  if (login === undefined) return subject;
  const known = await presentedTo(as, client, { sub, sid: login.session });
  return known.sid === login.session ? subject : { sub: known.sub, login: { ...login, session: known.sid } };
}

/** As old as the access token beside it, so that a retry gets the same one. */
async function idTokenOf(
  as: AuthorizationServer,
  { clientId, client, sub, login }: Subject & Pick<IdTokenFacts, 'clientId' | 'client'>,
  { refresh, idToken }: Authorization,
  accessToken: string,
): Promise<string | undefined> {
  if (login === undefined || idToken === undefined) return undefined;
  const issuedAt = Math.floor(refresh?.head.since ?? as.clock.now());
  return mintIdToken(as, { ...idToken, clientId, client, sub, login, accessToken, issuedAt });
}

const told = (refresh: RefreshedFamily | undefined): IssuedTokens['refresh'] =>
  refresh && { familyId: refresh.familyId, outcome: refresh.outcome };

type Family = RefreshedFamily & { readonly macKey: MacKey };

const refreshTokenOf = ({ issuer }: AuthorizationServer, { familyId, head, macKey }: Family): string =>
  encodeRefreshToken(issuer, macKey, {
    familyId,
    generation: head.generation,
    issuedAt: Math.floor(head.since),
  });

/** The key that the head names, which may be an older one where it is a retry. */
function macKeyOf({ macKeys }: AuthorizationServer, { head }: RefreshedFamily): MacKey {
  const macKey = macKeys().find(head.macKey);
  if (macKey === undefined) throw new MacKeyMissingError(`the MAC key ${head.macKey} is no longer in use`);
  return macKey;
}

function grantOf(metadata: ClientMetadata, grantType: string | undefined): Grant {
  if (grantType === undefined) throw new OAuthError('grant_type_missing');
  const grant = grants.get(grantType);
  if (grant === undefined) throw new OAuthError('grant_type_unsupported');
  if (!metadata.grant_types.includes(grantType)) throw new OAuthError('grant_type_not_registered');
  return grant;
}
