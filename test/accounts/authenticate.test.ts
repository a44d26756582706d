// Signing in by e-mail and password: who is told what, what it costs, and how often it may be tried. On the embedded
// store; and with Redis, where there is one, for what it keeps.
import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { setAccountDisabled, setPassword } from '../../src/accounts/account.ts';
import { networkOf } from '../../src/accounts/attempts.ts';
import { type AuthenticatorParts, createAuthenticator } from '../../src/accounts/authenticate.ts';
import { verifyPassword } from '../../src/accounts/password.ts';
import { argon2Cost, argon2Size } from '../../src/accounts/password-hash.ts';
import { createPasswordQueue } from '../../src/accounts/password-queue.ts';
import { passwordWork } from '../../src/accounts/password-work.ts';
import { systemClock } from '../../src/clock.ts';
import { loadConfig } from '../../src/config.ts';
import { systemRandom } from '../../src/random.ts';
import { authenticatorOf } from '../../src/sign-in-parts.ts';
import type { AccountRecord } from '../../src/stores/stores.ts';
import { openHouse } from '../../src/wire.ts';
import { countedWork } from '../helpers/password-work.ts';
import { scratchFolder } from '../helpers/service.ts';

// Some hashes are dear, and there are many.
t.setTimeout(120_000);

const password = 'correct horse';
/** `correct horse` as Django 3.2 keeps it, with two and with three thousand rounds. */
const djangos = {
  short: 'pbkdf2_sha256$2000$short$n+CWI6Cg9w3sPi4FyZSakfoxiPgT4IVD5iSYPEqy9ws=',
  long: 'pbkdf2_sha256$3000$long$/8XXTcqZvYOrqSE5OKP3gNNslFwbh+jPtIuH9ALfdr8=',
};
const cheap = { memoryCost: 9_728, timeCost: 3, parallelism: 1 };
const hashed = (cost = argon2Cost) => passwordWork.argon2(password, systemRandom.bytes(16), cost);

/** A house whose clock is moved by hand, and accounts in it. */
async function setting(t: Test, redisUrl?: string) {
  const { folder, remove } = scratchFolder();
  t.teardown(remove);
  let ahead = 0;
  const clock = { now: () => systemClock.now() + ahead };
  const env = { MINTMARK_DATA: join(folder, 'data'), ...(redisUrl && { REDIS_URL: redisUrl }) };
  const house = await openHouse(loadConfig({ env }).config, { beside: true, clock });
  let isClosed = false;
  const close = async () => {
    if (!isClosed) await house.close();
    isClosed = true;
  };
  t.teardown(close);
  const { accounts, audit } = house.stores;
  return {
    house,
    close,
    accounts,
    management: { ...house, actor: 'test' },
    advance: (seconds: number) => {
      ahead += seconds;
    },
    /** Makes an account; its e-mail is nobody's else, for a Redis may remember the run before. */
    async account(more: Partial<AccountRecord> = {}): Promise<AccountRecord> {
      const sub = systemRandom.id();
      const at = clock.now();
      const record = {
        sub,
        email: `${sub}@example.com`,
        name: null,
        passwordHash: null,
        claims: {},
        createdAt: at,
        updatedAt: at,
        disabledAt: null,
        tokensValidAfter: null,
        ...more,
      };
      await accounts.create(record, { at, event: 'account.created', actor: 'test', subject: sub });
      return record;
    },
    events: async (subject: string) => (await audit.list({ limit: 100, subject })).map(({ event }) => event),
    authenticator: (more: Partial<AuthenticatorParts> = {}) =>
      createAuthenticator({
        ...house.stores,
        clock,
        random: systemRandom,
        limits: { perAccount: 1_000, perAddress: 1_000, window: 900 },
        ...more,
      }),
  };
}

/** A network that no other test uses. */
const network = () => randomBytes(8).toString('hex').match(/.{4}/g)?.join(':') as string;
const address = () => `${network()}::1`;

const postgres = await setting(t);

