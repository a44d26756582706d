// Accounts that people make themselves, new passwords and verified addresses, by links that are mailed: over a real
// socket, and a mail server's.
import { setTimeout as sleep } from 'node:timers/promises';
import t from 'tap';
import { createAccount, setAccountDisabled } from '../../src/accounts/account.ts';
import { type Page, type TestBrowser, testBrowser } from '../helpers/browser.ts';
import { authorizeUrl, redirectUri, signInByCode } from '../helpers/code-flow.ts';
import { mailServer } from '../helpers/mail-server.ts';
import { basic, testServer } from '../helpers/test-server.ts';

const mail = await mailServer(t);
const server = await testServer(t, {
  MINTMARK_SIGN_UP: 'open',
  MINTMARK_MAIL_SMTP_URL: mail.url,
  MINTMARK_MAIL_FROM: 'accounts@example.com',
  MINTMARK_PAGES_NAME: 'Example House',
  MINTMARK_SIGN_IN_ATTEMPTS_PER_ACCOUNT: '4',
});
const { issuer, clock } = server;
const { stores } = server.service.house;
const management = { ...server.service.house, actor: 'test' };
const password = 'correct horse battery';
const passwords = { new_password: password, repeated_password: password };
const client = await server.client({
  redirect_uris: [redirectUri],
  grant_types: ['authorization_code', 'refresh_token'],
  scope: 'openid email offline_access',
  first_party: true,
});

let people = 0;
const address = () => `person-${++people}@example.com`;
async function person(claims: Record<string, unknown> = {}) {
  const email = address();
  const { sub } = await createAccount(management, { email, password: 'an old long password', claims });
  return { email, password: 'an old long password', sub };
}

/** Asks for a letter; the answer is the page that says so. */
async function ask(path: string, email: string, browser = testBrowser(issuer)): Promise<Page> {
  return browser.submit(await browser.go(`${issuer}/${path}`), path.split('?')[0] as string, { email });
}

let settled = 0;
let seen = 0;

/** What is mailed once so many letters that are due have been tried, by this round or by one of the service's own. */
async function sent(due = 1) {
  settled += due;
  const tried = () => server.log.filter(({ msg }) => /^(a )?letter( could not be sent)?$/.test(String(msg)));
  for (let left = 200; ; left -= 1) {
    await server.service.care();
    if (tried().length >= settled) break;
    if (left === 0) throw new Error(`${tried().length} letters were tried, not ${settled}`);
    await sleep(50);
  }
  const mailed = mail.received.slice(seen);
  seen = mail.received.length;
  return mailed;
}

async function linkFor(path: string, email: string, browser?: TestBrowser): Promise<string> {
  await ask(path, email, browser);
  const [letter] = await sent();
  if (letter === undefined) throw new Error(`no letter to ${email}`);
  return letter.link;
}

const use = async (link: string, fields: Record<string, string> = passwords, browser = testBrowser(issuer)) =>
  browser.submit(await browser.go(link), '/letter', fields);

const isSignedIn = async (browser: TestBrowser) =>
  (await browser.go(`${issuer}/account`)).html.includes('Your account</h1>');

const signIn = async (who: { email: string; password: string }) => {
  const browser = testBrowser(issuer);
  await browser.submit(await browser.go(`${issuer}/account`), '/sign-in', { ...who });
  return isSignedIn(browser);
};

t.test('an account is made by the link, with an address that is verified', async (t) => {
  const email = address();
  const browser = testBrowser(issuer);
  const page = await ask('sign-up', email, browser);
  t.equal(page.url, `${issuer}/sign-up/sent`);
  t.equal(await stores.accounts.findByEmail(email), undefined, 'and not before');
  const [letter] = await sent();
  t.strictSame(letter?.to, [email]);
  t.match(letter?.source, /^From: Example House <accounts@example\.com>\r$/m);
  t.match(letter?.source, /^Subject: Your account at Example House\r$/m);
  t.match(letter?.source, /^Auto-Submitted: auto-generated\r$/m);
  const link = letter?.link as string;
  t.match(link, new RegExp(`^${issuer}/letter\\?ticket=[A-Za-z0-9_-]{43}$`));
  const done = await use(link, passwords, browser);
  t.match(done.html, /Your account was made/);
  t.ok(await isSignedIn(browser));
  t.match(await stores.accounts.findByEmail(email), { claims: { email_verified: true }, disabledAt: null });
  t.ok(await signIn({ email, password }));
  const [{ sub = '' } = {}] = [await stores.accounts.findByEmail(email)];
  const [created] = (await stores.audit.list({ limit: 9, subject: sub })).filter(
    ({ event }) => event === 'account.created',
  );
  t.equal(created?.actor, `account:${sub}`);
});

