// mintmark clients, accounts, resources, migrate, explain and doctor: what each answers, beside a running service.
import { mkdirSync, writeFileSync } from 'node:fs';
import { userInfo } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import { verifyPassword } from '../../src/accounts/password.ts';
import { loadConfig } from '../../src/config.ts';
import { openHouse } from '../../src/wire.ts';
import { ownDatabase } from '../helpers/database.ts';
import { executableIn, type Run } from '../helpers/executable.ts';
import { drawToken, scratchFolder, startService } from '../helpers/service.ts';

// Each run of the executable is a process.
t.setTimeout(600_000);

const { folder, remove } = scratchFolder();
t.teardown(remove);
const at = (name: string) => join(folder, name);
const service = await startService({ folder });
t.teardown(() => service.stop());
const settings = { PORT: String(service.port) };
const mintmark = executableIn(folder, settings);

// What the executable did is looked up in the store, without a process for every look.
const env = { ...settings, MINTMARK_DATA: at('data'), MINTMARK_KEYS: at('keys') };
const { stores, close } = await openHouse(loadConfig({ env }).config, { beside: true });
t.teardown(() => close());
const audits = () => stores.audit.list({ limit: 1000 });

const answered = ({ code, out, err }: Run) => {
  if (code !== 0) throw new Error(`exit ${code}: ${err}`);
  return JSON.parse(out);
};
const api = 'https://api.example.com';

t.test('resources', async (t) => {
  const document = { resource: api, scopes: ['orders:read', 'orders:write'], access_token_lifetime: 120 };
  const words = ['resources', 'create', '--json', JSON.stringify(document)];
  t.match(answered(await mintmark([...words, '--dry-run'])), document);
  t.same(await stores.resources.list(), [], 'a dry run changes nothing');
  const made = await mintmark(words);
  t.same(answered(made), { ...document, profile: 'rfc9068', signing_alg: 'RS256', require_acr: null });
  t.equal(made.err, '');
  t.match(await mintmark(words), {
    code: 4,
    out: '',
    err: /^mintmark: https:\/\/api.example.com is registered already.*\n$/,
  });
  const eddsa = JSON.stringify({ resource: 'https://x.example', signing_alg: 'EdDSA' });
  t.match(await mintmark(['resources', 'create', '--json', eddsa]), {
    code: 4,
    err: /EdDSA has no signing keys: add it/,
  });

  const input = '{"access_token_lifetime":null,"profile":"plain"}';
  const updated = await mintmark(['resources', 'update', api, '--json', '-'], { input });
  t.match(answered(updated), { access_token_lifetime: null, profile: 'plain' });
  t.match(await mintmark(['resources', 'list']), {
    out: `RESOURCE                 SCOPES                    LIFETIME (S)  PROFILE  ALG\n${api}  orders:read orders:write  -             plain    RS256\n`,
  });
  t.match(answered(await mintmark(['resources', 'list', '--json'])), [{ resource: api }]);
  t.match(
    (await mintmark(['resources', 'show', api])).out,
    /^MEMBER +VALUE\nresource +https:\/\/api.example.com\nscopes +orders:read orders:write\naccess_token_lifetime +-\n/,
  );
  t.match(await mintmark(['resources', 'delete', api, '--dry-run']), {
    code: 0,
    out: /^dry run, nothing changed: /,
  });
  t.equal((await stores.resources.list()).length, 1);
});

