// Pairwise subjects over a real socket (OpenID Connect Core 8.1): two clients in different sectors, and all that a client
// is told of a person.
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { decodeJwt } from 'jose';
import t from 'tap';
import { createAccount } from '../../src/accounts/account.ts';
import { renewRootSecret } from '../../src/keys/renew-root-secret.ts';
import { updateClient } from '../../src/oauth/client-management.ts';
import { rootSecretManagementOf } from '../../src/wire.ts';
import { authorizeUrl, redirectUri, signInByCode } from '../helpers/code-flow.ts';
import { basic, testServer } from '../helpers/test-server.ts';

const server = await testServer(t);
const { issuer, clock } = server;
const { house } = server.service;
const management = { ...house, actor: 'test' };
const person = { email: 'ada@example.com', password: 'correct horse battery' };
const { sub } = await createAccount(management, { ...person, name: 'Ada' });

/** What the sectors' documents say, by path, and the logout tokens that clients were sent. */
const documents = new Map<string, unknown>();
const logoutTokens: string[] = [];
const web = createServer(async (request, response) => {
  let body = '';
  for await (const chunk of request) body += chunk;
  const logoutToken = new URLSearchParams(body).get('logout_token');
  if (logoutToken) logoutTokens.push(logoutToken);
  response.end(JSON.stringify(documents.get(request.url ?? '')));
}).listen(0, '127.0.0.1');
await once(web, 'listening');
const webUrl = `http://127.0.0.1:${(web.address() as AddressInfo).port}`;
t.teardown(() => {
  web.close();
  web.closeAllConnections();
});

const pairwise = {
  subject_type: 'pairwise',
  grant_types: ['authorization_code', 'refresh_token'],
  scope: 'openid offline_access email',
  redirect_uris: [redirectUri],
};
documents.set('/sector', [redirectUri]);
const shop = await server.client({
  ...pairwise,
  backchannel_logout_uri: `${webUrl}/logout`,
  post_logout_redirect_uris: ['https://app.example.com/bye'],
});
const sibling = await server.client({ ...pairwise, first_party: true });
const elsewhere = await server.client({ ...pairwise, sector_identifier_uri: `${webUrl}/sector` });
const known = await server.client({ ...pairwise, subject_type: 'public' });

const everything = { change: { scope: 'openid offline_access' } };
const idOf = ({ tokens }: { tokens: { id_token: string } }) => decodeJwt(tokens.id_token);

t.test('the metadata says that there are', async (t) => {
  const response = await fetch(`${issuer}/.well-known/openid-configuration`);
  t.match(await response.json(), { subject_types_supported: ['public', 'pairwise'] });
});

t.test('clients of one sector know a person by one subject, others by another', async (t) => {
  const mine = await signInByCode(server, shop, person, everything);
  const again = await signInByCode(server, shop, person);
  const { browser } = mine;
  const near = await signInByCode(server, sibling, person, { browser });
  const far = await signInByCode(server, elsewhere, person, { browser });
  const open = await signInByCode(server, known, person, { browser });
  const subject = idOf(mine).sub;
  t.match(subject, /^[\w-]{43}$/);
  t.equal(idOf(again).sub, subject);
  t.equal(idOf(near).sub, subject);
  t.equal(idOf(open).sub, sub);
  t.equal(new Set([subject, idOf(far).sub, sub]).size, 3);
  t.equal(idOf(near).sid, idOf(mine).sid, 'one session');
  t.equal(
    new Set([mine, far, open].map((one) => idOf(one).sid)).size,
    3,
    'sid would tell them apart no less',
  );
});

t.test('whatever speaks to a client of a person says the same subject', async (t) => {
  const { browser, tokens } = await signInByCode(server, shop, person, everything);
  const id = decodeJwt(tokens.id_token);
  const by = basic(shop.client_id, shop.client_secret);
  const access = decodeJwt(tokens.access_token);
  t.match(access, { sub: id.sub, sid: id.sid });
  for (const token of [tokens.access_token, tokens.refresh_token]) {
    const { body } = await server.post('/introspect', { token }, by);
    t.match(body, { active: true, sub: id.sub, sid: id.sid });
  }
  const userinfo = await fetch(`${issuer}/userinfo`, {
    headers: { authorization: `Bearer ${tokens.access_token}` },
  });
  t.match(await userinfo.json(), { sub: id.sub });
  const refreshed = await server.token(
    { grant_type: 'refresh_token', refresh_token: tokens.refresh_token },
    by,
  );
  t.match(decodeJwt(refreshed.body.id_token), { sub: id.sub, sid: id.sid });
  t.match(decodeJwt(refreshed.body.access_token), { sub: id.sub, sid: id.sid });

  await browser.go(`${issuer}/logout?${new URLSearchParams({ id_token_hint: tokens.id_token })}`);
  await server.service.care();
  const told = logoutTokens.map((token) => decodeJwt(token)).find(({ sid }) => sid === id.sid);
  t.equal(told?.sub, id.sub);
  const texts = JSON.stringify([id, access, told, decodeJwt(refreshed.body.id_token)]);
  t.notOk(texts.includes(sub), 'and nobody says the account’s own');
});

