// A new key-encryption key: every private key under it, no signing key changed, and no way to lose one half-way.
import { generateKeyPairSync } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Secret, TOTP } from 'otpauth';
import t, { type Test } from 'tap';
import { beginTotp, confirmTotp, waitingTotp } from '../../src/accounts/enrol.ts';
import { totpSecretText } from '../../src/accounts/totp.ts';
import { loadConfig } from '../../src/config.ts';
import { createAccountSecrets } from '../../src/keys/account-secrets.ts';
import { unwrapPrivateKey, wrappedUnder } from '../../src/keys/custody.ts';
import {
  ensureNextKeyEncryptionKey,
  type KeyEncryptionKeys,
  loadKeyEncryptionKeys,
} from '../../src/keys/key-encryption-keys.ts';
import { createPairwiseSecret } from '../../src/keys/pairwise-secret.ts';
import { rewrapKeys } from '../../src/keys/rewrap.ts';
import { rewrapWithFolder } from '../../src/keys/rewrap-folder.ts';
import { maintainKeys, revokeKey } from '../../src/keys/rotate.ts';
import { importKeys } from '../../src/keys/transfer.ts';
import type { KeyStore } from '../../src/stores/stores.ts';
import { ensureSecrets, type House, keyManagementOf, openHouse } from '../../src/wire.ts';
import { scratchFolder } from '../helpers/service.ts';

/** A house with its first keys; the keys folder is one of its own. */
async function houseWithKeys(t: Test, env: Record<string, string> = {}) {
  const { folder, remove } = scratchFolder();
  t.teardown(remove);
  const keysFolder = join(folder, 'keys');
  const settings = { MINTMARK_DATA: join(folder, 'data'), MINTMARK_KEYS: keysFolder, ...env };
  const house = await openHouse(loadConfig({ env: settings }).config, { beside: true });
  t.teardown(() => house.close());
  await ensureSecrets(house);
  const management = keyManagementOf(house, 'operator:ada');
  await maintainKeys(management);
  return { house, management, keysFolder };
}

const envelopes = async ({ stores }: House) =>
  (await stores.keys.read()).keys.flatMap(({ privateJwe }) => privateJwe ?? []);

/** As a replica that has just started reads it. */
const pairwiseSecretOf = (house: House) => createPairwiseSecret(keyManagementOf(house, 'scheduler'));

/** The work, at the first call alone. */
function once(work: () => Promise<unknown>): () => Promise<unknown> {
  let done: Promise<unknown> | undefined;
  return () => {
    done ??= work();
    return done;
  };
}

const contents = (keysFolder: string, name: string) => readFileSync(join(keysFolder, name), 'utf8');

t.test('in a folder', async (t) => {
  const { house, management, keysFolder } = await houseWithKeys(t);
  const rewrap = (options = {}) => rewrapWithFolder(management, keysFolder, house.random, options);
  const files = () =>
    ['', '.next', '.old'].map((end) => existsSync(join(keysFolder, `key-encryption-key${end}`)));

  await t.test('a dry run says how many keys there are, and makes no file', async (t) => {
    const before = await envelopes(house);
    t.match(await rewrap({ dryRun: true }), { keys: 2, old: null });
    t.same(await envelopes(house), before);
    t.same(files(), [true, false, false]);
  });

  await t.test('every key is under the new one, which is the current one then', async (t) => {
    const before = contents(keysFolder, 'key-encryption-key');
    const keys = await Promise.all(
      (await envelopes(house)).map((jwe) => unwrapPrivateKey(jwe, management.keyEncryptionKeys())),
    );
    const subjects = await pairwiseSecretOf(house)();
    const { keys: count, kid, old } = await rewrap();
    t.equal(count, 2);
    const after = await envelopes(house);
    t.same(after.map(wrappedUnder), [kid, kid]);
    t.equal(contents(keysFolder, 'key-encryption-key.old'), before);
    t.equal(old, join(keysFolder, 'key-encryption-key.old'));
    t.same(files(), [true, false, true]);
    const alone = {
      current: management.keyEncryptionKeys().current,
      all: [management.keyEncryptionKeys().current],
    };
    t.same(
      await Promise.all(after.map((jwe) => unwrapPrivateKey(jwe, alone))),
      keys,
      'and the signing keys are the same',
    );
    t.equal(wrappedUnder((await house.stores.pairwiseSecret.read()) ?? ''), kid);
    t.same(await pairwiseSecretOf(house)(), subjects, 'nor does any pairwise subject change');
    const [entry] = await house.stores.audit.list({ limit: 1 });
    t.match(entry, { event: 'keys.rewrapped', actor: 'operator:ada', details: { key_encryption_key: kid } });
  });

  await t.test('a key that was prepared is the one that is used', async (t) => {
    const next = ensureNextKeyEncryptionKey(keysFolder, house.random);
    const prepared = readFileSync(next, 'utf8');
    t.equal(ensureNextKeyEncryptionKey(keysFolder, house.random), next, 'prepared twice, it is one');
    t.match(await rewrap({ dryRun: true }), { keys: 2, old: null });
    t.match(await rewrap(), { keys: 2 });
    t.equal(contents(keysFolder, 'key-encryption-key'), prepared);
  });

  await t.test('the secrets of TOTP apps go along, and stay the same', async (t) => {
    const secrets = createAccountSecrets(management.keyEncryptionKeys);
    const { factors } = house.stores;
    const secret = house.random.bytes(20);
    const jwe = await secrets.wrap('ada', secret);
    const first = { handle: 'h', totp: { jwe, lastStep: 7, addedAt: 1 }, recoveryCodes: ['c'], passkeys: [] };
    await factors.compareAndSwap({ sub: 'ada', expected: undefined, next: first, audit: [] });
    t.match(await rewrap({ dryRun: true }), { keys: 2, totpSecrets: 1 });
    const { totpSecrets, kid } = await rewrap();
    t.equal(totpSecrets, 1);
    const found = await factors.find('ada');
    const after = found?.totp?.jwe ?? '';
    t.equal(wrappedUnder(after), kid);
    t.strictSame(await secrets.unwrap('ada', after), secret);
    t.strictSame(found, { ...first, totp: { ...first.totp, jwe: after } });
    await t.rejects(secrets.unwrap('bob', after), { exitCode: 4, message: /another secret for account bob/ });
  });

  await t.test('so does one that waits to be shown to work, once it was', async (t) => {
    const { clock, random, stores } = house;
    const parts = {
      ...stores,
      clock,
      random,
      accountSecrets: createAccountSecrets(management.keyEncryptionKeys),
    };
    const eve = { sub: 'eve' };
    await beginTotp(parts, eve, 'sid');
    const { kid } = await rewrap();
    const secret = Secret.fromBase32(
      totpSecretText((await waitingTotp(parts, eve, 'sid')) ?? Buffer.alloc(0)),
    );
    const code = TOTP.generate({ secret, timestamp: clock.now() * 1000 });
    t.match(await confirmTotp(parts, eve, { sid: 'sid', code }), { recoveryCodes: Array });
    t.equal(wrappedUnder((await stores.factors.find('eve'))?.totp?.jwe ?? ''), kid);
  });

  await t.test('begun anew after it was killed half-way, it ends well', async (t) => {
    ensureNextKeyEncryptionKey(keysFolder, house.random);
    const { keys: stored, pairwiseSecret } = house.stores;
    const away = { ...management, keys: { ...stored, apply: () => Promise.reject(new Error('killed')) } };
    await t.rejects(rewrapKeys(away), /killed/, 'after the pairwise secret, before the signing keys');
    const wrapped = await pairwiseSecret.read();
    await rewrapKeys(management);
    t.equal(await pairwiseSecret.read(), wrapped);
    t.same(files(), [true, true, true], 'everything is under the next one, which is not the current one yet');
    const { keys, kid } = await rewrap();
    t.equal(keys, 0);
    t.same(files(), [true, false, true]);
    const current = loadKeyEncryptionKeys({ folder: keysFolder })?.current.kid;
    t.same([kid, ...(await envelopes(house)).map(wrappedUnder)], [current, current, current]);
  });
});

