// The demo in a real browser, as somebody who has just started the issuer walks it: in, a refresh, and out; at phone and
// desktop size, light and dark, without scripts.
import t from 'tap';
import { faultsOf, needsChromium, startChromium } from '../helpers/chromium.ts';
import { testServer } from '../helpers/test-server.ts';

t.test('the demo in Chromium', needsChromium(), async (t) => {
  const server = await testServer(t, {}, { hasDemo: true });
  const { email = '', password = '' } = server.service.demo ?? {};
  const chromium = await startChromium(t);
  const sizes = { phone: { width: 320, height: 640 }, desktop: { width: 1280, height: 800 } };
  const looks = [
    { size: 'phone', colorScheme: 'dark', locale: 'de-DE' },
    { size: 'desktop', colorScheme: 'light', locale: 'en-GB' },
  ] as const;

  for (const { size, colorScheme, locale } of looks) {
    await t.test(
      `a sign-in, a refresh and the way out on a ${size}, ${colorScheme}, ${locale}`,
      async (t) => {
        const context = await chromium.newContext({ viewport: sizes[size], colorScheme, locale });
        const page = await context.newPage();
        const blocked: string[] = [];
        page.on('console', (message) => {
          if (/content security policy|refused/i.test(message.text())) blocked.push(message.text());
        });
        async function look(name: string): Promise<void> {
          t.strictSame(await faultsOf(page), [], `axe finds nothing wrong with ${name}`);
          const width = await page.evaluate('document.documentElement.scrollWidth');
          t.equal(width, sizes[size].width, `${name} does not scroll sideways`);
          t.equal(await page.getAttribute('html', 'lang'), locale.slice(0, 2));
        }
        await page.goto(`${server.issuer}/demo`);
        await look('start');
        await page.click('main form button');
        await page.fill('#email', email);
        await page.fill('#password', password);
        await page.click('main form button');
        if (await page.locator('form[action$="/consent"]').count()) await page.click('button[value=allow]');
        await page.waitForURL(`${server.issuer}/demo`);
        await look('tokens');
        const text = (await page.textContent('main')) ?? '';
        t.match(
          text,
          /Demo[\s\S]*"typ": "JWT"[\s\S]*"kty"[\s\S]*"typ": "at\+jwt"[\s\S]*"email": "demo@example.com"/,
        );
        const before = await page.textContent('#refresh-token ~ pre');
        await page.click('form[action$="/refresh"] button');
        await look('refreshed');
        t.not(await page.textContent('#refresh-token ~ pre'), before);
        await page.click('form[action$="/sign-out"] button');
        t.equal(page.url(), `${server.issuer}/demo`);
        t.equal(await page.locator('form[action$="/sign-in"]').count(), 1);
        await page.goto(`${server.issuer}/account`);
        t.equal(await page.locator('#password').count(), 1, 'signed out at the issuer too');
        t.strictSame(blocked, []);
        await context.close();
      },
    );
  }
});