t.test('clients', async (t) => {
  const metadata = { client_id: 'shop', client_name: 'Shop', scope: 'orders:read', default_resource: api };
  const made = await mintmark(['clients', 'create', '--json', JSON.stringify(metadata)]);
  t.equal(made.err, '');
  t.match(answered(made), { ...metadata, client_secret: /^[\w-]{43}$/, client_secret_expires_at: 0 });

  const given = JSON.stringify({ client_id: 'old', client_secret: 's'.repeat(32) });
  writeFileSync(at('client.json'), given);
  const inArgv = await mintmark(['clients', 'create', '--dry-run', '--json', given]);
  t.match(inArgv, { code: 0, err: /^warning: others on this machine can read a command line/ });
  t.notMatch(inArgv.out + inArgv.err, 'sss', 'and the secret is not repeated');
  const fromFile = await mintmark(['clients', 'create', '--json', `@${at('client.json')}`]);
  t.match([answered(fromFile), fromFile.err], [{ client_id: 'old', client_secret: 's'.repeat(32) }, '']);
  t.match(await mintmark(['clients', 'create', '--json', '-'], { input: given }), {
    code: 4,
    err: /there is a client old already/,
  });
  const wrong = await mintmark(['clients', 'create', '--json', '{"client_nam":"x","scope":"a  b"}']);
  t.match(wrong, {
    code: 1,
    out: '',
    err: /^mintmark: client_nam: unknown; did you mean client_name\?.*\n$/,
  });

  t.match(answered(await mintmark(['clients', 'update', 'shop', '--json', '{"client_name":"Store"}'])), {
    client_name: 'Store',
  });
  const second = await mintmark(['clients', 'secret', 'shop']);
  t.match(second, { code: 0, out: /^[\w-]{43}\n$/, err: 'the secret is shown this once\n' });
  t.match(await mintmark(['clients', 'secret', 'shop']), { code: 4, out: '', err: /two live secrets/ });
  t.match(await mintmark(['clients', 'secret', 'shop', '--retire-old']), {
    code: 0,
    out: 'shop has one secret left\n',
    err: '',
  });
  t.match(answered(await mintmark(['clients', 'secret', 'shop', '--replace', '--json'])), {
    client_id: 'shop',
    client_secret: String,
  });
  t.match(await mintmark(['clients', 'disable', 'shop', '--dry-run']), {
    code: 0,
    out: 'dry run, nothing changed: shop is disabled\n',
  });
  t.match(await mintmark(['clients', 'disable', 'old']), { code: 0, out: 'old is disabled\n' });
  t.match(await mintmark(['clients', 'disable', 'old']), {
    code: 3,
    err: 'mintmark: nothing to do: old is disabled already\n',
  });

  const { out } = await mintmark(['clients', 'list']);
  t.match(
    out,
    /^CLIENT ID +NAME +AUTHENTICATION +GRANT TYPES +SECRETS +STATE\ndemo +Demo .*\ndemo-app +Demo app +none +refresh_token +0 +enabled\ndemo-site +Demo +none +authorization_code refresh_token +0 +enabled\nold +- .* 1 +disabled \S+Z\nshop +Store +client_secret_basic +client_credentials +1 +enabled\n$/,
  );
  t.match(answered(await mintmark(['clients', 'show', 'shop', '--json'])), {
    client_id: 'shop',
    disabled_at: null,
    secrets: [{ id: String }],
  });
  t.match(
    (await mintmark(['clients', 'show', 'old'])).out,
    /^MEMBER +VALUE\nstate +disabled .*\nclient_id +old\n/,
  );
  t.match(await mintmark(['clients', 'enable', 'old', '--json']), {
    code: 0,
    out: '{\n  "client_id": "old",\n  "disabled": false\n}\n',
  });
});

