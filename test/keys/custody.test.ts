// Custody: what is generated, wrapped, exported and imported, held against jose and node:crypto.
import { type createPrivateKey, generateKeyPairSync } from 'node:crypto';
import { calculateJwkThumbprint, compactDecrypt } from 'jose';
import t from 'tap';
import {
  generateSigningKey,
  importSigningKey,
  openKeySet,
  preparePrivateKey,
  sealKeySet,
  unwrapPrivateKey,
  wrapPrivateKey,
} from '../../src/keys/custody.ts';
import type { KeyEncryptionKeys } from '../../src/keys/key-encryption-keys.ts';
import type { SigningAlg } from '../../src/stores/stores.ts';

const kek = { kid: 'one', secret: Buffer.alloc(32, 1) };
const keks: KeyEncryptionKeys = { current: kek, all: [kek] };
const algs: readonly SigningAlg[] = ['RS256', 'PS256', 'ES256', 'EdDSA'];
const headerOf = (jwe: string) =>
  JSON.parse(Buffer.from(jwe.split('.')[0] as string, 'base64url').toString());

for (const alg of algs) {
  t.test(`a key for ${alg} is named by its thumbprint, wraps and unwraps`, async (t) => {
    const { kid, publicJwk, privateJwk } = await generateSigningKey(alg, 2048);
    t.equal(kid, await calculateJwkThumbprint({ ...publicJwk }));
    t.notOk('d' in publicJwk);
    t.match(publicJwk, { kid, alg, use: 'sig' });
    const jwe = await wrapPrivateKey(privateJwk, keks);
    t.match(headerOf(jwe), { alg: 'A256KW', enc: 'A256GCM', kid: 'one' });
    t.same(await unwrapPrivateKey(jwe, keks), privateJwk);
    const { plaintext } = await compactDecrypt(jwe, kek.secret);
    t.same(JSON.parse(new TextDecoder().decode(plaintext)), privateJwk, 'jose opens it too');
  });
}

t.test('a wrapped key that was tampered with, or whose key is not at hand, is refused', async (t) => {
  const { kid, privateJwk } = await generateSigningKey('EdDSA', 2048);
  const jwe = await wrapPrivateKey(privateJwk, keks);
  const parts = jwe.split('.');
  const flipped = Buffer.from(parts[3] as string, 'base64url');
  flipped.writeUInt8(flipped.readUInt8(0) ^ 1, 0);
  parts[3] = flipped.toString('base64url');
  await t.rejects(unwrapPrivateKey(parts.join('.'), keks), { exitCode: 4, message: /./ });
  const other = { kid: 'two', secret: Buffer.alloc(32, 2) };
  await t.rejects(unwrapPrivateKey(jwe, { current: other, all: [other] }), {
    exitCode: 4,
    message: /one.*missing/,
  });
  await t.rejects(
    preparePrivateKey('another kid', jwe, keks),
    { exitCode: 4, message: /./ },
    'K5: kid and key are one',
  );
  t.equal((await preparePrivateKey(kid, jwe, keks)).asymmetricKeyType, 'ed25519');
});

t.test('an export opens with its passphrase alone, with jose too, and says nothing of it', async (t) => {
  const jwe = await sealKeySet({ keys: [] }, 'correct horse battery staple');
  const header = headerOf(jwe);
  t.match(header, { alg: 'PBES2-HS512+A256KW', enc: 'A256GCM' });
  t.ok(header.p2c >= 210_000, 'OWASP, PBKDF2 with SHA-512');
  // node-jose writes the thumbprint of the passphrase there unless it is told not to: a fast hash to guess against.
  t.notOk('kid' in header);
  t.same(await openKeySet(jwe, 'correct horse battery staple'), { keys: [] });
  await t.rejects(openKeySet(jwe, 'wrong'), { exitCode: 1, message: /passphrase/ });
  const options = { keyManagementAlgorithms: ['PBES2-HS512+A256KW'], maxPBES2Count: 1_000_000 };
  const { plaintext } = await compactDecrypt(
    jwe,
    new TextEncoder().encode('correct horse battery staple'),
    options,
  );
  t.same(JSON.parse(new TextDecoder().decode(plaintext)), { keys: [] });
});

t.test('an export that asks for an absurd amount of work is not begun', async (t) => {
  const header = Buffer.from(
    JSON.stringify({ alg: 'PBES2-HS512+A256KW', enc: 'A256GCM', p2c: 2_000_000_000 }),
  );
  await t.rejects(openKeySet(`${header.toString('base64url')}.a.b.c.d`, 'x'), { message: /rounds/ });
});

t.test('keys are imported as operators have them', async (t) => {
  const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  const jwk = privateKey.export({ format: 'jwk' });
  const kid = await calculateJwkThumbprint(jwk as never);
  for (const type of ['pkcs1', 'pkcs8'] as const) {
    const pem = privateKey.export({ type, format: 'pem' }) as string;
    t.match(await importSigningKey(pem, undefined), { kid, alg: 'RS256' }, type);
  }
  t.match(await importSigningKey(JSON.stringify({ ...jwk, alg: 'PS256' }), undefined), { kid, alg: 'PS256' });
  const ec = generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey.export({
    type: 'sec1',
    format: 'pem',
  });
  t.match(await importSigningKey(ec as string, undefined), { alg: 'ES256' }, 'SEC1');
});

t.test('what cannot sign is refused, with what could', async (t) => {
  const pem = (key: ReturnType<typeof createPrivateKey>) =>
    key.export({ type: 'pkcs8', format: 'pem' }) as string;
  const short = generateKeyPairSync('rsa', { modulusLength: 1024 }).privateKey;
  await t.rejects(
    importSigningKey(pem(short), undefined),
    { exitCode: 4, message: /./ },
    'RFC 7518 3.3: 2048 bits or more',
  );
  const p384 = generateKeyPairSync('ec', { namedCurve: 'P-384' }).privateKey;
  await t.rejects(importSigningKey(pem(p384), undefined), { exitCode: 4, message: /./ });
  const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 });
  await t.rejects(importSigningKey(pem(rsa.privateKey), 'ES256'), {
    exitCode: 4,
    message: /RS256 and PS256/,
  });
  const publicPem = rsa.publicKey.export({ type: 'spki', format: 'pem' }) as string;
  await t.rejects(importSigningKey(publicPem, undefined), { message: /no private key/ });
  await t.rejects(importSigningKey('{"kty":', undefined), { message: /no private key/ });
});
