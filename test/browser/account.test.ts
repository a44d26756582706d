// The account page and signing out in a real browser: at phone and desktop size, light and dark, without scripts.
import type { BrowserContextOptions, Page } from 'playwright-core';
import t from 'tap';
import { createAccount } from '../../src/accounts/account.ts';
import { faultsOf, needsChromium, startChromium } from '../helpers/chromium.ts';
import { signInByCode } from '../helpers/code-flow.ts';
import { testServer } from '../helpers/test-server.ts';

t.test('the account in Chromium', needsChromium(), async (t) => {
  const server = await testServer(t, { MINTMARK_PAGES_NAME: 'Example House' });
  const management = { ...server.service.house, actor: 'test' };
  const person = { email: 'ada.lovelace@example.com', password: 'correct horse battery' };
  await createAccount(management, { ...person, name: 'Ada Lovelace' });
  const resource = 'https://api.example.com/orders';
  await server.resource({ resource, scopes: ['read', 'write'] });
  const scope = 'openid profile email offline_access read';
  const client = await server.client({
    redirect_uris: ['https://app.example.com/callback'],
    grant_types: ['authorization_code', 'refresh_token'],
    scope,
    client_name: 'Example Shop',
  });
  const chromium = await startChromium(t);

  async function open(options: BrowserContextOptions): Promise<{ page: Page; blocked: string[] }> {
    const page = await (await chromium.newContext(options)).newPage();
    const blocked: string[] = [];
    page.on('console', (message) => {
      if (/content security policy|refused/i.test(message.text())) blocked.push(message.text());
    });
    return { page, blocked };
  }

  async function signIn(page: Page): Promise<void> {
    await page.goto(`${server.issuer}/account`);
    await page.fill('#email', person.email);
    await page.fill('#password', person.password);
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
      }
      await signInByCode(server, client, person, { change: { scope, resource } });
      await signIn(page);
      await look('the account');
      t.equal(await page.locator('.mark').count(), 1);
      await page.fill('#current_password', 'wrong');
      await page.fill('#new_password', 'a new long password');
      await page.fill('#repeated_password', 'a new long password');
      await page.click('form[action$="/password"] button');
      await look('the account, wrong password');
      await page.click('form[action$="/app"] button');
      await look('the account without apps');
      await page.click('form[action$="/others"] button');
      await look('the account, signed out elsewhere');
      await page.goto(`${server.issuer}/logout`);
      await look('sign out?');
      await page.click('main form button');
      await look('signed out');
      t.strictSame(blocked, []);
      await page.context().close();
    });
  }

  await t.test(
    'without scripts, and by keyboard, the password is changed and everything else ends',
    async (t) => {
      const { page: elsewhere } = await open({ javaScriptEnabled: false });
      await signIn(elsewhere);
      const { page } = await open({ javaScriptEnabled: false, locale: 'en-GB' });
      await signIn(page);
      await page.focus('#current_password');
      await page.keyboard.type(person.password);
      for (const field of ['new_password', 'repeated_password']) {
        await page.keyboard.press('Tab');
        t.equal(await page.getAttribute(':focus', 'id'), field);
        await page.keyboard.type('a new long password');
      }
      await Promise.all([page.waitForURL(/note=/), page.keyboard.press('Enter')]);
      t.equal(await page.textContent('[role=status]'), 'Your password was changed.');
      await elsewhere.reload();
      t.equal(await elsewhere.locator('#password').count(), 1, 'which asks to sign in again');
    },
  );
});