t.test('whoever signs up goes on with what the app asked for', async (t) => {
  const email = address();
  const browser = testBrowser(issuer);
  const page = await browser.go(authorizeUrl(issuer, client));
  const [, path = ''] = /href="\/(sign-up\?interaction=[^"]+)"/.exec(page.html) ?? [];
  const link = await linkFor(path, email, browser);
  const answered = await use(link, passwords, browser);
  t.ok(answered.url.startsWith(`${redirectUri}?code=`), answered.url);
});

t.test('the pages of letters are in the language that the app asked for, and so is the letter', async (t) => {
  const browser = testBrowser(issuer);
  const page = await browser.go(authorizeUrl(issuer, client, { ui_locales: 'de' }));
  const [, path = ''] = /href="\/(sign-up\?interaction=[^"]+)"/.exec(page.html) ?? [];
  const asking = await browser.go(`${issuer}/${path.replaceAll('&amp;', '&')}`);
  t.match(asking.html, /Konto anlegen<\/h1>/);
  const wrong = await browser.submit(asking, '/sign-up?ui_locales=de', { email: 'nobody' });
  t.match(wrong.html, /Bitte geben Sie eine E-Mail-Adresse an/);
  const done = await browser.submit(wrong, '/sign-up?ui_locales=de', { email: address() });
  t.match(done.html, /Sehen Sie in Ihr Postfach/);
  const [letter] = await sent();
  t.match(letter?.source, /Subject: Ihr Konto bei Example House/);
});

t.test('the link opened in another browser makes the account, and no session of the first', async (t) => {
  const email = address();
  const [here, there] = [testBrowser(issuer), testBrowser(issuer)];
  const page = await here.go(authorizeUrl(issuer, client));
  const [, path = ''] = /href="\/(sign-up\?interaction=[^"]+)"/.exec(page.html) ?? [];
  const link = await linkFor(path, email, here);
  t.match((await use(link, passwords, there)).html, /Your account was made/);
  t.ok(await isSignedIn(there));
  t.notOk(await isSignedIn(here));
});

t.test('a new password is chosen by the link, and ends all that the old one opened', async (t) => {
  const who = await person({ email_verified: false });
  const { browser: old, tokens } = await signInByCode(server, client, who, {
    change: { scope: 'openid offline_access' },
  });
  const browser = testBrowser(issuer);
  const page = await use(await linkFor('new-password', who.email, browser), passwords, browser);
  t.match(page.html, /role="status">Your password was changed/);
  t.match(page.html, /<h1>Sign in<\/h1>/, 'nobody is signed in by a link alone');
  t.notOk(await isSignedIn(old));
  const refreshed = await server.token(
    { grant_type: 'refresh_token', refresh_token: tokens.refresh_token },
    basic(client.client_id, client.client_secret),
  );
  t.equal(refreshed.status, 400);
  t.notOk(await signIn(who));
  t.ok(await signIn({ ...who, password }));
  t.match(await stores.accounts.findByEmail(who.email), { claims: { email_verified: true } });
  const [told] = await sent();
  t.match(told?.source, /^Subject: Your password at Example House was changed\r$/m);
});

t.test('whoever forgot the password goes on with what the app asked for', async (t) => {
  const who = await person();
  const browser = testBrowser(issuer);
  const page = await browser.go(authorizeUrl(issuer, client));
  const [, path = ''] = /href="\/(new-password\?interaction=[^"]+)"/.exec(page.html) ?? [];
  const back = await use(await linkFor(path, who.email, browser), passwords, browser);
  t.match(back.html, /Your password was changed/);
  const answered = await browser.submit(back, '/sign-in', { email: who.email, password });
  t.ok(answered.url.startsWith(`${redirectUri}?code=`), answered.url);
  await sent();
});

t.test('an address is verified by the link', async (t) => {
  const who = await person();
  const browser = testBrowser(issuer);
  const page = await browser.submit(await browser.go(`${issuer}/account`), '/sign-in', { ...who });
  t.match((await browser.submit(page, '/verify-email')).html, /The link is on its way/);
  const [letter] = await sent();
  t.strictSame(letter?.to, [who.email]);
  const done = await use(letter?.link as string, {}, browser);
  t.match(done.html, /Your address is confirmed/);
  t.notMatch(done.html, /\/verify-email/);
  t.match(await stores.accounts.findByEmail(who.email), { claims: { email_verified: true } });
  t.ok(await signIn(who), 'and the password is the same');
});

