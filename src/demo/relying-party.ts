// A client as anybody would write it, with a library that knows nothing of us and the issuer URL alone: the code flow
// with PKCE (RFC 7636, RFC 9207, OpenID Connect Core 3.1), a refresh, and the way out (RP-Initiated Logout 1.0). The
// rule it keeps: nothing of a token is shown before a key of the issuer's JWKS has verified it.
import { createLocalJWKSet, decodeProtectedHeader, type JSONWebKeySet, type JWK, jwtVerify } from 'jose';
import * as oauth from 'oauth4webapi';

/** A JWT taken apart, and the key that verified it. */
export interface VerifiedToken {
  readonly jwt: string;
  readonly header: object;
  readonly claims: Readonly<Record<string, unknown>>;
  readonly key: JWK;
}

export interface VerifiedTokens {
  readonly idToken: VerifiedToken;
  readonly accessToken: VerifiedToken;
  readonly refreshToken: string;
  /** what the access token shows at the UserInfo endpoint */
  readonly userinfo: Readonly<Record<string, unknown>>;
}

/** What has to be kept between the request and its answer. */
export interface Pending {
  readonly state: string;
  readonly nonce: string;
  readonly codeVerifier: string;
}

export interface Registered {
  readonly issuer: string;
  readonly clientId: string;
  readonly redirectUri: string;
  readonly postLogoutRedirectUri: string;
}

export interface RelyingParty {
  /** A new request: where the browser goes, and what to keep. Rejects where the issuer cannot be asked. */
  begin(): Promise<{ readonly location: string; readonly pending: Pending }>;
  /** The tokens of an answer. Rejects with an Error that says what is wrong with it. */
  finish(callback: URL, pending: Pending): Promise<VerifiedTokens>;
  /** The next ones. Rejects with an Error that says why there are none. */
  refresh(tokens: VerifiedTokens): Promise<VerifiedTokens>;
  /** Where the browser goes to be signed out at the issuer too. */
  signOut(tokens: VerifiedTokens): Promise<string>;
}

// The issuer is http where it is on loopback.
const insecure = { [oauth.allowInsecureRequests]: true };

export function createRelyingParty(registered: Registered): RelyingParty {
  const { issuer, clientId, redirectUri, postLogoutRedirectUri } = registered;
  const client: oauth.Client = { client_id: clientId };
  return {
    async begin() {
      const { authorization_endpoint: endpoint = '' } = await discover(issuer);
      const pending = {
        state: oauth.generateRandomState(),
        nonce: oauth.generateRandomNonce(),
        codeVerifier: oauth.generateRandomCodeVerifier(),
      };
      const parameters = await requestOf(registered, pending);
      return { location: `${endpoint}?${new URLSearchParams(parameters)}`, pending };
    },
    async finish(callback, { state, nonce, codeVerifier }) {
      const as = await discover(issuer);
      const answer = oauth.validateAuthResponse(as, client, callback, state);
      const proof = [oauth.None(), answer, redirectUri, codeVerifier, insecure] as const;
      const response = await oauth.authorizationCodeGrantRequest(as, client, ...proof);
      const options = { expectedNonce: nonce, requireIdToken: true };
      return verified(
        as,
        client,
        await oauth.processAuthorizationCodeResponse(as, client, response, options),
      );
    },
    async refresh({ refreshToken }) {
      const as = await discover(issuer);
      const response = await oauth.refreshTokenGrantRequest(as, client, oauth.None(), refreshToken, insecure);
      return verified(as, client, await oauth.processRefreshTokenResponse(as, client, response));
    },
    async signOut({ idToken }) {
      const { end_session_endpoint: endpoint } = await discover(issuer);
      const parameters = { id_token_hint: idToken.jwt, post_logout_redirect_uri: postLogoutRedirectUri };
      return `${endpoint}?${new URLSearchParams(parameters)}`;
    },
  };
}

async function discover(issuer: string): Promise<oauth.AuthorizationServer> {
  const url = new URL(issuer);
  return oauth.processDiscoveryResponse(url, await oauth.discoveryRequest(url, insecure));
}

const requestOf = async (
  { clientId, redirectUri }: Registered,
  { state, nonce, codeVerifier }: Pending,
): Promise<Record<string, string>> => ({
  client_id: clientId,
  redirect_uri: redirectUri,
  response_type: 'code',
  scope: 'openid profile email offline_access',
  state,
  nonce,
  code_challenge: await oauth.calculatePKCECodeChallenge(codeVerifier),
  code_challenge_method: 'S256',
});

async function verified(
  as: oauth.AuthorizationServer,
  client: oauth.Client,
  { id_token = '', access_token, refresh_token = '' }: oauth.TokenEndpointResponse,
): Promise<VerifiedTokens> {
  const { issuer, jwks_uri = '' } = as;
  const jwks = (await (await fetch(jwks_uri)).json()) as JSONWebKeySet;
  const keys = createLocalJWKSet(jwks);
  async function verify(jwt: string, audience: string, typ: string): Promise<VerifiedToken> {
    const { kid } = decodeProtectedHeader(jwt);
    const { protectedHeader, payload } = await jwtVerify(jwt, keys, { issuer, audience, typ });
    return {
      jwt,
      header: protectedHeader,
      claims: payload,
      key: jwks.keys.find((key) => key.kid === kid) ?? {},
    };
  }
  const idToken = await verify(id_token, client.client_id, 'JWT');
  const response = await oauth.userInfoRequest(as, client, access_token, insecure);
  return {
    idToken,
    accessToken: await verify(access_token, issuer, 'at+jwt'),
    refreshToken: refresh_token,
    userinfo: await oauth.processUserInfoResponse(as, client, String(idToken.claims.sub), response),
  };
}
