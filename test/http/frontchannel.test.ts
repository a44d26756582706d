// The front channel over a real socket: cookies, forms, headers, and what nobody can do by them.
import { createHash, randomBytes } from 'node:crypto';
import { request as httpRequest } from 'node:http';
import { decodeJwt } from 'jose';
import t from 'tap';
import { createAccount, setAccountDisabled, signOut } from '../../src/accounts/account.ts';
import { passkeyScript } from '../../src/http/frontchannel/pages/passkey-script.ts';
import { setClientDisabled, updateClient } from '../../src/oauth/client-management.ts';
import { formOf, type Page, type TestBrowser, testBrowser } from '../helpers/browser.ts';
import { type Answer, basic, testServer } from '../helpers/test-server.ts';

const server = await testServer(t, { MINTMARK_SIGN_IN_ATTEMPTS_PER_ADDRESS: '100000' });
const { issuer, clock } = server;
const management = { ...server.service.house, actor: 'test' };
const redirectUri = 'https://app.example.com/callback';
const password = 'correct horse battery';
const code_verifier = randomBytes(32).toString('base64url');
const code_challenge = createHash('sha256').update(code_verifier).digest('base64url');

/** Time passes, and what the service does by itself is done. */
async function pass(seconds: number): Promise<void> {
  clock.advance(seconds);
  await server.service.care();
}

let people = 0;
/** Somebody of the test's own. */
async function person(): Promise<{ email: string; sub: string }> {
  people += 1;
  const email = `person-${people}@example.com`;
  const { sub } = await createAccount(management, { email, password, name: `Person ${people}` });
  return { email, sub };
}

const shop = await server.client({
  redirect_uris: [redirectUri],
  grant_types: ['authorization_code', 'refresh_token'],
  scope: 'openid email offline_access',
  client_name: 'Example Shop',
  client_uri: 'https://app.example.com/',
});
const house = await server.client({ redirect_uris: [redirectUri], first_party: true });
type Client = typeof shop;

function urlOf(client: Client, change: Record<string, string> = {}, at = issuer): string {
  const parameters = {
    client_id: client.client_id,
    redirect_uri: redirectUri,
    response_type: 'code',
    scope: 'openid',
    code_challenge,
    code_challenge_method: 'S256',
    state: 'some state',
    ...change,
  };
  const given = Object.entries(parameters).filter(([, value]) => value !== '');
  return `${at}/authorize?${new URLSearchParams(given)}`;
}

const submitSignIn = (browser: TestBrowser, page: Page, email: string, secret = password) =>
  browser.submit(page, '/sign-in', { email, password: secret });
const allow = (browser: TestBrowser, page: Page) => browser.submit(page, '/consent', { decision: 'allow' });

/** A browser in which somebody is signed in and has allowed the shop what it asks for. */
async function signedIn(email: string, change: Record<string, string> = {}) {
  const browser = testBrowser(issuer);
  const page = await submitSignIn(browser, await browser.go(urlOf(shop, change)), email);
  const end = page.html.includes('/consent"') ? await allow(browser, page) : page;
  return { browser, callback: answerOf(end) };
}

/** What the client was told. Throws where the browser is not at the client. */
function answerOf({ url, html }: Page): Record<string, string> {
  if (!url.startsWith(redirectUri)) throw new Error(`not at the client but at ${url}: ${html}`);
  return Object.fromEntries(new URL(url).searchParams);
}

const exchange = (code: string, change: Record<string, string> = {}, client = shop): Promise<Answer> =>
  server.token(
    Object.fromEntries(
      Object.entries({
        grant_type: 'authorization_code',
        code,
        redirect_uri: redirectUri,
        code_verifier,
        ...change,
      }).filter(([, value]) => value !== ''),
    ),
    basic(client.client_id, client.client_secret),
  );

const sessionCookie = ({ cookies }: TestBrowser) => [...cookies].find(([name]) => name.includes('session'));
const interactionOf = ({ url }: Page): string => new URL(url).pathname.split('/').at(2) ?? '';

// The plain way

t.test('a person signs in, allows, and is not asked again', async (t) => {
  const { email, sub } = await person();
  const { browser, callback } = await signedIn(email);
  t.match(callback, { code: /^[\w-]{43}$/, state: 'some state', iss: issuer });
  const { status, body } = await exchange(callback.code ?? '');
  t.equal(status, 200);
  t.match(decodeJwt(body.id_token), { sub, acr: 'aal1', amr: ['pwd'], sid: String, azp: shop.client_id });
  t.match(answerOf(await browser.go(urlOf(shop))), { code: String });
  t.match(answerOf(await browser.go(urlOf(shop, { prompt: 'none' }))), { code: String });
});

