// The token endpoint, free of HTTP: RFC 6749 3.2 and 5.1. Prove, mint, commit, and only then answer: a racer that
// loses at the commit throws away a token that nobody has seen.
import type { SigningAlg } from '../stores/stores.ts';
import { mintAccessToken } from './access-token.ts';
import type { AuthorizationServer } from './authorization-server.ts';
import type { ClientMetadata } from './client.ts';
import { type AuthenticatedClient, authenticateClient } from './client-authentication.ts';
import { OAuthError } from './errors.ts';
import type { Grant } from './grants/grant.ts';
import { grants } from './grants/index.ts';
import type { BackchannelRequest, TokenResponse } from './messages.ts';
import type { Parameters } from './parameters.ts';

/** The answer, and what is worth telling of it. */
export interface IssuedTokens {
  readonly response: TokenResponse;
  readonly clientId: string;
  readonly grantType: string;
  readonly alg: SigningAlg;
}

/** Throws OAuthError, StoreUnavailableError or SigningUnavailableError; then nothing was issued. */
export async function issueTokens(
  as: AuthorizationServer,
  request: BackchannelRequest,
): Promise<IssuedTokens> {
  const client = await authenticateClient(as, request);
  try {
    return await issueTo(as, client, request.parameters);
  } catch (error) {
    if (error instanceof OAuthError) error.clientId = client.clientId;
    throw error;
  }
}

async function issueTo(
  as: AuthorizationServer,
  client: AuthenticatedClient,
  parameters: Parameters,
): Promise<IssuedTokens> {
  const { clientId, metadata } = client;
  const grantType = parameters.values.get('grant_type');
  const grant = grantOf(metadata, grantType);
  const { sub, scope, resource, commit } = await grant.prove(as, client, parameters);
  const token = await mintAccessToken(as, { clientId, client: metadata, sub, scope, resource });
  await commit();
  const response: TokenResponse = {
    access_token: token.jws,
    token_type: 'Bearer',
    expires_in: token.lifetime,
    ...(scope !== undefined && { scope }),
  };
  return { response, clientId, grantType: grantType as string, alg: token.alg };
}

function grantOf(metadata: ClientMetadata, grantType: string | undefined): Grant {
  if (grantType === undefined) throw new OAuthError('grant_type_missing');
  const grant = grants.get(grantType);
  if (grant === undefined) throw new OAuthError('grant_type_unsupported');
  if (!metadata.grant_types.includes(grantType)) throw new OAuthError('grant_type_not_registered');
  return grant;
}
