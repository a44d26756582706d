// The demo over a real socket: where it is and where it is not, and what it makes of answers that are none.
import t from 'tap';
import { demoOf } from '../../src/first-run.ts';
import { formOf, type TestBrowser, testBrowser } from '../helpers/browser.ts';
import { ownDatabase } from '../helpers/database.ts';
import { testServer } from '../helpers/test-server.ts';

const server = await testServer(t, {}, { hasDemo: true });
const { issuer } = server;
const { email = '', password = '' } = server.service.demo ?? {};
const page = `${issuer}/demo`;

/** The answer of the issuer to a sign-in that was begun in this browser, before the demo has seen it. */
async function answered(browser: TestBrowser): Promise<{ callback: string }> {
  const signIn = await browser.submit(await browser.go(page), '/demo/sign-in');
  const { url, hidden } = formOf(signIn, '/sign-in');
  const cookie = [...browser.cookies].map((pair) => pair.join('=')).join('; ');
  const init = { method: 'POST', headers: { cookie }, redirect: 'manual' } as const;
  const signedIn = await fetch(url, { ...init, body: new URLSearchParams({ ...hidden, email, password }) });
  for (const line of signedIn.headers.getSetCookie()) {
    const [name = '', value = ''] = line.split(';', 1)[0]?.split('=') ?? [];
    browser.cookies.set(name, value);
  }
  const consent = await browser.go(new URL(signedIn.headers.get('location') ?? '', url).href);
  const { url: allow, hidden: asked } = formOf(consent, '/consent');
  const all = [...browser.cookies].map((pair) => pair.join('=')).join('; ');
  const allowed = await fetch(allow, {
    ...init,
    headers: { cookie: all },
    body: new URLSearchParams({ ...asked, decision: 'allow' }),
  });
  const next = await fetch(new URL(allowed.headers.get('location') ?? '', allow), {
    headers: { cookie: all },
    redirect: 'manual',
  });
  return { callback: next.headers.get('location') ?? '' };
}

t.test('there is none without a trial', async (t) => {
  const earnest = await testServer(t);
  for (const path of ['/demo', '/demo/callback'])
    t.equal((await fetch(`${earnest.issuer}${path}`)).status, 404, path);
  t.equal((await fetch(`${earnest.issuer}/demo/sign-in`, { method: 'POST' })).status, 404);
});

const needsPostgres = { skip: process.env.TEST_DATABASE_URL ? false : 'no Postgres server was given' };

t.test('there is none on a Postgres server', needsPostgres, async (t) => {
  const url = (await ownDatabase(t)) as string;
  const served = await testServer(t, { DATABASE_URL: url }, { hasDemo: true });
  t.equal((await fetch(`${served.issuer}/demo`)).status, 404);
  t.strictSame(await served.service.house.stores.clients.list(), []);
});

t.test('a refusal is told in words', async (t) => {
  const browser = testBrowser(issuer);
  const start = await browser.submit(await browser.go(page), '/demo/sign-in');
  const consent = await browser.submit(start, '/sign-in', { email, password });
  const refused = await browser.submit(consent, '/consent', { decision: 'refuse' });
  t.match(refused.html, /access_denied: /);
});

t.test('an answer counts in the browser that asked, once, and as it was sent', async (t) => {
  const browser = testBrowser(issuer);
  const { callback } = await answered(browser);
  t.match((await testBrowser(issuer).go(callback)).html, /has not begun a sign-in here/);
  const forged = new URL(callback);
  forged.searchParams.set('state', 'another');
  t.match((await browser.go(forged.href)).html, /unexpected &quot;state&quot; response parameter value/);
  const mixedUp = new URL(callback);
  mixedUp.searchParams.set('iss', 'https://evil.example');
  t.match((await browser.go(mixedUp.href)).html, /unexpected &quot;iss&quot;/);
  t.match((await browser.go(callback)).html, /Signed in as Demo/);
  t.match((await browser.go(callback)).html, /has not begun a sign-in here/);
  const still = await browser.go(page);
  t.match(still.html, /Signed in as Demo/);
  t.notMatch(still.html, /role="alert"/, 'what went wrong is said once');
});

t.test('its forms work from its own pages alone, for its cookie comes with no other', async (t) => {
  const browser = testBrowser(issuer);
  await browser.submit(await browser.go(page), '/demo/sign-in');
  const own = browser.setCookies.filter((line) => line.includes('-demo-'));
  t.ok(own.length > 0);
  for (const line of own) t.match(line, /; Path=\/; HttpOnly; SameSite=Lax$/);
});

t.test('an issuer that moved to another port is registered anew', async (t) => {
  const { house } = server.service;
  const moved = { ...house, config: { ...house.config, issuer: 'http://localhost:1' } };
  await demoOf(moved);
  const { metadata } = (await house.stores.clients.find('demo-site')) ?? {};
  t.strictSame(metadata?.redirect_uris, ['http://localhost:1/demo/callback']);
  t.strictSame(metadata?.post_logout_redirect_uris, ['http://localhost:1/demo']);
});
