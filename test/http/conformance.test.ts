// What the OpenID Foundation's conformance suite asks of an OpenID Provider, one test a module and under its name: the
// plans Config, Basic, Form Post Basic, RP-Initiated Logout and Back-Channel Logout (docs/conformance.md). The suite
// itself is another program, which needs a public https issuer; this holds us to its questions at every change.
import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createRemoteJWKSet, decodeJwt, decodeProtectedHeader, jwtVerify, SignJWT } from 'jose';
import t, { type Test } from 'tap';
import { createAccount } from '../../src/accounts/account.ts';
import { formOf, type Page, type TestBrowser, testBrowser } from '../helpers/browser.ts';
import { goThrough, redirectUri } from '../helpers/code-flow.ts';
import { basic, testServer } from '../helpers/test-server.ts';

const server = await testServer(t, { MINTMARK_SIGN_IN_ATTEMPTS_PER_ADDRESS: '100000' });
const { issuer, clock } = server;
const jwks = createRemoteJWKSet(new URL(`${issuer}/.well-known/jwks.json`));
const person = { email: 'ada@example.com', password: 'correct horse battery' };

/** Every standard claim that a scope stands for (OpenID Connect Core 5.4), beside name and email. */
const claimsOf = {
  profile: {
    family_name: 'Lovelace',
    given_name: 'Ada',
    middle_name: 'King',
    nickname: 'Ada',
    preferred_username: 'ada',
    profile: 'https://ada.example/',
    picture: 'https://ada.example/a.png',
    website: 'https://ada.example/',
    gender: 'female',
    birthdate: '1815-12-10',
    zoneinfo: 'Europe/London',
    locale: 'en-GB',
  },
  email: { email_verified: true },
  address: { address: { locality: 'London', country: 'GB' } },
  phone: { phone_number: '+442079460000', phone_number_verified: false },
};
const { sub } = await createAccount(
  { ...server.service.house, actor: 'test' },
  {
    ...person,
    name: 'Ada Lovelace',
    claims: { ...claimsOf.profile, ...claimsOf.email, ...claimsOf.address, ...claimsOf.phone },
  },
);

/** The logout tokens that the client's back channel was sent. */
const logoutTokens: string[] = [];
const backchannel = createServer(async (request, response) => {
  let body = '';
  for await (const chunk of request) body += chunk;
  logoutTokens.push(body);
  response.end();
}).listen(0, '127.0.0.1');
await once(backchannel, 'listening');
t.teardown(() => {
  backchannel.close();
  backchannel.closeAllConnections();
});

const goodbye = 'https://app.example.com/post_logout_redirect';
// The suite's first clients know no PKCE.
const metadata = {
  redirect_uris: [redirectUri],
  post_logout_redirect_uris: [goodbye],
  grant_types: ['authorization_code', 'refresh_token'],
  require_pkce: false,
};
const client = await server.client(metadata);
const second = await server.client(metadata);
const posting = await server.client({ ...metadata, token_endpoint_auth_method: 'client_secret_post' });
const told = await server.client({
  ...metadata,
  backchannel_logout_uri: `http://127.0.0.1:${(backchannel.address() as AddressInfo).port}/`,
  backchannel_logout_session_required: true,
});
type Client = typeof client;

type Change = Record<string, string>;
const urlOf = (change: Change = {}, at: Client = client): string => {
  const parameters = {
    client_id: at.client_id,
    redirect_uri: redirectUri,
    response_type: 'code',
    scope: 'openid',
    state: 's'.repeat(128),
    nonce: 'n-0S6_WzA2Mj',
    ...change,
  };
  return `${issuer}/authorize?${new URLSearchParams(Object.entries(parameters).filter(([, value]) => value))}`;
};

/** What the redirect URI was called with; undefined where the browser is at another place. */
function callbackOf(page: Page): Record<string, string> | undefined {
  if (page.url.startsWith(`${redirectUri}?`)) return Object.fromEntries(new URL(page.url).searchParams);
  if (!page.html.includes(`action="${redirectUri}"`)) return undefined;
  return formOf(page, redirectUri).hidden;
}

