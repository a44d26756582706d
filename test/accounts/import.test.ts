// Accounts from elsewhere: what a file may say, what becomes of it, and that nothing is lost or told that should not be.
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { createAccount } from '../../src/accounts/account.ts';
import { importAccounts } from '../../src/accounts/import.ts';
import { readAccountFile } from '../../src/accounts/import-file.ts';
import { hashPassword } from '../../src/accounts/password.ts';
import { loadConfig } from '../../src/config.ts';
import { systemRandom } from '../../src/random.ts';
import { authenticatorOf } from '../../src/sign-in-parts.ts';
import { openHouse } from '../../src/wire.ts';
import { scratchFolder } from '../helpers/service.ts';

t.setTimeout(120_000);

/** `correct horse` */
const django = 'pbkdf2_sha256$3000$long$/8XXTcqZvYOrqSE5OKP3gNNslFwbh+jPtIuH9ALfdr8=';
const argon2 = await hashPassword('correct horse', systemRandom);

const lines = (...accounts: unknown[]) =>
  accounts.map((account) => (typeof account === 'string' ? account : JSON.stringify(account))).join('\n');

/** As `manage.py dumpdata` writes it. */
const fixture = (...users: Record<string, unknown>[]) =>
  JSON.stringify([
    { model: 'auth.group', pk: 1, fields: { name: 'staff', permissions: [] } },
    ...users.map(({ pk, ...fields }) => ({ model: 'auth.user', pk, fields: { ...aUser, ...fields } })),
  ]);
const aUser = {
  password: django,
  last_login: null,
  is_superuser: false,
  username: 'x',
  first_name: '',
  last_name: '',
  email: '',
  is_staff: false,
  is_active: true,
  date_joined: '2019-03-01T10:00:00Z',
  groups: [],
  user_permissions: [],
};

async function setting(t: Test) {
  const { folder, remove } = scratchFolder();
  t.teardown(remove);
  const env = { MINTMARK_DATA: join(folder, 'data') };
  const house = await openHouse(loadConfig({ env }).config, {
    beside: true,
    clock: { now: () => 1_800_000_000 },
  });
  t.teardown(() => house.close());
  return { house, management: { ...house, actor: 'operator:ada' } };
}

const { house, management } = await setting(t);
const { accounts, audit } = house.stores;
let names = 0;
const fresh = () => `user${++names}@example.com`;
const everything = async () => [await accounts.list(), (await audit.list({ limit: 10_000 })).length];

t.test('a line is an account, with all that it says', async (t) => {
  const [ada, eve, bob] = [fresh(), fresh(), fresh()];
  const text = lines(
    { email: ada, password: django, name: ' Ada ', claims: { attributes: { roles: ['admin'] } } },
    '',
    { email: eve, password: argon2, name: null, disabled: true, id: 7 },
    `  ${JSON.stringify({ email: bob, password: null, claims: null, disabled: false })}  \r`,
    '',
  );
  t.same(await importAccounts(management, { text: `\ufeff${text}` }), {
    imported: 3,
    existing: 0,
    refused: [],
  });
  t.match(await accounts.findByEmail(ada), {
    sub: /^[\da-f]{8}-/,
    name: 'Ada',
    passwordHash: django,
    claims: { attributes: { roles: ['admin'] } },
    createdAt: 1_800_000_000,
    disabledAt: null,
    tokensValidAfter: null,
  });
  t.match(await accounts.findByEmail(eve), {
    sub: /^[\da-f]{8}-/,
    passwordHash: argon2,
    disabledAt: 1_800_000_000,
  });
  const stored = await accounts.findByEmail(bob);
  t.match(stored, { name: null, passwordHash: null, claims: {}, disabledAt: null });
  t.match(await audit.list({ limit: 10, subject: stored?.sub ?? '' }), [
    { event: 'account.imported', actor: 'operator:ada', at: 1_800_000_000 },
  ]);
});

