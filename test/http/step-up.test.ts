// What clients and resources ask of a sign-in, over a real socket: acr_values, essential acr, require_acr, and step-up
// (RFC 9470), with what the tokens say of it.
import { decodeJwt } from 'jose';
import * as openid from 'openid-client';
import t from 'tap';
import { updateClient } from '../../src/oauth/client-management.ts';
import { updateResource } from '../../src/oauth/resource-management.ts';
import { timetableOf } from '../../src/wire.ts';
import { authenticator } from '../helpers/authenticator.ts';
import { type Page, type TestBrowser, testBrowser } from '../helpers/browser.ts';
import { authorizeUrl, type Client, redirectUri } from '../helpers/code-flow.ts';
import {
  atAccount,
  codeOf,
  type FactorPerson,
  newPerson,
  passkeyOptions,
  secretIn,
  withPasskey,
  withTotp,
} from '../helpers/factors.ts';
import { basic, testServer } from '../helpers/test-server.ts';

const server = await testServer(t, { MINTMARK_SIGN_IN_ATTEMPTS_PER_ADDRESS: '1000' });
const { issuer, clock } = server;
const { stores } = server.service.house;
const resource = 'https://api.example.com/ledger';
await server.resource({ resource, scopes: ['read'], require_acr: 'aal2' });
const plain = 'https://api.example.com/notes';
await server.resource({ resource: plain, scopes: ['read'] });

const metadata = {
  redirect_uris: [redirectUri],
  grant_types: ['authorization_code', 'refresh_token'],
  scope: 'openid offline_access read',
  first_party: true,
  client_name: 'Example Shop',
};
const shop = await server.client(metadata);

const essential = (...values: string[]) => JSON.stringify({ id_token: { acr: { essential: true, values } } });
const secondFactor = /One more step<\/h1>/;
const { origin } = new URL(issuer);

/** Answers the password and the code, as far as they are asked for. */
async function through(browser: TestBrowser, start: Page, who: FactorPerson): Promise<Page> {
  const { email, password } = who;
  let page = start;
  if (page.html.includes('/sign-in"')) page = await browser.submit(page, '/sign-in', { email, password });
  if (secondFactor.test(page.html)) page = await browser.submit(page, '/code', { code: codeOf(who, clock) });
  clock.advance(30);
  return page;
}

async function tokensOf(page: Page, client: Client, change: Record<string, string> = {}) {
  const code = new URL(page.url).searchParams.get('code') ?? page.html;
  const form = { grant_type: 'authorization_code', code, redirect_uri: redirectUri };
  const proof = { code_verifier: 'v'.repeat(43), ...change };
  return server.token({ ...form, ...proof }, basic(client.client_id, client.client_secret));
}

const at = (change: Record<string, string> = {}, client: Client = shop) =>
  authorizeUrl(issuer, client, change);
const errorOf = ({ url }: Page) => new URL(url).searchParams.get('error');
const sessionCookie = ({ cookies }: TestBrowser) =>
  [...cookies].find(([name]) => name.includes('session'))?.[1];

/** Somebody who signed in before the second factor was set up, in another browser. */
async function weak(): Promise<{ who: FactorPerson; browser: TestBrowser }> {
  const who = await newPerson(server);
  const { browser } = await atAccount(server, who);
  await withTotp(server, who);
  return { who, browser };
}

t.test('tokens say what was shown', async (t) => {
  const who = await newPerson(server);
  const one = testBrowser(issuer);
  const { body } = await tokensOf(await through(one, await one.go(at()), who), shop);
  for (const token of [body.id_token, body.access_token])
    t.match(decodeJwt(token), { acr: 'aal1', amr: ['pwd'], auth_time: Number });
  await withTotp(server, who);
  const two = testBrowser(issuer);
  const asked = await two.submit(await two.go(at()), '/sign-in', {
    email: who.email,
    password: who.password,
  });
  t.match(asked.html, secondFactor);
  t.equal(sessionCookie(two), undefined, 'and nobody is signed in before');
  const strong = await tokensOf(await through(two, asked, who), shop);
  for (const token of [strong.body.id_token, strong.body.access_token])
    t.match(decodeJwt(token), { acr: 'aal2', amr: ['pwd', 'otp', 'mfa'] });
});

