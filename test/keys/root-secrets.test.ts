// Root secrets: which files hold them, which one signs, how a new one takes over, and what a replica does that lacks one.
import { createHmac } from 'node:crypto';
import {
  chmodSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { basename, join } from 'node:path';
import t, { type Test } from 'tap';
import { loadConfig } from '../../src/config.ts';
import {
  ensureRootSecret,
  prepareRootSecret,
  type RootSecretManagement,
  renewRootSecret,
} from '../../src/keys/renew-root-secret.ts';
import { createMacKeyRing, loadRootSecrets, type RootSecret } from '../../src/keys/root-secrets.ts';
import {
  encodeRefreshToken,
  type MacKey,
  MacKeyMissingError,
  newFamilyId,
} from '../../src/oauth/refresh-token.ts';
import { systemRandom } from '../../src/random.ts';
import { StoreUnavailableError } from '../../src/stores/stores.ts';
import { openHouse, rootSecretManagementOf } from '../../src/wire.ts';
import { scratchFolder } from '../helpers/service.ts';
import { basic, testServer } from '../helpers/test-server.ts';

const { folder: root, remove } = scratchFolder();
const { config } = loadConfig({
  env: { MINTMARK_DATA: join(root, 'data'), MINTMARK_KEYS: join(root, 'keys') },
});
const house = await openHouse(config, { beside: true });
const store = house.stores.rootSecrets;
t.teardown(async () => {
  await house.close();
  remove();
});

const settleTime = 30;
const longestIdleLifetime = 1_000;
let folders = 0;
/** A keys folder of its own, with these files. */
function folderWith(files: Record<string, string> = {}): string {
  const folder = join(root, `keys-${++folders}`);
  mkdirSync(folder, { mode: 0o700 });
  for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text, { mode: 0o600 });
  return folder;
}

const secret = (n: number): string => Buffer.alloc(32, n).toString('base64url');
const fingerprints = (folder: string, setting?: string) =>
  loadRootSecrets({ folder, setting }).map(({ fingerprint }) => fingerprint);
/** What can be told apart of a key: its number and what it makes. */
const shown = (key: MacKey | undefined) =>
  key && { number: key.number, mac: key.mac(Buffer.from('anything')).toString('hex') };
const fingerprintOf = (n: number) => fingerprints('', secret(n))[0] as string;

/** One replica of a deployment: its folder, and hands of its own. */
function replica(folder = folderWith(), setting?: string) {
  const hands = { now: 1_000_000 };
  const clock = { now: () => hands.now };
  const facts = { actor: 'operator:ada', settleTime, longestIdleLifetime };
  const management: RootSecretManagement = { store, clock, random: systemRandom, folder, setting, ...facts };
  const secrets = () => loadRootSecrets({ folder, setting });
  const ring = createMacKeyRing({ store, secrets, clock, settleTime });
  return { hands, folder, management, ring };
}

/** A deployment that has just begun, on a store that was empty. */
async function begun(folder?: string) {
  const one = replica(folder);
  await ensureRootSecret(one.management);
  await one.ring.reload();
  return one;
}

t.beforeEach(() => house.database.pool.query('DELETE FROM root_secrets'));

const filesIn = (folder: string) => readdirSync(folder).toSorted();
const failure = (work: Promise<unknown>) =>
  work.then(
    () => undefined,
    (error: unknown) => error,
  );

t.test(
  'secrets are read from root-secret and all that follow its name and a dot, in one order',
  async (t) => {
    const folder = folderWith({
      'root-secret.b': `${secret(3)}\n`,
      'root-secret.a': Buffer.alloc(32, 2).toString('base64'),
      'root-secret': `  ${secret(1)} \n\n`,
      'root-secrets': 'no secret',
      '.root-secret.draft': 'no secret',
      'key-encryption-key': 'no secret',
    });
    t.strictSame(fingerprints(folder), [1, 2, 3].map(fingerprintOf));
    t.strictSame(fingerprints(join(root, 'nowhere')), [], 'no folder has none');
    t.strictSame(fingerprints(folderWith()), []);
  },
);