t.test('who may enter, and why who may not', async (t) => {
  const { account, authenticator } = postgres;
  const { authenticate } = authenticator();
  const ada = await account({ passwordHash: await hashed() });
  const gone = await account({ passwordHash: await hashed(), disabledAt: 1 });
  const without = await account();
  const from = { password, address: address() };
  t.same(await authenticate({ ...from, email: ada.email }), { account: ada });
  t.same(await authenticate({ ...from, email: ada.email.toUpperCase() }), { account: ada }, 'in any case');
  t.same(await authenticate({ ...from, email: ada.email, password: 'wrong' }), { refused: 'password_wrong' });
  t.same(await authenticate({ ...from, email: gone.email }), { refused: 'account_disabled' });
  t.same(await authenticate({ ...from, email: without.email }), { refused: 'password_wrong' });
  for (const email of ['nobody@example.com', '', 'no e-mail', 'a\0b', 'half \ud83d', 'x'.repeat(100_000)]) {
    t.same(await authenticate({ ...from, email }), { refused: 'account_unknown' }, email.slice(0, 20));
  }
  for (const password of ['', '\0', 'half \ud83d', 'x'.repeat(100_000)]) {
    t.same(await authenticate({ ...from, email: ada.email, password }), { refused: 'password_wrong' });
  }
});

t.test('every refusal costs the same, and as much as the longest imported hash asks for', async (t) => {
  const { account, accounts, authenticator, advance, management } = postgres;
  const { work, spent } = countedWork();
  const { authenticate } = authenticator({ work });
  const cost = async (email: string, given = 'wrong') => {
    Object.assign(spent, { argon2: 0, iterations: 0 });
    await authenticate({ email, password: given, address: address() });
    return { ...spent };
  };
  const argon2 = argon2Size(argon2Cost);
  const long = await account({ passwordHash: djangos.long });
  const emails = {
    unknown: 'nobody@example.com',
    'an argon2 hash': (await account({ passwordHash: await hashed() })).email,
    'an argon2 hash of yesterday': (await account({ passwordHash: await hashed(cheap) })).email,
    'a hash of Django': (await account({ passwordHash: djangos.short })).email,
    'the longest of Django': long.email,
    'no password': (await account()).email,
    disabled: (await account({ passwordHash: djangos.short, disabledAt: 1 })).email,
    'a hash that is none': (await account({ passwordHash: 'pbkdf2_sha256$1$$' })).email,
  };
  for (const [what, email] of Object.entries(emails)) {
    t.same(await cost(email), { argon2, iterations: 3000 }, what);
  }
  t.same(await cost(emails.disabled, password), { argon2, iterations: 3000 }, 'disabled, and it was right');

  await setPassword(management, long.email, 'battery staple');
  t.same(await cost(emails.unknown), { argon2, iterations: 3000 }, 'it is remembered for a minute');
  advance(61);
  t.same(await cost(emails.unknown), { argon2, iterations: 2000 });
  t.equal(await accounts.longestImportedHash(), 2000);
});

t.test('a hash that has had its day is made anew at a sign-in', async (t) => {
  const { account, accounts, authenticator, events } = postgres;
  const { authenticate } = authenticator();
  const olds = {
    django: djangos.short,
    argon2: await hashed(cheap),
    dear: await hashed({ ...cheap, timeCost: 5 }),
  };
  for (const [what, passwordHash] of Object.entries(olds)) {
    const { sub, email, tokensValidAfter } = await account({ passwordHash });
    t.match(await authenticate({ email, password: 'wrong', address: address() }), { refused: String });
    t.equal((await accounts.findBySub(sub))?.passwordHash, passwordHash, 'not by a wrong password');
    t.match(await authenticate({ email, password, address: address() }), { account: { sub } }, what);
    const after = await accounts.findBySub(sub);
    t.match(after?.passwordHash, /^\$argon2id\$v=19\$m=19456,t=2,p=1\$/);
    t.ok(await verifyPassword(password, after?.passwordHash ?? null));
    t.equal(after?.tokensValidAfter, tokensValidAfter, 'it cuts nothing off');
    t.same(await events(sub), ['account.created']);
    t.match(
      await authenticate({ email, password, address: address() }),
      { account: { sub } },
      'and it holds',
    );
    t.equal((await accounts.findBySub(sub))?.passwordHash, after?.passwordHash, 'one of today stays');
  }
});

