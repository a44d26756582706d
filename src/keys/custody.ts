// The custody of private keys, by node-jose: generation, thumbprint, the JWE that wraps them at rest, import, export.
//
// Off the hot path, and only ever given what this issuer or its operator wrote: node-jose is slow and was not made
// for hostile input (PBES2 counts, zip bombs). Ed25519, which it does not know, comes from node:crypto and jose; a key
// on P-256, which it makes in JavaScript, not in constant time and at 18 MB of garbage each, from node:crypto too.
import { createPrivateKey, createPublicKey, generateKeyPairSync, type KeyObject } from 'node:crypto';
import { calculateJwkThumbprint } from 'jose';
import nodeJose from 'node-jose';
import { OperatorError } from '../operator-error.ts';
import type { SigningAlg } from '../stores/stores.ts';
import type { KeyEncryptionKey, KeyEncryptionKeys } from './key-encryption-keys.ts';

const { JWE, JWK } = nodeJose;

export type Jwk = Readonly<Record<string, string>>;

export interface SigningKeyMaterial {
  readonly kid: string;
  readonly alg: SigningAlg;
  readonly publicJwk: Jwk;
  readonly privateJwk: Jwk;
}

const PUBLIC_MEMBERS = ['kty', 'crv', 'n', 'e', 'x', 'y'] as const;

/** The whitelist that everything published passes through: no private member can slip by (K6). */
export function publicJwkOf(jwk: Jwk, kid: string, alg: SigningAlg): Jwk {
  const members = PUBLIC_MEMBERS.flatMap((name) => (jwk[name] === undefined ? [] : [[name, jwk[name]]]));
  return { ...Object.fromEntries(members), kid, alg, use: 'sig' };
}

/** A new key; its kid is its RFC 7638 thumbprint. */
export async function generateSigningKey(
  alg: SigningAlg,
  rsaModulusLength: number,
): Promise<SigningKeyMaterial> {
  return materialOf(await generatedJwk(alg, rsaModulusLength), alg);
}

async function generatedJwk(alg: SigningAlg, rsaModulusLength: number): Promise<Jwk> {
  if (alg === 'EdDSA') return generateKeyPairSync('ed25519').privateKey.export({ format: 'jwk' }) as Jwk;
  if (alg === 'ES256') {
    return generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey.export({ format: 'jwk' }) as Jwk;
  }
  const key = await JWK.createKeyStore().generate('RSA', rsaModulusLength);
  return key.toJSON(true) as Jwk;
}

async function materialOf(jwk: Jwk, alg: SigningAlg): Promise<SigningKeyMaterial> {
  const kid = await thumbprintOf(jwk);
  return { kid, alg, publicJwk: publicJwkOf(jwk, kid, alg), privateJwk: { ...jwk, kid, alg, use: 'sig' } };
}

async function thumbprintOf(jwk: Jwk): Promise<string> {
  if (jwk.kty === 'OKP') return calculateJwkThumbprint({ ...jwk });
  const key = await JWK.asKey({ ...jwk });
  return Buffer.from(await key.thumbprint('SHA-256')).toString('base64url');
}

/** Wraps a private JWK for the store: compact JWE, A256KW and A256GCM, under the current key-encryption key. */
export async function wrapPrivateKey(privateJwk: Jwk, keys: KeyEncryptionKeys): Promise<string> {
  const { kid, secret } = keys.current;
  return encrypt(JSON.stringify(privateJwk), { alg: 'A256KW', kid, cty: 'jwk+json' }, secret);
}

/** The kid of the key-encryption key that a JWE was wrapped under. */
export const wrappedUnder = (jwe: string): string => String(headerOf(jwe).kid);

/** Throws OperatorError, exit 4, where the key-encryption key is not at hand or the JWE was tampered with. */
export async function unwrapPrivateKey(jwe: string, keys: KeyEncryptionKeys): Promise<Jwk> {
  const { kid } = headerOf(jwe);
  const key = keys.all.find((candidate) => candidate.kid === kid);
  if (!key) {
    throw new OperatorError(
      `the key-encryption key ${kid} that wraps the signing keys is missing: put its file back into the keys folder`,
      4,
    );
  }
  return decryptJwk(jwe, key);
}

async function decryptJwk(jwe: string, key: KeyEncryptionKey): Promise<Jwk> {
  try {
    return JSON.parse(await decrypt(jwe, key.secret, ['A256KW', 'A256GCM'])) as Jwk;
  } catch (cause) {
    throw new OperatorError(
      `a key in the store does not decrypt under the key-encryption key ${key.kid}: restore the store or the key from a backup`,
      4,
      { cause },
    );
  }
}

/**
 * A stored key, unwrapped and prepared for node:crypto, which signs. Throws OperatorError, exit 4, where it does not
 * unwrap or is another key than its kid says, since nobody could verify what it signs (K5).
 */
export async function preparePrivateKey(
  kid: string,
  jwe: string,
  keys: KeyEncryptionKeys,
): Promise<KeyObject> {
  const privateJwk = await unwrapPrivateKey(jwe, keys);
  if ((await thumbprintOf(privateJwk)) !== kid) {
    throw new OperatorError(`the store holds another private key under ${kid}: restore it from a backup`, 4);
  }
  return privateKeyObject(privateJwk);
}