const exchange = (code: string, more: Change = {}, at: Client = client) =>
  server.token(
    { grant_type: 'authorization_code', code, redirect_uri: redirectUri, ...more },
    basic(at.client_id, at.client_secret),
  );

const userinfo = async (token: string, init: RequestInit = {}) => {
  const headers = { authorization: `Bearer ${token}` };
  const response = await fetch(`${issuer}/userinfo`, { headers, ...init });
  return { status: response.status, body: response.ok ? await response.json() : undefined };
};

/** A whole flow, looked at as the suite looks at every one: the callback, the ID token, UserInfo. */
async function flow(t: Test, browser: TestBrowser, change: Change = {}, at: Client = client) {
  const callback = callbackOf(await goThrough(browser, await browser.go(urlOf(change, at)), person)) ?? {};
  t.match(callback, { iss: issuer, state: 's'.repeat(128), code: /^[\w-]{43}$/ });
  const { status, headers, body } = await exchange(callback.code ?? '', {}, at);
  t.equal(status, 200);
  t.match(headers.get('content-type'), /^application\/json/);
  t.equal(headers.get('cache-control'), 'no-store');
  t.match(body, { token_type: 'Bearer', expires_in: Number, access_token: String });
  const { payload, protectedHeader } = await jwtVerify(body.id_token, jwks, {
    issuer,
    audience: at.client_id,
  });
  t.match(protectedHeader, { alg: 'RS256', kid: String });
  t.match(payload, { sub, auth_time: Number, acr: String, sid: String, at_hash: String });
  t.equal(payload.nonce, change.nonce === '' ? undefined : 'n-0S6_WzA2Mj');
  t.equal(payload.name, undefined, 'no claim that was not asked for');
  t.match(await userinfo(body.access_token), { status: 200, body: { sub } });
  return { code: callback.code ?? '', tokens: body, id: payload as typeof payload & { auth_time: number } };
}

const isSignIn = ({ html }: Page): boolean => html.includes('/sign-in"');

/** A module that asks twice, in one browser: what the second time adds, and whether the person sees a page then. */
async function twice(t: Test, mode: Change, change: Change, isAsked: boolean) {
  const browser = testBrowser(issuer);
  const first = await flow(t, browser, mode);
  clock.advance(2);
  t.equal(isSignIn(await browser.go(urlOf({ ...mode, ...change }))), isAsked);
  const next = await flow(t, browser, { ...mode, ...change });
  if (isAsked) t.ok(next.id.auth_time > first.id.auth_time);
  else t.equal(next.id.auth_time, first.id.auth_time);
  return { browser, first, next };
}

t.test('oidcc-discovery-endpoint-verification', async (t) => {
  const response = await fetch(`${issuer}/.well-known/openid-configuration`);
  t.equal(response.status, 200);
  t.match(response.headers.get('content-type'), /^application\/json/);
  const found = (await response.json()) as Record<string, unknown>;
  const has = (member: string, value: string) => t.ok((found[member] as string[]).includes(value), member);
  t.equal(found.issuer, issuer);
  has('response_types_supported', 'code');
  has('subject_types_supported', 'public');
  has('id_token_signing_alg_values_supported', 'RS256');
  has('userinfo_signing_alg_values_supported', 'RS256');
  has('grant_types_supported', 'authorization_code');
  has('grant_types_supported', 'refresh_token');
  has('scopes_supported', 'openid');
  has('claims_supported', 'sub');
  has('code_challenge_methods_supported', 'S256');
  has('token_endpoint_auth_methods_supported', 'client_secret_basic');
  has('token_endpoint_auth_methods_supported', 'client_secret_post');
  t.match(found, { claims_parameter_supported: true, request_parameter_supported: false });
  for (const [member, value] of Object.entries(found))
    if (/_endpoint$|_uri$/.test(member)) t.ok(String(value).startsWith(issuer), member);
  const { keys } = (await (await fetch(String(found.jwks_uri))).json()) as { keys: { kid: string }[] };
  t.equal(new Set(keys.map(({ kid }) => kid)).size, keys.length);
  for (const locale of found.ui_locales_supported as string[])
    t.equal(new Intl.Locale(locale).toString(), locale);
});

