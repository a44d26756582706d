// Signing out over a real socket: when somebody is asked, where they are sent, and what nobody can do by a link.
import { decodeJwt } from 'jose';
import t from 'tap';
import { createAccount } from '../../src/accounts/account.ts';
import { setClientDisabled } from '../../src/oauth/client-management.ts';
import { type Page, type TestBrowser, testBrowser } from '../helpers/browser.ts';
import { authorizeUrl, type Client, redirectUri, signInByCode } from '../helpers/code-flow.ts';
import { basic, testServer } from '../helpers/test-server.ts';

const server = await testServer(t);
const { issuer, clock } = server;
const { stores } = server.service.house;
const management = { ...server.service.house, actor: 'test' };
const password = 'correct horse battery';
const goodbye = 'https://app.example.com/goodbye';

const metadata = {
  redirect_uris: [redirectUri],
  grant_types: ['authorization_code', 'refresh_token'],
  scope: 'openid offline_access',
  client_name: 'Example Shop',
  post_logout_redirect_uris: [goodbye, `${goodbye}?from=us`],
};
const shop = await server.client(metadata);
const other = await server.client({ ...metadata, post_logout_redirect_uris: ['https://other.example/bye'] });

let people = 0;
/** Somebody of the test's own, signed in at a client. */
async function signedIn(client: Client = shop, scope = 'openid') {
  people += 1;
  const email = `person-${people}@example.com`;
  const { sub } = await createAccount(management, { email, password });
  const person = { email, password };
  return { email, person, sub, ...(await signInByCode(server, client, person, { change: { scope } })) };
}

const logoutUrl = (parameters: Record<string, string> = {}): string =>
  `${issuer}/logout?${new URLSearchParams(parameters)}`;

const sessionCookie = ({ cookies }: TestBrowser) => [...cookies].find(([name]) => name.includes('session'));

/** Whether the browser gets a code without being asked anything. */
async function isSignedIn(browser: TestBrowser): Promise<boolean> {
  const { url } = await browser.go(authorizeUrl(issuer, shop, { prompt: 'none' }));
  return new URL(url).searchParams.has('code');
}

/** Time passes, and what the service does by itself is done. */
async function pass(seconds: number): Promise<void> {
  clock.advance(seconds);
  await server.service.care();
}

const isAsked = ({ html }: Page): boolean => html.includes('Sign out?');

t.test('whoever shows an ID token of this session is signed out at once, and sent on', async (t) => {
  const { browser, tokens, sub } = await signedIn();
  t.equal(await isSignedIn(browser), true);
  const state = 'a "state" & <more>';
  const parameters = { id_token_hint: tokens.id_token, post_logout_redirect_uri: goodbye, state };
  const page = await browser.go(logoutUrl(parameters));
  t.equal(page.url, `${goodbye}?${new URLSearchParams({ state })}`);
  t.equal(page.status, 303);
  t.match(browser.setCookies.at(-1), /session.*=; Path=\/; HttpOnly; SameSite=Lax; Max-Age=0$/);
  t.equal(sessionCookie(browser), undefined);
  t.equal(await isSignedIn(browser), false);
  t.strictSame(await stores.sessions.listOf(sub, 0), []);
  const { sid } = decodeJwt(tokens.id_token);
  const [entry] = await stores.audit.list({ limit: 1, subject: sub });
  t.match(entry, { event: 'account.session_ended', actor: `account:${sub}`, details: { sid } });
});

t.test('the session is over in the store, not just in the browser', async (t) => {
  const { browser, tokens } = await signedIn();
  const kept = new Map(browser.cookies);
  await browser.go(logoutUrl({ id_token_hint: tokens.id_token }));
  for (const [name, value] of kept) browser.cookies.set(name, value);
  t.equal(await isSignedIn(browser), false);
});

t.test('what another site posts, and so without cookies, ends the session at the next step', async (t) => {
  const { browser, tokens } = await signedIn();
  const response = await fetch(`${issuer}/logout`, {
    method: 'POST',
    body: new URLSearchParams({ id_token_hint: tokens.id_token, post_logout_redirect_uri: goodbye }),
    redirect: 'manual',
  });
  t.equal(response.status, 303);
  const page = await browser.go(response.headers.get('location') ?? '');
  t.equal(page.url, goodbye);
  t.equal(await isSignedIn(browser), false);
});

