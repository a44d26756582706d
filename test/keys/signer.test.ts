// Signatures: each algorithm verifies elsewhere, the queue is bounded and in order.
import { execFile } from 'node:child_process';
import { generateKeyPairSync, type KeyObject } from 'node:crypto';
import { promisify } from 'node:util';
import { compactVerify } from 'jose';
import t from 'tap';
import { createSigner } from '../../src/keys/signer.ts';
import { SigningUnavailableError } from '../../src/keys/signing-unavailable.ts';
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
  const signer = createSigner({ threads: 1 });
  const ended: number[] = [];
  const asked = Array.from({ length: 50 }, (_, i) =>
    signer.sign('RS256', rsa.privateKey, `input ${i}`).then(() => ended.push(i)),
  );
  await Promise.all(asked);
  t.same(
    ended,
    Array.from({ length: 50 }, (_, i) => i),
  );
});

t.test(
  'each is of its own input, whatever is asked for beside it, on one thread and on several',
  async (t) => {
    const other = generateKeyPairSync('rsa', { modulusLength: 2048 });
    for (const threads of [1, 3]) {
      const signer = createSigner({ threads });
      const signed = Array.from({ length: 40 }, async (_, i) => {
        const [alg, pair] = [i % 3 ? 'RS256' : 'PS256', i % 5 ? rsa : other] as const;
        const input = `${part(JSON.stringify({ alg }))}.${part(`payload ${i}`)}`;
        const signature = await signer.sign(alg, pair.privateKey, input);
        const { payload } = await compactVerify(`${input}.${signature}`, pair.publicKey, {
          algorithms: [alg],
        });
        return Buffer.from(payload).toString();
      });
      t.same(
        await Promise.all(signed),
        signed.map((_, i) => `payload ${i}`),
      );
    }
  },
);

t.test('a queue that is full refuses, and those in it are signed', async (t) => {
  const signer = createSigner({ threads: 1, waitingLimit: 4 });
  const asked = Array.from({ length: 6 }, () => signer.sign('RS256', rsa.privateKey, 'input'));
  const outcomes = await Promise.allSettled(asked);
  t.same(
    outcomes.map(({ status }) => status),
    ['fulfilled', 'fulfilled', 'fulfilled', 'fulfilled', 'rejected', 'rejected'],
  );
  t.ok(outcomes.slice(4).every((one) => 'reason' in one && one.reason instanceof SigningUnavailableError));
});

/** As many as a thread has at once. */
const many = (ask: (i: number) => Promise<string>): Promise<string>[] =>
  Array.from({ length: 16 }, (_, i) => ask(i));

t.test('what leads to a signature waits while a thread has enough to do, and comes in order', async (t) => {
  const signer = createSigner({ threads: 1 });
  const entered: number[] = [];
  const enter = (i: number) =>
    signer.inTurn(() => {
      entered.push(i);
      return signer.sign('RS256', rsa.privateKey, 'input');
    });
  const asked = many(enter);
  t.equal(entered.length, 16, 'at once while there is little');
  const waiting = Array.from({ length: 50 }, (_, i) => enter(16 + i));
  t.equal(entered.length, 16);
  await asked[0];
  t.equal(entered.length, 48, 'some at a time');
  await Promise.all([...asked, ...waiting]);
  t.strictSame(entered, [...Array(66).keys()]);
});

t.test('who waits is let in where those before come to nothing', async (t) => {
  const signer = createSigner({ threads: 1 });
  const asked = many(() => signer.sign('RS256', rsa.privateKey, 'input'));
  const refused = Array.from({ length: 100 }, () =>
    signer.inTurn(() => Promise.reject(new Error('refused'))),
  );
  for (const one of refused) await t.rejects(one, { message: 'refused' });
  await Promise.all(asked);
});

t.test('too many who wait for their turn are refused', async (t) => {
  const signer = createSigner({ threads: 1, waitingLimit: 16 });
  const asked = many(() => signer.sign('RS256', rsa.privateKey, 'input'));
  const outcomes = await Promise.allSettled(
    Array.from({ length: 17 }, () => signer.inTurn(async () => 'done')),
  );
  t.equal(outcomes.filter(({ status }) => status === 'fulfilled').length, 16);
  t.match(outcomes.at(-1), { reason: SigningUnavailableError });
  await Promise.all(asked);
});

t.test('a key that does not fit rejects, and the next one is signed', async (t) => {
  const signer = createSigner({ threads: 1 });
  const wrong = signer.sign('PS256', keys.EdDSA.privateKey, 'input');
  const right = signer.sign('PS256', rsa.privateKey, 'input');
  await t.rejects(wrong);
  t.type(await right, 'string');
});

t.test('where a thread dies what it had can be asked for again, and the next one has another', async (t) => {
  const program = new URL(`data:text/javascript,
    import { parentPort, threadId } from 'node:worker_threads';
    parentPort.on('message', ({ inputs }) => {
      if (inputs.includes('die')) throw new Error('died');
      parentPort.postMessage(inputs.map(() => String(threadId)));
    });`);
  const signer = createSigner({ threads: 1, program });
  const sign = (input: string) => signer.sign('RS256', rsa.privateKey, input);
  const first = await sign('live');
  t.equal(await sign('live'), first);
  await t.rejects(sign('die'), SigningUnavailableError);
  t.not(await sign('live'), first);
  const asked = many(() => sign('die'));
  const next = signer.inTurn(() => sign('live'));
  for (const one of asked) await t.rejects(one, SigningUnavailableError);
  t.type(await next, 'string');
});

t.test('a process ends when nothing is waited for, and not before', async (t) => {
  const signerUrl = new URL('../../src/keys/signer.js', import.meta.url).href;
  const text = `
    import { generateKeyPairSync } from 'node:crypto';
    const { createSigner } = await import('${signerUrl}');
    const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
    createSigner().sign('RS256', privateKey, 'input').then((signature) => console.log(signature.length));`;
  const { stdout } = await promisify(execFile)(process.execPath, ['--input-type=module', '--eval', text]);
  t.equal(stdout, '342\n');
});
