// Second factors over a real socket: set up, shown at sign-in, used once, and taken away; what a guesser, a thief of a
// browser and a second tab can do with them.
import t from 'tap';
import { authenticator } from '../helpers/authenticator.ts';
import { type Page, type TestBrowser, testBrowser } from '../helpers/browser.ts';
import {
  atAccount,
  codeOf,
  codesIn,
  newPerson,
  passkeyOptions,
  password,
  secretIn,
  withPasskey,
  withTotp,
} from '../helpers/factors.ts';
import { testServer } from '../helpers/test-server.ts';

const server = await testServer(t, {
  MINTMARK_SIGN_IN_ATTEMPTS_PER_ACCOUNT: '30',
  MINTMARK_SIGN_IN_ATTEMPTS_PER_ADDRESS: '1000',
});
const { issuer, clock } = server;
const { stores } = server.service.house;
const page = `${issuer}/account`;
const { origin } = new URL(issuer);

const isOwnPage = ({ html }: Page): boolean => html.includes('Your account</h1>');
const isSecondFactor = ({ html }: Page): boolean => html.includes('One more step</h1>');
const events = async (sub: string) =>
  (await stores.audit.list({ limit: 50, subject: sub })).map(({ event }) => event);
const sessionsOf = (sub: string) => stores.sessions.listOf(sub, 0);
const sessionCookie = ({ cookies }: TestBrowser) =>
  [...cookies].find(([name]) => name.includes('session'))?.[1];

t.test('an app is set up once it has made a code, and the recovery codes are shown once', async (t) => {
  const who = await newPerson(server);
  const { browser, page: own } = await atAccount(server, who);
  const before = sessionCookie(browser);
  const setUp = await browser.submit(own, '/account/totp');
  t.match(setUp.html, /role="img" aria-label="QR code[^"]*"><svg /);
  who.secret = secretIn(setUp);
  t.match(who.secret, /^[A-Z2-7]{32}$/);
  const wrong = await browser.submit(setUp, '/totp-confirm', { code: '000000' });
  t.match(wrong.html, /role="alert"[^>]*>The code is not right/);
  t.equal(secretIn(wrong), who.secret);
  t.equal(await stores.factors.find(who.sub), undefined, 'nothing is set up before');
  const done = await browser.submit(wrong, '/totp-confirm', { code: codeOf(who, clock) });
  const codes = codesIn(done);
  t.equal(new Set(codes).size, 8);
  for (const code of codes) t.match(code, /^([a-z2-7]{4}-){5}[a-z2-7]{4}$/);
  t.not(sessionCookie(browser), before, 'the session that is worth more has a new id');
  t.match(await sessionsOf(who.sub), [{ acr: 'aal2', amr: ['pwd', 'otp', 'mfa'] }]);
  const stored = JSON.stringify(await stores.factors.find(who.sub));
  for (const secret of [who.secret, ...codes, ...codes.map((code) => code.replaceAll('-', ''))])
    t.notOk(stored.includes(secret), 'no secret is stored as it is');
  t.strictSame((await events(who.sub)).slice(0, 2), ['account.session_raised', 'account.totp_added']);
  const after = await browser.go(page);
  t.match(after.html, /Set up on/);
  t.match(after.html, /8 are left/);
  t.equal(codesIn(after).length, 0);
  t.ok(isOwnPage(await browser.go(`${page}/totp`)), 'the secret is not shown again');
  const again = await browser.submit(setUp, '/totp-confirm', { code: codeOf(who, clock) });
  t.ok(isOwnPage(again), 'a second click ends well');
});

t.test('with the password alone nobody is signed in', async (t) => {
  const who = await newPerson(server);
  await withTotp(server, who);
  const sessions = await sessionsOf(who.sub);
  const { browser, page: asked } = await atAccount(server, who);
  t.ok(isSecondFactor(asked));
  t.ok(asked.html.includes(who.email));
  t.equal(sessionCookie(browser), undefined);
  t.strictSame(await sessionsOf(who.sub), sessions);
  const own = await browser.submit(asked, '/code', {
    code: ` ${codeOf(who, clock).replace(/^.../, '$& ')} `,
  });
  t.ok(isOwnPage(own), 'with a code they are, as apps show it');
  t.match(
    (await sessionsOf(who.sub)).find(({ sid }) => sessions.every((one) => one.sid !== sid)),
    { acr: 'aal2', amr: ['pwd', 'otp', 'mfa'] },
  );
});

