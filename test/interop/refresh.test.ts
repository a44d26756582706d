// Two clients that were written without us refresh, introspect and give tokens back, from discovery on.
import * as oauth from 'oauth4webapi';
import * as openid from 'openid-client';
import t from 'tap';
import { testServer } from '../helpers/test-server.ts';

const server = await testServer(t);
const issuer = new URL(server.issuer);
const resource = 'https://api.example.com';
await server.resource({ resource, scopes: ['read'] });
const metadata = { grant_types: ['refresh_token'], scope: 'read', default_resource: resource };
const confidential = await server.client(metadata);
const spa = await server.client({ ...metadata, token_endpoint_auth_method: 'none' });
const resourceServer = await server.client({ client_id: resource });

const insecure = { [oauth.allowInsecureRequests]: true };
const discovered = async (): Promise<oauth.AuthorizationServer> =>
  oauth.processDiscoveryResponse(
    issuer,
    await oauth.discoveryRequest(issuer, { algorithm: 'oauth2', ...insecure }),
  );

const errorOf = (answer: Promise<unknown>): Promise<string | undefined> =>
  answer.then(
    () => undefined,
    ({ error }) => error,
  );

const ways: [name: string, client: typeof confidential, oauth.ClientAuth, openid.ClientAuth][] = [
  [
    'a confidential client',
    confidential,
    oauth.ClientSecretBasic(confidential.client_secret),
    openid.ClientSecretBasic(confidential.client_secret),
  ],
  ['a public client', spa, oauth.None(), openid.None()],
];

for (const [name, client, auth, openidAuth] of ways) {
  t.test(`oauth4webapi refreshes as ${name}, and gives the token back`, async (t) => {
    const as = await discovered();
    const { refresh_token } = await server.signIn(client);
    const refresh = async (token: string) =>
      oauth.processRefreshTokenResponse(
        as,
        client,
        await oauth.refreshTokenGrantRequest(as, client, auth, token, insecure),
      );
    const first = await refresh(refresh_token);
    const again = await refresh(refresh_token);
    t.equal(again.refresh_token, first.refresh_token, 'a retry gets the same');
    const request = new Request(resource, { headers: { authorization: `Bearer ${first.access_token}` } });
    const claims = await oauth.validateJwtAccessToken(as, request, resource, insecure);
    t.match(claims, { client_id: client.client_id, aud: resource });

    const revocation = await oauth.revocationRequest(as, client, auth, first.refresh_token ?? '', insecure);
    t.equal(await oauth.processRevocationResponse(revocation), undefined);
    t.equal(await errorOf(refresh(first.refresh_token ?? '')), 'invalid_grant');
  });

  t.test(`openid-client refreshes as ${name}, and gives the token back`, async (t) => {
    const config = await openid.discovery(issuer, client.client_id, undefined, openidAuth, {
      execute: [openid.allowInsecureRequests],
    });
    const { refresh_token } = await server.signIn(client);
    const tokens = await openid.refreshTokenGrant(config, refresh_token, { scope: 'read' });
    t.match(tokens, { scope: 'read', refresh_token: String, token_type: 'bearer' });
    await openid.tokenRevocation(config, tokens.refresh_token ?? '', { token_type_hint: 'refresh_token' });
    t.equal(await errorOf(openid.refreshTokenGrant(config, tokens.refresh_token ?? '')), 'invalid_grant');
  });
}

t.test('oauth4webapi introspects as a resource server, in JSON and as a JWT that it validates', async (t) => {
  const as = await discovered();
  const { access_token, refresh_token } = await server.signIn(confidential);
  const rs = { client_id: resourceServer.client_id };
  const auth = oauth.ClientSecretBasic(resourceServer.client_secret);
  const ask = async (token: string, requestJwtResponse: boolean) => {
    const options = { ...insecure, requestJwtResponse };
    const response = await oauth.introspectionRequest(as, rs, auth, token, options);
    const client = requestJwtResponse ? { ...rs, introspection_signed_response_alg: 'RS256' } : rs;
    const answer = await oauth.processIntrospectionResponse(as, client, response);
    if (requestJwtResponse) await oauth.validateApplicationLevelSignature(as, response, insecure);
    return answer;
  };
  for (const isJwt of [false, true]) {
    t.match(await ask(access_token, isJwt), {
      active: true,
      aud: resource,
      client_id: confidential.client_id,
      scope: 'read',
      token_type: 'Bearer',
    });
    t.same(await ask(refresh_token, isJwt), { active: false }, 'a refresh token is none of its');
  }
});

t.test('openid-client introspects its own tokens, and sees them end', async (t) => {
  const auth = openid.ClientSecretBasic(confidential.client_secret);
  const config = await openid.discovery(issuer, confidential.client_id, undefined, auth, {
    execute: [openid.allowInsecureRequests],
  });
  const { access_token, refresh_token } = await server.signIn(confidential);
  for (const token of [access_token, refresh_token]) {
    t.match(await openid.tokenIntrospection(config, token), { active: true, scope: 'read' });
  }
  await openid.tokenRevocation(config, access_token);
  t.same(await openid.tokenIntrospection(config, access_token), { active: false });
  t.match(await openid.tokenIntrospection(config, refresh_token), { active: true });
  await openid.tokenRevocation(config, refresh_token);
  t.same(await openid.tokenIntrospection(config, refresh_token), { active: false });
});
