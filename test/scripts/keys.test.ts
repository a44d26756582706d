// mintmark keys ...: every verb, beside a running service.
import { generateKeyPairSync } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import t from 'tap';
import { createAccount } from '../../src/accounts/account.ts';
import { loadConfig } from '../../src/config.ts';
import { type KeyStanding, keyStandings } from '../../src/keys/report.ts';
import { registerClient } from '../../src/oauth/client-management.ts';
import { findSession, startSession } from '../../src/oauth/session.ts';
import type { AccountRecord, KeyRecord } from '../../src/stores/stores.ts';
import { openHouse, timetableOf } from '../../src/wire.ts';
import { executableIn } from '../helpers/executable.ts';
import { scratchFolder, startService } from '../helpers/service.ts';
import { signInBeside } from '../helpers/sign-in.ts';
import { site } from '../helpers/site.ts';

// Each run of the executable is a process.
t.setTimeout(600_000);

const { folder, remove } = scratchFolder();
t.teardown(remove);
const at = (name: string) => join(folder, name);
const service = await startService({ folder, env: { MINTMARK_KEYS_RELOAD_INTERVAL: '1' } });
t.teardown(() => service.stop());
const settings = { PORT: String(service.port), MINTMARK_KEYS_RELOAD_INTERVAL: '1' };
const mintmark = executableIn(folder, settings);

// What the executable did is looked up in the store, without a process for every look.
const env = { ...settings, MINTMARK_DATA: at('data'), MINTMARK_KEYS: at('keys') };
const { config } = loadConfig({ env });
const house = await openHouse(config, { beside: true });
t.teardown(() => house.close());

async function standings(): Promise<KeyStanding[]> {
  const { keys } = await house.stores.keys.read();
  return keyStandings(keys, house.clock.now(), timetableOf(config));
}
const signer = async () => (await standings()).find(({ signs }) => signs)?.kid ?? '';
const published = async (): Promise<string[]> => {
  const response = await fetch(`${service.issuer}/.well-known/jwks.json`);
  return ((await response.json()) as { keys: { kid: string }[] }).keys.map(({ kid }) => kid);
};