t.test('a code is taken once', async (t) => {
  const who = await newPerson(server);
  await withTotp(server, who);
  const code = codeOf(who, clock);
  const first = await atAccount(server, who);
  t.ok(isOwnPage(await first.browser.submit(first.page, '/code', { code })));
  const second = await atAccount(server, who);
  const refused = await second.browser.submit(second.page, '/code', { code });
  t.match(refused.html, /role="alert"[^>]*>The code is not right, or was used before/);
  const earlier = await second.browser.submit(refused, '/code', { code: codeOf(who, clock, -1) });
  t.ok(isSecondFactor(earlier), 'nor one from before it');
  t.ok(server.log.some(({ reason }) => reason === 'second_factor_used'));
  const next = await second.browser.submit(earlier, '/code', { code: codeOf(who, clock, 1) });
  t.ok(isOwnPage(next), 'the next one is: the clock of a phone may be ahead');
});

t.test('a code that is two steps away is none', async (t) => {
  const who = await newPerson(server);
  await withTotp(server, who);
  for (const steps of [-2, 2]) {
    const { browser, page: asked } = await atAccount(server, who);
    t.ok(isSecondFactor(await browser.submit(asked, '/code', { code: codeOf(who, clock, steps) })));
  }
});

t.test('of twenty who bring the same code at once, one gets in', async (t) => {
  const who = await newPerson(server);
  await withTotp(server, who);
  const waiting = [];
  for (let i = 0; i < 20; i += 1) waiting.push(await atAccount(server, who));
  const code = codeOf(who, clock);
  const answers = await Promise.all(
    waiting.map(({ browser, page }) => browser.submit(page, '/code', { code })),
  );
  t.equal(answers.filter(isOwnPage).length, 1);
  t.equal(answers.filter(isSecondFactor).length, 19);
});

t.test('a recovery code signs in once, also of twenty at once', async (t) => {
  const who = await newPerson(server);
  await withTotp(server, who);
  const [code = '', another = ''] = who.recoveryCodes;
  const waiting = [];
  for (let i = 0; i < 20; i += 1) waiting.push(await atAccount(server, who));
  const answers = await Promise.all(
    waiting.map(({ browser, page }) => browser.submit(page, '/code', { code })),
  );
  t.equal(answers.filter(isOwnPage).length, 1);
  t.match(answers.find(isOwnPage)?.html, /7 are left/);
  t.equal((await events(who.sub)).filter((event) => event === 'account.recovery_code_used').length, 1);
  const { browser, page: asked } = await atAccount(server, who);
  const typed = another.toUpperCase().replaceAll('-', ' ');
  t.ok(isOwnPage(await browser.submit(asked, '/code', { code: typed })), 'however it is typed');
});

t.test('new recovery codes take the place of the old ones', async (t) => {
  const who = await newPerson(server);
  const browser = await withTotp(server, who);
  const shown = await browser.submit(await browser.go(page), '/recovery-codes');
  const codes = codesIn(shown);
  t.equal(codes.length, 8);
  const waiting = await atAccount(server, who);
  const refused = await waiting.browser.submit(waiting.page, '/code', { code: who.recoveryCodes[0] ?? '' });
  t.ok(isSecondFactor(refused));
  t.ok(isOwnPage(await waiting.browser.submit(refused, '/code', { code: codes[0] ?? '' })));
  t.ok((await events(who.sub)).includes('account.recovery_codes_made'));
});

t.test('guessing codes is limited by the counter of the password', async (t) => {
  const who = await newPerson(server);
  await withTotp(server, who);
  let { browser, page: at } = await atAccount(server, who);
  for (let i = 0; i < 30; i += 1) at = await browser.submit(at, '/code', { code: '000000' });
  at = await browser.submit(at, '/code', { code: codeOf(who, clock) });
  t.match(at.html, /Too many attempts/);
  t.match((await atAccount(server, who)).page.html, /Too many attempts/);
  clock.advance(901);
  ({ browser, page: at } = await atAccount(server, who));
  t.ok(isOwnPage(await browser.submit(at, '/code', { code: codeOf(who, clock) })));
});