t.test('the setting has one or several, and then no file is read', async (t) => {
  const folder = folderWith({ 'root-secret': 'no secret' });
  t.strictSame(fingerprints(folder, ` ${secret(1)} , ${secret(2)}\n`), [1, 2].map(fingerprintOf));
});

t.test('what is derived from a secret is fixed, and gives nothing away of it', async (t) => {
  const [{ fingerprint, mac }] = loadRootSecrets({ folder: '', setting: secret(1) }) as [RootSecret];
  t.equal(fingerprint, 'umzJ59HaCIrGWCBsSI5MqQ');
  const key = Buffer.from('nup5GOXzRgGpXQabHn-OKgK87eO9W-8sLiCnesNxREk', 'base64url');
  const text = Buffer.from('anything');
  t.strictSame(mac(text), createHmac('sha256', key).update(text).digest());
});

const badFiles: [what: string, text: string, mode: number, message: RegExp][] = [
  ['is too short', 'c2hvcnQ', 0o600, /root-secret should hold 32 bytes/],
  ['is too long', `${secret(1)}${secret(1)}`, 0o600, /root-secret should hold 32 bytes/],
  ['is no base64', `${secret(1).slice(0, -1)}!`, 0o600, /root-secret should hold 32 bytes/],
  ['is empty', '\n', 0o600, /root-secret should hold a secret and is empty/],
  ['the group may read', secret(1), 0o640, /mode 0640.*chmod 600/],
  ['everybody may read', secret(1), 0o604, /mode 0604.*chmod 600/],
  ['the group may write', secret(1), 0o620, /mode 0620.*chmod 600/],
];

for (const [what, text, mode, message] of badFiles) {
  t.test(`a file that ${what} is refused, and not repeated`, async (t) => {
    const folder = folderWith({ 'root-secret': text });
    chmodSync(join(folder, 'root-secret'), mode);
    const error = (await failure((async () => fingerprints(folder))())) as Error;
    t.match(error, { name: 'OperatorError', exitCode: 1, message });
    if (text.trim()) t.notOk(error.message.includes(text.trim()));
  });
}

t.test('the first start makes a secret that nobody else can read, and notes it', async (t) => {
  const { folder, ring, hands } = await begun();
  t.strictSame(filesIn(folder), ['root-secret']);
  t.equal(statSync(join(folder, 'root-secret')).mode & 0o777, 0o600);
  const until = Number.POSITIVE_INFINITY;
  t.strictSame(await store.list(), [{ number: 1, fingerprint: fingerprints(folder)[0], since: 0, until }]);
  t.strictSame(ring.faults(), []);
  const { current, find } = ring.macKeys();
  t.equal(current.number, 1);
  t.strictSame(find(1), current);
  t.equal(find(2), undefined);
  hands.now += 1;
  t.strictSame(ring.macKeys().current, current);
});

t.test('a secret that is there already is the first one', async (t) => {
  const folder = folderWith({ 'root-secret': secret(5) });
  await begun(folder);
  t.strictSame(
    (await store.list()).map(({ fingerprint }) => fingerprint),
    [fingerprintOf(5)],
  );
  t.equal(readFileSync(join(folder, 'root-secret'), 'utf8'), secret(5));
});

t.test('with the setting no file is made', async (t) => {
  const one = replica(undefined, secret(6));
  await ensureRootSecret(one.management);
  t.strictSame(filesIn(one.folder), []);
  t.strictSame(
    (await store.list()).map(({ fingerprint }) => fingerprint),
    [fingerprintOf(6)],
  );
});

t.test('replicas that start for the first time at once agree on one secret', async (t) => {
  const folder = folderWith();
  const replicas = Array.from({ length: 10 }, () => replica(folder));
  await Promise.all(replicas.map(({ management }) => ensureRootSecret(management)));
  t.strictSame(filesIn(folder), ['root-secret']);
  t.equal((await store.list()).length, 1);
  await Promise.all(replicas.map(({ ring }) => ring.reload()));
  const keys = new Set(replicas.map(({ ring }) => shown(ring.macKeys().current)?.mac));
  t.equal(keys.size, 1);
});