for (const mode of [{}, { response_mode: 'form_post' }] as Change[]) {
  t.test(`the plan Basic, ${mode.response_mode ?? 'default'}`, async (t) => {
    const known = testBrowser(issuer);
    const one = (t: Test, change: Change = {}, at: Client = client) =>
      flow(t, known, { ...mode, ...change }, at);

    await t.test('oidcc-server', async (t) => {
      await one(t);
      await one(t, {}, second);
    });
    await t.test('oidcc-response-type-missing', async (t) => {
      const page = await testBrowser(issuer).go(urlOf({ ...mode, response_type: '' }));
      t.match(callbackOf(page), { error: 'invalid_request', state: 's'.repeat(128), iss: issuer });
    });
    await t.test('oidcc-idtoken-signature', async (t) => {
      t.match(decodeProtectedHeader((await one(t)).tokens.id_token), { alg: 'RS256', kid: String });
    });
    await t.test('oidcc-idtoken-unsigned', async (t) => {
      const unsigned = { ...metadata, id_token_signed_response_alg: 'none' };
      await t.rejects(server.client(unsigned), /id_token_signed_response_alg/, 'there are none');
    });
    await t.test('oidcc-userinfo-get', async (t) => {
      t.match(await userinfo((await one(t)).tokens.access_token), { status: 200, body: { sub } });
    });
    await t.test('oidcc-userinfo-post-header', async (t) => {
      const { access_token } = (await one(t)).tokens;
      const headers = { authorization: `Bearer ${access_token}` };
      t.match(await userinfo('', { method: 'POST', headers }), { status: 200, body: { sub } });
    });
    await t.test('oidcc-userinfo-post-body', async (t) => {
      const { access_token } = (await one(t)).tokens;
      const body = new URLSearchParams({ access_token });
      t.match(await userinfo('', { method: 'POST', headers: {}, body }), { status: 200, body: { sub } });
    });
    await t.test('oidcc-ensure-request-without-nonce-succeeds-for-code-flow', (t) => one(t, { nonce: '' }));

    const expected = {
      profile: { ...claimsOf.profile, name: 'Ada Lovelace', updated_at: Number },
      email: { ...claimsOf.email, email: person.email },
      address: claimsOf.address,
      phone: claimsOf.phone,
    };
    /** All claims of the scopes, and none of the others. */
    async function shows(t: Test, scope: string): Promise<void> {
      const { body } = await userinfo((await one(t, { scope })).tokens.access_token);
      const wanted = Object.entries(expected).filter(([name]) => scope.split(' ').includes(name));
      const claims = Object.assign({ sub }, ...wanted.map(([, claims]) => claims));
      t.match(body, claims);
      t.strictSame(Object.keys(body as object).sort(), Object.keys(claims).sort());
    }
    await t.test('oidcc-scope-profile', (t) => shows(t, 'openid profile'));
    await t.test('oidcc-scope-email', (t) => shows(t, 'openid email'));
    await t.test('oidcc-scope-address', (t) => shows(t, 'openid address'));
    await t.test('oidcc-scope-phone', (t) => shows(t, 'openid phone'));
    await t.test('oidcc-scope-all', (t) => shows(t, 'openid profile email address phone'));
    await t.test('oidcc-alternate-happy-flow', async (t) => {
      const url = new URL(urlOf({ ...mode, scope: 'email openid' }));
      const reversed = [...url.searchParams].reverse();
      t.ok(callbackOf(await known.go(`${issuer}/authorize?${new URLSearchParams(reversed)}`))?.code);
      await shows(t, 'email openid');
    });
    await t.test('oidcc-display-page', (t) => one(t, { display: 'page' }));
    await t.test('oidcc-display-popup', (t) => one(t, { display: 'popup' }));
    await t.test('oidcc-prompt-login', (t) => twice(t, mode, { prompt: 'login' }, true));
    await t.test('oidcc-prompt-none-not-logged-in', async (t) => {
      const page = await testBrowser(issuer).go(urlOf({ ...mode, prompt: 'none' }));
      t.match(callbackOf(page), { error: 'login_required', state: 's'.repeat(128), iss: issuer });
      t.notOk(callbackOf(page)?.code);
    });
    await t.test('oidcc-prompt-none-logged-in', (t) => twice(t, mode, { prompt: 'none' }, false));
    await t.test('oidcc-max-age-1', (t) => twice(t, mode, { max_age: '1' }, true));
    await t.test('oidcc-max-age-10000', (t) => twice(t, mode, { max_age: '10000' }, false));
    await t.test('oidcc-ensure-request-with-unknown-parameter-succeeds', (t) => one(t, { extra: 'foobar' }));
    await t.test('oidcc-id-token-hint', async (t) => {
      const { browser, first } = await twice(t, mode, { prompt: 'none' }, false);
      const hint = { prompt: 'none', id_token_hint: first.tokens.id_token };
      t.equal((await flow(t, browser, { ...mode, ...hint })).id.sub, first.id.sub);
    });
    await t.test('oidcc-login-hint', (t) => one(t, { login_hint: 'buffy@example.com' }));
    await t.test('oidcc-ui-locales', (t) => one(t, { ui_locales: 'se' }));
    await t.test('oidcc-claims-locales', (t) => one(t, { claims_locales: 'se' }));
    await t.test('oidcc-ensure-request-with-acr-values-succeeds', async (t) => {
      t.equal((await one(t, { acr_values: 'aal1' })).id.acr, 'aal1');
      await one(t, { acr_values: '1 2' });
    });
    await t.test('oidcc-codereuse', async (t) => {
      const { code } = await one(t);
      t.match(await exchange(code), { status: 400, body: { error: 'invalid_grant' } });
    });
    await t.test('oidcc-codereuse-30seconds', async (t) => {
      const { code, tokens } = await one(t);
      clock.advance(30);
      t.match(await exchange(code), { status: 400, body: { error: 'invalid_grant' } });
      t.equal((await userinfo(tokens.access_token)).status, 401, 'and the access token is revoked');
    });
    await t.test('oidcc-ensure-registered-redirect-uri', async (t) => {
      const page = await testBrowser(issuer).go(urlOf({ ...mode, redirect_uri: `${redirectUri}/Fl0w` }));
      t.match(page, { status: 400, html: /The app that sent you here made a mistake/ });
      t.equal(page.headers.get('location'), null);
    });
    await t.test('oidcc-ensure-post-request-succeeds', async (t) => {
      const browser = testBrowser(issuer);
      const fields = Object.fromEntries(new URL(urlOf(mode)).searchParams);
      const page = await goThrough(browser, await browser.post(`${issuer}/authorize`, fields), person);
      t.equal((await exchange(callbackOf(page)?.code ?? '')).status, 200);
    });
    await t.test('oidcc-server-client-secret-post', async (t) => {
      const browser = testBrowser(issuer);
      const page = await goThrough(browser, await browser.go(urlOf(mode, posting)), person);
      const { client_id, client_secret } = posting;
      const form = { grant_type: 'authorization_code', redirect_uri: redirectUri, client_id, client_secret };
      t.equal((await server.token({ ...form, code: callbackOf(page)?.code ?? '' })).status, 200);
    });

    const unsigned = (claims: object) =>
      [{ alg: 'none' }, claims]
        .map((part) => Buffer.from(JSON.stringify(part)).toString('base64url'))
        .join('.')
        .concat('.');
    const module = 'supported-correctly-or-rejected-as-unsupported';
    await t.test(`oidcc-request-uri-unsigned-${module}`, async (t) => {
      const page = await testBrowser(issuer).go(urlOf({ ...mode, request_uri: 'https://app.example.com/r' }));
      t.match(callbackOf(page), { error: 'request_uri_not_supported', iss: issuer });
    });
    await t.test(`oidcc-unsigned-request-object-${module}`, async (t) => {
      const page = await testBrowser(issuer).go(urlOf({ ...mode, request: unsigned({ scope: 'openid' }) }));
      t.match(callbackOf(page), { error: 'request_not_supported', iss: issuer });
    });
    await t.test('oidcc-claims-essential', async (t) => {
      const claims = JSON.stringify({ userinfo: { name: { essential: true } } });
      const { tokens } = await one(t, { claims });
      t.match(await userinfo(tokens.access_token), { body: { name: 'Ada Lovelace' } });
    });
    await t.test('oidcc-ensure-request-object-with-redirect-uri', async (t) => {
      const request = unsigned({ redirect_uri: redirectUri });
      const page = await testBrowser(issuer).go(
        urlOf({ ...mode, request, redirect_uri: `${redirectUri}/x` }),
      );
      t.equal(page.status, 400);
      t.equal(callbackOf(page), undefined);
    });
    await t.test('oidcc-refresh-token', async (t) => {
      const { tokens, id } = await one(t, { scope: 'openid offline_access', prompt: 'consent' });
      clock.advance(1);
      const form = { grant_type: 'refresh_token', refresh_token: tokens.refresh_token };
      const other = await server.token(form, basic(second.client_id, second.client_secret));
      t.match(other, { status: 400, body: { error: 'invalid_grant' } }, 'another client gets nothing');
      const { status, body } = await server.token(form, basic(client.client_id, client.client_secret));
      t.equal(status, 200);
      t.not(body.access_token, tokens.access_token);
      const next = decodeJwt(body.id_token);
      const { iss, aud, azp, auth_time } = id;
      t.match(next, { iss, sub, aud, azp, auth_time });
      t.ok(Number(next.iat) > Number(id.iat));
      t.equal(next.nonce, undefined);
      t.match(await userinfo(body.access_token), { status: 200 });
    });
    await t.test('oidcc-ensure-request-with-valid-pkce-succeeds', async (t) => {
      const verifier = randomBytes(32).toString('base64url');
      const challenge = createHash('sha256').update(verifier).digest('base64url');
      const browser = testBrowser(issuer);
      const url = urlOf({ ...mode, code_challenge: challenge, code_challenge_method: 'S256' });
      const { code = '' } = callbackOf(await goThrough(browser, await browser.go(url), person)) ?? {};
      t.equal((await exchange(code, { code_verifier: verifier })).status, 200);
    });
  });
}

