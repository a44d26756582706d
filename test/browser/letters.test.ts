// Signing up and choosing a new password in a real browser: on a phone in the dark and on a desktop, without scripts.
import { setTimeout as sleep } from 'node:timers/promises';
import t from 'tap';
import { faultsOf, needsChromium, startChromium } from '../helpers/chromium.ts';
import { authorizeUrl, redirectUri } from '../helpers/code-flow.ts';
import { mailServer } from '../helpers/mail-server.ts';
import { testServer } from '../helpers/test-server.ts';

const looks = [
  { viewport: { width: 320, height: 640 }, colorScheme: 'dark', locale: 'de-DE' },
  { viewport: { width: 1280, height: 800 }, colorScheme: 'light', locale: 'en-GB' },
] as const;

t.test('letters in Chromium', needsChromium(), async (t) => {
  const mail = await mailServer(t);
  const server = await testServer(t, {
    MINTMARK_SIGN_UP: 'open',
    MINTMARK_MAIL_SMTP_URL: mail.url,
    MINTMARK_MAIL_FROM: 'accounts@example.com',
    MINTMARK_PAGES_NAME: 'Example House',
  });
  const client = await server.client({
    redirect_uris: [redirectUri],
    scope: 'openid email',
    client_name: 'Example Shop',
  });
  const chromium = await startChromium(t);

  for (const { viewport, colorScheme, locale } of looks) {
    await t.test(`every page at ${viewport.width} px, ${colorScheme}, ${locale}`, async (t) => {
      const context = await chromium.newContext({ viewport, colorScheme, locale, javaScriptEnabled: false });
      const looking = await chromium.newContext({ viewport, colorScheme, locale });
      const page = await context.newPage();
      const email = `${colorScheme}@example.com`;

      /** The same page where axe may run. */
      async function look(name: string): Promise<void> {
        const seen = await looking.newPage();
        await looking.addCookies(await context.cookies());
        await seen.goto(page.url());
        t.strictSame(await faultsOf(seen), [], `axe finds nothing wrong with ${name}`);
        const width = await seen.evaluate('document.documentElement.scrollWidth');
        t.equal(width, viewport.width, `${name} does not scroll sideways`);
        t.equal(await seen.getAttribute('html', 'lang'), locale.slice(0, 2));
        await seen.close();
      }

      async function openLetter(): Promise<void> {
        const before = mail.received.length;
        await page.fill('#email', email);
        await page.click('main form button');
        await page.waitForURL(/\/sent$/);
        await look('a letter is on its way');
        // By this round, or by one of the service's own that is under way.
        for (let left = 200; mail.received.length === before && left > 0; left -= 1) {
          await server.service.care();
          await sleep(50);
        }
        await page.goto(mail.received.at(-1)?.link ?? '');
      }

      async function choose(password: string): Promise<void> {
        await page.fill('#new_password', password);
        await page.fill('#repeated_password', password);
        await page.click('main form button');
      }

      await page.goto(authorizeUrl(server.issuer, client, { scope: 'openid email' }));
      await look('the sign-in page with other ways');
      await page.click('a[href*="sign-up"]');
      await look('asking for an account');
      await openLetter();
      await look('making an account');
      await choose('correct horse battery');
      t.match(await page.textContent('h1'), /Example Shop/, 'and on to the app');

      await page.goto(`${server.issuer}/account`);
      await page.click('form[action$="/session"] button');
      await page.click('a[href*="new-password"]');
      await look('asking for a new password');
      await openLetter();
      await look('choosing a new password');
      await choose('another long password');
      t.equal(await page.locator('[role=status]').count(), 1);
      await look('signing in again');
      await page.fill('#email', email);
      await page.fill('#password', 'another long password');
      await page.click('main form button');
      t.equal(await page.locator('#current_password').count(), 1);
      await context.close();
      await looking.close();
    });
  }
});
