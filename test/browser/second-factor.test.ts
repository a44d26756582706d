// Second factors in a real browser, with a virtual authenticator: set up, signed in with, asked for by a client.
import type { BrowserContextOptions, CDPSession, Page } from 'playwright-core';
import t from 'tap';
import { faultsOf, needsChromium, startChromium } from '../helpers/chromium.ts';
import { authorizeUrl } from '../helpers/code-flow.ts';
import { codeOf, type FactorPerson, newPerson, password, withTotp } from '../helpers/factors.ts';
import { site } from '../helpers/site.ts';
import { testServer } from '../helpers/test-server.ts';

t.test('second factors in Chromium', needsChromium(), async (t) => {
  const server = await testServer(t, { MINTMARK_PAGES_NAME: 'Example House' });
  const { issuer, clock } = server;
  const { stores } = server.service.house;
  const redirectUri = `${await site(t, (_request, response) => response.end('the app'))}/callback`;
  const client = await server.client({
    redirect_uris: [redirectUri],
    client_name: 'Example Shop',
    first_party: true,
  });
  const chromium = await startChromium(t);
  const claims = JSON.stringify({ id_token: { acr: { essential: true, value: 'aal2' } } });

  async function open(options: BrowserContextOptions = {}) {
    const context = await chromium.newContext({ locale: 'en-GB', ...options });
    const page = await context.newPage();
    const blocked: string[] = [];
    page.on('console', (message) => {
      if (/content security policy|refused/i.test(message.text())) blocked.push(message.text());
    });
    page.on('pageerror', (error) => blocked.push(error.message));
    return { page, blocked };
  }

  /** A phone that verifies its person. */
  async function phoneOf(page: Page): Promise<{ cdp: CDPSession; authenticatorId: string }> {
    const cdp = await page.context().newCDPSession(page);
    await cdp.send('WebAuthn.enable');
    const { authenticatorId } = await cdp.send('WebAuthn.addVirtualAuthenticator', {
      options: {
        protocol: 'ctap2',
        transport: 'internal',
        hasResidentKey: true,
        hasUserVerification: true,
        isUserVerified: true,
        automaticPresenceSimulation: true,
      },
    });
    return { cdp, authenticatorId };
  }

  const verifies = ({ cdp, authenticatorId }: Awaited<ReturnType<typeof phoneOf>>, isUserVerified: boolean) =>
    cdp.send('WebAuthn.setUserVerified', { authenticatorId, isUserVerified });

  async function fill(page: Page, { email }: FactorPerson): Promise<void> {
    await page.fill('#email', email);
    await page.fill('#password', password);
    await page.click('form[action$="/sign-in"] button');
  }

  const sizes = { phone: { width: 320, height: 640 }, desktop: { width: 1280, height: 800 } };
  const looks = [
    { size: 'phone', colorScheme: 'dark', locale: 'de-DE' },
    { size: 'desktop', colorScheme: 'light', locale: 'en-GB' },
  ] as const;

  for (const { size, colorScheme, locale } of looks) {
    await t.test(`from the first one to the last, on a ${size}, ${colorScheme}, ${locale}`, async (t) => {
      const who = await newPerson(server);
      const { page, blocked } = await open({ viewport: sizes[size], colorScheme, locale });
      const phone = await phoneOf(page);
      async function look(name: string): Promise<void> {
        t.strictSame(await faultsOf(page), [], `axe finds nothing wrong with ${name}`);
        const width = await page.evaluate('document.documentElement.scrollWidth');
        t.equal(width, sizes[size].width, `${name} does not scroll sideways`);
        t.equal(await page.getAttribute('html', 'lang'), locale.slice(0, 2));
      }

      await page.goto(authorizeUrl(issuer, client, { claims, redirect_uri: redirectUri }));
      await fill(page, who);
      await look('a second factor is needed');
      const asked = page.url();
      await page.goto(`${issuer}/account`);
      await look('the account without a second factor');
      await page.click('form[action$="/totp"] button');
      await page.fill('#code', '000000');
      await page.click('form[action$="/totp-confirm"] button');
      await look('set up an app, wrong code');
      who.secret = (await page.textContent('#secret'))?.replaceAll(' ', '') ?? '';
      await page.fill('#code', codeOf(who, clock));
      await page.click('form[action$="/totp-confirm"] button');
      await look('recovery codes');
      const [recoveryCode = ''] = await page.locator('.codes code').allTextContents();
      await page.goto(asked);
      t.match(page.url(), `${redirectUri}?code=`, 'the client gets what it asked for');

      await page.context().clearCookies();
      clock.advance(60);
      await page.goto(`${issuer}/account`);
      await fill(page, who);
      await look('the second factor');
      await page.fill('#code', codeOf(who, clock));
      await page.click('form[action$="/code"] button');
      await page.click('a[href$="/account/passkey"]');
      await look('add a passkey');
      await page.fill('#name', 'My phone');
      await Promise.all([page.waitForURL(/note=/), page.click('form button')]);
      await look('the account with both');
      t.equal(
        await page.textContent('#passkey-0'),
        locale === 'de-DE' ? 'Passkey „My phone“' : 'Passkey “My phone”',
      );

      await page.context().clearCookies();
      await page.goto(`${issuer}/account`);
      await look('sign in, with a passkey');
      await verifies(phone, false);
      await page.click('form[data-passkey] button');
      await page.locator('form[data-passkey] .problem').waitFor();
      await look('sign in, where no passkey was used');
      await verifies(phone, true);
      await page.click('form[data-passkey] button');
      await page.locator('#factors').waitFor();
      const [{ amr } = { amr: [] }] = (await stores.sessions.listOf(who.sub, 0)).filter(
        (session) => !session.amr.includes('pwd'),
      );
      t.strictSame(amr, ['hwk', 'pop', 'user', 'mfa']);

      await page.context().clearCookies();
      for (const isFirst of [true, false]) {
        await page.goto(`${issuer}/account`);
        await fill(page, who);
        await page.click('summary');
        await page.fill('#recovery-code', recoveryCode);
        await page.click('details button');
        t.equal(await page.locator('#factors').count(), isFirst ? 1 : 0, 'a recovery code is good once');
        if (isFirst) await page.context().clearCookies();
      }
      await look('the second factor, wrong code');
      t.strictSame(blocked, []);
      await page.context().close();
    });
  }

  await t.test(
    'a session of a password is asked for the second factor alone, without scripts too',
    async (t) => {
      for (const javaScriptEnabled of [true, false]) {
        const who = await newPerson(server);
        const { page, blocked } = await open({ javaScriptEnabled });
        await page.goto(`${issuer}/account`);
        await fill(page, who);
        await withTotp(server, who);
        await page.goto(authorizeUrl(issuer, client, { claims, redirect_uri: redirectUri }));
        t.equal(await page.locator('#password').count(), 0);
        t.equal(await page.getAttribute(':focus', 'id'), 'code', 'one can type at once');
        await page.keyboard.type(codeOf(who, clock));
        await Promise.all([page.waitForURL(`${redirectUri}**`), page.keyboard.press('Enter')]);
        t.strictSame(blocked, []);
        await page.context().close();
      }
    },
  );

  await t.test('without scripts no passkey is offered, and everything else works', async (t) => {
    const { page } = await open({ javaScriptEnabled: false });
    await page.goto(`${issuer}/account`);
    t.equal(await page.locator('form[data-passkey]').isVisible(), false);
    await fill(page, await newPerson(server));
    await page.click('a[href$="/account/passkey"]');
    t.equal(await page.locator('.without-passkeys').isVisible(), true);
    t.equal(await page.locator('form').isVisible(), false);
    await page.context().close();
  });
});
