// Signatures: each algorithm verifies elsewhere, the queue is bounded and in order.
import { generateKeyPairSync, type KeyObject } from 'node:crypto';
import { compactVerify } from 'jose';
import t from 'tap';
import { createSigner, SigningUnavailableError } from '../../src/keys/signer.ts';
import type { SigningAlg } from '../../src/stores/stores.ts';

const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 });
const keys: Record<SigningAlg, { readonly privateKey: KeyObject; readonly publicKey: KeyObject }> = {
  RS256: rsa,
  PS256: rsa,
  ES256: generateKeyPairSync('ec', { namedCurve: 'P-256' }),
  EdDSA: generateKeyPairSync('ed25519'),
};
const part = (text: string) => Buffer.from(text).toString('base64url');

for (const [alg, { privateKey, publicKey }] of Object.entries(keys)) {
  t.test(`what is signed by ${alg} verifies with jose`, async (t) => {
    const input = `${part(JSON.stringify({ alg }))}.${part('payload')}`;
    const signature = await createSigner().sign(alg as SigningAlg, privateKey, input);
    const { payload } = await compactVerify(`${input}.${signature}`, publicKey, { algorithms: [alg] });
    t.equal(Buffer.from(payload).toString(), 'payload');
  });
}

t.test('signatures end in the order in which they were asked for', async (t) => {
  const signer = createSigner({ inFlight: 1 });
  const ended: number[] = [];
  const asked = Array.from({ length: 20 }, (_, i) =>
    signer.sign('RS256', rsa.privateKey, `input ${i}`).then(() => ended.push(i)),
  );
  t.equal(signer.waiting(), 19, 'one is being signed');
  await Promise.all(asked);
  t.same(
    ended,
    Array.from({ length: 20 }, (_, i) => i),
  );
  t.equal(signer.waiting(), 0);
});

t.test('a queue that is full refuses, and those in it are signed', async (t) => {
  const signer = createSigner({ inFlight: 1, waitingLimit: 3 });
  const asked = Array.from({ length: 6 }, () => signer.sign('RS256', rsa.privateKey, 'input'));
  const outcomes = await Promise.allSettled(asked);
  t.same(
    outcomes.map(({ status }) => status),
    ['fulfilled', 'fulfilled', 'fulfilled', 'fulfilled', 'rejected', 'rejected'],
  );
  t.ok(outcomes.slice(4).every((one) => 'reason' in one && one.reason instanceof SigningUnavailableError));
});

t.test('a key that does not fit rejects, and the next one is signed', async (t) => {
  const signer = createSigner({ inFlight: 1 });
  const wrong = signer.sign('PS256', keys.EdDSA.privateKey, 'input');
  const right = signer.sign('PS256', rsa.privateKey, 'input');
  await t.rejects(wrong);
  t.type(await right, 'string');
});
