// Accounts and their passwords, on the embedded store.
import { join } from 'node:path';
import t from 'tap';
import {
  accountJson,
  createAccount,
  findAccount,
  setAccountDisabled,
  setPassword,
  signOut,
} from '../../src/accounts/account.ts';
import { isEmail } from '../../src/accounts/email.ts';
import { assertPassword, hashPassword, verifyPassword } from '../../src/accounts/password.ts';
import { loadConfig } from '../../src/config.ts';
import { systemRandom } from '../../src/random.ts';
import { openHouse } from '../../src/wire.ts';
import { scratchFolder } from '../helpers/service.ts';

t.test('an e-mail address is what a browser takes for one', async (t) => {
  const good = ['ada@example.com', 'a.b+c@x-y.example', "o'brien@example.co.uk", 'root@localhost'];
  const bad = [
    '',
    'ada',
    '@example.com',
    'ada@',
    'ada@-example.com',
    'ada@example..com',
    'ada b@example.com',
    'ada@example.com\n',
    'ада@example.com',
    `${'a'.repeat(65)}@example.com`,
    `ada@${'a'.repeat(64)}.com`,
    `ada@${'example.'.repeat(32)}com`,
  ];
  for (const email of good) t.ok(isEmail(email), email);
  for (const email of bad) t.notOk(isEmail(email), JSON.stringify(email));
});

t.test('a password is hashed by argon2id at what OWASP asks for', async (t) => {
  const phc = await hashPassword('correct horse', systemRandom);
  t.match(phc, /^\$argon2id\$v=19\$m=19456,t=2,p=1\$/);
  t.not(phc, await hashPassword('correct horse', systemRandom), 'and never twice the same');
  t.ok(await verifyPassword('correct horse', phc));
  t.notOk(await verifyPassword('correct horsf', phc));
});

t.test('one password typed on two keyboards is one password', async (t) => {
  const phc = await hashPassword('pässwörd1', systemRandom);
  t.ok(await verifyPassword('pässwörd1'.normalize('NFD'), phc), 'accents apart');
  t.ok(await verifyPassword('pässwörd１', phc), 'a full-width digit');
});

t.test('length is all that is asked of a password', async (t) => {
  for (const password of ['12345678', '        ', 'пароль12', '🔑'.repeat(8), 'x'.repeat(1000)]) {
    t.doesNotThrow(() => assertPassword(password));
  }
  const refused = { name: 'OperatorError', exitCode: 4 };
  t.throws(() => assertPassword('1234567'), { ...refused, message: /shorter than 8 characters/ });
  t.throws(() => assertPassword('🔑'.repeat(7)), refused, 'characters are counted, not code units');
  t.throws(() => assertPassword('x'.repeat(1001)), { ...refused, message: /longer than 1000 bytes/ });
  t.throws(() => assertPassword('ä'.repeat(501)), refused, 'and there bytes');
  t.notOk(
    await verifyPassword('x'.repeat(10_000), 'no hash at all'),
    'what is far too long is not even hashed',
  );
});

