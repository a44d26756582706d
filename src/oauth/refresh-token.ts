// Refresh tokens as strings: RFC 6749 1.5. The rule it keeps: nobody but a holder of the root secret makes one, so
// whatever does not carry the right MAC is refused without a store being asked, and no store holds a token.
//
// mmr_ + base64url of: version (1 byte), number of the MAC key (1), family (16), generation (4), instant at which the
// generation became current (4, epoch seconds), MAC (20: HMAC-SHA-256, truncated as RFC 2104 5 allows).
import { timingSafeEqual } from 'node:crypto';
import type { Mac } from '../hmac.ts';

/** A key derived from the root secret; its number stands in every token. */
export interface MacKey {
  readonly number: number;
  readonly mac: Mac;
}

/** The keys that may have made a token which is still good. */
export interface MacKeys {
  /** makes new tokens */
  readonly current: MacKey;
  /**
   * The key of this number, if a token may still carry it. Throws MacKeyMissingError where the deployment has such
   * a key and this replica does not: then nobody can say whether the token is good.
   */
  find(number: number): MacKey | undefined;
}

/** This replica lacks a root secret that others have. Nothing was consumed; another replica may know. */
export class MacKeyMissingError extends Error {
  override readonly name = 'MacKeyMissingError';
}

/** What a token says. */
export interface RefreshToken {
  /** 16 random bytes, base64url */
  readonly familyId: string;
  readonly generation: number;
  /** epoch seconds, whole */
  readonly issuedAt: number;
  readonly macKey: number;
}

const PREFIX = 'mmr_';
const VERSION = 1;
const FAMILY_SIZE = 16;
const MAC_SIZE = 20;
const PAYLOAD_SIZE = 26;
const TOKEN_SIZE = PAYLOAD_SIZE + MAC_SIZE;
const TOKEN_LENGTH = PREFIX.length + Math.ceil((TOKEN_SIZE * 4) / 3);
const TOKEN_DOMAIN = 'mintmark refresh token\0';
const JTI_DOMAIN = 'mintmark access token of a family\0';

/** A new family's name. */
export const newFamilyId = (random: { bytes(length: number): Buffer }): string =>
  random.bytes(FAMILY_SIZE).toString('base64url');

/** What the issuer says with this key, told apart from what another issuer would say with it. */
const macOf = ({ mac }: MacKey, domain: string, issuer: string, content: Buffer): Buffer =>
  mac(Buffer.from(`${domain}${issuer}\0`), content);

/** The token of a family's generation: the same facts give the same string on every replica. */
export function encodeRefreshToken(
  issuer: string,
  macKey: MacKey,
  token: Omit<RefreshToken, 'macKey'>,
): string {
  const bytes = Buffer.alloc(TOKEN_SIZE);
  bytes.writeUInt8(VERSION, 0);
  bytes.writeUInt8(macKey.number, 1);
  bytes.write(token.familyId, 2, FAMILY_SIZE, 'base64url');
  bytes.writeUInt32BE(token.generation, 18);
  bytes.writeUInt32BE(token.issuedAt, 22);
  macOf(macKey, TOKEN_DOMAIN, issuer, bytes.subarray(0, PAYLOAD_SIZE)).copy(bytes, PAYLOAD_SIZE, 0, MAC_SIZE);
  return PREFIX + bytes.toString('base64url');
}

/** Whether a string means to be a refresh token of ours: RFC 7009 2.1 leaves the kind to be found out. */
export const looksLikeRefreshToken = (text: string): boolean => text.startsWith(PREFIX);

/** Reads a token. Undefined unless it is exactly one that this issuer made. Throws MacKeyMissingError. */
export function decodeRefreshToken(issuer: string, keys: MacKeys, text: string): RefreshToken | undefined {
  if (text.length !== TOKEN_LENGTH || !looksLikeRefreshToken(text)) return undefined;
  const encoded = text.slice(PREFIX.length);
  const bytes = Buffer.from(encoded, 'base64url');
  // One token is one string: no other alphabet, no padding, no bits that say nothing.
  if (bytes.length !== TOKEN_SIZE || bytes.toString('base64url') !== encoded) return undefined;
  if (bytes.readUInt8(0) !== VERSION) return undefined;
  const macKey = keys.find(bytes.readUInt8(1));
  if (macKey === undefined) return undefined;
  const mac = macOf(macKey, TOKEN_DOMAIN, issuer, bytes.subarray(0, PAYLOAD_SIZE));
  if (!timingSafeEqual(mac.subarray(0, MAC_SIZE), bytes.subarray(PAYLOAD_SIZE))) return undefined;
  return {
    familyId: bytes.toString('base64url', 2, 2 + FAMILY_SIZE),
    generation: bytes.readUInt32BE(18),
    issuedAt: bytes.readUInt32BE(22),
    macKey: macKey.number,
  };
}

/** What makes one access token of a generation differ from another. */
export interface AccessTokenIdentity {
  readonly familyId: string;
  readonly generation: number;
  readonly audience: string;
  readonly scope: string | undefined;
}

/**
 * The `jti` of the access token that goes with a generation: the family, a dot, and a MAC over what the token is
 * for. A retry gets the same one; a token with another audience or scope is another (RFC 7519 4.1.7).
 */
export function accessTokenId(issuer: string, macKey: MacKey, identity: AccessTokenIdentity): string {
  const { familyId, generation, audience, scope = '' } = identity;
  const content = Buffer.from(JSON.stringify([familyId, generation, audience, scope]));
  return `${familyId}.${macOf(macKey, JTI_DOMAIN, issuer, content).toString('base64url', 0, FAMILY_SIZE)}`;
}

/** The family that an access token belongs to, by its `jti`; undefined for one that belongs to none. */
export const familyOfTokenId = (jti: string): string | undefined => /^([\w-]{22})\.[\w-]{22}$/.exec(jti)?.[1];