t.test('a passkey alone answers a client that asks for two factors', async (t) => {
  const who = await newPerson(server);
  const device = authenticator(origin);
  await withPasskey(server, who, device);
  const browser = testBrowser(issuer);
  const start = await browser.go(at({ claims: essential('aal2') }));
  const end = await browser.submit(start, '/passkey', { credential: device.use(passkeyOptions(start)) });
  const { body } = await tokensOf(end, shop);
  t.match(decodeJwt(body.id_token), { sub: who.sub, acr: 'aal2', amr: ['hwk', 'pop', 'user', 'mfa'] });
});

t.test('a passkey of another account than the client means does not do', async (t) => {
  const [who, other] = [await newPerson(server), await newPerson(server)];
  const device = authenticator(origin);
  await withPasskey(server, other, device);
  const browser = testBrowser(issuer);
  const claims = JSON.stringify({ id_token: { sub: { value: who.sub } } });
  const start = await browser.go(at({ claims }));
  const page = await browser.submit(start, '/passkey', { credential: device.use(passkeyOptions(start)) });
  t.match(page.html, /The app asks for another account/);
});

t.test(
  'a session of a password is asked for the second factor alone, and goes on under a new id',
  async (t) => {
    const { who, browser } = await weak();
    const [before] = (await stores.sessions.listOf(who.sub, 0)).filter(({ acr }) => acr === 'aal1');
    const cookie = sessionCookie(browser);
    const asked = await browser.go(at({ claims: essential('aal2'), max_age: '3600' }));
    t.match(asked.html, secondFactor);
    t.notMatch(asked.html, /id="password"/);
    t.match(asked.html, who.email);
    const { body } = await tokensOf(await through(browser, asked, who), shop);
    const claims = decodeJwt(body.id_token);
    t.match(claims, { acr: 'aal2', amr: ['pwd', 'otp', 'mfa'], sid: before?.sid });
    t.equal(claims.auth_time, Math.floor(before?.authTime ?? 0), 'the sign-in is as old as it was');
    t.not(sessionCookie(browser), cookie);
    const former = testBrowser(issuer);
    for (const [name, value] of browser.cookies)
      former.cookies.set(name, name.includes('session') ? (cookie ?? '') : value);
    t.match((await former.go(`${issuer}/account`)).html, /id="password"/, 'the former id is worth nothing');
    t.match(
      (await stores.sessions.listOf(who.sub, 0)).find(({ sid }) => sid === before?.sid),
      { expiresAt: before?.expiresAt, createdAt: before?.createdAt },
      'and it ends when it would have ended',
    );
  },
);

t.test('a passkey of the account that a client means by a pairwise subject does', async (t) => {
  const who = await newPerson(server);
  const device = authenticator(origin);
  await withPasskey(server, who, device);
  const client = await server.client({ ...metadata, subject_type: 'pairwise' });
  async function byPasskey(change: Record<string, string> = {}): Promise<string> {
    const browser = testBrowser(issuer);
    const start = await browser.go(authorizeUrl(issuer, client, change));
    const credential = device.use(passkeyOptions(start));
    const { body } = await tokensOf(await browser.submit(start, '/passkey', { credential }), client);
    return body.id_token;
  }
  const first = await byPasskey();
  const again = await byPasskey({ id_token_hint: first });
  t.not(decodeJwt(first).sub, who.sub);
  t.equal(decodeJwt(again).sub, decodeJwt(first).sub);
});

t.test('max_age asks for the password as well', async (t) => {
  const { who, browser } = await weak();
  clock.advance(120);
  const asked = await browser.go(at({ claims: essential('aal2'), max_age: '60' }));
  t.match(asked.html, /id="password"/);
  const { body } = await tokensOf(await through(browser, asked, who), shop);
  t.match(decodeJwt(body.id_token), { acr: 'aal2' });
  t.ok(clock.now() - (decodeJwt(body.id_token).auth_time as number) <= 60);
});