t.test('a half sign-in is for its own browser, ends soon, and with the password', async (t) => {
  const who = await newPerson(server);
  const signedIn = await withTotp(server, who);
  const { browser, page: asked } = await atAccount(server, who);
  const other = testBrowser(issuer);
  t.ok((await other.go(page)).html.includes('id="password"'));
  const stolen = await other.post(`${page}/code`, {
    csrf_token: /csrf_token" value="([^"]*)"/.exec(asked.html)?.[1] ?? '',
    code: codeOf(who, clock),
  });
  t.equal(stolen.status, 403);
  clock.advance(601);
  const late = await browser.submit(asked, '/code', { code: codeOf(who, clock) });
  t.ok(late.html.includes('id="password"'), 'ten minutes later the password is asked for again');
  const again = await atAccount(server, who, browser);
  t.ok(isSecondFactor(again.page));
  await signedIn.submit(await signedIn.go(page), '/account/password', {
    current_password: password,
    new_password: 'a new long password',
    repeated_password: 'a new long password',
  });
  const cutOff = await browser.submit(again.page, '/code', { code: codeOf(who, clock) });
  t.ok(cutOff.html.includes('id="password"'));
  t.equal((await sessionsOf(who.sub)).length, 1);
  t.match(await sessionsOf(who.sub), [{ acr: 'aal2' }], 'whoever changed it keeps what was shown');
});

t.test('whoever started with the wrong account starts again', async (t) => {
  const who = await newPerson(server);
  await withTotp(server, who);
  const { browser, page: asked } = await atAccount(server, who);
  const start = await browser.submit(asked, '/start-over');
  t.ok(start.html.includes('id="password"'));
});

t.test('a second factor is changed after a recent sign-in alone', async (t) => {
  const who = await newPerson(server);
  const browser = await withTotp(server, who);
  const own = await browser.go(page);
  t.match(own.html, /action="[^"]*\/totp-remove"/);
  clock.advance(601);
  const late = await browser.go(page);
  t.notMatch(late.html, /action="[^"]*\/totp-remove"/);
  t.match(late.html, /href="[^"]*\?again=1"/);
  for (const form of ['/totp-remove', '/recovery-codes'])
    t.match((await browser.submit(own, form)).html, /please sign in again first/);
  t.ok(isOwnPage(await browser.go(`${page}/passkey`)));
  const [{ sid } = { sid: '' }] = await sessionsOf(who.sub);
  const start = await browser.go(`${page}?again=1`);
  t.match(start.html, /Please sign in again/);
  const wrong = await browser.submit(start, '/account/sign-in', { email: who.email, password: 'wrong' });
  t.match(wrong.html, /role="alert"[^>]*>The email or the password is not right/);
  const asked = await browser.submit(wrong, '/account/sign-in', { email: who.email, password });
  t.ok(isSecondFactor(asked), 'with both factors');
  const after = await browser.submit(asked, '/code', { code: codeOf(who, clock) });
  t.equal((await sessionsOf(who.sub))[0]?.sid, sid, 'in the same session');
  const removed = await browser.submit(after, '/totp-remove');
  t.match(removed.html, /role="status"[^>]*>The app is not asked for/);
  t.equal(await stores.factors.find(who.sub), undefined, 'the recovery codes go with the last factor');
  t.equal((await events(who.sub))[0], 'account.totp_removed');
  t.ok(isOwnPage((await atAccount(server, who)).page), 'the password is enough again');
});

t.test('a session from before the second factor cannot take it away', async (t) => {
  const who = await newPerson(server);
  const { browser: before, page: own } = await atAccount(server, who);
  await withTotp(server, who);
  const passkeyPage = await before.go(`${page}/passkey`);
  t.ok(isOwnPage(passkeyPage));
  t.match((await before.submit(own, '/account/totp')).html, /please sign in again first/);
  t.match((await before.go(page)).html, /\?again=1/);
});

t.test('a form that this browser was not given does nothing', async (t) => {
  const who = await newPerson(server);
  const browser = await withTotp(server, who);
  const own = await browser.go(page);
  const session = /name="session" value="([^"]*)"/.exec(own.html)?.[1] ?? '';
  const attacker = await (await atAccount(server, await newPerson(server))).browser.go(page);
  const csrf_token = /csrf_token" value="([^"]*)"/.exec(attacker.html)?.[1] ?? '';
  const forms = ['totp', 'totp-confirm', 'totp-remove', 'passkey-add', 'passkey-remove', 'recovery-codes'];
  for (const form of [...forms, 'code', 'passkey', 'start-over'])
    t.equal((await browser.post(`${page}/${form}`, { session, csrf_token })).status, 403, form);
  t.not((await stores.factors.find(who.sub))?.totp, null);
});

t.test('the first-party door does not let an account with a second factor in by its password', async (t) => {
  const door = { first_party: true, token_endpoint_auth_method: 'none' };
  const app = await server.client(door);
  const who = await newPerson(server);
  const ask = async (client: { client_id: string }, secret: string, { email } = who) => {
    const response = await fetch(`${issuer}/api/token/`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ client_id: client.client_id, email, password: secret }),
    });
    return { status: response.status, body: (await response.json()) as Record<string, string> };
  };
  t.equal((await ask(app, password)).status, 200);
  const unknown = await ask(app, 'wrong');
  await withTotp(server, who);
  t.match(await ask(app, password), { status: 401, body: { code: 'second_factor_required' } });
  t.strictSame(await ask(app, 'wrong'), unknown, 'whoever does not know the password learns nothing');
  const strict = await server.client({ ...door, require_acr: 'aal2' });
  const plain = await newPerson(server);
  t.match(await ask(strict, password, plain), { status: 401, body: { code: 'acr_too_low' } });
  t.strictSame(await ask(strict, 'wrong', plain), unknown);
  const device = await server.client({ ...door, password_suffices: true });
  const { status, body } = await ask(device, password);
  t.equal(status, 200);
  const [, claims = ''] = (body.access ?? '').split('.');
  t.match(JSON.parse(Buffer.from(claims, 'base64url').toString()), { acr: 'aal1', amr: ['pwd'] });
});

