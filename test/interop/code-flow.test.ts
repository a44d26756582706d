// Two clients that were written without us sign a person in by the authorization code flow, from discovery on.
import * as jose from 'jose';
import * as oauth from 'oauth4webapi';
import * as openid from 'openid-client';
import t from 'tap';
import { createAccount } from '../../src/accounts/account.ts';
import { formOf, type TestBrowser, testBrowser } from '../helpers/browser.ts';
import { testServer } from '../helpers/test-server.ts';

const server = await testServer(t, { MINTMARK_KEYS_SIGNING_ALGS: 'RS256,ES256,EdDSA,PS256' });
const issuer = new URL(server.issuer);
const resource = 'https://api.example.com';
const redirectUri = 'https://app.example.com/callback';
const person = { email: 'ada@example.com', password: 'correct horse battery' };
await createAccount({ ...server.service.house, actor: 'test' }, { ...person, name: 'Ada' });
await server.resource({ resource, scopes: ['read'] });

const metadata = {
  redirect_uris: [redirectUri],
  grant_types: ['authorization_code', 'refresh_token'],
  scope: 'openid profile email offline_access read',
};

/** Answers every page on the way, and comes back with the URL that the client is called by. */
async function signIn(browser: TestBrowser, url: string): Promise<URL> {
  let page = await browser.go(url);
  if (page.html.includes('/sign-in"')) page = await browser.submit(page, '/sign-in', person);
  if (page.html.includes('/consent"')) page = await browser.submit(page, '/consent', { decision: 'allow' });
  return new URL(page.url);
}

const discover = (clientId: string, more: Partial<openid.ClientMetadata>, auth: openid.ClientAuth) =>
  openid.discovery(issuer, clientId, more, auth, { execute: [openid.allowInsecureRequests] });

const algs = ['RS256', 'ES256', 'EdDSA', 'PS256'] as const;

for (const alg of algs) {
  t.test(`openid-client signs a person in, with an ID token by ${alg}, and refreshes`, async (t) => {
    const client = await server.client({ ...metadata, id_token_signed_response_alg: alg });
    const config = await discover(
      client.client_id,
      { id_token_signed_response_alg: alg },
      openid.ClientSecretBasic(client.client_secret),
    );
    const verifier = openid.randomPKCECodeVerifier();
    const [state, nonce] = [openid.randomState(), openid.randomNonce()];
    const url = openid.buildAuthorizationUrl(config, {
      redirect_uri: redirectUri,
      scope: 'openid email offline_access read',
      resource,
      state,
      nonce,
      code_challenge: await openid.calculatePKCECodeChallenge(verifier),
      code_challenge_method: 'S256',
      max_age: '300',
      claims: JSON.stringify({ id_token: { name: null } }),
    });
    const callback = await signIn(testBrowser(server.issuer), url.href);
    t.equal(callback.searchParams.get('iss'), server.issuer);
    const tokens = await openid.authorizationCodeGrant(config, callback, {
      pkceCodeVerifier: verifier,
      expectedState: state,
      expectedNonce: nonce,
      idTokenExpected: true,
      maxAge: 300,
    });
    t.match(tokens.claims(), { name: 'Ada', acr: 'aal1', amr: ['pwd'], nonce, aud: client.client_id });
    t.equal(tokens.scope, 'openid email offline_access read');
    const access = jose.decodeJwt(tokens.access_token);
    t.equal(access.aud, resource);
    t.equal(access.sid, tokens.claims()?.sid);
    const shown = await openid.fetchUserInfo(config, tokens.access_token, tokens.claims()?.sub ?? '');
    t.match(shown, { sub: access.sub, email: person.email, email_verified: false });
    const again = await openid.refreshTokenGrant(config, tokens.refresh_token ?? '');
    t.equal(jose.decodeJwt(again.access_token).sub, access.sub);
  });
}

t.test('openid-client takes a signed answer of UserInfo', async (t) => {
  const client = await server.client({ ...metadata, userinfo_signed_response_alg: 'EdDSA' });
  const more = { userinfo_signed_response_alg: 'EdDSA' };
  const config = await discover(client.client_id, more, openid.ClientSecretBasic(client.client_secret));
  openid.enableNonRepudiationChecks(config);
  const verifier = openid.randomPKCECodeVerifier();
  const url = openid.buildAuthorizationUrl(config, {
    redirect_uri: redirectUri,
    scope: 'openid profile',
    code_challenge: await openid.calculatePKCECodeChallenge(verifier),
    code_challenge_method: 'S256',
  });
  const callback = await signIn(testBrowser(server.issuer), url.href);
  const tokens = await openid.authorizationCodeGrant(config, callback, { pkceCodeVerifier: verifier });
  const sub = tokens.claims()?.sub ?? '';
  t.match(await openid.fetchUserInfo(config, tokens.access_token, sub), { sub, name: 'Ada' });
});

