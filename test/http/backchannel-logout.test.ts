// Clients that are told of logouts, over real sockets: who is told, by what, and what becomes of it where they are away.
import { once } from 'node:events';
import { createServer, type IncomingHttpHeaders } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createRemoteJWKSet, decodeJwt, decodeProtectedHeader, jwtVerify } from 'jose';
import t from 'tap';
import { createAccount } from '../../src/accounts/account.ts';
import { setClientDisabled } from '../../src/oauth/client-management.ts';
import { type TestBrowser, testBrowser } from '../helpers/browser.ts';
import { authorizeUrl, type Client, goThrough, redirectUri, signInByCode } from '../helpers/code-flow.ts';
import { basic, testServer } from '../helpers/test-server.ts';

const server = await testServer(t, { MINTMARK_KEYS_SIGNING_ALGS: 'RS256,ES256' });
const { issuer, clock } = server;
const management = { ...server.service.house, actor: 'test' };
const password = 'correct horse battery';

interface Told {
  readonly path: string;
  readonly method: string;
  readonly headers: IncomingHttpHeaders;
  readonly form: URLSearchParams;
}

/** What the clients were told, and what they answer by path. */
const told: Told[] = [];
const answers = new Map<string, number>();
const clients = createServer(async (request, response) => {
  const { url = '', method = '', headers } = request;
  let body = '';
  for await (const chunk of request) body += chunk;
  told.push({ path: url, method, headers, form: new URLSearchParams(body) });
  response.writeHead(answers.get(url) ?? 200, { location: '/elsewhere' }).end();
}).listen(0, '127.0.0.1');
await once(clients, 'listening');
const { port } = clients.address() as AddressInfo;
t.teardown(() => {
  clients.close();
  clients.closeAllConnections();
});

const metadata = { redirect_uris: [redirectUri], scope: 'openid' };
let names = 0;
/** A client that wants to be told, at a path of its own. */
async function listener(more: Record<string, unknown> = {}): Promise<Client & { path: string }> {
  const path = `/logout-${++names}`;
  const backchannel_logout_uri = `http://127.0.0.1:${port}${path}`;
  return { ...(await server.client({ ...metadata, backchannel_logout_uri, ...more })), path };
}

let people = 0;
async function person() {
  people += 1;
  const email = `person-${people}@example.com`;
  const { sub } = await createAccount(management, { email, password });
  return { sub, person: { email, password } };
}

const tokensOf = (at: Client, who: { email: string; password: string }, browser?: TestBrowser) =>
  signInByCode(server, at, who, browser && { browser });

const signOut = (browser: TestBrowser, id_token_hint: string) =>
  browser.go(`${issuer}/logout?${new URLSearchParams({ id_token_hint })}`);

/** What came to a client since the test began. */
const toldAt = ({ path }: { path: string }) => told.filter((one) => one.path === path);

async function pass(seconds: number): Promise<void> {
  clock.advance(seconds);
  await server.service.care();
}

const noticesOf = ({ client_id }: Client) => {
  const notices = server.log.filter((line) => line.clientId === client_id && line.outcome !== undefined);
  return notices.map(({ outcome }) => outcome).filter((outcome) => outcome !== 'opened');
};

t.test('every client of the session is told, by a token that is for it alone', async (t) => {
  const [one, two, elsewhere] = [
    await listener(),
    await listener({ id_token_signed_response_alg: 'ES256' }),
    await listener(),
  ];
  const silent = await server.client(metadata);
  const { person: who, sub } = await person();
  const { browser, tokens } = await tokensOf(one, who);
  for (const client of [two, silent]) await tokensOf(client, who, browser);
  await tokensOf(elsewhere, who);
  await signOut(browser, tokens.id_token);
  t.strictSame(toldAt(one), [], 'nobody waits for the clients');
  await server.service.care();
  t.strictSame(toldAt(elsewhere), [], 'another session of the same person goes on');
  const keys = createRemoteJWKSet(new URL(`${issuer}/.well-known/jwks.json`));
  for (const [client, alg] of [[one, 'RS256'] as const, [two, 'ES256'] as const]) {
    const [notice, ...more] = toldAt(client);
    t.equal(more.length, 0);
    t.equal(notice?.method, 'POST');
    t.equal(notice?.headers['content-type'], 'application/x-www-form-urlencoded');
    t.strictSame([...(notice?.form.keys() ?? [])], ['logout_token']);
    const { payload, protectedHeader } = await jwtVerify(notice?.form.get('logout_token') ?? '', keys, {
      issuer,
      audience: client.client_id,
      typ: 'logout+jwt',
      algorithms: [alg],
      requiredClaims: ['iat', 'exp', 'jti'],
    });
    t.match(payload, { sub, sid: decodeJwt(tokens.id_token).sid, aud: client.client_id });
    t.strictSame(payload.events, { 'http://schemas.openid.net/event/backchannel-logout': {} });
    t.notOk('nonce' in payload, 'no ID token');
    t.equal((payload.exp ?? 0) - (payload.iat ?? 0), 120);
    t.equal(protectedHeader.alg, alg);
  }
  await pass(4_000);
  t.equal(toldAt(one).length, 1, 'and not again');
  t.strictSame(noticesOf(one), ['delivered']);
  t.strictSame(noticesOf(silent as Client), ['not_wanted']);
});