t.test('of replicas that start for the first time with folders of their own, one starts', async (t) => {
  const replicas = Array.from({ length: 5 }, () => replica());
  const failures = await Promise.all(replicas.map(({ management }) => failure(ensureRootSecret(management))));
  t.equal(failures.filter((one) => one === undefined).length, 1);
  for (const one of failures) if (one) t.match(one, { exitCode: 4 });
});

t.test('a replica with another secret does not start, and says what to do', async (t) => {
  await begun();
  const another = replica(folderWith({ 'root-secret': secret(1) }));
  const refusal = {
    name: 'OperatorError',
    exitCode: 4,
    message: /root secret of this deployment is not in .*keys-\d+: copy the file from another replica/,
  };
  t.match(await failure(ensureRootSecret(another.management)), refusal);
  const empty = replica();
  t.match(await failure(ensureRootSecret(empty.management)), refusal);
  t.strictSame(filesIn(empty.folder), [], 'and makes none that would be in the way');
  t.match(await failure(ensureRootSecret(replica(undefined, secret(2)).management)), refusal);
});

t.test('a new secret waits in its file until it is renewed to', async (t) => {
  const { management, folder } = await begun();
  t.equal(await prepareRootSecret(management, { dryRun: true }), undefined);
  t.strictSame(filesIn(folder), ['root-secret']);
  t.equal(await prepareRootSecret(management), join(folder, 'root-secret.2'));
  t.equal(statSync(join(folder, 'root-secret.2')).mode & 0o777, 0o600);
  const waits = { exitCode: 3, message: /nothing to do: .* waits in .*root-secret\.2/ };
  t.match(await failure(prepareRootSecret(management)), waits);
  t.strictSame(filesIn(folder), ['root-secret', 'root-secret.2']);
  t.equal((await store.list()).length, 1);
  await ensureRootSecret(management);
  t.match(await renewRootSecret(management), { number: 2, file: join(folder, 'root-secret.2') });
  t.equal((await store.list())[1]?.fingerprint, fingerprints(folder)[1]);
  t.match(await failure(renewRootSecret(management)), {
    exitCode: 3,
    message: /2 is new, and signs in 30 s/,
  });
  t.equal(await prepareRootSecret(management), join(folder, 'root-secret.3'));
});

t.test('a new secret signs when every replica can know of it, and the former verifies on', async (t) => {
  const { management, folder, ring, hands } = await begun();
  const other = replica(folder);
  await other.ring.reload();
  const first = shown(ring.macKeys().current);
  const renewed = await renewRootSecret(management);
  const since = hands.now + settleTime;
  const formerUntil = since + longestIdleLifetime;
  const forever = Number.POSITIVE_INFINITY;
  t.strictSame(renewed, { number: 2, since, formerUntil, file: join(folder, 'root-secret.2') });
  t.match(await store.list(), [
    { number: 1, since: 0, until: formerUntil },
    { number: 2, since, until: forever, fingerprint: fingerprints(folder)[1] },
  ]);
  for (const one of [ring, other.ring]) await one.reload();
  for (const one of [ring, other.ring]) t.strictSame(shown(one.macKeys().current), first, 'not yet');
  const second = shown(ring.macKeys().find(2));
  t.equal(second?.number, 2, 'but whoever is a little ahead is understood');
  for (const one of [hands, other.hands]) one.now = since;
  for (const one of [ring, other.ring]) t.strictSame(shown(one.macKeys().current), second);
  hands.now = formerUntil - 1;
  t.strictSame(shown(ring.macKeys().find(1)), first);
  hands.now = formerUntil;
  await ring.reload();
  t.equal(ring.macKeys().find(1), undefined);
  t.strictSame(shown(ring.macKeys().find(2)), second);
});