t.test('openid-client signs a person out again', async (t) => {
  const goodbye = 'https://app.example.com/goodbye';
  const client = await server.client({ ...metadata, post_logout_redirect_uris: [goodbye] });
  const config = await discover(client.client_id, {}, openid.ClientSecretBasic(client.client_secret));
  const verifier = openid.randomPKCECodeVerifier();
  const url = openid.buildAuthorizationUrl(config, {
    redirect_uri: redirectUri,
    scope: 'openid',
    code_challenge: await openid.calculatePKCECodeChallenge(verifier),
    code_challenge_method: 'S256',
  });
  const browser = testBrowser(server.issuer);
  const callback = await signIn(browser, url.href);
  const tokens = await openid.authorizationCodeGrant(config, callback, { pkceCodeVerifier: verifier });
  const end = openid.buildEndSessionUrl(config, {
    id_token_hint: tokens.id_token ?? '',
    post_logout_redirect_uri: goodbye,
    state: 's',
  });
  t.equal((await browser.go(end.href)).url, `${goodbye}?state=s`);
  t.match((await browser.go(url.href)).html, /\/sign-in"/);
});

t.test('openid-client takes a form post', async (t) => {
  const client = await server.client(metadata);
  const config = await discover(client.client_id, {}, openid.ClientSecretBasic(client.client_secret));
  await t.rejects(
    openid.authorizationCodeGrant(config, new URL(`${redirectUri}?code=x&iss=https://evil.example`)),
    'which looks at iss',
  );
  const verifier = openid.randomPKCECodeVerifier();
  const url = openid.buildAuthorizationUrl(config, {
    redirect_uri: redirectUri,
    scope: 'openid',
    response_mode: 'form_post',
    state: 'a "state" & <more>',
    code_challenge: await openid.calculatePKCECodeChallenge(verifier),
    code_challenge_method: 'S256',
  });
  const browser = testBrowser(server.issuer);
  await signIn(browser, url.href);
  const page = await browser.go(url.href);
  const { hidden } = formOf(page, redirectUri);
  const request = new Request(redirectUri, { method: 'POST', body: new URLSearchParams(hidden) });
  const tokens = await openid.authorizationCodeGrant(config, request, {
    pkceCodeVerifier: verifier,
    expectedState: 'a "state" & <more>',
  });
  t.type(tokens.claims()?.sub, 'string');
});

t.test('oauth4webapi signs a person in at a public client', async (t) => {
  const { client_id } = await server.client({ ...metadata, token_endpoint_auth_method: 'none' });
  const insecure = { [oauth.allowInsecureRequests]: true };
  const as = await oauth.processDiscoveryResponse(issuer, await oauth.discoveryRequest(issuer, insecure));
  const client = { client_id };
  const verifier = oauth.generateRandomCodeVerifier();
  const nonce = oauth.generateRandomNonce();
  const url = new URL(as.authorization_endpoint ?? '');
  url.search = new URLSearchParams({
    client_id,
    redirect_uri: redirectUri,
    response_type: 'code',
    scope: 'openid read',
    resource,
    nonce,
    code_challenge: await oauth.calculatePKCECodeChallenge(verifier),
    code_challenge_method: 'S256',
  }).toString();
  const callback = await signIn(testBrowser(server.issuer), url.href);
  const parameters = oauth.validateAuthResponse(as, client, callback, oauth.expectNoState);
  const response = await oauth.authorizationCodeGrantRequest(
    as,
    client,
    oauth.None(),
    parameters,
    redirectUri,
    verifier,
    insecure,
  );
  const tokens = await oauth.processAuthorizationCodeResponse(as, client, response, {
    expectedNonce: nonce,
    requireIdToken: true,
  });
  await oauth.validateApplicationLevelSignature(as, response, insecure);
  const request = new Request(resource, { headers: { authorization: `Bearer ${tokens.access_token}` } });
  const claims = await oauth.validateJwtAccessToken(as, request, resource, insecure);
  t.match(claims, { client_id, scope: 'openid read' });
  t.equal(tokens.refresh_token, undefined, 'without offline_access there is none');
});
