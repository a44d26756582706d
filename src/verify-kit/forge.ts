// Tokens of a trial, good and forged. The rule it keeps: a forged one is a good one with a single thing changed.
import { createHmac } from 'node:crypto';
import type { Random } from '../random.ts';
import { base64url, newTrialKey, signedBy, type TrialIssuer } from './trial-issuer.ts';

type JsonObject = Readonly<Record<string, unknown>>;

export interface Trial {
  readonly issuer: TrialIssuer;
  readonly audience: string;
  readonly typ: 'at+jwt' | 'JWT';
  /** what good tokens say as well */
  readonly claims: JsonObject;
  /** epoch seconds */
  readonly now: number;
  readonly random: Random;
}

/** Seconds. */
const LIFETIME = 3600;

/** Of a good token. */
export const headerOf = ({ issuer: { key }, typ }: Trial): JsonObject => ({
  alg: key.alg,
  typ,
  kid: key.kid,
});

/** Of a good token. */
export function claimsOf({ issuer, audience, claims, now, random }: Trial): JsonObject {
  const iat = Math.floor(now);
  const own = { iss: issuer.issuer, sub: 'verify-kit', aud: audience, client_id: 'verify-kit' };
  return { ...own, iat, exp: iat + LIFETIME, jti: random.id(), ...claims };
}

/** A good one, but for what is changed; a member that is undefined is left out. */
export const tokenOf = (
  trial: Trial,
  header: JsonObject = {},
  claims: JsonObject = {},
  key = trial.issuer.key,
) => signedBy(key, { ...headerOf(trial), ...header }, { ...claimsOf(trial), ...claims });

/** With a MAC in place of a signature. */
export function macBy(trial: Trial, secret: string, header: JsonObject = {}): string {
  const input = `${base64url({ ...headerOf(trial), alg: 'HS256', ...header })}.${base64url(claimsOf(trial))}`;
  return `${input}.${createHmac('sha256', secret).update(input).digest('base64url')}`;
}

/** Good claims, and after them a member again: the last one counts (RFC 7519 4). */
export function withSecond(trial: Trial, name: string, value: unknown): string {
  const text = JSON.stringify(claimsOf(trial));
  return signedBy(
    trial.issuer.key,
    headerOf(trial),
    `${text.slice(0, -1)},${JSON.stringify(name)}:${JSON.stringify(value)}}`,
  );
}

/** Header, claims, signature. */
export const partsOf = (token: string) => token.split('.') as [string, string, string];

export function withFlippedBit(trial: Trial): string {
  const [header, claims, signature] = partsOf(tokenOf(trial));
  const bytes = Buffer.from(signature, 'base64url');
  bytes[bytes.length >> 1] = (bytes[bytes.length >> 1] as number) ^ 1;
  return `${header}.${claims}.${bytes.toString('base64url')}`;
}

const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';

/** The same bytes written otherwise: with bits that say nothing, and with padding. */
export function respelt(trial: Trial): string[] {
  const token = tokenOf(trial);
  const next = ALPHABET[ALPHABET.indexOf(token.at(-1) as string) + 1] as string;
  return [`${token.slice(0, -1)}${next}`, `${token}==`];
}

/** What a public key is mistaken for a secret as. */
export function publicKeyTexts({ issuer: { key } }: Trial): string[] {
  const pem = key.publicKey.export({ type: 'spki', format: 'pem' }) as string;
  return [pem, pem.trimEnd(), JSON.stringify(key.jwk)];
}

/** A key that is not published. */
export const stranger = (trial: Trial) => newTrialKey(trial.issuer.key.alg);