t.test('nobody learns whether there is an account', async (t) => {
  const [who, nobody, off] = [await person(), { email: address() }, await person()];
  await setAccountDisabled(management, off.email, true);
  const bare = ({ url, status, headers, html }: Page) => {
    const told = Object.fromEntries(headers);
    for (const name of ['date', 'x-request-id', 'set-cookie']) delete told[name];
    return { url, status, html, told };
  };
  for (const path of ['sign-up', 'new-password']) {
    const answers = [];
    for (const { email } of [who, nobody, off]) answers.push(bare(await ask(path, email)));
    t.strictSame(answers[0], answers[1], path);
    t.strictSame(answers[0], answers[2], path);
  }
  const letters = await sent(6);
  const subjects = letters.map(({ to, source }) => `${to}: ${/^Subject: (.*)\r$/m.exec(source)?.[1]}`).sort();
  t.strictSame(subjects, [
    `${who.email}: A new password for Example House`,
    `${who.email}: Your account at Example House`,
    `${nobody.email}: Your account at Example House`,
  ]);
  const [already] = letters.filter(
    ({ to, source }) => to[0] === who.email && source.includes('Your account'),
  );
  t.match(await use(already?.link as string), { html: /Your password was changed/ }, 'which helps its owner');
  await sent();
});

t.test('a link works once, for twenty at once', async (t) => {
  const who = await person();
  const link = await linkFor('new-password', who.email);
  const pages = await Promise.all(
    Array.from({ length: 20 }, async () => {
      const browser = testBrowser(issuer);
      return { browser, page: await browser.go(link) };
    }),
  );
  const answers = await Promise.all(
    pages.map(({ browser, page }, n) =>
      browser.submit(page, '/letter', {
        new_password: `password of ${n}`,
        repeated_password: `password of ${n}`,
      }),
    ),
  );
  t.equal(answers.filter(({ status }) => status === 200).length, 1);
  t.ok(answers.every(({ status, html }) => status === 200 || html.includes('This link was used already')));
  t.equal((await testBrowser(issuer).go(link)).status, 404);
  await sent();
});

t.test('looking at a link uses nothing', async (t) => {
  const link = await linkFor('new-password', (await person()).email);
  for (let n = 0; n < 3; n += 1) t.equal((await testBrowser(issuer).go(link)).status, 200);
  t.match(await use(link), { html: /Your password was changed/ });
  await sent();
});

t.test('a link is too old after a quarter of an hour', async (t) => {
  const link = await linkFor('new-password', (await person()).email);
  clock.advance(899);
  const browser = testBrowser(issuer);
  const page = await browser.go(link);
  t.equal(page.status, 200);
  clock.advance(2);
  t.equal((await browser.submit(page, '/letter', passwords)).status, 404);
});

t.test('a link is void once the password was changed by another', async (t) => {
  const who = await person();
  const [first, second] = [
    await linkFor('new-password', who.email),
    await linkFor('new-password', who.email),
  ];
  t.match(await use(second), { html: /Your password was changed/ });
  t.equal((await testBrowser(issuer).go(first)).status, 404);
  await sent();
});

t.test('a link to sign up is void once there is an account', async (t) => {
  const email = address();
  const [first, second] = [await linkFor('sign-up', email), await linkFor('sign-up', email)];
  t.match(await use(second), { html: /Your account was made/ });
  t.equal((await testBrowser(issuer).go(first)).status, 404);
});

t.test('an unfit password is said to be one, and uses nothing', async (t) => {
  const link = await linkFor('new-password', (await person()).email);
  t.match(await use(link, { new_password: 'short', repeated_password: 'short' }), {
    html: /role="alert"[^>]*>The new password is too short/,
  });
  t.match(await use(link, { ...passwords, repeated_password: 'another one' }), {
    html: /was not typed the same twice/,
  });
  t.match(await use(link), { html: /Your password was changed/ });
  await sent();
});

t.test('a form that was not given to this browser does nothing', async (t) => {
  const link = await linkFor('new-password', (await person()).email);
  const page = await testBrowser(issuer).go(link);
  t.equal((await testBrowser(issuer).submit(page, '/letter', passwords)).status, 403);
  const asking = await testBrowser(issuer).go(`${issuer}/sign-up`);
  t.equal((await testBrowser(issuer).submit(asking, '/sign-up', { email: address() })).status, 403);
  t.strictSame(await sent(0), []);
});