t.test('a wish is met where it can be, and is left by whoever wants to', async (t) => {
  const { who, browser } = await weak();
  const asked = await browser.go(at({ acr_values: 'aal2' }));
  t.match(asked.html, secondFactor);
  const left = await tokensOf(await browser.submit(asked, '/give-up'), shop);
  t.match(decodeJwt(left.body.id_token), { acr: 'aal1' });
  const quiet = await browser.go(at({ acr_values: 'aal2', prompt: 'none' }));
  t.match(decodeJwt((await tokensOf(quiet, shop)).body.id_token), { acr: 'aal1' });
  const met = await through(browser, await browser.go(at({ acr_values: 'aal2' })), who);
  t.match(decodeJwt((await tokensOf(met, shop)).body.id_token), { acr: 'aal2' });
  const nobody = await newPerson(server);
  const without = testBrowser(issuer);
  const end = await through(without, await without.go(at({ acr_values: 'aal2' })), nobody);
  t.match(decodeJwt((await tokensOf(end, shop)).body.id_token), { acr: 'aal1' });
});

t.test('whoever has no second factor is told how to get one, and goes on with it', async (t) => {
  const who = await newPerson(server);
  const browser = testBrowser(issuer);
  const told = await through(browser, await browser.go(at({ claims: essential('aal2') })), who);
  t.match(told.html, /A second factor is needed<\/h1>/);
  t.match(told.html, `href="${issuer}/account"`);
  const setUp = await browser.submit(await browser.go(`${issuer}/account`), '/account/totp');
  who.secret = secretIn(setUp);
  await browser.submit(setUp, '/totp-confirm', { code: codeOf(who, clock) });
  const { body } = await tokensOf(await browser.go(told.url), shop);
  t.match(decodeJwt(body.id_token), { acr: 'aal2', amr: ['pwd', 'otp', 'mfa'] });
});

t.test('whoever does not want one goes back, and the client is told', async (t) => {
  const who = await newPerson(server);
  const browser = testBrowser(issuer);
  const told = await through(browser, await browser.go(at({ claims: essential('aal2') })), who);
  t.equal(errorOf(await browser.submit(told, '/give-up')), 'unmet_authentication_requirements');
  const silent = await browser.go(at({ claims: essential('aal2'), prompt: 'none' }));
  t.equal(errorOf(silent), 'login_required');
});

t.test('what is above what is asked for meets it, and is called as it was asked for', async (t) => {
  const who = await newPerson(server);
  await withTotp(server, who);
  const browser = testBrowser(issuer);
  const end = await through(browser, await browser.go(at({ claims: essential('aal1') })), who);
  t.match(decodeJwt((await tokensOf(end, shop)).body.id_token), { acr: 'aal1' });
});

t.test('a resource that requires two factors gets no token of one', async (t) => {
  const who = await newPerson(server);
  const browser = testBrowser(issuer);
  const told = await through(browser, await browser.go(at({ resource, scope: 'openid read' })), who);
  t.match(told.html, /A second factor is needed<\/h1>/);
  const { who: other, browser: theirs } = await weak();
  const scope = 'openid read offline_access';
  const end = await through(theirs, await theirs.go(at({ resource, scope })), other);
  const { body } = await tokensOf(end, shop);
  const access = decodeJwt(body.access_token);
  t.match(access, { aud: resource, acr: 'aal2' });
  const form = { grant_type: 'refresh_token', refresh_token: body.refresh_token };
  clock.advance(600);
  const refreshed = await server.token(form, basic(shop.client_id, shop.client_secret));
  const { acr, amr, auth_time } = decodeJwt(refreshed.body.access_token);
  t.strictSame({ acr, amr, auth_time }, { acr: access.acr, amr: access.amr, auth_time: access.auth_time });
});