t.test('a dry run says when, and makes nothing', async (t) => {
  const { management, folder, hands } = await begun();
  const before = await store.list();
  const since = hands.now + settleTime;
  t.strictSame(await renewRootSecret(management, { dryRun: true }), {
    number: 2,
    since,
    formerUntil: since + longestIdleLifetime,
    file: undefined,
  });
  t.strictSame(await store.list(), before);
  t.strictSame(filesIn(folder), ['root-secret']);
});

t.test('of two that renew at once in one folder one does, and one secret is made', async (t) => {
  const { folder } = await begun();
  const outcomes = await Promise.all(
    [replica(folder), replica(folder)].map(({ management }) =>
      renewRootSecret(management).catch((error: unknown) => error),
    ),
  );
  const failures = outcomes.filter((one) => one instanceof Error);
  t.match(failures, [{ name: 'OperatorError', message: /somebody else renewed the root secret/ }]);
  t.equal(failures.length, 1);
  t.strictSame(filesIn(folder), ['root-secret', 'root-secret.2']);
  t.equal((await store.list()).length, 2);
});

t.test('of two that renew at once on machines of their own one does, and the other waits', async (t) => {
  const { folder } = await begun();
  const elsewhere = folderWith({ 'root-secret': readFileSync(join(folder, 'root-secret'), 'utf8') });
  const [one, two] = [replica(folder), replica(elsewhere)];
  const outcomes = await Promise.all(
    [one, two].map(({ management }) => failure(renewRootSecret(management))),
  );
  t.equal(outcomes.filter((outcome) => outcome === undefined).length, 1);
  t.equal((await store.list()).length, 2);
  const loser = outcomes[0] === undefined ? two : one;
  await loser.ring.reload();
  t.match(loser.ring.faults(), [/root secret 2 is not in the keys folder: copy it from another replica/]);
});

t.test('where several wait, none is taken', async (t) => {
  const { management, folder } = await begun();
  for (const n of [1, 2]) writeFileSync(join(folder, `root-secret.${n}x`), secret(n), { mode: 0o600 });
  const refusal = { exitCode: 4, message: /several new root secrets wait/ };
  t.match(await failure(renewRootSecret(management)), refusal);
  t.match(await failure(prepareRootSecret(management)), refusal);
  t.equal((await store.list()).length, 1);
});

t.test('where the secret is a setting, the new one comes by it', async (t) => {
  const one = replica(undefined, secret(1));
  await ensureRootSecret(one.management);
  const refusal = { exitCode: 4, message: /MINTMARK_ROOT_SECRET: add the new one there, after a comma/ };
  t.match(await failure(renewRootSecret(one.management)), refusal);
  t.match(await failure(prepareRootSecret(one.management)), refusal);
  const next = replica(undefined, `${secret(1)},${secret(2)}`);
  t.match(await renewRootSecret(next.management), { number: 2, file: undefined });
  t.equal((await store.list())[1]?.fingerprint, fingerprintOf(2));
  t.strictSame(filesIn(one.folder), []);
});

t.test('before the first start there is nothing to renew', async (t) => {
  t.match(await failure(renewRootSecret(replica().management)), {
    exitCode: 4,
    message: /start the service first/,
  });
});

t.test('there are no more secrets than a token can tell apart', async (t) => {
  const { management, folder } = await begun();
  for (let number = 2; number <= 255; number += 1) {
    const record = { number, fingerprint: `f${number}`, since: 0, until: Number.POSITIVE_INFINITY };
    await store.add(record, 0, { at: 0, event: 'e', actor: 'a', subject: 's' });
  }
  const refusal = { exitCode: 4, message: /255 root secrets/ };
  t.match(await failure(renewRootSecret(management)), refusal);
  t.match(await failure(renewRootSecret(management, { dryRun: true })), refusal);
  t.strictSame(filesIn(folder), ['root-secret']);
});

t.test('a ring that was never filled knows nothing, and says so', async (t) => {
  const { ring } = replica();
  t.throws(() => ring.macKeys(), MacKeyMissingError);
  t.match(ring.faults(), [/could not be read/]);
});