t.test('accounts', async (t) => {
  const email = 'ada@example.com';
  const words = ['accounts', 'create', '--email', email, '--name', 'Ada', '--password-stdin'];
  const claims = '{"attributes":{"roles":["admin"]}}';
  const made = await mintmark([...words, '--json', claims], { input: 'correct horse\n' });
  t.equal(made.err, '');
  t.match(answered(made), { email, name: 'Ada', has_password: true, claims: JSON.parse(claims) });
  const stored = await stores.accounts.findByEmail(email);
  t.ok(await verifyPassword('correct horse', stored?.passwordHash ?? ''), 'without the newline');
  t.match(await mintmark(words, { input: 'correct horse\n' }), { code: 4, err: /there is an account ada/ });
  t.match(await mintmark(['accounts', 'create', '--email', 'eve@example.com']), {
    code: 0,
    out: /^eve@example.com is account [\da-f-]{36}\n$/,
    err: 'eve@example.com has no password: set one with `mintmark accounts password`\n',
  });
  t.match(await mintmark(['accounts', 'password', email, '--password-stdin'], { input: 'short' }), {
    code: 4,
    out: '',
    err: /shorter than 8/,
  });
  const renewed = await mintmark(['accounts', 'password', email, '--password-stdin'], {
    input: 'battery staple',
  });
  t.match(renewed, { code: 0, out: `${email} has a new password, and is signed out everywhere\n`, err: '' });
  t.ok(
    await verifyPassword('battery staple', (await stores.accounts.findByEmail(email))?.passwordHash ?? ''),
  );
  t.match(await mintmark(['accounts', 'sign-out', email]), {
    code: 0,
    out: `${email} is signed out everywhere\n`,
  });
  t.match(await mintmark(['accounts', 'disable', 'eve@example.com', '--dry-run']), {
    code: 0,
    out: /^dry run, nothing changed: eve/,
  });
  t.match(answered(await mintmark(['accounts', 'disable', 'eve@example.com', '--json'])), {
    disabled_at: Number,
    tokens_valid_after: Number,
  });
  t.match(await mintmark(['accounts', 'enable', email]), { code: 3, err: /enabled already/ });

  const { out } = await mintmark(['accounts', 'list']);
  t.match(
    out,
    /^E-MAIL +NAME +SUB +PASSWORD +SECOND FACTOR +STATE\nada@example.com +Ada +[\da-f-]{36} +set +none +enabled\ndemo.*\neve@example.com +- +[\da-f-]{36} +none +none +disabled \S+Z\n$/,
  );
  const shown = await mintmark(['accounts', 'show', 'ADA@example.com']);
  t.match(shown.out, /^MEMBER +VALUE\nstate +enabled\nsub +[\da-f-]{36}\nemail +ada@example.com\n/);
  t.notMatch(shown.out, 'argon2');
  t.match(await mintmark(['accounts', 'show', 'nobody@example.com', '--json']), {
    code: 1,
    out: '',
    err: /there is no account/,
  });
});

t.test('a second factor that is lost', async (t) => {
  const email = 'ada@example.com';
  const { sub = '' } = (await stores.accounts.findByEmail(email)) ?? {};
  const next = {
    handle: 'handle',
    totp: { jwe: 'jwe', lastStep: 1, addedAt: 1 },
    recoveryCodes: ['hash'],
    passkeys: [],
  };
  await stores.factors.compareAndSwap({ sub, expected: undefined, next, audit: [] });
  t.match((await mintmark(['accounts', 'list'])).out, /ada@example.com .* set +totp +enabled/);
  const removing = ['accounts', 'remove-second-factor', email];
  t.match(await mintmark([...removing, '--dry-run']), { code: 0, out: /^dry run, nothing changed: ada/ });
  t.match(answered(await mintmark(['accounts', 'show', email, '--json'])), { second_factors: ['totp'] });
  t.match(await mintmark(removing), { code: 0, out: /^ada@example.com has no second factor any more/ });
  t.equal(await stores.factors.find(sub), undefined);
  t.match(await stores.audit.list({ limit: 1, subject: sub }), [
    { event: 'account.second_factors_removed', actor: `operator:${userInfo().username}` },
  ]);
  t.match(await mintmark(removing), { code: 3, err: /has no second factor/ });
  t.match(answered(await mintmark(['accounts', 'show', email, '--json'])), { second_factors: [] });
});

