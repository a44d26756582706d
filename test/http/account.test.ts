// The account's own page over a real socket: what people see of their sessions and apps, and what they can end.
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import t from 'tap';
import { createAccount } from '../../src/accounts/account.ts';
import { type Page, type TestBrowser, testBrowser } from '../helpers/browser.ts';
import { authorizeUrl, redirectUri, signInByCode, type Tokens } from '../helpers/code-flow.ts';
import { basic, testServer } from '../helpers/test-server.ts';

const server = await testServer(t, { MINTMARK_SIGN_IN_ATTEMPTS_PER_ACCOUNT: '5' });
const { issuer, clock } = server;
const { stores } = server.service.house;
const management = { ...server.service.house, actor: 'test' };
const password = 'correct horse battery';
const page = `${issuer}/account`;
const firefox = 'Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0';

const told: string[] = [];
const listener = createServer((request, response) => {
  told.push(request.url ?? '');
  response.end();
}).listen(0, '127.0.0.1');
await once(listener, 'listening');
t.teardown(() => {
  listener.close();
  listener.closeAllConnections();
});

const scope = 'openid email offline_access';
const metadata = {
  redirect_uris: [redirectUri],
  grant_types: ['authorization_code', 'refresh_token'],
  scope,
};
const shop = await server.client({
  ...metadata,
  client_name: 'Example Shop',
  backchannel_logout_uri: `http://127.0.0.1:${(listener.address() as AddressInfo).port}/shop`,
});
const mail = await server.client({ ...metadata, client_name: 'Example Mail' });

let people = 0;
async function person() {
  people += 1;
  const email = `person-${people}@example.com`;
  const { sub } = await createAccount(management, { email, password, name: `Person ${people}` });
  return { email, password, sub };
}
type Person = Awaited<ReturnType<typeof person>>;

/** Signs in at the page itself. */
async function signIn(who: { email: string; password: string }, browser = testBrowser(issuer)) {
  const { email, password } = who;
  return { browser, page: await browser.submit(await browser.go(page), '/sign-in', { email, password }) };
}

const atShop = (who: Person, browser = testBrowser(issuer)) =>
  signInByCode(server, shop, who, { browser, change: { scope } });

const refresh = async ({ refresh_token }: Tokens, client = shop) =>
  (
    await server.token(
      { grant_type: 'refresh_token', refresh_token },
      basic(client.client_id, client.client_secret),
    )
  ).status;

const isSignedIn = async (browser: TestBrowser): Promise<boolean> =>
  (await browser.go(page)).html.includes('Your account</h1>');

const rows = ({ html }: Page) =>
  [...html.matchAll(/<h3 id="(?:session|app)-\d+">([^<]*)</g)].map(([, name]) => name);

const events = async (sub: string) =>
  (await stores.audit.list({ limit: 9, subject: sub })).map(({ event }) => event);

const fieldOf = ({ html }: Page, name: string): string =>
  new RegExp(`name="${name}" value="([^"]*)"`).exec(html)?.[1] ?? '';

t.test('whoever is not signed in signs in here, and nowhere else', async (t) => {
  const who = await person();
  const browser = testBrowser(issuer);
  const first = await browser.go(page);
  t.match(first.html, /to go on to your account/);
  t.match(first.headers.get('content-security-policy'), /form-action 'self';/);
  const wrong = await browser.submit(first, '/sign-in', { email: who.email, password: 'wrong' });
  t.match(wrong.html, /role="alert"[^>]*>The email or the password is not right/);
  t.equal(
    fieldOf(wrong, 'email') || /value="(person[^"]*)"/.exec(wrong.html)?.[1],
    who.email,
    'what was typed stays',
  );
  t.notOk(wrong.url.includes('person'), 'and never in the URL');
  const right = await browser.submit(wrong, '/sign-in', { email: who.email, password });
  t.match(right.html, /Your account<\/h1>/);
  t.ok(right.html.includes(who.email));
  t.equal(right.url, page);
  t.equal(right.headers.get('cache-control'), 'no-store');
  const again = await browser.submit(first, '/sign-in', { email: who.email, password });
  t.match(again.html, /Your account<\/h1>/, 'a second click ends well');
  t.equal((await stores.sessions.listOf(who.sub, 0)).length, 1);
});

