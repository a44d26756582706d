// Debian's Chromium, driven for real; a machine without it says so and goes on, but in CI it has to be there.
import { existsSync } from 'node:fs';
import axe from 'axe-core';
import { type Browser, chromium, type Page } from 'playwright-core';
import type { Test } from 'tap';

const executablePath = '/usr/bin/chromium';

/** For a test's options. Throws in CI where there is no Chromium. */
export function needsChromium(): { skip: string | false } {
  if (existsSync(executablePath)) return { skip: false };
  if (process.env.CI === 'true')
    throw new Error(`CI=true tests in a real browser: there is no ${executablePath}`);
  return { skip: `there is no ${executablePath} (Debian: chromium): the pages were not seen in a browser` };
}

/** A browser that asks nobody but the test; it is closed when the test ends. */
export async function startChromium(t: Test): Promise<Browser> {
  const quiet = ['quic', 'background-networking', 'component-update', 'sync'].map(
    (what) => `--disable-${what}`,
  );
  const browser = await chromium.launch({
    executablePath,
    args: ['--no-sandbox', '--headless', '--disable-gpu', '--no-first-run', ...quiet],
  });
  t.teardown(() => browser.close());
  return browser;
}

/** What axe finds wrong with a page, in words; WCAG 2.2 AA and good practice. */
export async function faultsOf(page: Page): Promise<string[]> {
  await page.evaluate(axe.source);
  // A text, since what this compiles to here has no place there.
  const results = (await page.evaluate(
    'axe.run(document, { resultTypes: ["violations"] })',
  )) as axe.AxeResults;
  return results.violations.map(
    ({ id, nodes }) =>
      `${id}: ${nodes.map(({ target, failureSummary }) => `${target} ${failureSummary}`).join('; ')}`,
  );
}