t.test('more than was allowed is asked for again, and adds to it', async (t) => {
  const { browser } = await signedIn((await person()).email);
  const page = await browser.go(urlOf(shop, { scope: 'openid email' }));
  t.match(page.html, /your email address/);
  answerOf(await allow(browser, page));
  answerOf(await browser.go(urlOf(shop, { scope: 'openid email' })));
  answerOf(await browser.go(urlOf(shop)));
});

t.test('whoever does not allow it is told nothing of, but that', async (t) => {
  const browser = testBrowser(issuer);
  const page = await submitSignIn(browser, await browser.go(urlOf(shop)), (await person()).email);
  const answer = answerOf(await browser.submit(page, '/consent', { decision: 'refuse' }));
  t.match(answer, { error: 'access_denied', state: 'some state', iss: issuer });
  t.match((await browser.go(urlOf(shop))).html, /\/consent"/, 'and may think again');
});

t.test('a client of the house asks for no consent', async () => {
  const browser = testBrowser(issuer);
  answerOf(await submitSignIn(browser, await browser.go(urlOf(house)), (await person()).email));
});

t.test('a request by POST is as good as one by GET', async (t) => {
  const browser = testBrowser(issuer);
  const fields = Object.fromEntries(new URL(urlOf(house)).searchParams);
  const page = await browser.post(`${issuer}/authorize`, fields);
  t.equal(browser.setCookies.length, 1, 'the browser gets its cookie at its first look');
  const { email } = await person();
  const other = testBrowser(issuer);
  t.equal((await other.go(page.url)).status, 403, 'and nobody else may look by then');
  answerOf(await submitSignIn(browser, page, email));
});

t.test('a form post carries the answer, whatever is in it', async (t) => {
  const state = `"'><script>alert(1)</script>&amp;`;
  const { browser } = await signedIn((await person()).email);
  const page = await browser.go(urlOf(shop, { response_mode: 'form_post', state }));
  t.match(formOf(page, redirectUri).hidden, { code: String, state, iss: issuer });
  t.notMatch(page.html, '<script>alert');
  const [, script = ''] = /<script>([^<]*)<\/script>/.exec(page.html) ?? [];
  const digest = createHash('sha256').update(script).digest('base64');
  t.match(page.headers.get('content-security-policy'), `script-src 'sha256-${digest}'; form-action https:;`);
  const error = await browser.go(urlOf(shop, { response_mode: 'form_post', prompt: 'x' }));
  t.match(formOf(error, redirectUri).hidden, { error: 'invalid_request', state: 'some state', iss: issuer });
});

// Who is it?

t.test('a wrong password, an unknown account and a disabled one look the same', async (t) => {
  const [known, disabled] = [await person(), await person()];
  await setAccountDisabled(management, disabled.email, true);
  const texts = new Set<string>();
  for (const [email, secret] of [
    [known.email, 'wrong'],
    ['nobody@example.com', password],
    [disabled.email, password],
  ]) {
    const browser = testBrowser(issuer);
    const page = await submitSignIn(browser, await browser.go(urlOf(shop)), email ?? '', secret);
    t.equal(page.status, 200);
    t.match(page.html, /role="alert" id="problem">The email or the password is not right/);
    t.match(page.html, /aria-describedby="problem" aria-invalid="true"/);
    t.notMatch(page.html, secret ?? '');
    t.equal(sessionCookie(browser), undefined);
    texts.add(page.html.replaceAll(email ?? '', '').replaceAll(/[\w-]{43}/g, ''));
  }
  t.equal(texts.size, 1);
});

t.test('an empty form says what it lacks', async (t) => {
  const browser = testBrowser(issuer);
  const page = await browser.submit(await browser.go(urlOf(shop)), '/sign-in');
  t.match(page.html, /Please enter your email and your password/);
});

t.test('who guesses has to wait, and is told how long', async (t) => {
  const { email } = await person();
  const browser = testBrowser(issuer);
  let page = await browser.go(urlOf(house));
  for (let i = 0; i < 11; i += 1) page = await submitSignIn(browser, page, email, 'wrong');
  t.match(page.html, /Too many attempts. Please try again in 15 minutes/);
  page = await submitSignIn(browser, page, email);
  t.match(page.html, /Too many attempts/, 'with the right one too');
  await pass(901);
  answerOf(await submitSignIn(browser, page, email));
});

t.test('hints fill in the form, and sign nobody in', async (t) => {
  const browser = testBrowser(issuer);
  t.match((await browser.go(urlOf(shop, { login_hint: 'ada@example.com' }))).html, 'value="ada@example.com"');
});

t.test('id_token_hint: nobody else may answer', async (t) => {
  const [ada, bob] = [await person(), await person()];
  const { browser, callback } = await signedIn(ada.email);
  const { id_token } = (await exchange(callback.code ?? '')).body;
  const hint = { id_token_hint: id_token };
  t.match(answerOf(await browser.go(urlOf(shop, { ...hint, prompt: 'none' }))), { code: String });
  await pass(3_600);
  t.match(
    answerOf(await browser.go(urlOf(shop, { ...hint, prompt: 'none' }))),
    { code: String },
    'expired, and good',
  );
  const other = (await signedIn(bob.email)).browser;
  t.match(answerOf(await other.go(urlOf(shop, { ...hint, prompt: 'none' }))), { error: 'login_required' });
  const page = await submitSignIn(other, await other.go(urlOf(shop, hint)), bob.email);
  t.match(page.html, /The app asks for another account/);
  t.match(answerOf(await submitSignIn(other, page, ada.email)), { code: String });
  for (const bad of [
    id_token.slice(0, -4),
    'x',
    (await exchange(callback.code ?? '')).body.access_token ?? 'y',
  ]) {
    t.match(answerOf(await browser.go(urlOf(shop, { id_token_hint: bad }))), { error: 'invalid_request' });
  }
  t.match(answerOf(await browser.go(urlOf(house, hint))), { error: 'invalid_request' }, 'of another client');
});

t.test('prompt says what is asked', async (t) => {
  const { email } = await person();
  const nobody = testBrowser(issuer);
  t.match(answerOf(await nobody.go(urlOf(shop, { prompt: 'none' }))), {
    error: 'login_required',
    iss: issuer,
  });
  const { browser } = await signedIn(email);
  t.match(answerOf(await browser.go(urlOf(shop, { prompt: 'none', scope: 'openid email' }))), {
    error: 'consent_required',
  });

  const again = await browser.go(urlOf(shop, { prompt: 'login' }));
  t.match(again.html, /sign in again to confirm/);
  t.match(again.html, `value="${email}"`);
  await pass(5);
  const { code = '' } = answerOf(await submitSignIn(browser, again, email));
  t.ok(Math.abs(Number(decodeJwt((await exchange(code)).body.id_token).auth_time) - clock.now()) < 4);

  answerOf(await allow(browser, await browser.go(urlOf(shop, { prompt: 'consent' }))));
  const choice = await browser.go(urlOf(shop, { prompt: 'select_account' }));
  t.match(choice.html, `Continue as ${email}`);
  answerOf(await browser.submit(choice, '/account', { choice: 'this' }));
});

t.test('another account can be taken instead, and the session is its own from then on', async (t) => {
  const [ada, bob] = [await person(), await person()];
  const { browser } = await signedIn(ada.email);
  const old = sessionCookie(browser)?.[1];
  const choice = await browser.go(urlOf(house, { prompt: 'select_account' }));
  const page = await browser.submit(choice, '/account', { choice: 'another' });
  t.notMatch(page.html, ada.email);
  const { code = '' } = answerOf(await submitSignIn(browser, page, bob.email));
  t.equal(decodeJwt((await exchange(code, {}, house)).body.id_token).sub, bob.sub);
  browser.cookies.set(sessionCookie(browser)?.[0] ?? '', old ?? '');
  t.match(
    answerOf(await browser.go(urlOf(shop, { prompt: 'none' }))),
    { error: 'login_required' },
    'the old one has ended',
  );
});

t.test('max_age: who signed in too long ago signs in again', async (t) => {
  const { email } = await person();
  const { browser } = await signedIn(email);
  answerOf(await browser.go(urlOf(shop, { max_age: '60' })));
  await pass(61);
  t.match(answerOf(await browser.go(urlOf(shop, { max_age: '60', prompt: 'none' }))), {
    error: 'login_required',
  });
  const page = await browser.go(urlOf(shop, { max_age: '60' }));
  const { code = '' } = answerOf(await submitSignIn(browser, page, email));
  t.ok(Number(decodeJwt((await exchange(code)).body.id_token).auth_time) > clock.now() - 60);
});

t.test(
  'an acr that cannot be reached is refused where it is essential, and passed over where it is a wish',
  async (t) => {
    const { browser } = await signedIn((await person()).email);
    const claims = JSON.stringify({ id_token: { acr: { essential: true, values: ['aal3'] } } });
    t.match(answerOf(await browser.go(urlOf(shop, { claims }))), {
      error: 'unmet_authentication_requirements',
    });
    answerOf(await browser.go(urlOf(shop, { acr_values: 'aal3' })));
  },
);

// Sessions

t.test('a session has a new id at every sign-in, and the old one is worth nothing', async (t) => {
  const { email } = await person();
  const { browser, callback } = await signedIn(email);
  const [name = '', first = ''] = sessionCookie(browser) ?? [];
  const page = await browser.go(urlOf(shop, { prompt: 'login' }));
  const again = answerOf(await submitSignIn(browser, page, email));
  t.not(sessionCookie(browser)?.[1], first);
  const [one, two] = [await exchange(callback.code ?? ''), await exchange(again.code ?? '')];
  t.equal(decodeJwt(one.body.id_token).sid, decodeJwt(two.body.id_token).sid, 'the same session to clients');
  const thief = testBrowser(issuer);
  thief.cookies.set(name, first);
  t.match(answerOf(await thief.go(urlOf(shop, { prompt: 'none' }))), { error: 'login_required' });
});

t.test('a session id that somebody else chose is not taken over', async (t) => {
  const browser = testBrowser(issuer);
  const page = await browser.go(urlOf(house));
  const chosen = randomBytes(32).toString('base64url');
  const name = [...browser.cookies.keys()][0]?.replace('browser', 'session') ?? '';
  browser.cookies.set(name, chosen);
  await submitSignIn(browser, page, (await person()).email);
  t.not(browser.cookies.get(name), chosen);
  t.equal(await server.service.house.stores.sessions.find(chosen), undefined);
});

t.test('a session ends idle, in the end, and with its account', async (t) => {
  const { sessions } = server.service.house.config;
  const silent = (browser: TestBrowser) => browser.go(urlOf(shop, { prompt: 'none' })).then(answerOf);
  const { browser } = await signedIn((await person()).email);
  await pass(sessions.idle_lifetime - 10);
  t.match(await silent(browser), { code: String });
  await pass(sessions.idle_lifetime - 10);
  t.match(await silent(browser), { code: String }, 'being seen keeps it');
  await pass(sessions.idle_lifetime + 1);
  t.match(await silent(browser), { error: 'login_required' });

  const long = (await signedIn((await person()).email)).browser;
  for (let day = 0; day < 15; day += 1) {
    await pass(80_000);
    await silent(long);
  }
  await pass(sessions.lifetime - 15 * 80_000 + 1);
  t.match(await silent(long), { error: 'login_required' }, 'and not for ever');

  const { email } = await person();
  const out = (await signedIn(email)).browser;
  await signOut(management, email);
  t.match(await silent(out), { error: 'login_required' }, 'a cut-off ends it');
});

t.test('a session is noted as seen once a minute, not at every look', async (t) => {
  const { browser } = await signedIn((await person()).email);
  const { sessions } = server.service.house.stores;
  const seen = async () => (await sessions.find(sessionCookie(browser)?.[1] ?? ''))?.session.lastSeenAt;
  const first = await seen();
  await pass(50);
  await browser.go(urlOf(shop));
  t.equal(await seen(), first);
  await pass(11);
  await browser.go(urlOf(shop));
  t.ok(Number(await seen()) > Number(first) + 60);
});

t.test('cookies are for this host alone, and for no script', async (t) => {
  const { browser } = await signedIn((await person()).email);
  t.equal(browser.setCookies.length, 2);
  for (const line of browser.setCookies) {
    t.match(
      line,
      /^mintmark-(browser|session)-[0-9a-f]{8}=[\w-]{43}; Path=\/; HttpOnly; SameSite=Lax(; Max-Age=\d+)?$/,
    );
  }
});

t.test('on https they are __Host- and Secure', async (t) => {
  const port = new URL(issuer).port;
  const secure = await testServer(t, { MINTMARK_ISSUER: 'https://id.example.com/tenant' });
  const client = await secure.client({ redirect_uris: [redirectUri] });
  t.not(port, String(secure.service.house.config.port));
  const { headers } = await fetch(
    urlOf(client, {}, `http://127.0.0.1:${secure.service.house.config.port}/tenant`),
    {
      redirect: 'manual',
    },
  );
  t.match(headers.get('location'), /^https:\/\/id\.example\.com\/tenant\/authorize\/[\w-]{43}$/);
  t.match(
    headers.get('set-cookie'),
    /^__Host-mintmark-browser-[0-9a-f]{8}=[\w-]{43}; Path=\/; HttpOnly; SameSite=Lax; Secure$/,
  );
});

// Forms

t.test('a form is for the browser that it was shown to, and for its interaction', async (t) => {
  const { email } = await person();
  const [mine, theirs] = [testBrowser(issuer), testBrowser(issuer)];
  const page = await mine.go(urlOf(house));
  const other = await mine.go(urlOf(house));
  const foreign = await theirs.go(urlOf(house));
  const { url, hidden } = formOf(page, '/sign-in');
  const tries: [string, TestBrowser, Record<string, string>][] = [
    ['no token', mine, {}],
    ['an empty token', mine, { csrf_token: '' }],
    ['another token', mine, { csrf_token: randomBytes(32).toString('base64url') }],
    ['the token of another interaction', mine, formOf(other, '/sign-in').hidden],
    ['the token of another browser', mine, formOf(foreign, '/sign-in').hidden],
    ['a browser without cookies', testBrowser(issuer), hidden],
    ['another browser', theirs, hidden],
  ];
  for (const [name, browser, fields] of tries) {
    const answer = await browser.post(url, { ...fields, email, password });
    t.equal(answer.status, 403, name);
    t.match(answer.headers.get('content-type'), 'text/html');
    t.equal(sessionCookie(browser), undefined, `${name} signs nobody in`);
  }
  answerOf(await submitSignIn(mine, page, email));
});

t.test('nobody can be made to allow anything', async (t) => {
  const { browser } = await signedIn((await person()).email);
  const page = await browser.go(urlOf(shop, { scope: 'openid email' }));
  const attacker = testBrowser(issuer);
  const bait = formOf(await attacker.go(urlOf(house)), '/sign-in').hidden;
  const { url } = formOf(page, '/consent');
  t.equal((await browser.post(url, { ...bait, decision: 'allow' })).status, 403);
  t.match((await browser.go(page.url)).html, /\/consent"/, 'it is still to be decided');
});

t.test('another browser does not get to see an interaction', async (t) => {
  const page = await testBrowser(issuer).go(urlOf(shop));
  const other = testBrowser(issuer);
  const seen = await other.go(page.url);
  t.equal(seen.status, 403);
  t.match(seen.html, /begun in another browser/);
});

t.test('a page that was made for one account decides nothing for another', async (t) => {
  const [ada, bob] = [await person(), await person()];
  const { browser } = await signedIn(ada.email);
  const page = await browser.go(urlOf(shop, { scope: 'openid email' }));
  const elsewhere = await browser.go(urlOf(house, { prompt: 'login' }));
  answerOf(await submitSignIn(browser, elsewhere, bob.email));
  const after = await allow(browser, page);
  t.match(after.html, `<strong>${bob.email}</strong>`, 'who is asked in turn');
  t.equal(await management.stores.consents.find(bob.sub, shop.client_id), undefined);
  t.strictSame((await management.stores.consents.find(ada.sub, shop.client_id))?.scopes, ['openid']);
});

t.test('a double click, the back button and two tabs end well', async (t) => {
  const { email } = await person();
  const browser = testBrowser(issuer);
  const [one, two] = [await browser.go(urlOf(shop)), await browser.go(urlOf(shop, { state: 'two' }))];
  const consent = await submitSignIn(browser, one, email);
  const back = await submitSignIn(browser, one, email);
  t.match(back.html, /\/consent"/, 'a sign-in that was done goes on where it stands');
  answerOf(await allow(browser, consent));
  t.match(
    answerOf(await allow(browser, consent)),
    { code: String },
    'the second click is answered like the first',
  );
  t.match(
    answerOf(await submitSignIn(browser, two, email)),
    { code: String, state: 'two' },
    'the other tab goes on',
  );
  const session = sessionCookie(browser);
  await pass(11);
  for (const page of [
    await browser.go(one.url),
    await allow(browser, consent),
    await submitSignIn(browser, one, email),
  ]) {
    t.equal(page.status, 200);
    t.match(page.html, /This sign-in is finished/);
    t.match(page.html, '<a href="https://app.example.com/">Go to Example Shop</a>');
  }
  t.strictSame(sessionCookie(browser), session, 'and nobody is signed in by what is finished');
});

t.test('an interaction that has expired says so', async (t) => {
  const browser = testBrowser(issuer);
  const page = await browser.go(urlOf(shop));
  await pass(3_601);
  const late = await submitSignIn(browser, page, (await person()).email);
  t.equal(late.status, 404);
  t.match(late.html, /took too long/);
  t.equal((await browser.go(`${issuer}/authorize/nothing`)).status, 404);
  t.equal((await browser.go(`${issuer}/authorize/${'a'.repeat(43)}`)).status, 404);
});

t.test('what the operator takes away while a person answers is gone', async (t) => {
  const other = 'https://app.example.com/other';
  const client = await server.client({ redirect_uris: [redirectUri, other], first_party: true });
  const { email } = await person();
  const browser = testBrowser(issuer);
  const page = await browser.go(urlOf(client));
  await updateClient(management, client.client_id, { redirect_uris: [other] });
  await pass(60);
  const late = await submitSignIn(browser, page, email);
  t.equal(late.status, 400);
  t.equal(sessionCookie(browser), undefined);
  const next = await browser.go(urlOf(client, { redirect_uri: other }));
  await setClientDisabled(management, client.client_id, true);
  await pass(60);
  t.equal((await submitSignIn(browser, next, email)).status, 400);
});

// Headers, hosts, languages

t.test('no page may be framed, kept, or tell where it was', async (t) => {
  const browser = testBrowser(issuer);
  const { email } = await person();
  const signIn = await browser.go(urlOf(shop));
  const consent = await submitSignIn(browser, signIn, email);
  const choose = await browser.go(urlOf(shop, { prompt: 'select_account' }));
  const error = await browser.go(urlOf(shop, { client_id: 'nobody' }));
  for (const [name, { headers, html }] of Object.entries({ signIn, consent, choose, error })) {
    const policy = headers.get('content-security-policy') ?? '';
    const style = createHash('sha256')
      .update(/<style>([\s\S]*)<\/style>/.exec(html)?.[1] ?? '')
      .digest('base64');
    const [, script] = /<script>([\s\S]*)<\/script>/.exec(html) ?? [];
    t.equal(script !== undefined, name === 'signIn', 'a script stands where a passkey is asked for alone');
    const scripts = script && ` script-src 'sha256-${createHash('sha256').update(script).digest('base64')}';`;
    t.match(policy, `default-src 'none'; style-src 'sha256-${style}';${scripts ?? ''} form-action `, name);
    t.match(policy, "frame-ancestors 'none'");
    t.match(policy, name === 'error' ? "form-action 'none'" : "form-action 'self' https:;");
    t.notMatch(policy, /unsafe|connect-src/);
    t.equal(headers.get('referrer-policy'), 'no-referrer');
    t.equal(headers.get('cache-control'), 'no-store');
    t.equal(headers.get('x-frame-options'), 'DENY');
    t.equal(headers.get('content-type'), 'text/html; charset=utf-8');
    t.match(html, '<html lang="en">');
    t.notMatch(
      html,
      /<script src|https?:\/\/(?!127|localhost)[^"]*"(?!>Go)|style=|\son\w+="/,
      'nothing is loaded or run',
    );
  }
  const redirect = await fetch(urlOf(shop), { redirect: 'manual' });
  t.equal(redirect.status, 303);
  t.equal(redirect.headers.get('cache-control'), 'no-store');
  t.equal(redirect.headers.get('referrer-policy'), 'no-referrer');
});

/** A GET with headers that fetch would not send. */
const raw = (path: string, headers: Record<string, string>) =>
  new Promise<{ status: number; location: string; text: string }>((resolve, reject) => {
    const { port } = new URL(issuer);
    httpRequest(
      { host: '127.0.0.1', port, path, headers: { host: `localhost:${port}`, ...headers } },
      (response) => {
        let text = '';
        response.on('data', (chunk) => (text += chunk));
        response.on('end', () => {
          const { location = '' } = response.headers;
          resolve({ status: response.statusCode ?? 0, location, text });
        });
      },
    )
      .on('error', reject)
      .end();
  });

t.test('whatever host a request names, we go by our own', async (t) => {
  const path = urlOf(shop).slice(issuer.length);
  const names: Record<string, string>[] = [
    { host: 'evil.example' },
    { 'x-forwarded-host': 'evil.example', 'x-forwarded-proto': 'https' },
    { forwarded: 'host=evil.example' },
    { 'x-original-url': 'https://evil.example/' },
  ];
  for (const headers of names) {
    const { status, location, text } = await raw(path, headers);
    t.equal(status, 303, JSON.stringify(headers));
    t.ok(location.startsWith(`${issuer}/authorize/`), location);
    t.notMatch(text, 'evil');
    t.notMatch((await raw(path.replace(shop.client_id, 'nobody'), headers)).text, 'evil');
  }
});

t.test('whoever comes by 127.0.0.1 is shown the way to localhost', async (t) => {
  const { port } = new URL(issuer);
  const path = urlOf(shop).slice(issuer.length);
  for (const host of ['127.0.0.1', '127.0.0.2', '[::1]']) {
    const { status, text } = await raw(path, { host: `${host}:${port}` });
    t.equal(status, 400);
    t.match(text, `This service is called localhost:${port}`);
    t.match(text, `href="${issuer}${path.replaceAll('&', '&amp;')}"`);
  }
});

t.test('pages are in the language that is asked for', async (t) => {
  const browser = testBrowser(issuer);
  const wishes: [Record<string, string>, Record<string, string>, string][] = [
    [{}, {}, 'en'],
    [{}, { 'accept-language': 'de-AT,de;q=0.9,en;q=0.8' }, 'de'],
    [{}, { 'accept-language': 'fr, en;q=0.5, de;q=0.7' }, 'de'],
    [{}, { 'accept-language': 'de;q=0, *' }, 'en'],
    [{}, { 'accept-language': 'constructor, __proto__' }, 'en'],
    [{ ui_locales: 'fr de' }, { 'accept-language': 'en' }, 'de'],
    [{ ui_locales: 'tlh' }, { 'accept-language': 'de' }, 'de'],
  ];
  for (const [change, headers, language] of wishes) {
    for (const client_id of [shop.client_id, 'nobody']) {
      const { html } = await browser.go(urlOf(shop, { ...change, client_id }), headers);
      t.match(html, `<html lang="${language}">`, `${JSON.stringify([change, headers])} ${client_id}`);
    }
  }
});

t.test('a client looks like itself where its logo is carried along, and nothing is loaded', async (t) => {
  const logo_uri = 'data:image/png;base64,iVBORw0KGgo=';
  const client = await server.client({ redirect_uris: [redirectUri], logo_uri, colour: '#0a64c8' });
  const { html, headers } = await testBrowser(issuer).go(urlOf(client));
  t.match(html, `<img class="app" src="${logo_uri}" alt="">`);
  t.match(html, '--accent: #0a64c8');
  const policy = headers.get('content-security-policy') ?? '';
  t.match(policy, /img-src data:;/);
  const [, style = ''] = /<style>([\s\S]*?)<\/style>/.exec(html) ?? [];
  t.match(policy, `style-src 'sha256-${createHash('sha256').update(style).digest('base64')}'`);
});

t.test('what comes from outside is text, and never more', async (t) => {
  const { email } = await person();
  const nasty = [
    '<script>alert(1)</script>',
    '"><img src=x onerror=alert(1)>',
    "' autofocus onfocus=alert(1) x='",
    '</title><svg onload=alert(1)>',
    '</style><style>*{display:none}</style>',
    'javascript:alert(1)',
    '<%= process.env %>',
    '{{7*7}}',
    '\u202egnp.exe\u2066',
    '&lt;b&gt;',
  ];
  const dangerous = /<(script|img|svg|b)\b|<style>\*|\son\w+=(?![^<]*&)|[\u202e\u2066]/;
  for (const text of nasty) {
    const client = await server.client({ redirect_uris: [redirectUri], client_name: text });
    const browser = testBrowser(issuer);
    const change = {
      login_hint: text,
      state: text,
      nonce: text,
      claims: JSON.stringify({ userinfo: { [text]: null } }),
    };
    const signIn = await browser.go(urlOf(client, change));
    const wrong = await submitSignIn(browser, signIn, text, 'wrong');
    const consent = await submitSignIn(browser, wrong, email);
    t.match(consent.html, /\/consent"/);
    const choose = await browser.go(urlOf(client, { ...change, prompt: 'select_account' }));
    await pass(1);
    const form = await browser.go(urlOf(client, { ...change, prompt: 'none', response_mode: 'form_post' }));
    const error = await browser.go(urlOf(client, { client_id: text, redirect_uri: text, ui_locales: text }));
    for (const [name, page] of Object.entries({ signIn, wrong, consent, choose, error })) {
      // Ours is the same on every page.
      const html = page.html.replace(`<script>${passkeyScript}</script>`, '');
      const bare = html.replace(/value="[^"]*"/g, 'value=""');
      t.notMatch(bare, dangerous, `${name}: ${text}`);
      t.notMatch(html, /"[^"]*<(script|img|svg)/, `${name}, in a value: ${text}`);
    }
    t.equal(formOf(form, redirectUri).hidden.state, text);
    const answer = answerOf(await browser.go(urlOf(client, { state: text, prompt: 'none' })));
    t.equal(answer.state, text, 'a state comes back as it was');
  }
});

// Codes

t.test('a code that twenty use at once is good once, and ends what it opened', async (t) => {
  const { callback } = await signedIn((await person()).email, { scope: 'openid offline_access' });
  const answers = await Promise.all(Array.from({ length: 20 }, () => exchange(callback.code ?? '')));
  const good = answers.filter(({ status }) => status === 200);
  t.equal(good.length, 1);
  for (const { status, body } of answers.filter((answer) => !good.includes(answer))) {
    t.equal(status, 400);
    t.equal(body.error, 'invalid_grant');
  }
  const { refresh_token } = good[0]?.body ?? {};
  const refreshed = await server.token(
    { grant_type: 'refresh_token', refresh_token },
    basic(shop.client_id, shop.client_secret),
  );
  t.match(refreshed, { status: 400, body: { error: 'invalid_grant' } }, 'the family is revoked');
});

t.test('a code is for its client, its redirect URI and its minute', async (t) => {
  const { browser, callback } = await signedIn((await person()).email);
  const { code = '' } = callback;
  const refused = { status: 400, body: { error: 'invalid_grant' } };
  t.match(await exchange(code, {}, house), refused);
  t.match(await exchange(code, { redirect_uri: 'https://app.example.com/other' }), refused);
  t.match(await exchange(code, { redirect_uri: '' }), refused);
  t.equal((await exchange(code)).status, 200, 'which took nothing from it');
  const { code: late = '' } = answerOf(await browser.go(urlOf(shop)));
  await pass(61);
  t.match(await exchange(late), refused);
});

t.test('PKCE cannot be left out on the way', async (t) => {
  const old = await server.client({ redirect_uris: [redirectUri], require_pkce: false, first_party: true });
  const { browser, callback } = await signedIn((await person()).email);
  const none = { code_challenge: '', code_challenge_method: '' };
  const refused = { status: 400, body: { error: 'invalid_grant' } };
  t.match(
    await exchange(callback.code ?? '', { code_verifier: '' }),
    refused,
    'a challenge without a verifier',
  );
  t.match(await exchange(callback.code ?? '', { code_verifier: 'x'.repeat(43) }), refused);
  const { code = '' } = answerOf(await browser.go(urlOf(old, none)));
  t.match(await exchange(code, {}, old), refused, 'a verifier without a challenge');
  t.equal((await exchange(code, { code_verifier: '' }, old)).status, 200);
  for (const client of [shop, old]) {
    for (const code_challenge_method of ['plain', '']) {
      const answer = answerOf(await browser.go(urlOf(client, { code_challenge_method })));
      t.match(answer, { error: 'invalid_request', iss: issuer }, `method ${code_challenge_method}`);
    }
  }
  t.match(answerOf(await browser.go(urlOf(shop, none))), { error: 'invalid_request' });
});

// What is wrong with the request

t.test('before the client and its redirect URI are trusted, nobody is redirected', async (t) => {
  const browser = testBrowser(issuer);
  for (const change of [
    { client_id: 'nobody' },
    { client_id: '' },
    { redirect_uri: '' },
    { redirect_uri: 'https://evil.example/' },
    { redirect_uri: `${redirectUri}%0d%0aset-cookie:x=y` },
  ]) {
    const page = await browser.go(urlOf(shop, change));
    t.equal(page.status, 400);
    t.equal(page.headers.get('location'), null);
    t.match(page.html, /The app that sent you here made a mistake/);
    t.notMatch(page.html, 'evil');
    t.match(page.html, page.headers.get('x-request-id') ?? 'no id');
  }
  const twice = await browser.go(`${urlOf(shop)}&redirect_uri=${encodeURIComponent(redirectUri)}`);
  t.equal(twice.status, 400);
});

t.test('a form that is none is refused on a page', async (t) => {
  const json = await fetch(`${issuer}/authorize`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: '{}',
  });
  t.equal(json.status, 400);
  t.match(await json.text(), '<!doctype html>');
  t.equal((await fetch(`${issuer}/authorize`, { method: 'POST' })).status, 400);
  t.equal((await fetch(urlOf(shop), { method: 'HEAD', redirect: 'manual' })).status, 405);
});

t.test('no secret is in the log', async (t) => {
  const { browser, callback } = await signedIn((await person()).email);
  const text = JSON.stringify(server.log);
  for (const secret of [password, callback.code ?? '', ...browser.cookies.values(), 'some state']) {
    t.notMatch(text, secret);
  }
  t.ok(server.log.some(({ msg }) => msg === 'signed in'));
});

t.test('with the store away a person is told to try again', async (t) => {
  const cut = await testServer(t);
  const client = await cut.client({ redirect_uris: [redirectUri] });
  const browser = testBrowser(cut.issuer);
  const page = await browser.go(urlOf(client, {}, cut.issuer));
  await cut.cutStore();
  for (const answer of [
    await browser.go(page.url),
    await browser.submit(page, '/sign-in', { email: 'a', password }),
  ]) {
    t.equal(answer.status, 503);
    t.match(answer.html, /Please try again in a moment/);
    t.match(answer.html, `href="/authorize/${interactionOf(page)}"`);
    t.match(answer.headers.get('retry-after'), /^[123]$/);
  }
});
