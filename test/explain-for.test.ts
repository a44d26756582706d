// mintmark explain --for: the settings of each consumer, with this issuer's values and nothing else.
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import t from 'tap';
import { consumers } from '../src/consumers.ts';
import { executableIn } from './helpers/executable.ts';
import { scratchFolder } from './helpers/service.ts';

t.setTimeout(120_000);

const trusted = {
  issuer: 'https://id.example.com/tenant',
  jwksUri: 'https://id.example.com/tenant/.well-known/jwks.json',
  audience: 'https://api.example.com',
  alg: 'ES256',
  typ: 'at+jwt',
};

t.test('every text names the issuer or its keys, and the audience', async (t) => {
  for (const { name, settings } of consumers) {
    const text = settings(trusted);
    t.ok(text.includes(trusted.issuer), name);
    t.ok(text.includes(trusted.audience), name);
    t.notMatch(text, /undefined|\[object/, name);
  }
});

// Those that take the algorithm from the key, or ask somebody who knows it.
const withoutAlg = ['apache', 'nginx', 'caddy', 'traefik', 'envoy', 'istio', 'kubernetes'];
const withTyp = ['spring', 'fastify', 'express', 'nest', 'hono', 'next', 'fastapi', 'go', 'aspnet'];

t.test('every one that can looks at the algorithm and the typ', async (t) => {
  for (const { name, settings } of consumers) {
    if (![...withoutAlg, 'postgres', 'postgrest', 'hasura'].includes(name))
      t.match(settings(trusted), 'ES256', name);
    if (withTyp.includes(name)) t.match(settings(trusted), 'at+jwt', name);
  }
});

t.test('docs/verify.md names every one', async (t) => {
  const page = readFileSync('docs/verify.md', 'utf8').replaceAll('\n', ' ');
  const names = consumers.map(({ name }) => name).join(', ');
  t.match(page, `${names.replace(', hasura', ' and hasura')}.`);
});

t.test('docs/recipes.md has a recipe for every one, and the name of every recipe is one', async (t) => {
  const rows = readFileSync('docs/recipes.md', 'utf8').split('\n');
  const named = rows.flatMap((row) => /^\| .* \| `(\w+)` \|$/.exec(row)?.[1] ?? []);
  t.same([...new Set(named)].sort(), consumers.map(({ name }) => name).sort());
});

t.test('the path of an issuer, and a resource with a query, are where a proxy asks', async (t) => {
  const settingsOf = (name: string, audience: string) =>
    consumers.find((one) => one.name === name)?.settings({ ...trusted, audience }) ?? '';
  for (const name of ['caddy', 'traefik']) {
    const audience = 'https://api.example.com/?a=1&b={x}';
    const [, query = ''] = /forward-auth\?(resource=[^\s"]+)/.exec(settingsOf(name, audience)) ?? [];
    t.same([...new URLSearchParams(query)], [['resource', audience]], name);
    t.match(settingsOf(name, audience), '/tenant/forward-auth?resource=https://', name);
  }
});

t.test('programs are programs, and JSON is JSON', async (t) => {
  const textOf = (name: string) => consumers.find((one) => one.name === name)?.settings(trusted) ?? '';
  for (const name of ['fastify', 'express', 'hono', 'next']) {
    execFileSync(process.execPath, ['--check', '--input-type=module', '-'], { input: textOf(name) });
  }
  t.match(JSON.parse(textOf('hasura')), { jwk_url: trusted.jwksUri, audience: trusted.audience });
});

t.test('the command', async (t) => {
  const { folder, remove } = scratchFolder();
  t.teardown(remove);
  const mintmark = executableIn(folder, { MINTMARK_ISSUER: 'https://id.example.com' });
  t.match(await mintmark(['explain', '--for', 'sprng']), { code: 2, err: /--for is one of spring, django/ });
  t.match(await mintmark(['explain']), { code: 2, err: /which token\?/ });
  t.match(await mintmark(['explain', '--for', 'spring']), { code: 2, err: /which resource\?/ });
  const resource = { resource: 'https://api.example.com', scopes: ['read'], profile: 'plain' };
  await mintmark(['resources', 'create', '--json', JSON.stringify(resource)]);
  const spring = await mintmark(['explain', '--for', 'spring']);
  t.match(spring, { code: 0, err: 'Spring Boot 3, application.yaml\n' });
  t.match(spring.out, /issuer-uri: "https:\/\/id\.example\.com"/);
  t.notMatch(spring.out, /at\+jwt/, 'the profile has another typ');
  const json = await mintmark(['explain', '--for', 'go', '--audience', 'https://api.example.com', '--json']);
  t.match(JSON.parse(json.out), {
    consumer: 'go',
    issuer: 'https://id.example.com',
    jwks_uri: 'https://id.example.com/.well-known/jwks.json',
    audience: 'https://api.example.com',
    alg: 'RS256',
    typ: 'JWT',
  });
  t.match(await mintmark(['explain', '--for', 'go', '--audience', 'https://x.example']), {
    code: 1,
    err: /no resource/,
  });
});