t.test('the plan RP-Initiated Logout', async (t) => {
  const state = 'x'.repeat(128);
  /** Signs in, and goes to the end session endpoint with what is left of the suite's request. */
  async function leave(
    t: Test,
    change: (idToken: string) => Promise<Change> | Change,
    at: Client = client,
  ): Promise<{ browser: TestBrowser; page: Page; id: Record<string, unknown> }> {
    const browser = testBrowser(issuer);
    const { tokens, id } = await flow(t, browser, {}, at);
    const all = { id_token_hint: tokens.id_token, post_logout_redirect_uri: goodbye, state };
    const given = { ...all, ...(await change(tokens.id_token)) };
    const query = new URLSearchParams(Object.entries(given).filter(([, value]) => value !== ''));
    return { browser, page: await browser.go(`${issuer}/logout?${query}`), id };
  }
  async function isSignedOut(t: Test, browser: TestBrowser, isOut = true): Promise<void> {
    const callback = callbackOf(await browser.go(urlOf({ prompt: 'none' })));
    t.equal(callback?.error, isOut ? 'login_required' : undefined);
  }
  /** An error page; the client is not called, and nobody was signed out. */
  async function isRefused(t: Test, { browser, page }: { browser: TestBrowser; page: Page }): Promise<void> {
    t.equal(page.status, 400);
    t.ok(page.url.startsWith(`${issuer}/logout`));
    await isSignedOut(t, browser, false);
  }
  /** The person is asked, says yes, and stays on a page of ours. */
  async function isDoneHere(t: Test, { browser, page }: { browser: TestBrowser; page: Page }): Promise<void> {
    const isAsked = page.html.includes('Sign out?');
    const end = isAsked ? await browser.submit(page, new URL(page.url).pathname) : page;
    t.match(end.html, /You are signed out/);
    await isSignedOut(t, browser);
  }

  await t.test('oidcc-rp-initiated-logout-discovery-endpoint-verification', async (t) => {
    const response = await fetch(`${issuer}/.well-known/openid-configuration`);
    t.match(await response.json(), { end_session_endpoint: `${issuer}/logout` });
  });
  await t.test('oidcc-rp-initiated-logout', async (t) => {
    const { browser, page } = await leave(t, () => ({}));
    t.equal(page.url, `${goodbye}?state=${state}`);
    await isSignedOut(t, browser);
  });
  await t.test('oidcc-rp-initiated-logout-bad-post-logout-redirect-uri', async (t) =>
    isRefused(t, await leave(t, () => ({ post_logout_redirect_uri: `${goodbye}/x` }))),
  );
  await t.test('oidcc-rp-initiated-logout-modified-id-token-hint', async (t) => {
    const none = Buffer.from('{"alg":"none"}').toString('base64url');
    const modified = (idToken: string) => ({ id_token_hint: `${none}.${idToken.split('.')[1]}.` });
    await isRefused(t, await leave(t, modified));
  });
  await t.test('oidcc-rp-initiated-logout-no-id-token-hint', async (t) =>
    isRefused(t, await leave(t, () => ({ id_token_hint: '' }))),
  );
  await t.test('oidcc-rp-initiated-logout-no-params', async (t) =>
    isDoneHere(t, await leave(t, () => ({ id_token_hint: '', post_logout_redirect_uri: '', state: '' }))),
  );
  await t.test('oidcc-rp-initiated-logout-no-post-logout-redirect-uri', async (t) =>
    isDoneHere(t, await leave(t, () => ({ post_logout_redirect_uri: '' }))),
  );
  await t.test('oidcc-rp-initiated-logout-no-state', async (t) => {
    const { browser, page } = await leave(t, () => ({ state: '' }));
    t.equal(page.url, goodbye);
    await isSignedOut(t, browser);
  });
  await t.test('oidcc-rp-initiated-logout-only-state', async (t) =>
    isDoneHere(t, await leave(t, () => ({ id_token_hint: '', post_logout_redirect_uri: '' }))),
  );
  await t.test('oidcc-rp-initiated-logout-query-added-to-post-logout-redirect-uri', async (t) =>
    isRefused(t, await leave(t, () => ({ post_logout_redirect_uri: `${goodbye}?foo=bar` }))),
  );
  await t.test('oidcc-rp-initiated-logout-bad-id-token-hint', async (t) => {
    const forged = async (idToken: string) => {
      const claims = new SignJWT(decodeJwt(idToken)).setProtectedHeader({ alg: 'HS256' });
      return { id_token_hint: await claims.sign(randomBytes(32)) };
    };
    await isRefused(t, await leave(t, forged));
  });

  await t.test('oidcc-backchannel-logout-discovery-endpoint-verification', async (t) => {
    const response = await fetch(`${issuer}/.well-known/openid-configuration`);
    t.match(await response.json(), {
      backchannel_logout_supported: true,
      backchannel_logout_session_supported: true,
    });
  });
  await t.test('oidcc-backchannel-rp-initiated-logout', async (t) => {
    const { browser, page, id } = await leave(t, () => ({}), told);
    t.equal(page.url, `${goodbye}?state=${state}`);
    await server.service.care();
    const form = new URLSearchParams(logoutTokens.at(-1));
    t.strictSame([...form.keys()], ['logout_token']);
    const { payload } = await jwtVerify(form.get('logout_token') ?? '', jwks, {
      issuer,
      audience: told.client_id,
    });
    t.match(payload, { sub, sid: id.sid, iat: Number, exp: Number, jti: String });
    t.strictSame(payload.events, { 'http://schemas.openid.net/event/backchannel-logout': {} });
    t.equal(payload.nonce, undefined);
    await isSignedOut(t, browser);
  });
});
