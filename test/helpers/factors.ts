// People with second factors, at the account page of a test server.
import { Secret, TOTP } from 'otpauth';
import { createAccount } from '../../src/accounts/account.ts';
import type { authenticator } from './authenticator.ts';
import { type Page, type TestBrowser, testBrowser } from './browser.ts';
import type { TestServer } from './test-server.ts';

export const password = 'correct horse battery';

export interface FactorPerson {
  readonly email: string;
  readonly password: string;
  readonly sub: string;
  /** of the app, once it is set up */
  secret: string;
  recoveryCodes: string[];
}

let people = 0;
export async function newPerson({ service }: Pick<TestServer, 'service'>): Promise<FactorPerson> {
  people += 1;
  const email = `somebody-${people}@example.com`;
  const { sub } = await createAccount({ ...service.house, actor: 'test' }, { email, password, name: 'Ada' });
  return { email, password, sub, secret: '', recoveryCodes: [] };
}

/** The code that the app shows; `steps` of 30 s from now. */
export const codeOf = ({ secret }: FactorPerson, clock: TestServer['clock'], steps = 0): string =>
  new TOTP({ secret: Secret.fromBase32(secret) }).generate({ timestamp: (clock.now() + 30 * steps) * 1000 });

export const secretIn = ({ html }: Page): string =>
  (/<code id="secret">([^<]*)</.exec(html)?.[1] ?? '').replaceAll(' ', '');

export const codesIn = ({ html }: Page): string[] =>
  [...html.matchAll(/<li><code>([^<]*)</g)].map(([, code = '']) => code);

/** What a page asks an authenticator for. */
export const passkeyOptions = ({ html }: Page) =>
  JSON.parse((/data-passkey="([^"]*)"/.exec(html)?.[1] ?? '').replaceAll('&quot;', '"'));

/** Signs in at the account page, with the password alone. */
export async function atAccount(
  server: TestServer,
  person: FactorPerson,
  browser = testBrowser(server.issuer),
) {
  const { email, password } = person;
  const start = await browser.go(`${server.issuer}/account`);
  return { browser, page: await browser.submit(start, '/account/sign-in', { email, password }) };
}

/** Sets an app up, with a first code, and lets its time pass. */
export async function withTotp(server: TestServer, person: FactorPerson): Promise<TestBrowser> {
  const { browser, page } = await atAccount(server, person);
  const setUp = await browser.submit(page, '/account/totp');
  person.secret = secretIn(setUp);
  const done = await browser.submit(setUp, '/totp-confirm', { code: codeOf(person, server.clock) });
  person.recoveryCodes = codesIn(done);
  server.clock.advance(60);
  return browser;
}

/** Sets a passkey up. */
export async function withPasskey(
  server: TestServer,
  person: FactorPerson,
  device: ReturnType<typeof authenticator>,
): Promise<{ browser: TestBrowser; done: Page }> {
  const { browser } = await atAccount(server, person);
  const page = await browser.go(`${server.issuer}/account/passkey`);
  const credential = device.create(passkeyOptions(page));
  const done = await browser.submit(page, '/passkey-add', { credential, name: 'Phone' });
  person.recoveryCodes = codesIn(done);
  return { browser, done };
}