t.test('accounts on a store', async (t) => {
  const { folder, remove } = scratchFolder();
  t.teardown(remove);
  let now = 1_800_000_000;
  const env = { MINTMARK_DATA: join(folder, 'data') };
  const house = await openHouse(loadConfig({ env }).config, { beside: true, clock: { now: () => now } });
  t.teardown(() => house.close());
  const management = { ...house, actor: 'operator:ada' };
  const audited = async () => (await house.stores.audit.list({ limit: 1 }))[0];
  const events = async () => (await house.stores.audit.list({ limit: 100 })).length;

  await t.test('an account is made, and its creation is on record', async (t) => {
    const made = await createAccount(management, {
      email: 'Ada@example.com',
      name: 'Ada',
      password: 'correct horse',
      claims: { attributes: { roles: ['admin'] } },
    });
    t.match(made.sub, /^[\da-f]{8}-[\da-f]{4}-4/);
    const found = await findAccount(management, 'ada@EXAMPLE.com');
    t.same(found, made, 'and is found by its e-mail in any case');
    t.ok(await verifyPassword('correct horse', found.passwordHash ?? ''));
    t.match(await audited(), { event: 'account.created', actor: 'operator:ada', subject: made.sub, at: now });
  });

  await t.test('what programs are shown has no hash in it', async (t) => {
    const shown = accountJson(await findAccount(management, 'ada@example.com'));
    t.match(shown, {
      email: 'Ada@example.com',
      has_password: true,
      claims: { attributes: { roles: ['admin'] } },
    });
    t.notMatch(JSON.stringify(shown), /argon2/);
  });

  await t.test('what cannot be registered is refused', async (t) => {
    const refused = async (request: Parameters<typeof createAccount>[1], exitCode: number, message: RegExp) =>
      t.rejects(createAccount(management, request), { name: 'OperatorError', exitCode, message });
    const email = 'eve@example.com';
    await refused({ email: 'ADA@example.com' }, 4, /there is an account/);
    await refused({ email: 'nobody' }, 1, /no e-mail address/);
    await refused({ email, name: ' ' }, 1, /1 to 200 characters/);
    await refused({ email, name: 'a\nb' }, 1, /no control characters/);
    await refused({ email, password: 'short' }, 4, /shorter/);
    await refused({ email, claims: ['admin'] }, 1, /JSON object/);
    await refused({ email, claims: { iss: 'https://evil.example', email } }, 1, /cannot hold iss, email/);
    await refused({ email, name: 'half \ud83d' }, 1, /no control characters/);
    await refused({ email, claims: { deep: [{ 'a\0b': 1 }] } }, 1, /a NUL or half a character/);
    await refused({ email, claims: { note: 'half \ud83d' } }, 1, /a NUL or half a character/);
    await refused(
      { email, claims: { deep: JSON.parse(`${'['.repeat(9_000)}${']'.repeat(9_000)}`) } },
      1,
      /too deeply/,
    );
    await refused({ email, claims: { note: 'x'.repeat(8192) } }, 1, /larger than 8192 bytes/);
    await t.rejects(findAccount(management, email), { exitCode: 1, message: /there is no account eve/ });
  });

  await t.test('a new password cuts off what the old one opened', async (t) => {
    now += 10;
    await setPassword(management, 'ada@example.com', 'battery staple');
    const account = await findAccount(management, 'ada@example.com');
    t.ok(await verifyPassword('battery staple', account.passwordHash ?? ''));
    t.equal(account.tokensValidAfter, now);
    t.match(await audited(), { event: 'account.password_set' });
  });

  await t.test('a disabled account is cut off, and enabled again it stays cut off', async (t) => {
    now += 10;
    const disabled = await setAccountDisabled(management, 'ada@example.com', true);
    t.same(await findAccount(management, 'ada@example.com'), disabled);
    t.match(disabled, { disabledAt: now, tokensValidAfter: now });
    t.match(await audited(), { event: 'account.disabled' });
    const again = setAccountDisabled(management, 'ada@example.com', true);
    await t.rejects(again, { exitCode: 3, message: /disabled already/ });
    const cutOff = now;
    now += 10;
    const enabled = await setAccountDisabled(management, 'ada@example.com', false);
    t.match(enabled, { disabledAt: null, tokensValidAfter: cutOff });
    t.match(await audited(), { event: 'account.enabled' });
  });

  await t.test('signing out everywhere moves the cut-off', async (t) => {
    now += 10;
    await signOut(management, 'ada@example.com');
    t.equal((await findAccount(management, 'ada@example.com')).tokensValidAfter, now);
    t.match(await audited(), { event: 'account.signed_out' });
    now -= 5;
    const again = await signOut(management, 'ada@example.com');
    t.same(await findAccount(management, 'ada@example.com'), again, 'as it was told');
    t.ok(Number(again.tokensValidAfter) > now + 5, 'never back, and always onwards');
  });

  await t.test('a dry run checks everything and changes nothing', async (t) => {
    const before = [await house.stores.accounts.list(), await events()];
    const dry = { dryRun: true };
    t.match(await createAccount(management, { email: 'eve@example.com' }, dry), { email: 'eve@example.com' });
    t.match(await setAccountDisabled(management, 'ada@example.com', true, dry), { disabledAt: now });
    await setPassword(management, 'ada@example.com', 'another one', dry);
    await signOut(management, 'ada@example.com', dry);
    await t.rejects(createAccount(management, { email: 'ada@example.com' }, dry), {
      name: 'OperatorError',
      exitCode: 4,
    });
    await t.rejects(setAccountDisabled(management, 'ada@example.com', false, dry), {
      name: 'OperatorError',
      exitCode: 3,
    });
    await t.rejects(setPassword(management, 'ada@example.com', 'short', dry), {
      name: 'OperatorError',
      exitCode: 4,
    });
    t.same([await house.stores.accounts.list(), await events()], before);
  });
});