t.test('sessions and apps are shown with when, where and what', async (t) => {
  const who = await person();
  await atShop(who);
  const { browser } = await signIn(who);
  await browser.go(page, { 'user-agent': firefox });
  const other = testBrowser(issuer);
  const begun = await other.go(page, { 'user-agent': firefox });
  const form = { ...who, csrf_token: fieldOf(begun, 'csrf_token') };
  await fetch(`${page}/sign-in`, {
    method: 'POST',
    body: new URLSearchParams(form),
    headers: { cookie: [...other.cookies].map((pair) => pair.join('=')).join('; '), 'user-agent': firefox },
  });
  clock.advance(7_300);
  await server.service.care();
  const seen = await browser.go(page);
  t.strictSame(rows(seen), ['A browser', 'Firefox on Linux', 'A browser', 'Example Shop']);
  t.match(
    seen.html,
    /This browser<\/p>\s*<p class="soft">Last seen just now · 127\.0\.0\.1/,
    'this one first',
  );
  t.match(seen.html, /Last seen 2 hours ago/);
  t.match(seen.html, /Last used 2 hours ago/);
  t.match(seen.html, /It knows: that it is you[^<]*; your email address</);
  t.match(seen.html, /It keeps its access while you are away/);
  t.equal(seen.html.match(/This browser/g)?.length, 1);
});

t.test('one session ends, and the others go on', async (t) => {
  const who = await person();
  const { browser: elsewhere, tokens } = await atShop(who);
  const { browser, page: own } = await signIn(who);
  const [{ sid } = { sid: '' }] = (await stores.sessions.listOf(who.sub, 0)).filter(
    ({ sid }) => sid !== fieldOf(own, 'session'),
  );
  const before = told.length;
  const after = await browser.submit(own, '/session', { sid });
  t.match(after.html, /role="status"[^>]*>That browser is signed out/);
  t.equal(await isSignedIn(elsewhere), false);
  t.equal(await isSignedIn(browser), true);
  t.equal((await events(who.sub))[0], 'account.session_ended');
  t.equal(await refresh(tokens), 200, 'what is for offline access lives on');
  await server.service.care();
  t.equal(told.length, before + 1, 'the client is told');
  await browser.submit(await browser.go(page), '/session', { sid: fieldOf(own, 'session') });
  t.equal(await isSignedIn(browser), false, 'this one too');
});

t.test('all others end at once', async (t) => {
  const who = await person();
  const [one, two] = [await signIn(who), await signIn(who)];
  const { browser } = await signIn(who);
  const after = await browser.submit(await browser.go(page), '/others');
  t.equal(rows(after).length, 1);
  for (const other of [one, two]) t.equal(await isSignedIn(other.browser), false);
  t.equal(await isSignedIn(browser), true);
});

t.test('an app loses its access, and is asked for anew', async (t) => {
  const who = await person();
  const { browser, tokens } = await atShop(who);
  const elsewhere = await atShop(who);
  const { tokens: mailTokens } = await signInByCode(server, mail, who, { browser, change: { scope } });
  const own = await browser.go(page);
  t.strictSame(rows(own).slice(-2).sort(), ['Example Mail', 'Example Shop']);
  const after = await browser.submit(own, '/app', { client_id: shop.client_id });
  t.strictSame(rows(after).slice(2), ['Example Mail']);
  for (const one of [tokens, elsewhere.tokens]) t.equal(await refresh(one), 400);
  const headers = { authorization: `Bearer ${tokens.access_token}` };
  t.equal((await fetch(`${issuer}/userinfo`, { headers })).status, 401, 'its access tokens too');
  t.equal(await refresh(mailTokens, mail), 200);
  t.match((await browser.go(authorizeUrl(issuer, shop, { scope }))).html, /Allow Example Shop\?/);
  t.equal(await isSignedIn(browser), true);
  t.ok((await events(who.sub)).includes('consent.withdrawn'));
});

const change = (browser: TestBrowser, at: Page, fields: Record<string, string> = {}) =>
  browser.submit(at, '/password', {
    current_password: password,
    new_password: 'a new long password',
    repeated_password: 'a new long password',
    ...fields,
  });

t.test('a new password ends everything but this browser, which gets a new session', async (t) => {
  const who = await person();
  const { browser, tokens } = await atShop(who);
  const { browser: elsewhere } = await atShop(who);
  const before = told.length;
  const cookie = new Map(browser.cookies);
  const after = await change(browser, await browser.go(page));
  t.match(after.html, /role="status"[^>]*>Your password was changed/);
  t.equal(await isSignedIn(browser), true);
  t.equal(await isSignedIn(elsewhere), false);
  const former = testBrowser(issuer);
  for (const [name, value] of cookie) former.cookies.set(name, value);
  t.equal(await isSignedIn(former), false, 'the former cookie is worth nothing');
  t.equal(await refresh(tokens), 400);
  await server.service.care();
  t.equal(told.length, before + 2, 'the clients of both sessions are told');
  t.ok((await events(who.sub)).includes('account.password_set'));
  t.match((await signIn(who)).page.html, /is not right/);
  t.match((await signIn({ ...who, password: 'a new long password' })).page.html, /Your account<\/h1>/);
});