/** A prepared key for node:crypto, which signs. */
export const privateKeyObject = (privateJwk: Jwk): KeyObject =>
  createPrivateKey({ key: privateJwk, format: 'jwk' });

/** Rounds of PBKDF2 for an export under a passphrase (OWASP, SHA-512), and the most that an import accepts. */
const PASSPHRASE_ROUNDS = 220_000;
const PASSPHRASE_ROUNDS_LIMIT = 2_000_000;

/** A JWK Set with private keys as a compact JWE under a passphrase (RFC 7518 4.8). */
export async function sealKeySet(keySet: object, passphrase: string): Promise<string> {
  const fields = { alg: 'PBES2-HS512+A256KW', p2c: PASSPHRASE_ROUNDS, cty: 'jwk-set+json' };
  return encrypt(JSON.stringify(keySet), fields, Buffer.from(passphrase, 'utf8'));
}

/** Throws OperatorError where the passphrase is wrong or the file asks for an absurd amount of work. */
export async function openKeySet(jwe: string, passphrase: string): Promise<unknown> {
  const { p2c } = headerOf(jwe);
  if (typeof p2c !== 'number' || p2c > PASSPHRASE_ROUNDS_LIMIT) {
    throw new OperatorError(
      `the file is not an export under a passphrase, or asks for more than ${PASSPHRASE_ROUNDS_LIMIT} rounds`,
    );
  }
  try {
    return JSON.parse(await decrypt(jwe, Buffer.from(passphrase, 'utf8'), ['PBES2-*', 'A256GCM']));
  } catch (cause) {
    throw new OperatorError('the file does not open with this passphrase', 1, { cause });
  }
}

/** Reads a private key as an operator has it: PEM (PKCS#1, PKCS#8, SEC1) or a private JWK. */
export async function importSigningKey(
  text: string,
  alg: SigningAlg | undefined,
): Promise<SigningKeyMaterial> {
  const jwk = privateJwkFrom(text);
  const fitting = algsFor(jwk);
  const chosen = alg ?? (jwk.alg as SigningAlg | undefined) ?? fitting[0];
  if (!chosen || !fitting.includes(chosen)) {
    const offered =
      fitting.length > 0
        ? `it fits ${fitting.join(' and ')}`
        : 'RSA of 2048 bits and more, P-256 and Ed25519 do';
    throw new OperatorError(
      `this key cannot sign ${chosen ?? 'any algorithm that is offered'}: ${offered}`,
      4,
    );
  }
  return materialOf(jwk, chosen);
}

function privateJwkFrom(text: string): Jwk {
  try {
    const source = text.trim();
    const given = source.startsWith('{') ? (JSON.parse(source) as Jwk) : undefined;
    const key = createPrivateKey(given ? { key: given, format: 'jwk' } : source);
    const jwk = key.export({ format: 'jwk' }) as Jwk;
    return given?.alg === undefined ? jwk : { ...jwk, alg: given.alg };
  } catch (cause) {
    throw new OperatorError(
      'the file holds no private key that can be read: PEM without a passphrase, or a private JWK',
      1,
      {
        cause,
      },
    );
  }
}

function algsFor(jwk: Jwk): readonly SigningAlg[] {
  if (jwk.kty === 'EC') return jwk.crv === 'P-256' ? ['ES256'] : [];
  if (jwk.kty === 'OKP') return jwk.crv === 'Ed25519' ? ['EdDSA'] : [];
  const { modulusLength } = createPublicKey({ key: jwk, format: 'jwk' }).asymmetricKeyDetails ?? {};
  // RFC 7518 3.3: 2048 bits or more.
  return (modulusLength ?? 0) >= 2048 ? ['RS256', 'PS256'] : [];
}

async function encrypt(text: string, fields: Record<string, unknown>, secret: Buffer): Promise<string> {
  const key = await JWK.asKey({ kty: 'oct', k: secret.toString('base64url') });
  // `reference: false`: node-jose would write the thumbprint of the secret into the header as kid, which for a
  // passphrase is a fast hash to guess against.
  const recipient = { key, reference: false } as unknown as nodeJose.JWK.Key;
  const options = { format: 'compact', contentAlg: 'A256GCM', fields } as const;
  const jwe: unknown = await JWE.createEncrypt(options, recipient).update(Buffer.from(text, 'utf8')).final();
  return String(jwe);
}

async function decrypt(jwe: string, secret: Buffer, algorithms: string[]): Promise<string> {
  const key = await JWK.asKey({ kty: 'oct', k: secret.toString('base64url') });
  const { payload } = await JWE.createDecrypt(key, { algorithms }).decrypt(jwe);
  return payload.toString('utf8');
}

function headerOf(jwe: string): Record<string, unknown> {
  try {
    return JSON.parse(Buffer.from(jwe.split('.')[0] ?? '', 'base64url').toString('utf8')) as Record<
      string,
      unknown
    >;
  } catch (cause) {
    throw new OperatorError('this is not a compact JWE', 1, { cause });
  }
}