t.test('an ID token that has expired is as good', async (t) => {
  const { browser, tokens } = await signedIn();
  await pass(3_000);
  await browser.go(logoutUrl({ id_token_hint: tokens.id_token }));
  t.equal(await isSignedIn(browser), false);
});

t.test('without a redirect URI there is a page that says so', async (t) => {
  const { browser, tokens } = await signedIn();
  const page = await browser.go(logoutUrl({ id_token_hint: tokens.id_token, state: 'unused' }));
  t.equal(page.status, 200);
  t.match(page.html, /You are signed out/);
  t.match(page.headers.get('content-security-policy'), /default-src 'none'.*frame-ancestors 'none'/);
});

t.test('without an ID token the person is asked, and then sent on', async (t) => {
  const { browser, email } = await signedIn();
  const parameters = {
    client_id: shop.client_id,
    post_logout_redirect_uri: `${goodbye}?from=us`,
    state: 's',
  };
  const page = await browser.go(logoutUrl(parameters));
  t.equal(page.status, 200);
  t.match(page.html, /Sign out\?/);
  t.ok(page.html.includes(email));
  t.match(page.html, /You are leaving Example Shop/);
  t.match(page.headers.get('content-security-policy'), /form-action 'self' https:;/);
  t.equal(await isSignedIn(browser), true, 'nothing has happened yet');
  const after = await browser.submit(page, new URL(page.url).pathname);
  t.equal(after.url, `${goodbye}?from=us&state=s`);
  t.equal(await isSignedIn(browser), false);
  const again = await browser.submit(page, new URL(page.url).pathname);
  t.equal(again.url, `${goodbye}?from=us&state=s`, 'a double click ends well');
});

t.test('a bare link asks, and leads nowhere', async (t) => {
  const { browser } = await signedIn();
  const page = await browser.go(logoutUrl());
  t.ok(isAsked(page));
  t.match((await browser.submit(page, new URL(page.url).pathname)).html, /You are signed out/);
  t.equal(await isSignedIn(browser), false);
});

t.test('an ID token of another session asks first', async (t) => {
  const { browser, person } = await signedIn();
  const elsewhere = await signInByCode(server, shop, person);
  const somebody = await signedIn();
  const hints = { 'their own, elsewhere': elsewhere.tokens, 'somebody else’s': somebody.tokens };
  for (const [whose, { id_token }] of Object.entries(hints)) {
    t.ok(isAsked(await browser.go(logoutUrl({ id_token_hint: id_token }))), whose);
    t.equal(await isSignedIn(browser), true);
  }
  t.equal(await isSignedIn(somebody.browser), true);
});

t.test('a request that is wrong is a page, and nobody is signed out or sent anywhere', async (t) => {
  const { browser, tokens } = await signedIn();
  const id_token_hint = tokens.id_token;
  const disabled = await server.client(metadata);
  await setClientDisabled(management, disabled.client_id, true);
  const [head, payload] = id_token_hint.split('.');
  const none = Buffer.from('{"alg":"none","typ":"JWT"}').toString('base64url');
  const requests: Record<string, [Record<string, string>, reason: string]> = {
    'a slash too many': [
      { id_token_hint, post_logout_redirect_uri: `${goodbye}/` },
      'post_logout_redirect_uri_not_registered',
    ],
    'a query added': [
      { id_token_hint, post_logout_redirect_uri: `${goodbye}?a=b` },
      'post_logout_redirect_uri_not_registered',
    ],
    'another case': [
      { id_token_hint, post_logout_redirect_uri: goodbye.toUpperCase() },
      'post_logout_redirect_uri_not_registered',
    ],
    'the URI of another client': [
      { id_token_hint, post_logout_redirect_uri: 'https://other.example/bye' },
      'post_logout_redirect_uri_not_registered',
    ],
    'a redirect URI for sign-in': [
      { id_token_hint, post_logout_redirect_uri: redirectUri },
      'post_logout_redirect_uri_not_registered',
    ],
    'a URI of nobody': [{ post_logout_redirect_uri: goodbye }, 'post_logout_redirect_uri_not_registered'],
    'another client’s ID token': [{ id_token_hint, client_id: other.client_id }, 'logout_client_differs'],
    'no JWT': [{ id_token_hint: 'x' }, 'logout_hint_invalid'],
    'an access token': [{ id_token_hint: tokens.access_token }, 'logout_hint_invalid'],
    'a changed signature': [{ id_token_hint: `${head}.${payload}.AAAA` }, 'logout_hint_invalid'],
    'no signature': [{ id_token_hint: `${none}.${payload}.` }, 'logout_hint_invalid'],
    'an unknown client': [{ client_id: 'nobody' }, 'logout_client_unknown'],
    'a disabled client': [
      { client_id: disabled.client_id, post_logout_redirect_uri: goodbye },
      'logout_client_unknown',
    ],
  };
  for (const [what, [parameters, reason]] of Object.entries(requests)) {
    const page = await browser.go(logoutUrl(parameters));
    t.equal(page.status, 400, what);
    t.ok(page.url.startsWith(issuer));
    t.match(page.html, /nobody was signed out/);
    t.equal(server.log.findLast(({ msg }) => msg === 'request refused')?.reason, reason);
  }
  const posted = await browser.post(`${issuer}/logout`, { id_token_hint, post_logout_redirect_uri: 'x' });
  t.equal(posted.status, 400);
  t.equal(await isSignedIn(browser), true);
});