t.test('accounts that come from elsewhere', async (t) => {
  const django = 'pbkdf2_sha256$3000$long$/8XXTcqZvYOrqSE5OKP3gNNslFwbh+jPtIuH9ALfdr8=';
  const user = (pk: number, email: string) => ({
    model: 'auth.user',
    pk,
    fields: { email, password: django },
  });
  writeFileSync(at('users.json'), JSON.stringify([user(7, 'mia@example.com'), user(8, 'leo@example.com')]));
  const words = ['accounts', 'import', at('users.json'), '--keep-ids'];
  t.match(await mintmark([...words, '--dry-run']), {
    code: 0,
    out: 'dry run, nothing changed: imported 2, passed over 0 that are here already, refused 0\n',
    err: '',
  });
  t.equal(await stores.accounts.findBySub('7'), undefined);
  t.same(answered(await mintmark([...words, '--json'])), { imported: 2, existing: 0, refused: [] });
  t.match(await stores.accounts.findBySub('7'), { email: 'mia@example.com', passwordHash: django });
  t.same(await mintmark(words), {
    code: 3,
    out: '',
    err: `mintmark: nothing to do: every account of ${at('users.json')} is here already\n`,
  });

  const input =
    '{"email":"zoe@example.com","password":null}\n{"email":"mia@example.com","password":null}\n{"e":1}\n';
  const partly = await mintmark(['accounts', 'import', '-'], { input });
  t.match(partly, {
    code: 1,
    out: 'imported 1, passed over 1 that are here already, refused 1\n',
    err: /^line 3: "e" is unknown; did you mean \w+\?\nmintmark: 1 in stdin cannot be taken: .*\n$/,
  });
  const asJson = await mintmark(['accounts', 'import', '-', '--json'], { input });
  t.match(asJson, { code: 1, err: /^mintmark: 1 in stdin cannot be taken: .*\n$/ });
  t.match(JSON.parse(asJson.out), {
    imported: 0,
    existing: 2,
    refused: [{ where: 'line 3', reason: String }],
  });
  t.match(await mintmark(['accounts', 'import', '-'], { input: '\n' }), {
    code: 3,
    err: 'mintmark: nothing to do: there are no accounts in stdin\n',
  });
  t.match(await mintmark(['accounts', 'import', at('nowhere.json')]), {
    code: 1,
    err: /cannot be read \(ENOENT\)/,
  });
});

t.test('explain', async (t) => {
  const created = await mintmark(['clients', 'secret', 'shop', '--json']);
  const token = await drawToken(service.port, answered(created));
  const input = JSON.stringify({ access_token: token, token_type: 'Bearer' });
  const explained = await mintmark(['explain', '-', '--audience', api], { input });
  t.match(explained, { code: 0, err: '' });
  t.match(
    explained.out,
    /^accepted: ok\nit is signed by [\w-]{43}, for https:\/\/api.example.com, good for another \d+ \w+\n\nMEMBER +VALUE\nalg +RS256\n/,
  );
  const refused = await mintmark(['explain', token, '--audience', 'https://x.example', '--json']);
  t.match(refused, { code: 1, err: /^warning: others on this machine can read a command line/ });
  t.match(JSON.parse(refused.out), {
    accepted: false,
    reason: 'audience_mismatch',
    claims: { sub: 'shop' },
    times: { age: Number },
  });
  t.match(await mintmark(['explain', '-'], { input: 'hello' }), {
    code: 1,
    out: 'not accepted: malformed\nit is no JWT: it has 1 of 3 parts\n',
    err: '',
  });

  const nowhere = { DATABASE_URL: 'postgres://nobody@127.0.0.1:1/none' };
  const foreign = await mintmark(['explain', '-', '--json', '--issuer', service.issuer], {
    input: token,
    env: nowhere,
  });
  t.match(
    answered(foreign),
    { accepted: true, reason: 'ok' },
    'another issuer is asked over HTTP, and no store',
  );
  const missing = await mintmark(['explain', '-', '--issuer', 'http://localhost:1'], { input: token });
  t.match(missing, {
    code: 1,
    out: '',
    err: /^mintmark: http:\/\/localhost:1\S+ does not answer \(bad port\).*\n$/,
  });
});