t.test('a fixture of Django is read for its users, of whatever model', async (t) => {
  const [ada, eve, bob] = [fresh(), fresh(), fresh()];
  const text = JSON.stringify(
    [
      ...JSON.parse(
        fixture(
          { pk: 41, email: ada, first_name: 'Ada', last_name: 'Lovelace' },
          { pk: 42, email: eve, first_name: 'Eve', is_active: false, password: '!PzqWI8PwQKPypEzGFckCxN80' },
        ),
      ),
      { model: 'people.person', pk: 'b0b', fields: { email: bob, password: `argon2${argon2}` } },
    ],
    null,
    2,
  );
  t.same(await importAccounts(management, { text }), { imported: 3, existing: 0, refused: [] });
  t.match(await accounts.findByEmail(ada), {
    sub: /^[\da-f]{8}-/,
    name: 'Ada Lovelace',
    passwordHash: django,
  });
  t.match(await accounts.findByEmail(eve), { name: 'Eve', passwordHash: null, disabledAt: Number });
  t.match(await accounts.findByEmail(bob), { name: null, passwordHash: argon2, disabledAt: null });
});

t.test('who was imported signs in with the password of before', async (t) => {
  const [email, disabled, without] = [fresh(), fresh(), fresh()];
  const text = fixture(
    { pk: 1, email },
    { pk: 2, email: disabled, is_active: false },
    { pk: 3, email: without, password: '!' },
  );
  await importAccounts(management, { text });
  const { authenticate } = authenticatorOf(house);
  const attempt = { password: 'correct horse', address: '192.0.2.1' };
  t.match(await authenticate({ ...attempt, email }), { account: { email } });
  t.match((await accounts.findByEmail(email))?.passwordHash, /^\$argon2id\$/, 'and has a new hash of it');
  t.match(await authenticate({ ...attempt, email: disabled }), { refused: 'account_disabled' });
  t.match(await authenticate({ ...attempt, email: without }), { refused: 'password_wrong' });
});

t.test('ids are kept where that is asked for', async (t) => {
  const [ada, eve, bob] = [fresh(), fresh(), fresh()];
  const users = fixture({ pk: 41, email: ada }, { pk: null, email: eve }, { pk: 1.5, email: eve });
  t.match(await importAccounts(management, { text: users, keepIds: true }), {
    imported: 1,
    refused: [
      { where: 'record 3', reason: /no id that could be kept/ },
      { where: 'record 4', reason: /no id that could be kept/ },
    ],
  });
  t.equal((await accounts.findBySub('41'))?.email, ada);
  const text = lines(
    { id: 'b0b', email: bob, password: null },
    { id: '41', email: fresh(), password: null },
    { id: 'b0b', email: fresh(), password: null },
    { id: 'a b', email: fresh(), password: null },
    { id: 'x'.repeat(256), email: fresh(), password: null },
    { email: fresh(), password: null },
    { id: 99, email: ada, password: null },
  );
  const expected = {
    imported: 1,
    existing: 1,
    refused: [
      { where: 'line 2', reason: 'the id 41 belongs to another account' },
      { where: 'line 3', reason: 'line 1 has the same id' },
      { where: 'line 4', reason: /no id/ },
      { where: 'line 5', reason: /no id/ },
      { where: 'line 6', reason: /no id/ },
    ],
  };
  t.match(await importAccounts(management, { text, keepIds: true, dryRun: true }), expected);
  t.match(await importAccounts(management, { text, keepIds: true }), expected);
  t.equal((await accounts.findBySub('b0b'))?.email, bob);
  t.equal((await accounts.findByEmail(ada))?.sub, '41', 'and those that are here keep theirs');
});

