// Attacks that go at the whole of the front channel, not at one page: mix-up (RFC 9207, RFC 9700 4.4), spoofed hosts,
// framing (4.16), and text of others that wants to be more than text. What goes at one page is tested beside that page.
import { hash } from 'node:crypto';
import { request as httpRequest } from 'node:http';
import t from 'tap';
import { createAccount } from '../../src/accounts/account.ts';
import { formOf, type Page, testBrowser } from '../helpers/browser.ts';
import { authorizeUrl, goThrough, redirectUri, signInByCode } from '../helpers/code-flow.ts';
import { testServer } from '../helpers/test-server.ts';

const server = await testServer(t, {}, { hasDemo: true });
const { issuer } = server;
const management = { ...server.service.house, actor: 'test' };
const password = 'correct horse battery';
const metadata = {
  redirect_uris: [redirectUri],
  grant_types: ['authorization_code', 'refresh_token'],
  scope: 'openid email offline_access',
};

let people = 0;
async function person(name = 'Ada') {
  people += 1;
  const email = `person-${people}@example.com`;
  await createAccount(management, { email, password, name });
  return { email, password };
}

/** What a client is told, by whichever mode; as pairs, for a name that comes twice. */
function told({ url, html }: Page): [string, string][] {
  if (url.startsWith(redirectUri)) return [...new URL(url).searchParams];
  return Object.entries(formOf({ url, html } as Page, redirectUri).hidden);
}

t.test('every answer to a client says once whom it is from, errors too', async (t) => {
  const client = await server.client(metadata);
  const who = await person();
  for (const response_mode of ['query', 'form_post']) {
    const url = (change = {}) => authorizeUrl(issuer, client, { response_mode, state: 's', ...change });
    const browser = testBrowser(issuer);
    const refused = await browser.submit(await browser.go(url()), '/sign-in', who);
    const fresh = testBrowser(issuer);
    const answers: Record<string, [Page, error: string | undefined]> = {
      'a request that is wrong': [await testBrowser(issuer).go(url({ prompt: 'x' })), 'invalid_request'],
      'a response type that is not offered': [
        await testBrowser(issuer).go(url({ response_type: 'token' })),
        'unsupported_response_type',
      ],
      'nobody is signed in': [await testBrowser(issuer).go(url({ prompt: 'none' })), 'login_required'],
      'nothing was allowed yet': [await browser.go(url({ prompt: 'none' })), 'consent_required'],
      'the person does not allow it': [
        await browser.submit(refused, '/consent', { decision: 'refuse' }),
        'access_denied',
      ],
    };
    answers['a code'] = [await goThrough(fresh, await fresh.go(url()), who), undefined];
    for (const [what, [page, error]] of Object.entries(answers)) {
      const pairs = told(page);
      const values = (name: string) => pairs.filter(([key]) => key === name).map(([, value]) => value);
      t.strictSame(values('iss'), [issuer], `${what}, by ${response_mode}`);
      t.strictSame(values('state'), ['s']);
      t.strictSame(values('error'), error === undefined ? [] : [error]);
      t.equal(values('code').length, error === undefined ? 1 : 0);
    }
    await server.service.house.stores.consents.withdraw(
      (await server.service.house.stores.accounts.findByEmail(who.email))?.sub ?? '',
      client.client_id,
      { at: 0, event: 'consent.withdrawn', actor: 'test', subject: 'test' },
    );
  }
});

/** A GET by a socket of its own, with headers that fetch would not send; everything that came back, as one text. */
const raw = (path: string, headers: Record<string, string>) =>
  new Promise<string>((resolve, reject) => {
    const { port } = new URL(issuer);
    const options = { host: '127.0.0.1', port, path, headers: { host: `localhost:${port}`, ...headers } };
    httpRequest(options, (response) => {
      let text = response.rawHeaders.join('\n');
      response.on('data', (chunk) => (text += chunk));
      response.on('end', () => resolve(text));
    })
      .on('error', reject)
      .end();
  });