t.test('a resource that comes to require two factors ends what one had opened', async (t) => {
  const who = await newPerson(server);
  const browser = testBrowser(issuer);
  const scope = 'openid read offline_access';
  const end = await through(browser, await browser.go(at({ resource: plain, scope })), who);
  const { body } = await tokensOf(end, shop);
  const management = {
    ...server.service.house,
    actor: 'test',
    timetable: timetableOf(server.service.house.config),
  };
  await updateResource(management, plain, { require_acr: 'aal2' });
  clock.advance(60);
  const form = { grant_type: 'refresh_token', refresh_token: body.refresh_token };
  const refused = await server.token(form, basic(shop.client_id, shop.client_secret));
  t.match(refused, { status: 400, body: { error: 'invalid_grant', error_description: /stronger sign-in/ } });
  await updateResource(management, plain, { require_acr: null });
  clock.advance(60);
  const again = await server.token(form, basic(shop.client_id, shop.client_secret));
  t.equal(again.status, 200, 'and nothing was used up by that');
});

t.test('a client that acts for itself has no sign-in to be asked of', async (t) => {
  const machine = await server.client({ scope: 'read', resources: [resource] });
  const answer = await server.token(
    { grant_type: 'client_credentials', resource },
    basic(machine.client_id, machine.client_secret),
  );
  t.equal(answer.status, 200);
});

t.test('a client can require two factors of all of its people', async (t) => {
  const bank = await server.client({ ...metadata, require_acr: 'aal2' });
  const { who, browser } = await weak();
  const asked = await browser.go(at({}, bank));
  t.match(asked.html, secondFactor);
  const { body } = await tokensOf(await through(browser, asked, who), bank);
  t.match(decodeJwt(body.id_token), { acr: 'aal2' });
  const former = await server.client(metadata);
  const other = await newPerson(server);
  const theirs = testBrowser(issuer);
  const weaker = await tokensOf(
    await through(theirs, await theirs.go(at({ scope: 'openid offline_access' }, former)), other),
    former,
  );
  const management = { ...server.service.house, actor: 'test' };
  await updateClient(management, former.client_id, { require_acr: 'aal2' });
  clock.advance(60);
  const form = { grant_type: 'refresh_token', refresh_token: weaker.body.refresh_token };
  const refused = await server.token(form, basic(former.client_id, former.client_secret));
  t.match(refused, { status: 400, body: { error: 'invalid_grant' } }, 'nor refresh what one had opened');
  const unmet = await browser.go(at({ claims: essential('aal1') }, bank));
  t.equal(errorOf(unmet), 'unmet_authentication_requirements', 'and none may ask for less alone');
});

t.test('openid-client asks for more, and gets it', async (t) => {
  const { who, browser } = await weak();
  const { client_id, client_secret } = shop;
  const config = await openid.discovery(
    new URL(issuer),
    client_id,
    {},
    openid.ClientSecretBasic(client_secret),
    { execute: [openid.allowInsecureRequests] },
  );
  t.strictSame(config.serverMetadata().acr_values_supported, ['aal1', 'aal2']);
  for (const wish of [{ acr_values: 'aal2' }, { claims: essential('aal2') }]) {
    const verifier = openid.randomPKCECodeVerifier();
    const nonce = openid.randomNonce();
    const url = openid.buildAuthorizationUrl(config, {
      redirect_uri: redirectUri,
      scope: 'openid',
      nonce,
      code_challenge: await openid.calculatePKCECodeChallenge(verifier),
      code_challenge_method: 'S256',
      ...wish,
    });
    const callback = await through(browser, await browser.go(url.href), who);
    const tokens = await openid.authorizationCodeGrant(config, new URL(callback.url), {
      pkceCodeVerifier: verifier,
      expectedNonce: nonce,
      idTokenExpected: true,
    });
    t.match(tokens.claims(), { sub: who.sub, acr: 'aal2', amr: ['pwd', 'otp', 'mfa'] });
  }
  const unmet = openid.buildAuthorizationUrl(config, {
    redirect_uri: redirectUri,
    scope: 'openid',
    code_challenge: await openid.calculatePKCECodeChallenge(openid.randomPKCECodeVerifier()),
    code_challenge_method: 'S256',
    claims: essential('urn:example:gold'),
  });
  const refused = new URL((await browser.go(unmet.href)).url);
  const error = await openid.authorizationCodeGrant(config, refused).catch((reason: unknown) => reason);
  t.match(error, { error: 'unmet_authentication_requirements' });
});