t.test('where a rewrap comes in between, whole,', async (t) => {
  const { house, management, keysFolder } = await houseWithKeys(t);
  const rewrap = () => rewrapWithFolder(management, keysFolder, house.random);
  const { keys } = house.stores;

  /** The rewrap is made just before the change reads the set for the first time, or just before it is applied. */
  const meanwhile = {
    'before the set is read': () => {
      const first = once(rewrap);
      return { ...keys, read: () => first().then(() => keys.read()) };
    },
    'after the set was read': (): KeyStore => {
      const first = once(rewrap);
      return { ...keys, apply: (change) => first().then(() => keys.apply(change)) };
    },
  };
  const isWhole = async () => {
    const { kid } = management.keyEncryptionKeys().current;
    return (await envelopes(house)).every((jwe) => wrappedUnder(jwe) === kid);
  };

  for (const [when, store] of Object.entries(meanwhile)) {
    await t.test(`${when}: a key that is imported lies under the new one`, async (t) => {
      const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
      const text = String(privateKey.export({ type: 'pkcs8', format: 'pem' }));
      const { length } = await envelopes(house);
      await importKeys({ ...management, keys: store() }, { text, role: 'retired' });
      t.equal((await envelopes(house)).length, length + 1);
      t.ok(await isWhole());
    });

    await t.test(`${when}: so does one that is made`, async (t) => {
      const { length } = await envelopes(house);
      const waits = (await keys.read()).keys.find(
        ({ retireAt, revokedAt }) => retireAt === Infinity && revokedAt === null,
      );
      await revokeKey({ ...management, keys: store() }, waits?.kid ?? '', { reason: 'a test' });
      t.equal((await envelopes(house)).length, length, 'one went, one came');
      t.ok(await isWhole());
    });
  }
});

t.test('from the environment, the first key of the setting wraps', async (t) => {
  const [first, second] = ['a', 'b'].map((letter) => Buffer.alloc(32, letter).toString('base64'));
  const { house, management, keysFolder } = await houseWithKeys(t, {
    MINTMARK_KEY_ENCRYPTION_KEY: `${first}`,
  });
  const nothing = { name: 'OperatorError', exitCode: 3, message: /every key is wrapped under/ };
  await t.rejects(rewrapKeys(management), nothing);

  const having = (setting: string) => {
    const keys = loadKeyEncryptionKeys({ folder: keysFolder, setting }) as KeyEncryptionKeys;
    return { ...management, keyEncryptionKeys: () => keys };
  };
  const both = having(`${second},${first}`);
  const before = await envelopes(house);
  t.match(await rewrapKeys(both, { dryRun: true }), { keys: 2 });
  t.same(await envelopes(house), before);
  const { kid } = await rewrapKeys(both);
  t.same((await envelopes(house)).map(wrappedUnder), [kid, kid]);
  await t.rejects(rewrapKeys(having(`${first}`)), {
    name: 'OperatorError',
    exitCode: 4,
    message: /the key-encryption key \S+ that wraps the signing keys is missing/,
  });
});
