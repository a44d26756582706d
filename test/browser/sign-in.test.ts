// The pages in a real browser: at phone and desktop size, light and dark, with and without scripts, by keyboard alone.
import { createHash } from 'node:crypto';
import type { Browser, BrowserContextOptions, Page } from 'playwright-core';
import t from 'tap';
import { createAccount } from '../../src/accounts/account.ts';
import { createPages } from '../../src/http/frontchannel/pages/pages.ts';
import { de } from '../../src/http/frontchannel/texts/de.ts';
import { faultsOf, needsChromium, startChromium } from '../helpers/chromium.ts';
import { site } from '../helpers/site.ts';
import { testServer } from '../helpers/test-server.ts';

t.test('sign-in in Chromium', needsChromium(), async (t) => {
  const logo = `data:image/svg+xml;base64,${Buffer.from(
    '<svg xmlns="http://www.w3.org/2000/svg" width="120" height="32"><rect width="120" height="32" fill="teal"/></svg>',
  ).toString('base64')}`;
  const server = await testServer(t, {
    MINTMARK_PAGES_NAME: 'Example House',
    MINTMARK_PAGES_LOGO_URI: logo,
    MINTMARK_PAGES_COLOUR: '#ffcc00',
  });
  const management = { ...server.service.house, actor: 'test' };
  const person = { email: 'ada.lovelace@example.com', password: 'correct horse battery' };
  await createAccount(management, person);
  const resource = 'https://api.example.com/orders';
  await server.resource({ resource, scopes: ['read'] });

  const home = await site(t, (_request, response) => response.end('home'));
  const app = await site(t, (request, response) => {
    if (request.url?.startsWith('/onward')) return response.writeHead(303, { location: home }).end();
    return response.setHeader('content-type', 'text/html').end(`<h1>${request.method}</h1>`);
  });
  const client = await server.client({
    redirect_uris: [`${app}/callback`, `${app}/onward`],
    grant_types: ['authorization_code', 'refresh_token'],
    scope: 'openid profile email offline_access read',
    client_name: 'Example Shop',
    client_uri: app,
  });
  const urlOf = (change: Record<string, string> = {}): string =>
    `${server.issuer}/authorize?${new URLSearchParams({
      client_id: client.client_id,
      redirect_uri: `${app}/callback`,
      response_type: 'code',
      scope: 'openid profile email offline_access read',
      resource,
      code_challenge: createHash('sha256').update('x'.repeat(43)).digest('base64url'),
      code_challenge_method: 'S256',
      ...change,
    })}`;

  const chromium: Browser = await startChromium(t);

  /** A browser that knows nobody; what its policy blocks or its scripts break is noted. */
  async function open(options: BrowserContextOptions = {}): Promise<{ page: Page; blocked: string[] }> {
    const context = await chromium.newContext({ locale: 'en-GB', ...options });
    const page = await context.newPage();
    const blocked: string[] = [];
    page.on('console', (message) => {
      if (/content security policy|refused/i.test(message.text())) blocked.push(message.text());
    });
    page.on('pageerror', (error) => blocked.push(error.message));
    return { page, blocked };
  }

  async function fill(page: Page, password = person.password): Promise<void> {
    await page.fill('#email', person.email);
    await page.fill('#password', password);
    await page.click('main form button');
  }

  const sizes = { phone: { width: 320, height: 640 }, desktop: { width: 1280, height: 800 } };
  const looks = [
    { size: 'phone', colorScheme: 'light', locale: 'en-GB' },
    { size: 'phone', colorScheme: 'dark', locale: 'de-DE' },
    { size: 'desktop', colorScheme: 'light', locale: 'de-DE' },
    { size: 'desktop', colorScheme: 'dark', locale: 'en-GB' },
  ] as const;

  for (const { size, colorScheme, locale } of looks) {
    await t.test(`every page on a ${size}, ${colorScheme}, ${locale}`, async (t) => {
      const { page, blocked } = await open({ viewport: sizes[size], colorScheme, locale });
      async function look(name: string): Promise<void> {
        t.strictSame(await faultsOf(page), [], `axe finds nothing wrong with ${name}`);
        const width = await page.evaluate('document.documentElement.scrollWidth');
        t.equal(width, sizes[size].width, `${name} does not scroll sideways`);
        t.equal(await page.getAttribute('html', 'lang'), locale.slice(0, 2));
        t.ok(Number(await page.evaluate('document.images[0].naturalWidth')) > 0, 'the logo is there');
      }
      await page.goto(urlOf({ prompt: 'consent' }));
      await look('sign in');
      await fill(page, 'wrong');
      await look('sign in, wrong password');
      t.equal(await page.inputValue('#email'), person.email, 'what was typed stays');
      t.equal(await page.inputValue('#password'), '', 'but for the password');
      await fill(page);
      await look('consent');
      await page.click('button[value=refuse]');
      t.match(page.url(), `${app}/callback?error=access_denied`);
      await page.goto(urlOf({ prompt: 'select_account consent' }));
      await look('choose an account');
      await page.click('button[value=this]');
      await page.click('button[value=allow]');
      t.match(page.url(), `${app}/callback?code=`);
      server.clock.advance(11);
      // As the person's own button does it; the driver's asks for the history while the page may be changing hands.
      await Promise.all([
        page.waitForURL(`${server.issuer}/**`),
        page.evaluate('setTimeout(() => history.back())'),
      ]);
      await look('back again');
      t.equal(await page.getAttribute('main a', 'href'), app, 'which leads to the app');
      await page.goto(urlOf({ client_id: 'nobody' }));
      await page.click('summary');
      await look('error');
      await page.goto(urlOf().replace('localhost', '127.0.0.1'));
      await look('another name');
      await page.click('main a');
      t.match(page.url(), `${app}/callback?code=`, 'the way to localhost leads on');
      t.strictSame(blocked, []);
      await page.context().close();
    });
  }

  await t.test('without scripts it is the same, with one button more', async (t) => {
    const { page } = await open({ javaScriptEnabled: false });
    await page.goto(urlOf({ response_mode: 'form_post', prompt: 'consent' }));
    await fill(page);
    await page.click('button[value=allow]');
    t.match(page.url(), `${server.issuer}/authorize/`);
    await page.click('main form button');
    t.equal(page.url(), `${app}/callback`);
    t.equal(await page.textContent('h1'), 'POST');
    await page.context().close();
  });

  await t.test('with scripts a form post goes by itself', async (t) => {
    const { page, blocked } = await open();
    await page.goto(urlOf({ response_mode: 'form_post', prompt: 'consent' }));
    await fill(page);
    await page.click('button[value=allow]');
    await page.waitForURL(`${app}/callback`);
    t.equal(await page.textContent('h1'), 'POST');
    t.strictSame(blocked, []);
    await page.context().close();
  });

  await t.test('a client may send the person on to another host of its own', async (t) => {
    const { page, blocked } = await open();
    await page.goto(urlOf({ redirect_uri: `${app}/onward`, prompt: 'consent' }));
    await fill(page);
    await page.click('button[value=allow]');
    t.equal(page.url(), `${home}/`);
    t.strictSame(blocked, []);
    await page.context().close();
  });

  await t.test('by keyboard alone', async (t) => {
    const { page } = await open();
    await page.goto(urlOf({ prompt: 'consent' }));
    await page.waitForSelector('#email:focus');
    await page.keyboard.type(person.email);
    await page.keyboard.press('Tab');
    await page.keyboard.type(person.password);
    await Promise.all([page.waitForURL(`${server.issuer}/authorize/*`), page.keyboard.press('Enter')]);
    await page.waitForSelector('button[value=allow]');
    await page.keyboard.press('Tab');
    t.equal(await page.evaluate('document.activeElement.value'), 'allow');
    await Promise.all([page.waitForURL(`${app}/callback?code=*`), page.keyboard.press('Enter')]);
    await page.context().close();
  });

  await t.test('nobody may frame a page', async (t) => {
    const { page, blocked } = await open();
    const frame = await site(t, (_request, response) =>
      response
        .setHeader('content-type', 'text/html')
        .end(`<iframe src="${urlOf().replaceAll('&', '&amp;')}"></iframe>`),
    );
    await page.goto(frame);
    for (const inner of page.frames().slice(1)) t.notMatch(await inner.content(), 'password');
    t.match(blocked.join(), /frame-ancestors/);
    await page.context().close();
  });

  await t.test('the page of those who are signed out', async (t) => {
    const { page } = await open({ viewport: sizes.phone });
    await page.setContent(createPages({ name: 'Example House', colour: '#123456' }).signedOut(de).html);
    t.strictSame(await faultsOf(page), []);
    t.equal(await page.textContent('h1'), de.signedOut.title);
    await page.context().close();
  });
});