t.test('whoever is signed out already goes straight on', async (t) => {
  const stranger = testBrowser(issuer);
  const known = { client_id: shop.client_id, post_logout_redirect_uri: goodbye };
  t.equal((await stranger.go(logoutUrl(known))).url, goodbye);
  t.match((await stranger.go(logoutUrl())).html, /You are signed out/);
});

t.test('a form that this browser was not given ends nothing', async (t) => {
  const { browser } = await signedIn();
  const page = await browser.go(logoutUrl());
  const attacker = await signedIn();
  const theirs = await attacker.browser.go(page.url);
  const csrf = /name="csrf_token" value="([^"]*)"/.exec(theirs.html)?.[1] ?? '';
  for (const csrf_token of ['', 'x', csrf]) {
    const { sid } = (await stores.sessions.find(sessionCookie(browser)?.[1] ?? ''))?.session ?? {};
    t.equal((await browser.post(page.url, { csrf_token, session: sid ?? '' })).status, 403);
  }
  t.equal(await isSignedIn(browser), true);
});

t.test('a page that was made for somebody else ends nobody’s session', async (t) => {
  const { browser } = await signedIn();
  const page = await browser.go(logoutUrl());
  const somebody = await signedIn();
  const [name = '', value = ''] = sessionCookie(somebody.browser) ?? [];
  browser.cookies.set(name, value);
  t.ok(isAsked(await browser.submit(page, new URL(page.url).pathname)), 'they are asked themselves');
  t.equal(await isSignedIn(browser), true);
});

t.test('a request that has waited too long begins anew, and leads nowhere', async (t) => {
  const { browser, tokens } = await signedIn();
  const id_token_hint = tokens.id_token;
  const response = await fetch(logoutUrl({ id_token_hint, post_logout_redirect_uri: goodbye }), {
    redirect: 'manual',
  });
  await pass(3_601);
  t.ok(isAsked(await browser.go(response.headers.get('location') ?? '')));
  t.ok(isAsked(await browser.go(`${issuer}/logout/unknown`)));
});

t.test('the page is in the language that is asked for', async (t) => {
  const { browser } = await signedIn();
  const page = await browser.go(logoutUrl({ ui_locales: 'fr de', client_id: shop.client_id }));
  t.match(page.html, /<html lang="de">[\s\S]*Abmelden\?[\s\S]*Sie verlassen Example Shop/);
});

t.test('refresh tokens for offline access outlive the session', async (t) => {
  const { browser, tokens } = await signedIn(shop, 'openid offline_access');
  await browser.go(logoutUrl({ id_token_hint: tokens.id_token }));
  const form = { grant_type: 'refresh_token', refresh_token: tokens.refresh_token };
  const { status } = await server.token(form, basic(shop.client_id, shop.client_secret));
  t.equal(status, 200);
});
