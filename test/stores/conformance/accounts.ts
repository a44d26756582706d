// AccountStore: e-mails without regard to case, and cut-offs that only move forward.
import type { Test } from 'tap';
import type { AccountRecord } from '../../../src/stores/stores.ts';
import {
  byCodePoint,
  count,
  entry,
  eventsOf,
  failsWithItsEntry,
  fresh,
  keepsNamesWholeOrNotAtAll,
  type Replicas,
  race,
  T,
} from './setting.ts';

function account(more: Partial<AccountRecord> = {}): AccountRecord {
  const sub = more.sub ?? fresh('sub');
  return {
    sub,
    email: `${sub}@example.com`,
    name: null,
    passwordHash: null,
    claims: {},
    createdAt: T,
    updatedAt: T,
    disabledAt: null,
    tokensValidAfter: null,
    ...more,
  };
}

/** A cut-off that had to move moved by a millionth of a second. */
const isJustAfter = (cutOff: number | null, before: number): boolean =>
  cutOff !== null && cutOff > before && cutOff < before + 2e-6;

export async function accountsKeepTheirPromises(t: Test, replicas: Replicas): Promise<void> {
  const [stores] = replicas;
  const { accounts } = stores;

  async function created(more: Partial<AccountRecord> = {}): Promise<AccountRecord> {
    const record = account(more);
    t.equal(await accounts.create(record, entry(record.sub, { event: 'account.created' })), 'created');
    return record;
  }

  await t.test('an address is verified once, and nothing else changes', async (t) => {
    const { sub, ...record } = await created({ claims: { locale: 'de', email_verified: false } });
    const at = T + 5;
    const verify = () => accounts.verifyEmail(sub, entry(sub, { event: 'account.email_verified', at }));
    t.equal(await verify(), 'changed');
    const verified = { ...record, sub, claims: { locale: 'de', email_verified: true }, updatedAt: at };
    t.strictSame(await accounts.findBySub(sub), verified);
    t.equal(await verify(), 'unchanged');
    t.strictSame(await eventsOf(stores, sub), ['account.email_verified', 'account.created']);
  });

  await t.test('an account comes back as it was created', async (t) => {
    const record = await created({
      email: `Jörg.${fresh('x')}@Example.COM`,
      name: 'Jörg "\\" 日本 \u{1f600}',
      passwordHash: '$argon2id$v=19$m=19456,t=2,p=1$c2FsdA$aGFzaA',
      claims: {
        attributes: { roles: ['admin', 'ünï'], n: 1.5, none: null, yes: true, deep: [[{}]] },
        __v: 1,
      },
      updatedAt: T + 2 ** -20,
      disabledAt: T + 1,
      tokensValidAfter: T + 2,
    });
    t.strictSame(await accounts.findBySub(record.sub), record);
    t.strictSame(await accounts.findByEmail(record.email), record);
    const plain = await created();
    t.strictSame(await accounts.findBySub(plain.sub), plain);
  });

  await t.test('an e-mail is found in any case and any spelling of its letters', async (t) => {
    const stem = fresh('É');
    const record = await created({ email: `${stem}.Müller@Example.com` });
    const spellings = [
      record.email.toLowerCase(),
      record.email.toUpperCase(),
      record.email.normalize('NFD'),
      record.email.toUpperCase().normalize('NFD'),
    ];
    for (const email of spellings) t.strictSame(await accounts.findByEmail(email), record, email);
    t.equal(
      await accounts.findByEmail(`${stem}.Muller@example.com`),
      undefined,
      'another letter is another e-mail',
    );
    t.equal(await accounts.findByEmail(`${fresh('nobody')}@example.com`), undefined);
    t.equal(await accounts.findBySub(record.email), undefined);
  });

  await t.test('an e-mail or a sub that is taken leaves the earlier account as it was', async (t) => {
    const record = await created();
    const taken = [
      account({ email: record.email }),
      account({ email: record.email.toUpperCase() }),
      account({ sub: record.sub, email: `${fresh('other')}@example.com` }),
      { ...record, name: 'changed' },
    ];
    for (const other of taken) t.equal(await accounts.create(other, entry(record.sub)), 'exists');
    t.strictSame(await accounts.findBySub(record.sub), record);
    t.equal(await accounts.findByEmail(taken[2]?.email as string), undefined);
    t.strictSame(await eventsOf(stores, record.sub), ['account.created']);
  });

  await t.test('of a hundred that create one e-mail, in every case, one does', async (t) => {
    const stem = fresh('ärger');
    const cased = (racer: number) =>
      [...stem].map((letter, i) => ((racer >> (i % 7)) & 1 ? letter.toUpperCase() : letter)).join('');
    const outcomes = await race(replicas, ({ accounts }, racer) =>
      accounts.create(
        account({ sub: `${stem}-${racer}`, email: `${cased(racer)}@example.com` }),
        entry(stem),
      ),
    );
    t.equal(count(outcomes, 'created'), 1);
    t.equal(count(outcomes, 'exists'), 99);
    t.equal(
      (await accounts.findByEmail(`${stem}@example.com`))?.sub,
      `${stem}-${outcomes.indexOf('created')}`,
    );
    t.equal((await eventsOf(stores, stem)).length, 1);
  });

  await t.test('of a hundred that create one sub, one does', async (t) => {
    const sub = fresh('sub');
    const outcomes = await race(replicas, ({ accounts }, racer) =>
      accounts.create(account({ sub, email: `${racer}.${sub}@example.com` }), entry(sub)),
    );
    t.equal(count(outcomes, 'created'), 1);
    t.equal((await accounts.findBySub(sub))?.email, `${outcomes.indexOf('created')}.${sub}@example.com`);
  });

  await t.test('the list has all of them, by e-mail', async (t) => {
    const stem = fresh('list');
    for (const name of ['b', 'Z', 'A', 'é']) await created({ email: `${stem}-${name}@example.com` });
    const emails = (await accounts.list()).map(({ email }) => email);
    t.strictSame(
      emails.filter((email) => email.startsWith(stem)),
      ['A', 'b', 'Z', 'é'].map((name) => `${stem}-${name}@example.com`),
    );
    const folded = emails.map((email) => email.normalize('NFC').toLowerCase());
    t.strictSame(folded, folded.toSorted(byCodePoint));
  });

  await t.test('a new password cuts off what the old one opened', async (t) => {
    const record = await created({ passwordHash: 'old' });
    const set = (hash: string, at: number) =>
      accounts.setPassword(record.sub, hash, at, entry(record.sub, { event: 'password.set', at: T + 9 }));
    t.equal(await set('new', T + 5), 'changed');
    const changed = { ...record, passwordHash: 'new', tokensValidAfter: T + 5, updatedAt: T + 9 };
    t.strictSame(await accounts.findBySub(record.sub), changed);
    t.equal(await set('newer', T + 4), 'changed');
    const { tokensValidAfter, ...newer } = (await accounts.findBySub(record.sub)) as AccountRecord;
    t.strictSame({ ...newer, tokensValidAfter: T + 5 }, { ...changed, passwordHash: 'newer' });
    t.ok(isJustAfter(tokensValidAfter, T + 5), 'never backwards, and never the same');
    t.equal(await set('newer', T + 6), 'changed', 'also the same password again');
    t.equal((await accounts.findBySub(record.sub))?.tokensValidAfter, T + 6);
    t.strictSame(await eventsOf(stores, record.sub), [...Array(3).fill('password.set'), 'account.created']);
  });

  await t.test('disabling cuts off at the same instant, enabling leaves the cut-off', async (t) => {
    const record = await created();
    const set = (at: number | null) => accounts.setDisabled(record.sub, at, entry(record.sub, { at: T + 9 }));
    t.equal(await set(null), 'unchanged');
    t.equal(await set(T + 5), 'changed');
    t.equal(await set(T + 6), 'unchanged');
    const disabled = { ...record, disabledAt: T + 5, tokensValidAfter: T + 5, updatedAt: T + 9 };
    t.strictSame(await accounts.findBySub(record.sub), disabled);
    t.equal(await set(null), 'changed');
    t.strictSame(await accounts.findBySub(record.sub), { ...disabled, disabledAt: null });
    t.equal(await set(T + 3), 'changed');
    const { tokensValidAfter, ...again } = (await accounts.findBySub(record.sub)) as AccountRecord;
    t.strictSame({ ...again, tokensValidAfter: T + 5 }, { ...disabled, disabledAt: T + 3 });
    t.ok(isJustAfter(tokensValidAfter, T + 5), 'never backwards, and never the same');
  });

  await t.test('a cut-off always moves, and only forward', async (t) => {
    const record = await created();
    const cutOff = (at: number) => accounts.cutOff(record.sub, at, entry(record.sub, { at: T + 9 }));
    const seen = async () => (await accounts.findBySub(record.sub))?.tokensValidAfter ?? null;
    t.equal(await cutOff(T + 5), 'changed');
    t.strictSame(await accounts.findBySub(record.sub), {
      ...record,
      tokensValidAfter: T + 5,
      updatedAt: T + 9,
    });
    for (const at of [T + 5, T + 4, 0]) {
      const before = (await seen()) as number;
      t.equal(await cutOff(at), 'changed');
      t.ok(isJustAfter(await seen(), before), `${await seen()} follows ${before}`);
    }
    t.equal(await cutOff(T + 6), 'changed');
    t.equal(await seen(), T + 6);
    t.equal((await eventsOf(stores, record.sub)).length, 6);
  });

  await t.test('of a hundred cut-offs in any order the latest stays, and each has moved it', async (t) => {
    const { sub } = await created();
    const outcomes = await race(replicas, ({ accounts }, racer) =>
      accounts.cutOff(sub, T + ((racer * 37) % 100), entry(sub)),
    );
    t.equal(count(outcomes, 'changed'), 100);
    const cutOff = (await accounts.findBySub(sub))?.tokensValidAfter as number;
    t.ok(cutOff >= T + 99 && cutOff < T + 99.001);
    t.equal((await eventsOf(stores, sub)).length, 101);
    const same = await created();
    await race(replicas, ({ accounts }) => accounts.cutOff(same.sub, T, entry(same.sub)));
    const moved = ((await accounts.findBySub(same.sub))?.tokensValidAfter as number) - T;
    t.ok(Math.abs(moved - 99e-6) < 99 * 2 ** -22, `a hundred of one instant are a hundred moves: ${moved}`);
  });

  await t.test('the same password under another hash cuts nothing off', async (t) => {
    const record = await created({ passwordHash: 'old', tokensValidAfter: T + 1 });
    const { sub } = record;
    t.equal(await accounts.replaceHash(sub, 'another', 'new'), 'unchanged');
    t.strictSame(await accounts.findBySub(sub), record);
    t.equal(await accounts.replaceHash(sub, 'old', 'new'), 'changed');
    t.strictSame(await accounts.findBySub(sub), { ...record, passwordHash: 'new' });
    t.equal(await accounts.replaceHash(fresh('sub'), 'old', 'new'), 'unchanged');
    t.strictSame(await eventsOf(stores, sub), ['account.created'], 'and is not worth telling');
    const bare = await created();
    t.equal(await accounts.replaceHash(bare.sub, '', 'new'), 'unchanged', 'no password is no empty one');
    t.strictSame(await accounts.findBySub(bare.sub), bare);
  });

  await t.test('of a hundred that replace a hash, one does, and none a newer password', async (t) => {
    const { sub } = await created({ passwordHash: 'old' });
    const outcomes = await race(replicas, ({ accounts }, racer) =>
      racer === 50
        ? accounts.setPassword(sub, 'newer', T, entry(sub))
        : accounts.replaceHash(sub, 'old', `new-${racer}`),
    );
    outcomes.splice(50, 1);
    t.ok(count(outcomes, 'changed') <= 1);
    t.equal((await accounts.findBySub(sub))?.passwordHash, 'newer');
  });

  await t.test('the longest imported hash is the one with the most iterations', async (t) => {
    t.equal(await accounts.longestImportedHash(), 0);
    const imported = (iterations: number) => `pbkdf2_sha256$${iterations}$salt$hash`;
    await created({ passwordHash: imported(260_000) });
    const longest = await created({ passwordHash: imported(1_000_000) });
    await created({ passwordHash: imported(9_999) });
    await created({ passwordHash: '$argon2id$v=19$m=19456,t=9999999,p=1$c2FsdA$aGFzaA' });
    await created({ passwordHash: 'pbkdf2xsha256$2000000$salt$hash' });
    for (const replica of replicas) t.equal(await replica.accounts.longestImportedHash(), 1_000_000);
    await accounts.replaceHash(longest.sub, imported(1_000_000), 'new');
    t.equal(await accounts.longestImportedHash(), 260_000);
  });

  await t.test('what is asked of an unknown account changes and notes nothing', async (t) => {
    const sub = fresh('sub');
    t.equal(await accounts.setPassword(sub, 'hash', T, entry(sub)), 'unknown');
    t.equal(await accounts.verifyEmail(sub, entry(sub)), 'unknown');
    t.equal(await accounts.setDisabled(sub, T, entry(sub)), 'unknown');
    t.equal(await accounts.cutOff(sub, T, entry(sub)), 'unknown');
    t.equal(await accounts.findBySub(sub), undefined);
    t.strictSame(await eventsOf(stores, sub), []);
  });

  await t.test('there is no change without its entry', async (t) => {
    const { sub } = await created();
    await failsWithItsEntry(t, () => accounts.list(), {
      create: (audit) => accounts.create(account(), audit),
      setPassword: (audit) => accounts.setPassword(sub, 'hash', T, audit),
      verifyEmail: (audit) => accounts.verifyEmail(sub, audit),
      setDisabled: (audit) => accounts.setDisabled(sub, T, audit),
      cutOff: (audit) => accounts.cutOff(sub, T, audit),
    });
  });

  await t.test('a sub is kept whole or not at all', (t) =>
    keepsNamesWholeOrNotAtAll(t, {
      create: (sub) => accounts.create(account({ sub, email: `${fresh('odd')}@example.com` }), entry(sub)),
      find: (sub) => accounts.findBySub(sub),
      list: () => accounts.list(),
      nameOf: ({ sub }) => sub,
    }),
  );

  await t.test('an e-mail is kept whole or not at all', (t) =>
    keepsNamesWholeOrNotAtAll(t, {
      create: (email) => accounts.create(account({ email }), entry('email')),
      find: (email) => accounts.findByEmail(email),
      list: () => accounts.list(),
      nameOf: ({ email }) => email,
    }),
  );
}