t.test('a passkey is set up, and signs in alone', async (t) => {
  const who = await newPerson(server);
  const device = authenticator(origin);
  const { browser, done } = await withPasskey(server, who, device);
  t.equal(codesIn(done).length, 8);
  t.match(await stores.factors.find(who.sub), { passkeys: [{ id: device.id, name: 'Phone' }] });
  t.match((await browser.go(page)).html, /Passkey “Phone”[\s\S]*Not used yet/);
  t.ok((await events(who.sub)).includes('account.passkey_added'));
  const anew = testBrowser(issuer);
  const start = await anew.go(page);
  t.match(start.headers.get('content-security-policy'), /script-src 'sha256-[^']+';/);
  const credential = device.use(passkeyOptions(start));
  const own = await anew.submit(start, '/account/passkey', { credential });
  t.ok(isOwnPage(own));
  t.match(own.html, /Last used just now/);
  t.match(
    (await sessionsOf(who.sub)).find(({ amr }) => !amr.includes('pwd')),
    { acr: 'aal2', amr: ['hwk', 'pop', 'user', 'mfa'] },
  );
  const removed = await anew.submit(own, '/passkey-remove', { id: device.id });
  t.match(removed.html, /role="status"[^>]*>The passkey is removed/);
  const last = testBrowser(issuer);
  const at = await last.go(page);
  const gone = await last.submit(at, '/account/passkey', { credential: device.use(passkeyOptions(at)) });
  t.match(gone.html, /role="alert"[^>]*>This passkey is not one/);
});

t.test('a passkey is asked for after the password, too', async (t) => {
  const who = await newPerson(server);
  const device = authenticator(origin);
  await withPasskey(server, who, device);
  const { browser, page: asked } = await atAccount(server, who);
  t.ok(isSecondFactor(asked));
  t.match(passkeyOptions(asked).allowCredentials, [{ id: device.id }]);
  t.match(asked.html, /A recovery code works without them/);
  const stranger = authenticator(origin);
  await withPasskey(server, await newPerson(server), stranger);
  const other = await browser.submit(asked, '/account/passkey', {
    credential: stranger.use(passkeyOptions(asked)),
  });
  t.ok(isSecondFactor(other), 'that of another account does not do');
  const own = await browser.submit(other, '/account/passkey', {
    credential: device.use(passkeyOptions(other)),
  });
  t.ok(isOwnPage(own));
});

t.test('an answer of a passkey proves nothing twice, elsewhere, or without its person', async (t) => {
  const who = await newPerson(server);
  const device = authenticator(origin);
  await withPasskey(server, who, device);
  const attempt = async (credential: (options: ReturnType<typeof passkeyOptions>) => string) => {
    const browser = testBrowser(issuer);
    const start = await browser.go(page);
    return browser.submit(start, '/account/passkey', { credential: credential(passkeyOptions(start)) });
  };
  const elsewhere = passkeyOptions(await testBrowser(issuer).go(page));
  const victim = await stores.factors.find((await newPerson(server)).sub);
  t.equal(victim, undefined);
  let used = '';
  const first = await attempt((options) => {
    used = device.use(options);
    return used;
  });
  t.ok(isOwnPage(first));
  const wrong: [string, Parameters<typeof attempt>[0]][] = [
    ['a second time', () => used],
    ['the challenge of another browser', () => device.use(elsewhere)],
    ['another site', (options) => device.use(options, { origin: 'https://evil.example' })],
    ['without verification', (options) => device.use(options, { isVerified: false })],
    ['the key of another', (options) => authenticator(origin).use(options, { handle: 'x' })],
    ['no JSON', () => '{'],
    ['no answer', () => '{"id":1,"response":[]}'],
    ['nothing', () => ''],
  ];
  for (const [what, credential] of wrong) {
    const answer = await attempt(credential);
    t.match(answer.html, /role="alert"[^>]*>This passkey is not one/, what);
  }
});