t.test('what cannot be taken is told, and everything else is', async (t) => {
  const [first, last] = [fresh(), fresh()];
  const email = fresh();
  const bad: readonly (readonly [unknown, RegExp])[] = [
    ['{"email":', /^it is not JSON from column 10 on$/],
    ['7', /^it is no JSON object$/],
    ['"text"', /^it is no JSON object$/],
    ['null', /^it is no JSON object$/],
    [{ password: null }, /no e-mail address/],
    [{ email: '', password: null }, /no e-mail address/],
    [{ email: ['a@example.com'], password: null }, /no e-mail address/],
    [{ email: 'nobody', password: null }, /no e-mail address/],
    [{ email }, /a hash, or null/],
    [{ email, password: 7 }, /a hash, or null/],
    [{ email, password: 'correct horse' }, /no hash that can be verified here/],
    [{ email, password: 'bcrypt$$2b$12$xyz' }, /no hash that can be verified here/],
    [{ email, password: django.replace('3000', '99999999') }, /of at most 10000000 iterations/],
    [{ email, password: null, name: 7 }, /name should be a string/],
    [{ email, password: null, name: 'a\nb' }, /no control characters/],
    [{ email, password: null, name: 'x'.repeat(201) }, /1 to 200 characters/],
    [{ email, password: null, claims: 'admin' }, /JSON object/],
    [{ email, password: null, claims: { iss: 'me' } }, /cannot hold iss/],
    [{ email, password: null, claims: { note: 'half \ud83d' } }, /half a character/],
    [
      `{"email":"${email}","password":null,"claims":{"a":${'['.repeat(9_000)}${']'.repeat(9_000)}}}`,
      /too deeply/,
    ],
    [{ email, password: null, disabled: 'no' }, /true or false/],
    [{ email, passwd: django }, /^"passwd" is unknown; did you mean password\?$/],
    [{ email: first.toUpperCase(), password: null }, /^line 1 has the same e-mail$/],
  ];
  const text = lines({ email: first, password: django }, ...bad.map(([account]) => account), {
    email: last,
    password: django,
  });
  const dry = await importAccounts(management, { text, dryRun: true });
  const report = await importAccounts(management, { text });
  t.same(report, dry, 'a dry run says the same');
  t.match(report, { imported: 2, existing: 0 });
  t.same(
    report.refused.map(({ where }) => where),
    bad.map((_, i) => `line ${i + 2}`),
  );
  for (const [i, [, reason]] of bad.entries()) t.match(report.refused[i]?.reason, reason);
  t.notMatch(
    JSON.stringify(report),
    /correct horse|bcrypt\$|pbkdf2_sha256\$/,
    'and no reason repeats a secret',
  );
  t.ok((await accounts.findByEmail(first)) && (await accounts.findByEmail(last)));
  t.equal(await accounts.findByEmail(email), undefined);
});

t.test('a file that is imported again changes nothing', async (t) => {
  const [ada, eve] = [fresh(), fresh()];
  const text = lines({ email: ada, password: django }, { email: eve, password: null });
  t.match(await importAccounts(management, { text }), { imported: 2 });
  const before = await everything();
  const again = lines(
    { email: ada.toUpperCase(), password: argon2, name: 'X' },
    { email: eve, password: null },
  );
  t.same(await importAccounts(management, { text: again }), { imported: 0, existing: 2, refused: [] });
  t.same(await everything(), before);
});

t.test('a dry run changes nothing', async (t) => {
  const { email } = await createAccount(management, { email: fresh() });
  const before = await everything();
  const text = lines({ email, password: null }, { email: fresh(), password: django });
  const report = await importAccounts(management, { text, dryRun: true });
  t.same(report, { imported: 1, existing: 1, refused: [] });
  t.same(await everything(), before);
});

t.test('a fixture is read whole or not at all', async (t) => {
  t.throws(() => readAccountFile('[{"model":"auth.user",\n"pk":}]'), {
    name: 'OperatorError',
    message: /^the fixture is not JSON at line 2, column 6/,
  });
  t.match(readAccountFile('[1, {"email":"a@example.com","password":null}, {"model":"x","fields":{}}]'), [
    { where: 'record 1', problem: /no "fields"/ },
    { where: 'record 2', problem: /no "fields"/ },
  ]);
  for (const empty of ['', '\n\n', '[]', ' [ ] ']) t.same(readAccountFile(empty), []);
});