t.test('a password that is not right, or unfit, changes nothing', async (t) => {
  const who = await person();
  const { browser, page: own } = await signIn(who);
  const faults: [Record<string, string>, RegExp][] = [
    [{ current_password: 'wrong' }, /current password is not right/],
    [{ current_password: '' }, /current password is not right/],
    [{ new_password: 'short', repeated_password: 'short' }, /too short/],
    [{ new_password: 'x'.repeat(1_001), repeated_password: 'x'.repeat(1_001) }, /too long/],
    [{ repeated_password: 'another one' }, /not typed the same twice/],
  ];
  for (const [fields, message] of faults) {
    const answer = await change(browser, own, fields);
    t.match(answer.html, message);
    t.match(answer.html, /role="alert"/);
    t.equal(
      answer.html.match(/aria-invalid="true" aria-describedby="[a-z -]*note"/g)?.length,
      1,
      'by its field',
    );
  }
  for (let tries = 0; tries < 4; tries += 1) await change(browser, own, { current_password: 'wrong' });
  t.match((await change(browser, own)).html, /Too many attempts/, 'guessing is limited here, too');
  clock.advance(3_600);
  await server.service.care();
  t.match((await signIn(who)).page.html, /Your account<\/h1>/, 'the password is as it was');
});

const forms: Record<string, Record<string, string>> = {
  session: { sid: 'own' },
  others: {},
  app: { client_id: shop.client_id },
  password: {
    current_password: password,
    new_password: 'a new long password',
    repeated_password: 'a new long password',
  },
};

t.test('a form that this browser was not given does nothing', async (t) => {
  const who = await person();
  const { browser, tokens } = await atShop(who);
  const other = await signIn(who);
  const own = await browser.go(page);
  const attacker = await (await signIn(await person())).browser.go(page);
  const session = fieldOf(own, 'session');
  for (const [path, fields] of Object.entries(forms)) {
    for (const csrf_token of ['', 'x', fieldOf(attacker, 'csrf_token')]) {
      const answer = await browser.post(`${page}/${path}`, { ...fields, session, sid: session, csrf_token });
      t.equal(answer.status, 403, path);
    }
  }
  const login = await testBrowser(issuer).post(`${page}/sign-in`, { email: who.email, password });
  t.equal(login.status, 403, 'nobody is signed in by a foreign form');
  for (const one of [browser, other.browser]) t.equal(await isSignedIn(one), true);
  t.equal(await refresh(tokens), 200);
});

t.test('a page that was made for somebody else does nothing', async (t) => {
  const who = await person();
  const { browser } = await atShop(who);
  const own = await browser.go(page);
  const csrf_token = fieldOf(own, 'csrf_token');
  const somebody = await person();
  await browser.submit(own, '/session', { sid: fieldOf(own, 'session') });
  const { page: theirs } = await signIn(somebody, browser);
  for (const [path, fields] of Object.entries(forms)) {
    const sid = fieldOf(theirs, 'session');
    await browser.post(`${page}/${path}`, { ...fields, sid, csrf_token, session: fieldOf(own, 'session') });
  }
  t.equal(await isSignedIn(browser), true);
  t.match((await signIn(somebody)).page.html, /Your account<\/h1>/);
});

t.test('nobody ends the session of another account', async (t) => {
  const [one, two] = [await signIn(await person()), await signIn(await person())];
  const sid = fieldOf(two.page, 'session');
  await one.browser.submit(one.page, '/session', { sid });
  t.equal(await isSignedIn(two.browser), true);
});

t.test('the page is in the language of the browser', async (t) => {
  const who = await person();
  const { browser } = await atShop(who);
  const { html } = await browser.go(page, { 'accept-language': 'de-AT,en;q=0.5' });
  t.match(html, /<html lang="de">[\s\S]*Ihr Konto[\s\S]*Dieser Browser[\s\S]*Zuletzt gesehen: gerade eben/);
  t.match(html, /Zugriff entziehen/);
});