t.test('what was short enough for Django is short enough to be hashed again', async (t) => {
  const { account, accounts, authenticator } = postgres;
  const { sub, email } = await account({
    passwordHash: 'pbkdf2_sha256$24000$abcdefghijkl$7i7VHhWC9iGFVa6d+PXYzQt37aEbRAFLdEoVRTUuL10=',
  });
  const attempt = { email, password: 'short', address: address() };
  t.match(await authenticator().authenticate(attempt), { account: { sub } });
  t.match((await accounts.findBySub(sub))?.passwordHash, /^\$argon2id/);
});

t.test('a password that is changed meanwhile stays changed', async (t) => {
  const { account, accounts, authenticator, management } = postgres;
  const { email, sub } = await account({ passwordHash: djangos.short });
  const work = {
    ...passwordWork,
    async argon2(...args: Parameters<typeof passwordWork.argon2>) {
      await setPassword(management, email, 'battery staple');
      return passwordWork.argon2(...args);
    },
  };
  await authenticator({ work }).authenticate({ email, password, address: address() });
  t.ok(await verifyPassword('battery staple', (await accounts.findBySub(sub))?.passwordHash ?? null));
});

t.test(
  'where the store goes away once the password was right, the sign-in is one all the same',
  async (t) => {
    const { account, authenticator, close } = await setting(t);
    const { email, sub } = await account({ passwordHash: djangos.short });
    const work = {
      ...passwordWork,
      async argon2(...args: Parameters<typeof passwordWork.argon2>) {
        await close();
        return passwordWork.argon2(...args);
      },
    };
    const { authenticate } = authenticator({ work });
    const attempt = { email, password, address: address() };
    t.match(await authenticate(attempt), { account: { sub } });
    await t.rejects(authenticate(attempt), { name: 'StoreUnavailableError' }, 'and the next one is not');
  },
);

t.test('a full queue refuses without a count', async (t) => {
  const { account, authenticator } = postgres;
  const { email } = await account({ passwordHash: await hashed() });
  const limits = { perAccount: 8, perAddress: 8, window: 900 };
  const queue = createPasswordQueue({ inFlight: 1, waitingLimit: 1 });
  const { authenticate } = authenticator({ limits, queue });
  const from = address();
  const outcomes = await Promise.allSettled(
    Array.from({ length: 8 }, () => authenticate({ email, password, address: from })),
  );
  const refused = outcomes.filter((outcome) => outcome.status === 'rejected');
  t.ok(refused.length > 0);
  t.ok(refused.every(({ reason }) => reason.name === 'PasswordQueueFullError'));
  for (let i = 0; i < 8; i += 1) {
    t.match(await authenticate({ email, password: 'wrong', address: from }), { refused: 'password_wrong' });
  }
  t.match(await authenticate({ email, password, address: from }), { retryAfter: Number });
});

t.test('a network is an address of IPv4, and half an address of IPv6', async (t) => {
  const networks = {
    '203.0.113.7': '203.0.113.7',
    '::ffff:203.0.113.7': '203.0.113.7',
    '2001:db8:1:2:3:4:5:6': '2001:db8:1:2::/64',
    '2001:db8:1:2::9': '2001:db8:1:2::/64',
    '2001:db8:1:3::9': '2001:db8:1:3::/64',
    '::1': '::/64',
    'fe80::1%eth0': 'fe80::/64',
    'no address': 'no address',
    '': '',
  };
  for (const [address, network] of Object.entries(networks)) t.equal(networkOf(address), network);
});