t.test('an ID token as a hint means the account, and its session', async (t) => {
  const { browser, tokens } = await signInByCode(server, shop, person);
  const hint = { id_token_hint: tokens.id_token };
  const silent = await browser.go(authorizeUrl(issuer, shop, { ...hint, prompt: 'none' }));
  t.ok(new URL(silent.url).searchParams.has('code'));
  const claims = JSON.stringify({ id_token: { sub: { value: idOf({ tokens }).sub } } });
  const named = await browser.go(authorizeUrl(issuer, shop, { claims, prompt: 'none' }));
  t.ok(new URL(named.url).searchParams.has('code'));
  const own = JSON.stringify({ id_token: { sub: { value: sub } } });
  const unknown = await browser.go(authorizeUrl(issuer, shop, { claims: own, prompt: 'none' }));
  t.equal(new URL(unknown.url).searchParams.get('error'), 'login_required', 'the account’s own is nobody’s');
  const out = { ...hint, post_logout_redirect_uri: 'https://app.example.com/bye' };
  const gone = await browser.go(`${issuer}/logout?${new URLSearchParams(out)}`);
  t.equal(gone.url, 'https://app.example.com/bye', 'nobody was asked');
});

t.test('somebody else than the hint means may not sign in for them', async (t) => {
  const { tokens } = await signInByCode(server, shop, person);
  const other = { email: 'eve@example.com', password: 'another horse battery' };
  await createAccount(management, other);
  await t.rejects(
    signInByCode(server, shop, other, { change: { id_token_hint: tokens.id_token } }),
    /no code/,
  );
  t.ok(await signInByCode(server, shop, person, { change: { id_token_hint: tokens.id_token } }));
});

t.test('at the first-party door too', async (t) => {
  const response = await fetch(`${issuer}/api/token/`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...basic(sibling.client_id, sibling.client_secret) },
    body: JSON.stringify({ ...person }),
  });
  t.equal(response.status, 200);
  const { access } = (await response.json()) as { access: string };
  t.equal(decodeJwt(access).sub, idOf(await signInByCode(server, shop, person)).sub);
});

t.test('a new root secret changes nobody’s subject', async (t) => {
  const before = idOf(await signInByCode(server, shop, person)).sub;
  const operator = rootSecretManagementOf(house, 'test');
  await renewRootSecret(operator);
  clock.advance(200);
  await server.service.care();
  t.equal(idOf(await signInByCode(server, shop, person)).sub, before);
});

t.test('a sector is joined only where its document names every redirect URI', async (t) => {
  const sector_identifier_uri = `${webUrl}/sector`;
  const refused = (change: object, problem: RegExp) =>
    t.rejects(server.client({ ...pairwise, sector_identifier_uri, ...change }), problem);
  await refused({ redirect_uris: [redirectUri, 'https://evil.example/'] }, /does not name https:\/\/evil/);
  await refused({ sector_identifier_uri: `${webUrl}/unknown` }, /cannot be read/);
  documents.set('/object', { redirect_uris: [redirectUri] });
  await refused({ sector_identifier_uri: `${webUrl}/object` }, /no JSON array/);
  await refused({ sector_identifier_uri: 'https://10.0.0.1/' }, /cannot be read: the address/);
  await refused({ sector_identifier_uri: 'http://sector.example/' }, /must be an https URL/);
  await refused({ subject_type: 'public' }, /means nothing unless subject_type is pairwise/);
  const two = { redirect_uris: [redirectUri, 'https://other.example/'], sector_identifier_uri: undefined };
  await t.rejects(
    server.client({ ...pairwise, ...two, sector_identifier_uri: undefined }),
    /sector_identifier_uri/,
  );
  const change = { redirect_uris: ['https://evil.example/'] };
  await t.rejects(updateClient(management, elsewhere.client_id, change), /does not name/);
  documents.set('/sector', undefined);
  t.ok(
    await updateClient(management, elsewhere.client_id, { client_name: 'Elsewhere' }),
    'what names no sector',
  );
});
