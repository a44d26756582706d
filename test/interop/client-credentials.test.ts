// Two clients that were written without us get tokens, from discovery on, by every way to authenticate.
import { type CryptoKey, exportJWK, generateKeyPair } from 'jose';
import * as oauth from 'oauth4webapi';
import * as openid from 'openid-client';
import t from 'tap';
import { testServer } from '../helpers/test-server.ts';

const server = await testServer(t);
const issuer = new URL(server.issuer);
const resource = 'https://api.example.com';
await server.resource({ resource, scopes: ['read'] });

const { publicKey, privateKey } = await generateKeyPair('ES256', { extractable: true });
const metadata = { scope: 'read' };
const basic = await server.client(metadata);
const post = await server.client({ ...metadata, token_endpoint_auth_method: 'client_secret_post' });
const signing = await server.client({
  ...metadata,
  token_endpoint_auth_method: 'private_key_jwt',
  jwks: { keys: [{ ...(await exportJWK(publicKey)), kid: 'client-key' }] },
});
const key = { key: privateKey as CryptoKey, kid: 'client-key' };
// What a secret may hold is encoded in the header (RFC 6749 2.3.1), and read the same.
const odd = await server.client({ ...metadata, client_secret: 'a+b%c:d/e=f&g~h!i*j\'k(l)m-n_o.p"q' });

const ways: [name: string, client: { client_id: string }, oauth.ClientAuth, openid.ClientAuth][] = [
  [
    'client_secret_basic',
    basic,
    oauth.ClientSecretBasic(basic.client_secret),
    openid.ClientSecretBasic(basic.client_secret),
  ],
  [
    'client_secret_basic with every odd character',
    odd,
    oauth.ClientSecretBasic(odd.client_secret),
    openid.ClientSecretBasic(odd.client_secret),
  ],
  [
    'client_secret_post',
    post,
    oauth.ClientSecretPost(post.client_secret),
    openid.ClientSecretPost(post.client_secret),
  ],
  ['private_key_jwt', signing, oauth.PrivateKeyJwt(key), openid.PrivateKeyJwt(key)],
];

const insecure = { [oauth.allowInsecureRequests]: true };

for (const [name, client, auth] of ways) {
  t.test(`oauth4webapi gets a token by ${name}, and verifies it`, async (t) => {
    const as = await oauth.processDiscoveryResponse(
      issuer,
      await oauth.discoveryRequest(issuer, { algorithm: 'oauth2', ...insecure }),
    );
    const response = await oauth.clientCredentialsGrantRequest(
      as,
      client,
      auth,
      { resource, scope: 'read' },
      insecure,
    );
    const token = await oauth.processClientCredentialsResponse(as, client, response);
    t.equal(token.scope, 'read');
    const request = new Request(resource, { headers: { authorization: `Bearer ${token.access_token}` } });
    const claims = await oauth.validateJwtAccessToken(as, request, resource, insecure);
    t.match(claims, { sub: client.client_id, client_id: client.client_id, aud: resource });
  });
}

for (const [name, client, , auth] of ways) {
  t.test(`openid-client gets a token by ${name}`, async (t) => {
    const config = await openid.discovery(issuer, client.client_id, undefined, auth, {
      execute: [openid.allowInsecureRequests],
    });
    const token = await openid.clientCredentialsGrant(config, { resource, scope: 'read' });
    t.equal(token.token_type, 'bearer');
    t.equal(token.expires_in, 300);
  });
}

t.test('openid-client understands the challenge of a refusal', async (t) => {
  const config = await openid.discovery(
    issuer,
    basic.client_id,
    undefined,
    openid.ClientSecretBasic('wrong'),
    {
      execute: [openid.allowInsecureRequests],
    },
  );
  const error = await openid.clientCredentialsGrant(config, {}).catch((reason: unknown) => reason);
  t.ok(error instanceof openid.WWWAuthenticateChallengeError);
  t.match(error, { status: 401, cause: [{ scheme: 'basic', parameters: { realm: server.issuer } }] });
});