t.test('a number that is unknown is no, but not for whoever has not read the store for long', async (t) => {
  const { ring, hands } = await begun();
  hands.now += settleTime / 2;
  t.equal(ring.macKeys().find(2), undefined);
  hands.now += 1;
  t.throws(() => ring.macKeys().find(2), MacKeyMissingError);
  t.equal(ring.macKeys().find(1)?.number, 1, 'what is known stays known');
  await ring.reload();
  t.equal(ring.macKeys().find(2), undefined);
});

t.test('a reading that fails leaves what was known', async (t) => {
  const { folder } = await begun();
  let away = false;
  const list = async () => {
    if (away) throw new StoreUnavailableError('away');
    return store.list();
  };
  const secrets = () => loadRootSecrets({ folder });
  const ring = createMacKeyRing({ store: { list }, secrets, clock: { now: () => 1_000_000 }, settleTime });
  await ring.reload();
  away = true;
  await t.rejects(ring.reload(), StoreUnavailableError);
  t.equal(ring.macKeys().current.number, 1);
});

t.test('a replica that lacks a secret is not ready and answers later, never no', async (t: Test) => {
  const server = await testServer(t);
  const { service, issuer, clock } = server;
  const { config } = service.house;
  const client = await server.client({ grant_types: ['refresh_token'] });
  const elsewhere = join(folderWith(), 'keys');
  mkdirSync(elsewhere);
  copyFileSync(join(config.keys_folder, 'root-secret'), join(elsewhere, 'root-secret'));
  const there = { ...service.house, config: { ...config, keys_folder: elsewhere } };
  const { since } = await renewRootSecret(rootSecretManagementOf(there, 'operator:ada'));
  const [first, second] = loadRootSecrets({ folder: elsewhere }) as [RootSecret, RootSecret];

  const tokenBy = (number: number, { mac }: RootSecret) => {
    const facts = { familyId: newFamilyId(systemRandom), generation: 0, issuedAt: Math.floor(clock.now()) };
    return encodeRefreshToken(issuer, { number, mac }, facts);
  };
  const present = async (token: string) => {
    const form = { grant_type: 'refresh_token', refresh_token: token };
    const answer = await server.token(form, basic(client.client_id, client.client_secret));
    return [answer.status, answer.body.error, Number(answer.headers.get('retry-after')) > 0];
  };
  const ready = async () => {
    // Readiness is remembered for a second.
    clock.advance(2);
    const answer = await fetch(`${issuer}/readyz?verbose`);
    const { checks } = (await answer.json()) as { checks: { name: string; ok: boolean }[] };
    return { status: answer.status, ok: checks.find(({ name }) => name === 'root secret')?.ok };
  };
  const [no, later] = [
    [400, 'invalid_grant', false],
    [503, 'temporarily_unavailable', true],
  ];
  t.strictSame(await ready(), { status: 200, ok: true });
  t.strictSame(await present(tokenBy(1, first)), no, 'a family that nobody knows');
  t.strictSame(await present(tokenBy(2, second)), no, 'a number that nobody knows yet');

  await service.macKeyRing.reload();
  t.strictSame(await ready(), { status: 503, ok: false });
  t.strictSame(await present(tokenBy(1, first)), no, 'what it can judge it judges');
  t.strictSame(await present(tokenBy(2, second)), later);
  clock.advance(since - clock.now());
  t.strictSame(await present(tokenBy(1, first)), later, 'it could not make the next token');

  const file = basename(readdirSync(elsewhere).find((name) => name !== 'root-secret') as string);
  copyFileSync(join(elsewhere, file), join(config.keys_folder, file));
  await service.macKeyRing.reload();
  t.match(await ready(), { ok: true });
  for (const [number, one] of [
    [1, first],
    [2, second],
  ] as const)
    t.strictSame(await present(tokenBy(number, one)), no);
  t.ok(existsSync(join(config.keys_folder, 'root-secret.2')));
});