/** Waits until the service publishes what is wanted of it. */
async function until(wanted: (kids: string[]) => boolean): Promise<boolean> {
  for (let attempt = 0; attempt < 200; attempt += 1) {
    if (wanted(await published())) return true;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  return false;
}

const sessionLifetimes = { lifetime: 1_209_600, idleLifetime: 86_400 };

t.test('list shows every key with its state and its times', async (t) => {
  const { code, out, err } = await mintmark(['keys', 'list']);
  t.match({ code, err }, { code: 0, err: '' });
  const [header = '', ...rows] = out.trimEnd().split('\n');
  t.match(header, /^KID +ALG +STATE +PUBLISHED +ACTIVE +RETIRED +OUT +TOKENS +TOKENS UNTIL$/);
  t.equal(rows.length, 2);
  const instant = String.raw`\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ \((in \d+ \w+|\d+ \w+ ago|now)\)`;
  t.match(
    out,
    new RegExp(
      `^[\\w-]{43}  RS256  active, signs  ${instant} +${instant} +${instant} +${instant} +0 +-$`,
      'm',
    ),
  );
  t.match(out, /^[\w-]{43} {2}RS256 {2}standby .* - +- +0 +-$/m);
  const json: KeyStanding[] = JSON.parse((await mintmark(['keys', 'list', '--json'])).out);
  t.match(
    json.sort((a, b) => a.state.localeCompare(b.state)),
    [
      {
        kid: /^[\w-]{43}$/,
        alg: 'RS256',
        state: 'active',
        signs: true,
        publish_at: Number,
        revoked_at: null,
      },
      { state: 'standby', signs: false, retire_at: null, remove_at: null },
    ],
  );
});

t.test('plan tells what happens when, by which rule, and who would break', async (t) => {
  const { code, out } = await mintmark(['keys', 'plan']);
  t.equal(code, 0);
  t.match(out, /^RS256 signs with [\w-]{43}\nWHEN +FROM NOW +KEY +BECOMES +BECAUSE\n/);
  t.match(out, /in 30 d +[\w-]{43} +active +rotation_period \(30 d\) after the key that signs now\n/);
  t.match(
    out,
    /good tokens would be refused for up to: .*Confluent 24 h; any, within the declared cache 24 h\.\n$/,
  );
  t.match(JSON.parse((await mintmark(['keys', 'plan', '--json'])).out), {
    now: Number,
    algs: [
      {
        alg: 'RS256',
        signer: await signer(),
        steps: [{ becomes: 'active' }, { becomes: 'retired' }, { becomes: 'removed' }],
      },
    ],
  });
});

t.test(
  'rotate brings the next change forward; a dry run changes nothing; twice is nothing to do',
  async (t) => {
    const before = await standings();
    const dry = await mintmark(['keys', 'rotate', '--dry-run']);
    t.match(dry, { code: 0, err: '', out: /^dry run, nothing changed: RS256 signs with / });
    t.match(dry.out, /a new key +published/);
    t.same(await standings(), before);

    t.match(await mintmark(['keys', 'rotate', '--json']), { code: 0, err: '', out: /^\{\n/ });
    t.match((await standings()).map(({ state }) => state).sort(), ['active', 'standby', 'standby']);
    const again = await mintmark(['keys', 'rotate']);
    t.match(again, {
      code: 3,
      out: '',
      err: /^mintmark: nothing to do: RS256 rotates at \S+ already, the earliest safe instant\n$/,
    });
    t.match(await mintmark(['keys', 'rotate', '--alg', 'ES256']), {
      code: 2,
      err: /--alg is one of keys.signing_algs, RS256/,
    });
  },
);

t.test('rotate --now tells of the outage that it makes', async (t) => {
  const before = await signer();
  const { code, out, err } = await mintmark(['keys', 'rotate', '--now', '--reason', 'drill', '--json']);
  t.equal(code, 0);
  t.match(err, /^Rotated at once, good tokens would be refused for up to: .*Confluent 24 h/);
  t.match(JSON.parse(out).outage.at(-1), { verifier: 'any, within the declared cache', seconds: Number });
  t.match(
    (await standings()).find(({ kid }) => kid === before),
    { state: /active|retired/ },
    'the older one stays until its tokens are dead',
  );
  t.ok((await published()).includes(before));
});

t.test('revoke takes a key out at once, and tells by when verifiers distrust it', async (t) => {
  const kid = await signer();
  const words = ['keys', 'revoke', kid, '--reason', 'laptop stolen'];
  const dry = await mintmark([...words, '--dry-run']);
  t.match(dry, { code: 0, out: /^dry run, nothing changed/ });
  t.notOk((await standings()).some(({ state }) => state === 'revoked'));

  const { code, out } = await mintmark(words);
  t.equal(code, 0);
  t.match(
    out,
    new RegExp(
      `^${kid} is revoked: it left the JWKS, and the next key signs\nIt has signed no token\\.\nVERIFIER +MAY TRUST IT UNTIL\njose +\\S+ \\(in 15 min\\)\n`,
    ),
  );
  t.match(out, /go-oidc +when it is restarted, or meets a key that it does not know\n/);
  t.ok(await until((kids) => !kids.includes(kid)), 'the service publishes it no more');
  t.not(await signer(), kid);
  t.match(
    readFileSync(at('keys/revoked-keys'), 'utf8'),
    new RegExp(`^${kid} \\d+`),
    'and a restore cannot bring it back',
  );
  t.match(await mintmark(words), { code: 3, err: /was revoked at \S+ already\n$/ });
  t.match(await mintmark(['keys', 'revoke', 'nobody', '--reason', 'x']), {
    code: 1,
    err: /there is no key nobody/,
  });
});

t.test('revoke makes a CDN forget the JWKS, and says where it would not', async (t) => {
  const asked: string[] = [];
  let status = 204;
  const cdn = await site(t, async (request, response) => {
    let body = '';
    for await (const chunk of request) body += chunk;
    asked.push(`${request.method} ${request.url} ${body}`);
    response.writeHead(status).end();
  });
  const revoke = executableIn(folder, { ...settings, MINTMARK_KEYS_PURGE_URL: `${cdn}/purge?token=secret` });
  const waiting = async () => (await standings()).find(({ state }) => state === 'standby')?.kid ?? '';
  const words = async () => ['keys', 'revoke', await waiting(), '--reason', 'another one'];
  t.match(await revoke([...(await words()), '--dry-run']), { code: 0 });
  t.strictSame(asked, [], 'not by a dry run');
  t.match(await revoke(await words()), { code: 0, err: '' });
  const url = encodeURIComponent(`${service.issuer}/.well-known/jwks.json`);
  t.strictSame(asked, [`POST /purge?token=secret url=${url}`]);
  status = 500;
  const { code, err } = await revoke(await words());
  t.equal(code, 0, 'the key is out all the same');
  t.match(err, /keys\.purge_url was asked in vain, the answer has status 500/);
  t.notMatch(err, 'secret');
});

t.test(
  'revoke with --cut-off ends the sign-ins that were used while the key signed, and those of browsers',
  async (t) => {
    const management = { ...house, actor: 'test' };
    const client = (await registerClient(management, {
      grant_types: ['refresh_token'],
      token_endpoint_auth_method: 'none',
    })) as { client_id: string };
    const { access_token, refresh_token } = await signInBeside(house, client);
    const [, payload = ''] = access_token.split('.');
    const family = JSON.parse(Buffer.from(payload, 'base64url').toString()).jti.slice(0, 22);
    const revokedAt = async () => (await house.stores.families.find(family))?.family.revokedAt;
    // Somebody who is signed in at a browser, and nowhere else.
    const { sub } = await createAccount(management, { email: 'bob@example.com', name: 'Bob' });
    const account = (await house.stores.accounts.findBySub(sub)) as AccountRecord;
    const browser = { account, acr: 'aal1', amr: ['pwd'], userAgent: '', address: '' };
    const parts = { ...house.stores, clock: house.clock, random: house.random, sessionLifetimes };
    const session = await startSession(parts, undefined, browser);
    const kid = await signer();
    const words = ['keys', 'revoke', kid, '--reason', 'laptop stolen', '--cut-off', '--json'];
    t.match(JSON.parse((await mintmark([...words, '--dry-run'])).out), {
      families_ended: 1,
      accounts_cut_off: 2,
    });
    t.equal(await revokedAt(), null);
    t.ok(await findSession(parts, session));

    const until = Math.floor(house.clock.now()) + 300;
    await house.stores.keys.recordIssued([
      { kid, lastTokenExpiresAt: until, longestLifetime: 300, tokens: 12 },
    ]);
    const { code, out } = await mintmark(words.slice(0, -1));
    t.equal(code, 0);
    t.match(out, /^Of what was used while it signed, 1 sign-in ended, 2 accounts signed out everywhere\.$/m);
    t.equal(await findSession(parts, session), undefined);
    t.match(out, /^It has signed 12 tokens, and the last expires at \S+ \(in .*\)\.$/m);
    t.match(await revokedAt(), Number);
    const body = new URLSearchParams({
      grant_type: 'refresh_token',
      refresh_token,
      client_id: client.client_id,
    });
    const refreshed = await fetch(`${service.issuer}/token`, { method: 'POST', body });
    t.match(await refreshed.json(), { error: 'invalid_grant' });
    const feed = await (await fetch(`${service.issuer}/.well-known/revoked-families`)).text();
    const { families } = JSON.parse(Buffer.from(feed.split('.')[1] ?? '', 'base64url').toString());
    t.strictSame(families, [family.slice(0, 12)]);
    t.match(
      await mintmark(words),
      { code: 0, out: /"families_ended": 0,\s+"accounts_cut_off": 0/ },
      'also where it was revoked before',
    );
  },
);

t.test('list --verifiers tells who fetches the JWKS, and plan who lacks the next key', async (t) => {
  await fetch(`${service.issuer}/.well-known/jwks.json?v=payments`);
  const isKnown = async () => (await mintmark(['keys', 'list', '--verifiers'])).out.includes('payments');
  for (let left = 50; left > 0 && !(await isKnown()); left -= 1) await sleep(100);
  const { code, out } = await mintmark(['keys', 'list', '--verifiers']);
  t.equal(code, 0);
  t.match(out, /^VERIFIER +FETCHES +SINCE +LAST +LACKS\n/);
  t.match(out, /^payments +1 +\S+ \(.*\) +\S+ \(.*\) +nothing$/m);
  const json = JSON.parse((await mintmark(['keys', 'list', '--verifiers', '--json'])).out);
  t.match(
    json.find(({ verifier }: { verifier: string }) => verifier === 'payments'),
    { fetches: 1, fetched_at: Number, lacks: [] },
  );

  const [waiting] = (await standings()).filter(({ state }) => state === 'standby');
  await mintmark(['keys', 'revoke', waiting?.kid ?? '', '--reason', 'another one']);
  t.match(
    (await mintmark(['keys', 'plan'])).out,
    /^Seen lately, without the next key yet: .*payments \(fetched .*\)/m,
  );
});

t.test('a kid may start with a dash, as one in 64 does', async (t) => {
  const kid = `-${'k'.repeat(42)}`;
  t.match(await mintmark(['keys', 'revoke', kid, '--reason', 'x']), {
    code: 1,
    err: `there is no key ${kid}`,
  });
});

t.test('drill rehearses a rotation and a compromise, and changes nothing', async (t) => {
  const before = await standings();
  const { code, out } = await mintmark(['keys', 'drill']);
  t.equal(code, 0);
  t.match(out, /^ALG +STEP +TOOK +AFTER A WAIT OF\nRS256 +the first keys are made +\d+ ms +-\n/);
  t.match(out, /nothing was changed\. After a compromise now:\nVERIFIER +MAY TRUST IT UNTIL\n/);
  t.same(
    (await standings()).map(({ kid }) => kid),
    before.map(({ kid }) => kid),
  );
  t.match(JSON.parse((await mintmark(['keys', 'drill', '--json'])).out), {
    drills: [{ alg: 'RS256', steps: [{ step: String, took: Number, waits: 0 }] }],
    verifiers: [{ verifier: 'jose', trusts_for: 900 }],
  });
});

t.test('export seals the keys under a passphrase, in a file for its owner alone', async (t) => {
  writeFileSync(at('passphrase'), 'correct horse battery staple\n', { mode: 0o600 });
  writeFileSync(at('weak'), 'too short\n', { mode: 0o600 });
  writeFileSync(at('open'), 'correct horse battery staple\n', { mode: 0o644 });
  const out = at('keys.jwe');
  const exported = (file: string) => mintmark(['keys', 'export', '--out', out, '--passphrase-file', file]);
  t.match(await exported(at('weak')), { code: 4, err: /shorter than 12 characters/ });
  t.match(await exported(at('open')), { code: 1, err: /others may read it \(mode 0644\)/ });
  t.notOk(existsSync(out));
  t.match(await exported(at('passphrase')), {
    code: 0,
    out: `the keys are in ${out}: import it with the passphrase, which is nowhere else\n`,
  });
  t.equal(statSync(out).mode & 0o777, 0o600);
  t.match(readFileSync(out, 'utf8'), /^[\w-]+(\.[\w-]+){4}\n$/);
  t.match(await exported(at('passphrase')), { code: 4, err: /is there already: name a new file/ });
  const input = 'correct horse battery staple\n';
  const piped = await mintmark(['keys', 'export', '--json', '--passphrase-file', '-'], { input });
  t.match(JSON.parse(piped.out), { jwe: /^[\w-]+(\.[\w-]+){4}$/ });
});

t.test('import takes an export, and the key of the issuer before', async (t) => {
  const sealed = ['keys', 'import', at('keys.jwe'), '--passphrase-file'];
  t.match(await mintmark([...sealed, at('weak')]), { code: 1, err: /does not open with this passphrase/ });
  t.match(await mintmark([...sealed, at('passphrase')]), {
    code: 3,
    err: /every key of the file is here already/,
  });

  const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  writeFileSync(at('old.pem'), privateKey.export({ type: 'pkcs8', format: 'pem' }), { mode: 0o644 });
  const words = ['keys', 'import', at('old.pem'), '--as', 'retired'];
  const before = await standings();
  const dry = await mintmark([...words, '--dry-run']);
  t.match(dry, {
    code: 0,
    out: /^dry run/,
    err: /^warning: others on this machine can read the private key in \S+old.pem/,
  });
  t.same(await standings(), before);
  t.match(await mintmark(words), { code: 0 });
  const known = new Set(before.map(({ kid }) => kid));
  const joined = (await standings()).filter(({ kid }) => !known.has(kid));
  t.match(joined, [{ state: 'retired', signs: false }]);
  t.equal(joined.length, 1);
  t.match(await mintmark(words), { code: 3 });
  writeFileSync(at('none.pem'), 'hello', { mode: 0o600 });
  t.match(await mintmark(['keys', 'import', at('none.pem')]), {
    code: 1,
    out: '',
    err: /no private key that can be read/,
  });
});

t.test('remove takes a retired key out as soon as nothing of it can be alive, and not before', async (t) => {
  const { keys } = house.stores;
  const now = Math.floor(house.clock.now());
  const { revision, keys: known } = await keys.read();
  const { kid, ...retired } = known.find(
    (key) => key.retireAt <= now && key.removeAt > now && key.revokedAt === null,
  ) as KeyRecord;
  const waits = (await standings()).find(({ state }) => state === 'standby')?.kid ?? '';
  t.match(await mintmark(['keys', 'remove', waits]), {
    code: 4,
    err: /is standby: a key is removed once it/,
  });
  const words = ['keys', 'remove', kid, '--json'];
  const { code, out, err } = await mintmark(words);
  t.match({ code, out }, { code: 4, out: '' });
  const [, second = '', left] =
    err.match(/ stays in the JWKS until (\S+Z) \((\d+) s\): tokens that it signed may be alive;/) ?? [];
  t.equal(Date.parse(second) / 1000, Math.ceil(retired.removeAt));
  t.ok(Math.abs(now + Number(left) - retired.removeAt) < 30);

  // As after a day with shorter lives.
  const since = { publishAt: now - 172_800, activateAt: now - 172_800, retireAt: now - 86_400 };
  const aged = { ...retired, kid, ...since };
  await keys.apply({ expectedRevision: revision, t: now, keys: [aged], audit: [] });
  await keys.recordIssued([{ kid, lastTokenExpiresAt: now - 3_600, longestLifetime: 300, tokens: 1 }]);
  t.match(JSON.parse((await mintmark([...words, '--dry-run'])).out), { kid, removed_at: Number });
  t.ok((await published()).includes(kid));
  t.match(await mintmark(words.slice(0, -1)), { code: 0, out: `${kid} is removed: it left the JWKS\n` });
  t.ok(await until((kids) => !kids.includes(kid)), 'the service publishes it no more');
  const [entry] = await house.stores.audit.list({ limit: 1, subject: kid });
  t.match(entry, { event: 'key.removed', actor: /^operator:/ });
  t.match(await mintmark(words), { code: 3, err: /was removed at \S+ already/ });
});

t.test('rewrap puts every key under a new key-encryption key, and the service goes on', async (t) => {
  const current = () => readFileSync(at('keys/key-encryption-key'), 'utf8');
  const before = [current(), await standings()];
  const count = (await house.stores.keys.read()).keys.filter(({ privateJwe }) => privateJwe !== null).length;
  t.match(await mintmark(['keys', 'rewrap', '--dry-run']), {
    code: 0,
    out: `dry run, nothing changed: ${count} keys are wrapped under a new one\n`,
  });
  t.match(await mintmark(['keys', 'rewrap', '--prepare', '--dry-run']), { code: 0, out: /^dry run/ });
  t.same([current(), existsSync(at('keys/key-encryption-key.next'))], [before[0], false]);

  t.match(await mintmark(['keys', 'rewrap', '--prepare']), {
    code: 0,
    out: /copy it to every machine, then run `mintmark keys rewrap`/,
  });
  const next = readFileSync(at('keys/key-encryption-key.next'), 'utf8');
  const { code, out } = await mintmark(['keys', 'rewrap', '--json']);
  t.equal(code, 0);
  t.match(JSON.parse(out), { keys: count, kid: String, old: at('keys/key-encryption-key.old') });
  t.equal(current(), next);
  t.same(await standings(), before[1], 'the signing keys stay the same');
  t.ok((await fetch(`${service.issuer}/readyz`)).ok);
});

t.test(
  'renew-secret makes refresh tokens with another root secret, once every machine can have it',
  async (t) => {
    const files = () => readdirSync(at('keys')).filter((name) => name.startsWith('root-secret'));
    const numbers = async () => (await house.stores.rootSecrets.list()).map(({ number }) => number);
    t.match(await mintmark(['keys', 'renew-secret', '--dry-run']), {
      code: 0,
      out: /^dry run, nothing changed: root secret 2 makes refresh tokens from \S+Z \(in 3 s\)\nwhat the former one made is good until/,
    });
    t.match(await mintmark(['keys', 'renew-secret', '--prepare', '--dry-run']), {
      code: 0,
      out: /^dry run, .* in a new file of /,
    });
    t.strictSame([files(), await numbers()], [['root-secret'], [1]]);

    const prepared = await mintmark(['keys', 'renew-secret', '--prepare']);
    t.match(prepared, {
      code: 0,
      out: /copy it to every machine, then run `mintmark keys renew-secret`\n$/,
      err: '',
    });
    const [, next = ''] = files().map((name) => at(`keys/${name}`));
    t.match(prepared.out, next);
    t.equal(statSync(next).mode & 0o777, 0o600);
    t.strictSame(await numbers(), [1], 'it does nothing yet');
    t.match(await mintmark(['keys', 'renew-secret', '--prepare']), {
      code: 3,
      out: '',
      err: `mintmark: nothing to do: the next root secret waits in ${next}\n`,
    });

    const { code, out } = await mintmark(['keys', 'renew-secret', '--json']);
    t.equal(code, 0);
    t.match(JSON.parse(out), { number: 2, file: next, signs_from: Number, former_until: Number });
    t.strictSame([files().length, await numbers()], [2, [1, 2]]);
    t.notMatch(out + prepared.out, readFileSync(next, 'utf8').trim(), 'no secret is shown');

    const first = JSON.parse(out).signs_from;
    while (house.clock.now() < first) await new Promise((resolve) => setTimeout(resolve, 100));
    t.ok((await fetch(`${service.issuer}/readyz`)).ok, 'the service has read it');
    const alone = await mintmark(['keys', 'renew-secret', '--json']);
    t.match(
      [alone.code, JSON.parse(alone.out)],
      [0, { number: 3, file: at('keys/root-secret.3') }],
      'it makes one itself',
    );
    const given = { env: { MINTMARK_ROOT_SECRET: readFileSync(at('keys/root-secret'), 'utf8').trim() } };
    t.match(await mintmark(['keys', 'renew-secret', '--prepare'], given), {
      code: 4,
      err: /set by MINTMARK_ROOT_SECRET: add the new one there, after a comma/,
    });
    t.same(
      (await house.stores.audit.list({ limit: 2, subject: '2' })).map(({ event }) => event),
      ['root_secret.added'],
    );
  },
);