t.test('a client that is away is told later, by the same notice', async (t) => {
  const client = await listener();
  const { person: who } = await person();
  const { browser, tokens } = await tokensOf(client, who);
  answers.set(client.path, 503);
  await signOut(browser, tokens.id_token);
  await server.service.care();
  t.equal(toldAt(client).length, 1);
  for (const [seconds, times] of [[4, 1] as const, [1.1, 2] as const, [9, 2] as const, [1.1, 3] as const]) {
    await pass(seconds);
    t.equal(toldAt(client).length, times, `${seconds} s later`);
  }
  answers.set(client.path, 204);
  await pass(20.1);
  t.equal(toldAt(client).length, 4);
  await pass(3_600);
  t.equal(toldAt(client).length, 4, '204 is as good as 200');
  const tokensTold = toldAt(client).map(({ form }) => decodeJwt(form.get('logout_token') ?? ''));
  t.equal(new Set(tokensTold.map(({ jti }) => jti)).size, 1, 'told twice, a client knows it');
  t.ok((tokensTold[3]?.exp ?? 0) > (tokensTold[0]?.exp ?? 0), 'and none has expired on its way');
  t.strictSame(noticesOf(client), ['postponed', 'postponed', 'postponed', 'delivered']);
});

t.test('after an hour nobody tries any more, and the log says so', async (t) => {
  const client = await listener();
  const { person: who } = await person();
  const { browser, tokens } = await tokensOf(client, who);
  answers.set(client.path, 400);
  await signOut(browser, tokens.id_token);
  await server.service.care();
  for (let wait = 5; wait < 4_000; wait *= 2) await pass(wait);
  t.equal(noticesOf(client).at(-1), 'given_up');
  const line = server.log.findLast(({ clientId }) => clientId === client.client_id);
  t.match(line, { level: 40, msg: 'a client could not be told of a logout', attempts: 11 });
  t.match(line, { cause: 'the answer has status 400' });
  const before = toldAt(client).length;
  await pass(10_000);
  t.equal(toldAt(client).length, before);
  const metrics = await (await fetch(`${issuer}/metrics`)).text();
  t.match(metrics, /mintmark_logout_notices_total\{outcome="given_up"\} 1/);
});

t.test('no redirect is followed, and no machine of our own network is asked', async (t) => {
  const redirecting = await listener();
  answers.set(redirecting.path, 302);
  const inside = await server.client({ ...metadata, backchannel_logout_uri: 'https://10.1.2.3/logout' });
  const { person: who } = await person();
  const { browser, tokens } = await tokensOf(redirecting, who);
  await tokensOf(inside, who, browser);
  await signOut(browser, tokens.id_token);
  await server.service.care();
  t.equal(toldAt({ path: '/elsewhere' }).length, 0);
  for (const client of [redirecting, inside as Client]) t.strictSame(noticesOf(client), ['postponed']);
  t.match(server.log.findLast(({ clientId }) => clientId === inside.client_id)?.cause, /is private/);
});

t.test(
  'a person who says yes at our page, or gives the browser away, has the clients told too',
  async (t) => {
    const client = await listener();
    const { person: who } = await person();
    const { browser } = await tokensOf(client, who);
    const page = await browser.go(`${issuer}/logout`);
    await browser.submit(page, new URL(page.url).pathname);
    await server.service.care();
    t.equal(toldAt(client).length, 1);

    await tokensOf(client, who, browser);
    const { person: another } = await person();
    const url = authorizeUrl(issuer, client, { prompt: 'login' });
    await goThrough(browser, await browser.go(url), another);
    await server.service.care();
    t.equal(toldAt(client).length, 2);
  },
);

t.test('a client that was disabled is told nothing', async (t) => {
  const client = await listener();
  const asking = await listener();
  const { person: who } = await person();
  const { browser, tokens } = await tokensOf(asking, who);
  await tokensOf(client, who, browser);
  await setClientDisabled(management, client.client_id, true);
  clock.advance(2);
  await signOut(browser, tokens.id_token);
  await server.service.care();
  t.strictSame(noticesOf(client), ['not_wanted']);
  t.equal(toldAt(client).length, 0);
});

t.test('a code of a session that has ended is worth nothing, so that nobody is missed', async (t) => {
  const client = await listener();
  const { person: who } = await person();
  const { browser, tokens } = await tokensOf(client, who);
  const { url } = await browser.go(authorizeUrl(issuer, client));
  await signOut(browser, tokens.id_token);
  const code = new URL(url).searchParams.get('code') ?? '';
  const form = {
    grant_type: 'authorization_code',
    code,
    redirect_uri: redirectUri,
    code_verifier: 'v'.repeat(43),
  };
  const { status, body } = await server.token(form, basic(client.client_id, client.client_secret));
  t.equal(status, 400);
  t.equal(body.error, 'invalid_grant');
});

t.test('a logout token opens nothing here', async (t) => {
  const client = await listener();
  const { person: who } = await person();
  const { browser, tokens } = await tokensOf(client, who);
  await signOut(browser, tokens.id_token);
  await server.service.care();
  const token = toldAt(client)[0]?.form.get('logout_token') ?? '';
  t.equal(decodeProtectedHeader(token).typ, 'logout+jwt');
  const headers = { authorization: `Bearer ${token}` };
  t.equal((await fetch(`${issuer}/userinfo`, { headers })).status, 401);
  t.equal((await signOut(testBrowser(issuer), token)).status, 400, 'and it is no hint');
});