t.test('no answer repeats a host that the request made up', async (t) => {
  const client = await server.client({
    ...metadata,
    post_logout_redirect_uris: ['https://app.example.com/'],
  });
  const paths = [
    '/.well-known/openid-configuration',
    '/.well-known/oauth-authorization-server',
    authorizeUrl('', client),
    authorizeUrl('', client, { prompt: 'none' }),
    authorizeUrl('', client, { client_id: 'nobody' }),
    `/logout?client_id=${client.client_id}`,
    '/logout?client_id=nobody',
    '/account',
    '/userinfo',
    '/demo',
    '/nowhere',
  ];
  const names: Record<string, string>[] = [
    { host: 'evil.example' },
    { host: 'evil.example:80' },
    { 'x-forwarded-host': 'evil.example', 'x-forwarded-proto': 'https', 'x-forwarded-port': '666' },
    { 'x-host': 'evil.example', 'x-forwarded-server': 'evil.example', 'x-original-url': '/evil' },
    { forwarded: 'for=evil.example;host=evil.example;proto=https' },
  ];
  for (const path of paths) {
    for (const headers of names) {
      t.notMatch(
        await raw(path, headers),
        /evil|:666|https:\/\/localhost/,
        `${path} ${JSON.stringify(headers)}`,
      );
    }
  }
});

/** Every kind of page that a signed-in person of a client may come across. */
async function everyPage(clientName: string, who: { email: string; password: string }, userAgent = '') {
  const client = await server.client({
    ...metadata,
    client_name: clientName,
    logo_uri: 'https://app.example.com/logo.png',
  });
  const browser = testBrowser(issuer);
  const headers = { 'user-agent': userAgent };
  await signInByCode(server, client, who, { browser, change: { scope: metadata.scope } });
  return {
    signIn: await testBrowser(issuer).go(authorizeUrl(issuer, client), headers),
    choose: await browser.go(authorizeUrl(issuer, client, { prompt: 'select_account' })),
    consent: await browser.go(authorizeUrl(issuer, client, { prompt: 'consent' }), headers),
    formPost: await browser.go(authorizeUrl(issuer, client, { prompt: 'none', response_mode: 'form_post' })),
    logout: await browser.go(`${issuer}/logout?client_id=${client.client_id}`, headers),
    account: await browser.go(`${issuer}/account`, headers),
    error: await browser.go(authorizeUrl(issuer, client, { redirect_uri: clientName })),
    demo: await testBrowser(issuer).go(`${issuer}/demo`, headers),
  };
}

t.test('no page at all may be framed, and none runs a script that is not ours', async (t) => {
  for (const [name, { headers, html }] of Object.entries(await everyPage('Shop', await person()))) {
    const policy = headers.get('content-security-policy') ?? '';
    t.match(policy, /^default-src 'none'; .*frame-ancestors 'none'/, name);
    t.match(policy, "base-uri 'none'");
    t.notMatch(policy, /unsafe|\*|data:/);
    t.equal(headers.get('x-frame-options'), 'DENY');
    t.equal(headers.get('referrer-policy'), 'no-referrer');
    t.equal(headers.get('x-content-type-options'), 'nosniff');
    t.notMatch(html, /src=|<link|@import|url\(/, `${name} loads nothing`);
  }
});

t.test('a name of a client or of an account is text on every page, whatever it says', async (t) => {
  const nasty = [
    '<script>alert(1)</script>',
    '"><img src=x onerror=alert(1)>',
    "' autofocus onfocus=alert(1) x='",
    '</title></style><svg onload=alert(1)>',
    'javascript:alert(1)',
    '<%= process.env %>',
  ];
  for (const text of nasty) {
    const pages = await everyPage(text, await person(text), text);
    for (const [name, { html, headers }] of Object.entries(pages)) {
      const policy = headers.get('content-security-policy') ?? '';
      // A script of ours is named by its hash, and says nothing of anybody.
      const ours = html.replace(/<script>([\s\S]*?)<\/script>/g, (whole, script: string) =>
        policy.includes(`'sha256-${hash('sha256', script, 'base64')}'`) && !script.includes(text)
          ? ''
          : whole,
      );
      t.notMatch(ours, /<(script|img|svg)\b|href="javascript/i, `${name}: ${text}`);
      const inTags = [...ours.matchAll(/<\w[^<>]*>/g)].join('').replace(/="[^"]*"/g, '');
      t.notMatch(inTags, /alert|\son\w+/, `${name}, within a tag: ${text}`);
    }
  }
});