t.test('migrate', async (t) => {
  t.match(
    (await mintmark(['migrate', 'status'])).out,
    /^the schema is at migration (\d+) of \1: nothing is pending\n$/,
  );
  t.match(answered(await mintmark(['migrate', 'status', '--json'])), { current: Number, pending: [] });
  t.match(await mintmark(['migrate', 'up']), {
    code: 3,
    out: '',
    err: 'mintmark: nothing to do: the schema is up to date\n',
  });

  const url = await ownDatabase(t);
  if (url === undefined) return;
  const server = { DATABASE_URL: url };
  const pending = await mintmark(['migrate', 'status'], { env: server });
  t.match(pending.out, /^the schema is at migration 0 of \d+; pending:\nVERSION +NAME\n1 +\S+\n/);
  const dry = await mintmark(['migrate', 'up', '--dry-run'], { env: server });
  t.match(dry, { code: 0, out: /^dry run, nothing changed: applied: / });
  t.match(answered(await mintmark(['migrate', 'up', '--json'], { env: server })), { applied: [String] });
  t.match(await mintmark(['migrate', 'up'], { env: server }), { code: 3 });
});

t.test('doctor', async (t) => {
  const well = await mintmark(['doctor']);
  t.match(well, { code: 0, err: '' });
  t.match(
    well.out,
    /^LEVEL +CHECK +FINDING\nok +metadata +names http:\/\/localhost:\d+ and endpoints under it\n/,
  );
  t.match(
    well.out,
    /\nok +readiness +ready: .*\nok +database .*\nok +schema .*\nok +redis .*\nok +keys RS256 .*\nok +key custody .*\nok +root secret .*\n$/,
  );
  const production = await mintmark(['doctor', '--production', '--json']);
  t.equal(production.code, 1);
  const { problems, findings } = JSON.parse(production.out);
  t.ok(problems > 3);
  t.match(
    findings.find(({ check }: { check: string }) => check === 'issuer'),
    { level: 'problem', fix: /MINTMARK_ISSUER/ },
  );
  const foreign = await mintmark(['doctor', '--issuer', service.issuer], {
    env: { DATABASE_URL: 'postgres://nobody@127.0.0.1:1/none' },
  });
  t.match(foreign, { code: 0, out: /^(.*\n){8}$/ });
  t.match(await mintmark(['doctor', '--issuer', 'http://localhost:1']), {
    code: 1,
    out: /problem +metadata .* does not answer/,
  });
});

t.test('every change is on record, with who made it, and without a secret', async (t) => {
  const entries = (await audits()).filter(({ actor }) => actor !== 'scheduler' && actor !== 'first start');
  const actors = new Set(entries.map(({ actor }) => actor));
  t.same([...actors], [`operator:${userInfo().username}`]);
  t.same(
    entries.map(({ event, subject }) => `${event} ${subject.length === 36 ? 'sub' : subject}`).reverse(),
    [
      `resource.created ${api}`,
      `resource.updated ${api}`,
      'client.created shop',
      'client.created old',
      'client.updated shop',
      'client.secret_added shop',
      'client.old_secrets_retired shop',
      'client.secret_replaced shop',
      'client.disabled old',
      'client.enabled old',
      'account.created sub',
      'account.created sub',
      'account.password_set sub',
      'account.signed_out sub',
      'account.disabled sub',
      'account.second_factors_removed sub',
      'account.imported 7',
      'account.imported 8',
      'account.imported sub',
      'client.secret_added shop',
    ],
  );
  t.notMatch(JSON.stringify(entries) + service.output(), /correct horse|battery staple|ssssss|argon2|pbkdf2/);
});

t.test('without a service, and without an earlier start, it works on the store alone', async (t) => {
  const fresh = executableIn(at('fresh'));
  mkdirSync(at('fresh'));
  const [list, keys] = [await fresh(['clients', 'list', '--json']), await fresh(['keys', 'list'])];
  t.same(
    [list, keys],
    [
      { code: 0, out: '[]\n', err: '' },
      { code: 0, out: 'no keys yet: the first start makes them\n', err: '' },
    ],
  );
});
