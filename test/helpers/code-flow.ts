// The code flow as a plain client walks it with a browser: for tests of what comes after it.
import { createHash } from 'node:crypto';
import type { TokenResponse } from '../../src/oauth/messages.ts';
import { type Page, type TestBrowser, testBrowser } from './browser.ts';
import { basic, type TestServer } from './test-server.ts';

export interface Person {
  readonly email: string;
  readonly password: string;
}

export interface Client {
  readonly client_id: string;
  readonly client_secret: string;
}

export const redirectUri = 'https://app.example.com/callback';

const codeVerifier = 'v'.repeat(43);

/** Where a client sends the browser; what is empty in `change` is left out. */
export function authorizeUrl(issuer: string, client: Client, change: Record<string, string> = {}): string {
  const parameters = {
    client_id: client.client_id,
    redirect_uri: redirectUri,
    response_type: 'code',
    scope: 'openid',
    code_challenge: createHash('sha256').update(codeVerifier).digest('base64url'),
    code_challenge_method: 'S256',
    ...change,
  };
  const given = Object.entries(parameters).filter(([, value]) => value !== '');
  return `${issuer}/authorize?${new URLSearchParams(given)}`;
}

/** Answers what a page asks, as far as it asks. */
export async function goThrough(browser: TestBrowser, start: Page, person: Person): Promise<Page> {
  let page = start;
  if (page.html.includes('/sign-in"')) page = await browser.submit(page, '/sign-in', { ...person });
  if (page.html.includes('/consent"')) page = await browser.submit(page, '/consent', { decision: 'allow' });
  return page;
}

export interface Walk {
  readonly browser?: TestBrowser;
  /** parameters of the authorization request */
  readonly change?: Record<string, string>;
}

export type Tokens = TokenResponse & { readonly id_token: string; readonly refresh_token: string };

/** Signs a person in at a client, and exchanges the code. Throws where that does not go through. */
export async function signInByCode(
  server: Pick<TestServer, 'issuer' | 'token'>,
  client: Client,
  person: Person,
  { browser = testBrowser(server.issuer), change = {} }: Walk = {},
): Promise<{ browser: TestBrowser; tokens: Tokens }> {
  const page = await goThrough(
    browser,
    await browser.go(authorizeUrl(server.issuer, client, change)),
    person,
  );
  const code = page.url.startsWith(redirectUri) ? new URL(page.url).searchParams.get('code') : null;
  if (code === null) throw new Error(`no code at ${page.url}: ${page.html}`);
  const form = {
    grant_type: 'authorization_code',
    code,
    redirect_uri: redirectUri,
    code_verifier: codeVerifier,
  };
  const { status, body } = await server.token(form, basic(client.client_id, client.client_secret));
  if (status !== 200) throw new Error(`${status} ${JSON.stringify(body)}`);
  return { browser, tokens: body };
}