for (const [store, redisUrl] of [
  ['Postgres', undefined],
  ['Redis', process.env.TEST_REDIS_URL],
] as const) {
  const given = { skip: store === 'Redis' && !redisUrl && 'TEST_REDIS_URL names no Redis server' };
  t.test(`limits, counted in ${store}`, given, async (t) => {
    const { house, account, authenticator, advance, management } = redisUrl
      ? await setting(t, redisUrl)
      : postgres;
    const { work, spent } = countedWork();
    const limited = (perAccount: number, perAddress: number) =>
      authenticator({ limits: { perAccount, perAddress, window: 900 }, work }).authenticate;
    const wrong = 'wrong';

    await t.test(
      'so many guesses for an account, also at once, and then nothing is even looked at',
      async (t) => {
        const authenticate = limited(5, 1_000);
        const { email } = await account({ passwordHash: await hashed() });
        spent.argon2 = 0;
        const outcomes = await Promise.all(
          Array.from({ length: 30 }, () => authenticate({ email, password: wrong, address: address() })),
        );
        t.equal(outcomes.filter((outcome) => 'refused' in outcome).length, 5);
        t.equal(outcomes.filter((outcome) => 'retryAfter' in outcome).length, 25);
        t.equal(spent.argon2, 5 * argon2Size(argon2Cost));
        const told = await authenticate({ email: email.toUpperCase(), password, address: address() });
        const { retryAfter } = told as { retryAfter: number };
        t.ok(Number.isInteger(retryAfter) && retryAfter > 890 && retryAfter <= 900, `${retryAfter}`);
        if (store === 'Redis') return;
        advance(901);
        t.match(await authenticate({ email, password, address: address() }), { account: { email } });
      },
    );

    await t.test('an account that is not there has the same limit', async (t) => {
      const authenticate = limited(2, 1_000);
      const attempt = () => ({ email: 'Nobody@example.com', password, address: address() });
      const known = { ...attempt(), email: (await account()).email };
      const unknown = { ...attempt(), email: `${systemRandom.id()}@example.com` };
      for (const attempt of [known, unknown]) {
        t.match(await authenticate(attempt), { refused: String });
        t.match(await authenticate(attempt), { refused: String });
        t.match(await authenticate(attempt), { retryAfter: Number });
      }
    });

    await t.test('who signs in uses nothing up', async (t) => {
      const authenticate = limited(2, 2);
      const { email } = await account({ passwordHash: await hashed() });
      const attempt = { email, password, address: address() };
      t.match(await authenticate({ ...attempt, password: wrong }), { refused: 'password_wrong' });
      for (let i = 0; i < 5; i += 1) t.match(await authenticate(attempt), { account: { email } });
      t.match(await authenticate({ ...attempt, password: wrong }), { refused: 'password_wrong' });
      t.match(await authenticate(attempt), { retryAfter: Number }, 'nor does it forgive a guess');
    });

    await t.test('a disabled account does, though its password was right', async (t) => {
      const authenticate = limited(1, 1_000);
      const { email } = await account({ passwordHash: await hashed() });
      await setAccountDisabled(management, email, true);
      t.match(await authenticate({ email, password, address: address() }), { refused: 'account_disabled' });
      t.match(await authenticate({ email, password, address: address() }), { retryAfter: Number });
    });

    await t.test('so many guesses from a network, whoever they are for', async (t) => {
      const authenticate = limited(1_000, 3);
      const half = network();
      const guess = (host: string) =>
        authenticate({ email: `${systemRandom.id()}@example.com`, password, address: `${half}::${host}` });
      for (const host of ['1', '2', '3']) t.match(await guess(host), { refused: 'account_unknown' });
      t.match(await guess('4'), { retryAfter: Number });
    });

    await t.test('an attempt that its account has none left for is none of its network', async (t) => {
      const authenticate = limited(1, 3);
      const email = `${systemRandom.id()}@example.com`;
      const from = address();
      t.match(await authenticate({ email, password, address: from }), { refused: 'account_unknown' });
      for (let i = 0; i < 5; i += 1) {
        t.match(await authenticate({ email, password, address: from }), { retryAfter: Number });
      }
      const other = () => ({ email: `${systemRandom.id()}@example.com`, password, address: from });
      t.match(await authenticate(other()), { refused: 'account_unknown' });
      t.match(await authenticate(other()), { refused: 'account_unknown' });
      t.match(await authenticate(other()), { retryAfter: Number });
    });

    await t.test('they are those of the configuration', async (t) => {
      const { authenticate } = authenticatorOf(house);
      const email = `${systemRandom.id()}@example.com`;
      for (let i = 0; i < 10; i += 1) {
        t.match(await authenticate({ email, password, address: address() }), { refused: 'account_unknown' });
      }
      t.match(await authenticate({ email, password, address: address() }), { retryAfter: Number });
    });
  });
}
