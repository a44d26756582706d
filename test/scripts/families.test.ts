// mintmark families ..., and explain of what their tokens are worth: beside a running service.
import { join } from 'node:path';
import t from 'tap';
import { setAccountDisabled, signOut } from '../../src/accounts/account.ts';
import { loadConfig } from '../../src/config.ts';
import { registerClient } from '../../src/oauth/client-management.ts';
import { openHouse } from '../../src/wire.ts';
import { executableIn } from '../helpers/executable.ts';
import { scratchFolder, startService } from '../helpers/service.ts';
import { signInBeside } from '../helpers/sign-in.ts';
import { basic } from '../helpers/test-server.ts';

// Each run of the executable is a process.
t.setTimeout(600_000);

const { folder, remove } = scratchFolder();
t.teardown(remove);
const redis = process.env.TEST_REDIS_URL;
const settings = redis === undefined ? undefined : { REDIS_URL: redis };
const service = await startService({ folder, ...(settings && { env: settings }) });
t.teardown(() => service.stop());
const here = { PORT: String(service.port), ...settings };
const mintmark = executableIn(folder, here);

const env = { ...here, MINTMARK_DATA: join(folder, 'data'), MINTMARK_KEYS: join(folder, 'keys') };
const house = await openHouse(loadConfig({ env }).config, { beside: true });
t.teardown(() => house.close());
const management = { ...house, actor: 'test' };

const metadata = { client_id: 'shop', grant_types: ['refresh_token'], scope: 'read' };
const shop = (await registerClient(management, metadata)) as { client_id: string; client_secret: string };
const signIn = async (email: string) => {
  const { access_token, refresh_token } = await signInBeside(house, shop, email);
  const { jti } = JSON.parse(Buffer.from(access_token.split('.')[1] ?? '', 'base64url').toString());
  return { access: access_token, refresh: refresh_token, family: String(jti).slice(0, 22) };
};
const post = (path: string, form: Record<string, string>) =>
  fetch(`${service.issuer}${path}`, {
    method: 'POST',
    headers: basic(shop.client_id, shop.client_secret),
    body: new URLSearchParams(form),
  });
const refresh = (refresh_token: string) => post('/token', { grant_type: 'refresh_token', refresh_token });
const email = 'ada@example.com';
const instant = String.raw`\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ \((in \d+ \w+|\d+ \w+ ago|now)\)`;

t.test('list shows the sign-ins of an account, newest first, and where each stands', async (t) => {
  const [older, newer] = [await signIn(email), await signIn(email)];
  await refresh(newer.refresh);
  const { code, out, err } = await mintmark(['families', 'list', '--account', email]);
  t.match({ code, err }, { code: 0, err: '' });
  const [header, ...rows] = out.trimEnd().split('\n');
  t.match(header, /^FAMILY +CLIENT +SCOPE +STATE +SIGNED IN +LAST USED +EXPIRES$/);
  const row = (id: string) => new RegExp(`^${id}  shop +read +alive +${instant} +${instant} +${instant}$`);
  t.match(rows, [row(newer.family), row(older.family)]);

  const json = await mintmark(['families', 'list', '--account', 'ADA@example.com', '--json']);
  const [first, second] = JSON.parse(json.out);
  t.match(first, {
    id: newer.family,
    client_id: 'shop',
    sub: String,
    sid: String,
    state: 'alive',
    generation: 1,
  });
  t.match(second, { id: older.family, generation: 0, scope: 'read', resources: [], revoked_at: null });
  t.ok(first.last_used_at > first.signed_in_at && first.idle_at > first.last_used_at);
  t.match(await mintmark(['families', 'list', '--account', 'nobody@example.com']), {
    code: 1,
    out: '',
    err: /^mintmark: there is no account nobody@example.com/,
  });
  t.match(await mintmark(['families', 'list']), { code: 2, err: /--account/ });
  t.match(await mintmark(['families', 'list', '--account', 'demo@example.com']), {
    code: 0,
    out: 'demo@example.com is signed in nowhere\n',
  });
});

t.test('revoke ends one sign-in, at once and once', async (t) => {
  const [one, other] = [await signIn(email), await signIn(email)];
  t.match(await mintmark(['families', 'revoke', one.family, '--dry-run']), {
    code: 0,
    out: /^dry run, nothing changed: \S+ is revoked: \S+ is signed out of shop there, and nowhere else\n$/,
  });
  const { body } = await refresh(one.refresh);
  await body?.cancel();
  t.match(await mintmark(['families', 'revoke', one.family, '--json']), { code: 0, err: '' });
  t.equal((await refresh(one.refresh)).status, 400);
  t.same(await (await post('/introspect', { token: one.access })).json(), { active: false });
  t.match(
    (await house.stores.familyStates.find(one.family)).state,
    { revoked: true },
    'the tombstone stands',
  );
  t.equal((await refresh(other.refresh)).status, 200);

  t.match(await mintmark(['families', 'revoke', one.family]), {
    code: 3,
    out: '',
    err: new RegExp(
      `^mintmark: nothing to do: ${one.family} was revoked by an operator at \\S+Z already\\n$`,
    ),
  });
  t.match(await mintmark(['families', 'revoke', 'A'.repeat(22)]), {
    code: 1,
    err: /there is no family A{22}: /,
  });
  const { out } = await mintmark(['families', 'list', '--account', email]);
  t.match(out, new RegExp(`^${one.family} .* revoked by an operator at `, 'm'));
  t.match(await house.stores.audit.list({ limit: 1, subject: one.family }), [
    { event: 'family.revoked', actor: /^operator:/ },
  ]);
});

t.test('a sign-in that ended with its account is said to have', async (t) => {
  await signIn('eve@example.com');
  await signOut(management, 'eve@example.com');
  const list = async () =>
    JSON.parse((await mintmark(['families', 'list', '--account', 'eve@example.com', '--json'])).out);
  t.match(await list(), [{ state: 'signed_out' }]);
  await setAccountDisabled(management, 'eve@example.com', true);
  t.match(await list(), [{ state: 'account_disabled' }]);
});

t.test('explain says what would become of a refresh token, and changes nothing', async (t) => {
  const one = await signIn('bob@example.com');
  const explain = async (token: string) => {
    const { code, out } = await mintmark(['explain', '-', '--json'], { input: token });
    return { code, ...JSON.parse(out) };
  };
  t.match(await explain(one.refresh), {
    code: 0,
    accepted: true,
    reason: 'ok',
    sentence: `it is the newest of the family ${one.family}, and would be answered with the next`,
    times: { age: Number, expires_in: Number },
  });
  t.match(await explain(one.refresh), { reason: 'ok', sentence: /newest/ }, 'asking is not presenting');
  t.equal((await refresh(one.refresh)).status, 200);
  t.match(await explain(one.refresh), { code: 0, sentence: /^it was used lately/ });
  t.match(await explain(`${one.refresh.slice(0, -2)}AA`), { code: 1, reason: 'refresh_token_malformed' });
  t.match(await explain(one.access), { code: 0, reason: 'ok' });

  await post('/revoke', { token: one.access });
  t.match(await explain(one.access), { code: 1, reason: 'token_revoked' });
  await mintmark(['families', 'revoke', one.family]);
  for (const [token, reason] of [
    [one.access, 'family_revoked'],
    [one.refresh, 'refresh_token_revoked'],
  ] as const) {
    const sentence = new RegExp(`the family ${one.family},? was revoked by an operator at `);
    t.match(await explain(token), { code: 1, accepted: false, reason, sentence });
  }
});