t.test('a passkey that is not rightly made is not added', async (t) => {
  const who = await newPerson(server);
  const { browser } = await atAccount(server, who);
  const attempt = async (make: (options: ReturnType<typeof passkeyOptions>) => Record<string, string>) => {
    const at = await browser.go(`${page}/passkey`);
    return browser.submit(at, '/passkey-add', { name: 'Phone', ...make(passkeyOptions(at)) });
  };
  const device = authenticator(origin);
  const wrong: Parameters<typeof attempt>[0][] = [
    (options) => ({ credential: device.create(options, { isVerified: false }) }),
    (options) => ({ credential: device.create(options, { origin: 'https://evil.example' }) }),
    (options) => ({ credential: device.create(options), handle: 'another' }),
    () => ({ credential: '' }),
  ];
  for (const make of wrong)
    t.match((await attempt(make)).html, /role="alert"[^>]*>The passkey was not added/);
  t.equal(await stores.factors.find(who.sub), undefined);
});

t.test('a second passkey is for the same handle, and none is added twice', async (t) => {
  const who = await newPerson(server);
  const [one, two] = [authenticator(origin), authenticator(origin)];
  const { browser } = await withPasskey(server, who, one);
  const at = await browser.go(`${page}/passkey`);
  t.match(passkeyOptions(at).excludeCredentials, [{ id: one.id }]);
  const done = await browser.submit(at, '/passkey-add', {
    credential: two.create(passkeyOptions(at)),
    name: '<b>Key</b>',
  });
  t.match(done.html, /&lt;b&gt;Key/);
  t.match(done.html, /role="status"[^>]*>The passkey is set up/);
  const again = await browser.go(`${page}/passkey`);
  const twice = await browser.submit(again, '/passkey-add', {
    credential: two.create(passkeyOptions(again)),
  });
  t.match(twice.html, /The passkey was not added/);
  for (const device of [one, two]) {
    const anew = testBrowser(issuer);
    const start = await anew.go(page);
    const credential = device.use(passkeyOptions(start));
    t.ok(isOwnPage(await anew.submit(start, '/account/passkey', { credential })));
  }
});

t.test('a disabled account is not signed in by any factor', async (t) => {
  const who = await newPerson(server);
  const device = authenticator(origin);
  await withPasskey(server, who, device);
  const { browser, page: asked } = await atAccount(server, who);
  await stores.accounts.setDisabled(who.sub, clock.now(), {
    at: clock.now(),
    event: 'account.disabled',
    actor: 'test',
    subject: who.sub,
  });
  const late = await browser.submit(asked, '/code', { code: who.recoveryCodes[0] ?? '' });
  t.ok(late.html.includes('id="password"'));
  const start = await browser.go(page);
  const credential = device.use(passkeyOptions(start));
  t.notOk(isOwnPage(await browser.submit(start, '/account/passkey', { credential })));
});

t.test('the secret of one account is of no use to another', async (t) => {
  const [one, two] = [await newPerson(server), await newPerson(server)];
  await withTotp(server, one);
  await withTotp(server, two);
  const [ours, theirs] = [await stores.factors.find(one.sub), await stores.factors.find(two.sub)];
  if (!ours?.totp || !theirs?.totp) throw new Error('no secrets');
  const next = { ...ours, totp: { ...ours.totp, jwe: theirs.totp.jwe } };
  t.ok(await stores.factors.compareAndSwap({ sub: one.sub, expected: ours, next, audit: [] }));
  const { browser, page: asked } = await atAccount(server, one);
  const answer = await browser.submit(asked, '/code', { code: codeOf(two, clock) });
  t.equal(answer.status, 500, 'the store was tampered with');
  t.notOk(isOwnPage(await browser.go(page)));
});
