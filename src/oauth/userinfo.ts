// The UserInfo endpoint, free of HTTP: OpenID Connect Core 5.3. The rule it keeps: an access token shows what its own
// scope stands for and what its sign-in was asked for by name, and nothing once it is not active.
import type { AuthorizationServer } from './authorization-server.ts';
import { OAuthError } from './errors.ts';
import { type JudgeParts, judgeToken } from './introspect.ts';
import { scopeTokens } from './scope.ts';
import { namesOfScope, requestedNames, standardClaims } from './standard-claims.ts';

type Parts = JudgeParts & Pick<AuthorizationServer, 'keyring'>;

/** As JSON, or as a JWT where the client is registered for that (5.3.2). */
export type Userinfo =
  | { readonly claims: Readonly<Record<string, unknown>> & { readonly sub: string } }
  | { readonly jwt: string };

/** What a bearer's access token shows. Throws OAuthError or StoreUnavailableError. */
export async function userinfo(as: Parts, accessToken: string): Promise<Userinfo> {
  const token = await judgeToken(as, accessToken);
  if (token?.kind !== 'access_token') throw new OAuthError('bearer_token_invalid');
  const { familyId, clientId } = token;
  const scope = typeof token.claims.scope === 'string' ? token.claims.scope : undefined;
  if (familyId === undefined || !scopeTokens(scope).includes('openid')) {
    throw new OAuthError('bearer_scope_insufficient', { clientId, challenge: { scope: 'openid' } });
  }
  const standing = await as.families.find(familyId);
  if (standing === undefined) throw new OAuthError('bearer_token_invalid', { familyId });
  const { family, account } = standing;
  const names = [...namesOfScope(scope), ...requestedNames(family.claimsRequest?.userinfo)];
  const claims = { ...standardClaims(account, names), sub: token.claims.sub };
  const client = await as.clients.find(clientId);
  const alg = client?.metadata.userinfo_signed_response_alg;
  if (alg === undefined) return { claims };
  const iat = Math.floor(as.clock.now());
  const lifetime = Math.floor(token.claims.exp - iat);
  const signed = { ...claims, iss: as.issuer, aud: clientId, iat, exp: iat + Math.max(1, lifetime) };
  return { jwt: await as.keyring.sign({ alg, typ: 'JWT', claims: signed }) };
}
