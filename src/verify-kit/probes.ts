// What a service has to refuse, one probe a rule: RFC 8725 (JWT best current practices), RFC 9068 4, RFC 7515, RFC 7519.
// Pure: from an issuer's keys to tokens. The rule it keeps: each token is bad for one reason alone, so whoever takes it
// lacks the check that the probe names.
import {
  claimsOf,
  headerOf,
  macBy,
  partsOf,
  publicKeyTexts,
  respelt,
  stranger,
  type Trial,
  tokenOf,
  withFlippedBit,
  withSecond,
} from './forge.ts';
import { base64url } from './trial-issuer.ts';

/** must: whoever takes it is open to an attack. should: it is untidy, or costly under attack. */
export type Level = 'must' | 'should';

export interface Probe {
  readonly name: string;
  readonly level: Level;
  /** the rule, and where it stands */
  readonly rule: string;
  /** each has to be refused */
  tokens(trial: Trial): readonly string[];
}

const HOUR = 3600;

export const probes: readonly Probe[] = [
  {
    name: 'alg_none',
    level: 'must',
    rule: 'a token that is not signed is refused, however none is spelt (RFC 8725 3.1, 3.2)',
    tokens: (trial) =>
      ['none', 'None', 'NONE'].map(
        (alg) => `${base64url({ ...headerOf(trial), alg })}.${base64url(claimsOf(trial))}.`,
      ),
  },
  {
    name: 'hmac_with_public_key',
    level: 'must',
    rule: 'the public key is no secret for HS256: the algorithm is the key’s (RFC 8725 2.1, 3.1)',
    tokens: (trial) => publicKeyTexts(trial).map((secret) => macBy(trial, secret)),
  },
  {
    name: 'issuer_wrong',
    level: 'must',
    rule: 'iss is the issuer, letter by letter (RFC 8725 3.8)',
    tokens: (trial) =>
      ['https://evil.example', `${trial.issuer.issuer}/`, undefined].map((iss) =>
        tokenOf(trial, {}, { iss }),
      ),
  },
  {
    name: 'audience_wrong',
    level: 'must',
    rule: 'aud is this service (RFC 8725 3.9, RFC 9068 4)',
    tokens: (trial) =>
      ['https://other.example', ['https://other.example'], undefined].map((aud) =>
        tokenOf(trial, {}, { aud }),
      ),
  },
  {
    name: 'id_token',
    level: 'must',
    rule: 'an ID token is no access token (RFC 8725 3.11, 3.12)',
    tokens: (trial) => [tokenOf(trial, { typ: 'JWT' }, { client_id: undefined, nonce: 'n' })],
  },
  {
    name: 'typ_wrong',
    level: 'must',
    rule: 'another kind of JWT is no access token (RFC 8725 3.11, RFC 9068 4)',
    tokens: (trial) => [
      tokenOf(trial, { typ: 'logout+jwt' }),
      tokenOf(trial, { typ: 'token-introspection+jwt' }),
    ],
  },
  {
    name: 'typ_missing',
    level: 'must',
    rule: 'an access token says that it is one (RFC 9068 4)',
    tokens: (trial) => (trial.typ === 'JWT' ? [] : [tokenOf(trial, { typ: undefined })]),
  },
  {
    name: 'expired',
    level: 'must',
    rule: 'exp is ahead, and is there (RFC 7519 4.1.4, RFC 9068 2.2)',
    tokens: (trial) =>
      [trial.now - HOUR, trial.now - 120, undefined].map((exp) =>
        tokenOf(trial, {}, { iat: Math.floor(trial.now) - 2 * HOUR, exp: exp && Math.floor(exp) }),
      ),
  },
  {
    name: 'not_yet_valid',
    level: 'must',
    rule: 'nbf is behind (RFC 7519 4.1.5)',
    tokens: (trial) => [tokenOf(trial, {}, { nbf: Math.floor(trial.now) + HOUR })],
  },
  {
    name: 'kid_unknown',
    level: 'must',
    rule: 'a key that is not in the JWKS signs nothing, under its own name or another’s (RFC 7515 5.2)',
    tokens: (trial) => {
      const key = stranger(trial);
      return [tokenOf(trial, { kid: key.kid }, {}, key), tokenOf(trial, {}, {}, key)];
    },
  },
  {
    name: 'key_embedded',
    level: 'must',
    rule: 'a key that the token brings along is not trusted (RFC 8725 3.10)',
    tokens: (trial) => {
      const key = stranger(trial);
      return [
        tokenOf(trial, { kid: key.kid, jwk: key.jwk }, {}, key),
        tokenOf(trial, { jwk: key.jwk }, {}, key),
      ];
    },
  },
  {
    name: 'kid_path',
    level: 'must',
    rule: 'kid is a name, and no path (RFC 8725 3.10)',
    tokens: (trial) =>
      ['../../../../../../../../dev/null', '/dev/null', 'file:///dev/null'].map((kid) =>
        macBy(trial, '', { kid }),
      ),
  },
  {
    name: 'kid_sql',
    level: 'must',
    rule: 'kid is a name, and no part of a query (RFC 8725 3.10)',
    tokens: (trial) =>
      ["x' UNION SELECT 'secret", "x' UNION SELECT 'secret' -- "].map((kid) =>
        macBy(trial, 'secret', { kid }),
      ),
  },
  {
    name: 'kid_long',
    level: 'should',
    rule: 'a kid of 16 kB is refused, and breaks nothing',
    tokens: (trial) => [tokenOf(trial, { kid: 'k'.repeat(16_384) }, {}, stranger(trial))],
  },
  {
    name: 'claims_duplicate',
    level: 'must',
    rule: 'of a claim that comes twice the last one counts, or none (RFC 7519 4)',
    tokens: (trial) => [
      withSecond(trial, 'exp', Math.floor(trial.now) - HOUR),
      withSecond(trial, 'aud', 'https://other.example'),
      withSecond(trial, 'iss', 'https://evil.example'),
    ],
  },
  {
    name: 'signature_stripped',
    level: 'must',
    rule: 'a token without its signature is refused (RFC 7515 5.2)',
    tokens: (trial) => {
      const [header, claims] = partsOf(tokenOf(trial));
      return [`${header}.${claims}.`, `${header}.${claims}`];
    },
  },
  {
    name: 'signature_changed',
    level: 'must',
    rule: 'the signature is verified, over what the token says (RFC 7515 5.2)',
    tokens: (trial) => {
      const [header, , signature] = partsOf(tokenOf(trial));
      return [
        withFlippedBit(trial),
        `${header}.${base64url({ ...claimsOf(trial), sub: 'admin' })}.${signature}`,
      ];
    },
  },
  {
    name: 'signature_respelt',
    level: 'should',
    rule: 'one token is one string: base64url without padding or spare bits (RFC 7515 2)',
    tokens: respelt,
  },
  {
    name: 'crit_unknown',
    level: 'should',
    rule: 'an extension that has to be understood, and is not, is a refusal (RFC 7515 4.1.11)',
    tokens: (trial) => [tokenOf(trial, { crit: ['urn:example:x'], 'urn:example:x': 1 })],
  },
];