t.test('a link is at the issuer, whatever host the request names', async (t) => {
  const email = address();
  const browser = testBrowser(issuer);
  const page = await browser.go(`${issuer}/sign-up`);
  const [, token = ''] = /name="csrf_token" value="([^"]+)"/.exec(page.html) ?? [];
  const { app } = server.service;
  const { statusCode } = await app.inject({
    method: 'POST',
    url: '/sign-up',
    headers: {
      host: 'evil.example',
      'x-forwarded-host': 'evil.example',
      cookie: [...browser.cookies].map((pair) => pair.join('=')).join('; '),
      'content-type': 'application/x-www-form-urlencoded',
    },
    payload: new URLSearchParams({ csrf_token: token, email }).toString(),
  });
  t.equal(statusCode, 303);
  const [letter] = await sent();
  t.ok(letter?.link.startsWith(`${issuer}/letter?`));
  t.notOk(letter?.source.includes('evil'));
});

t.test('what is no address is said to be none', async (t) => {
  for (const email of ['', 'nobody', 'a@b@c.example', 'x@example.com\r\nBcc: y@example.com']) {
    const page = await ask('sign-up', email);
    t.match(page.html, /role="alert"[^>]*>Please enter an email address/, email);
  }
  t.strictSame(await sent(0), []);
});

t.test('an address is sent so many letters, and no more until the window is over', async (t) => {
  const who = await person();
  for (let n = 0; n < 4; n += 1)
    t.equal((await ask('new-password', who.email)).url, `${issuer}/new-password/sent`);
  t.match((await ask('new-password', who.email)).html, /Too many attempts/);
  t.equal((await sent(4)).length, 4);
  t.ok(await signIn(who), 'which keeps nobody from signing in');
  clock.advance(901);
  t.equal((await ask('new-password', who.email)).url, `${issuer}/new-password/sent`);
  t.equal((await sent()).length, 1);
});

t.test('a letter waits where the mail server is down, and is sent once it is back', async (t) => {
  const { email } = await person();
  mail.isDown = true;
  await ask('new-password', email);
  t.strictSame(await sent(), []);
  mail.isDown = false;
  t.strictSame(await sent(0), [], 'not at once');
  clock.advance(6);
  const [letter] = await sent();
  t.match(await use(letter?.link as string), { html: /Your password was changed/ });
  await sent();
});

t.test('a letter that the mail server will not have is not tried again', async (t) => {
  const { email } = await person();
  mail.refuses = email;
  await ask('new-password', email);
  t.strictSame(await sent(), []);
  mail.refuses = undefined;
  clock.advance(60);
  t.strictSame(await sent(0), []);
  t.match(server.log.at(-1), { outcome: 'not_wanted', cause: 'the mail server: EENVELOPE 550' });
});

t.test('a letter waits for a day, and is sent to the address as its owner writes it', async (t) => {
  const email = `Ada.Lovelace-${++people}@example.com`;
  await createAccount(management, { email, password });
  mail.isDown = true;
  await ask('new-password', email.toLowerCase());
  for (let hours = 0; hours < 12; hours += 1) {
    await sent();
    clock.advance(3_600);
  }
  mail.isDown = false;
  t.match(await sent(), [{ to: [email] }]);
});

t.test('no link and no address of a letter is in the log', async (t) => {
  const email = address();
  const link = await linkFor('sign-up', email);
  await use(link);
  const log = JSON.stringify(server.log);
  t.notOk(log.includes(new URL(link).searchParams.get('ticket') as string));
  t.notOk(log.includes(email));
  t.ok(log.includes('"kind":"sign_up","attempts":1,"outcome":"delivered"'));
});

t.test('in a trial a letter lies in the data folder, and its link is in the log', async (t) => {
  const trial = await testServer(t);
  const { email } = await createAccount(
    { ...trial.service.house, actor: 'test' },
    { email: 'ada@example.com', password },
  );
  const browser = testBrowser(trial.issuer);
  const page = await browser.go(`${trial.issuer}/new-password`);
  t.equal((await testBrowser(trial.issuer).go(`${trial.issuer}/sign-up`)).status, 404, 'sign_up is closed');
  await browser.submit(page, '/new-password', { email });
  await trial.service.care();
  const [told] = trial.log.filter(({ kind }) => kind === 'new_password');
  const [written] = trial.log.filter(({ file }) => file !== undefined);
  t.ok(told);
  t.match(await browser.go(String(written?.link)), { status: 200, html: /Choose a new password/ });
});
