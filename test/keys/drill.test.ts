// The drill: what it tells, and that nothing but its shadow is touched.
import { randomBytes } from 'node:crypto';
import t from 'tap';
import { drillKeys } from '../../src/keys/drill.ts';
import { keyManagementOf } from '../../src/wire.ts';
import { testServer } from '../helpers/test-server.ts';

const { service } = await testServer(t, { MINTMARK_KEYS_SIGNING_ALGS: 'RS256,ES256' });
const management = keyManagementOf(service.house, 'test');

t.test('a rotation and a compromise are played, and timed, for any algorithm', async (t) => {
  for (const alg of ['RS256', 'ES256'] as const) {
    const { steps } = await drillKeys(management, alg);
    t.match(
      steps.map(({ step }) => step),
      [
        /first keys/,
        /planned/,
        /replicas/,
        /due/,
        /next key signs/,
        /accepts/,
        /revoked/,
        /out of/,
        /reserve/,
        /accepts/,
      ],
    );
    for (const { step, took } of steps) t.ok(took > 0 && took < 60, `${alg}: ${step}`);
    const [wait = 0] = steps.filter(({ step }) => /due/.test(step)).map(({ waits }) => waits);
    t.ok(wait > 86_400 && wait < 100_000, 'the plan waits for the lead, and the drill does not');
  }
});

t.test('no key, no entry and no revision of production is another after it', async (t) => {
  const look = async () => [
    await service.house.stores.keys.read(),
    await service.house.stores.audit.list({ limit: 100 }),
    await (await fetch(`${service.house.config.issuer}/.well-known/jwks.json`)).text(),
  ];
  const before = await look();
  await drillKeys(management, 'RS256');
  t.strictSame(await look(), before);
});

t.test('where a key could not be unwrapped again the drill fails, and says that', async (t) => {
  const lost = { current: { kid: 'lost', secret: randomBytes(32) }, all: [] };
  await t.rejects(drillKeys({ ...management, keyEncryptionKeys: () => lost }, 'RS256'), {
    message: /^the drill failed: .*; nothing was changed$/,
    exitCode: 4,
  });
});
