// Why a token is or is not accepted: RFC 7519 7.2, RFC 9068 4, RFC 8725 3. Decodes without trusting, and says it in
// one reason code and one sentence. The rule it keeps: the first objection counts, and what is said of a token
// before its signature is verified is never said to be true.
import { compactVerify, importJWK } from 'jose';
import { CLOCK_SKEW } from '../keys/lifecycle.ts';
import type { DecodedToken } from '../verify/jws.ts';
import { dateInWords, durationInWords } from '../words.ts';
import { decodeToken } from './decoded-token.ts';
import { explainRefreshToken } from './explain-refresh-token.ts';
import { standingChecks } from './explain-standing.ts';
import {
  type Check,
  type ExplainParts,
  type Explanation,
  explanation,
  type KnownKey,
} from './explanation.ts';
import { looksLikeRefreshToken } from './refresh-token.ts';

/** Says whether the issuer accepts the token, and if not, the first reason why. Never throws for a bad token. */
export async function explainToken(text: string, parts: ExplainParts): Promise<Explanation> {
  if (looksLikeRefreshToken(text.trim())) return explainRefreshToken(text.trim(), parts);
  const token = decodeToken(text);
  if ('problem' in token) return explanation(undefined, parts, ['malformed', token.problem]);
  for (const check of checks) {
    const finding = await check(token, parts);
    if (finding) return explanation(token, parts, finding);
  }
  const { aud, exp } = token.claims;
  const left = durationInWords(Number(exp) - parts.now);
  const sentence = `it is signed by ${token.header.kid}, for ${String(aud)}, good for another ${left}`;
  return explanation(token, parts, ['ok', sentence]);
}

const algorithm: Check = ({ header: { alg, crit } }, { algs }) => {
  if (typeof alg === 'string' && alg.toLowerCase() === 'none') {
    return ['alg_none', 'it is not signed at all (alg none): anybody can have written it'];
  }
  if (!algs.includes(String(alg))) return ['alg_not_allowed', `alg ${alg} is not one of ${algs.join(', ')}`];
  return crit === undefined
    ? undefined
    : ['crit_unsupported', 'its header has crit, which nobody here understands'];
};

const issuer: Check = ({ claims: { iss } }, parts) => {
  if (iss === parts.issuer) return undefined;
  if (iss === undefined) return ['missing_claim', 'it has no iss, so nobody vouches for it'];
  return ['issuer_mismatch', `it claims to come from ${String(iss)}, and this issuer is ${parts.issuer}`];
};

const keyOf = ({ header: { kid } }: DecodedToken, { keys }: ExplainParts): KnownKey | undefined =>
  keys.find((key) => key.kid === kid);

const key: Check = (token, parts) => {
  const { kid } = token.header;
  if (kid === undefined) return ['kid_missing', 'its header names no key (kid)'];
  const known = keyOf(token, parts);
  if (!known) return ['kid_unknown', `the issuer has never had a key ${String(kid)}`];
  const since = known.outAt === undefined ? '' : ` at ${dateInWords(known.outAt)}`;
  if (known.state === 'revoked') return ['key_revoked', `its key ${known.kid} was revoked${since}`];
  if (known.state === 'removed') {
    return ['key_removed', `its key ${known.kid} left the JWKS${since}, when all that it signed had expired`];
  }
  const { alg } = token.header;
  if (known.alg === undefined || known.alg === alg) return undefined;
  return ['alg_mismatch', `its header says ${alg}, and the key ${known.kid} signs with ${known.alg} alone`];
};

const signature: Check = async (token, parts) => {
  const known = keyOf(token, parts) as KnownKey;
  const alg = String(token.header.alg);
  try {
    await compactVerify(token.jws, await importJWK({ ...known.publicJwk }, alg), { algorithms: [alg] });
  } catch {
    return [
      'signature_invalid',
      `its signature is not one of the key ${known.kid}: it was changed, or forged`,
    ];
  }
  if (known.state !== 'standby') return undefined;
  return ['key_standby', `its key ${known.kid} does not sign yet: this issuer did not sign it`];
};

/** RFC 9068 4; RFC 8725 3.11: kinds of token differ in typ. */
const typ: Check = async ({ header, claims }, { records }) => {
  const found = String(header.typ ?? 'JWT')
    .toLowerCase()
    .replace(/^application\//, '');
  if (found === 'at+jwt' || (found === 'jwt' && !records)) return undefined;
  const resource = found === 'jwt' ? await records?.resource(String(claims.aud)) : undefined;
  if (resource && resource.profile !== 'rfc9068') return undefined;
  return ['typ_unexpected', `its typ is ${found}, and access tokens for ${String(claims.aud)} are at+jwt`];
};

/** RFC 9068 2.2; of another issuer no more is asked than what bounds a token. */
const required: Check = ({ claims }, { records }) => {
  const names = records ? ['sub', 'aud', 'client_id', 'iat', 'exp', 'jti'] : ['exp'];
  const missing = names.filter((name) => claims[name] === undefined || claims[name] === '');
  if (missing.length > 0)
    return ['missing_claim', `it lacks ${missing.join(', ')}, which an access token has`];
  const wrong = ['iat', 'exp', 'nbf'].find((name) => !['undefined', 'number'].includes(typeof claims[name]));
  return wrong === undefined ? undefined : ['missing_claim', `its ${wrong} is no number of seconds`];
};

const times: Check = ({ claims }, { now }) => {
  const { exp, nbf, iat } = claims as { exp: number; nbf?: number; iat?: number };
  const distance = (at: number) => `${Math.abs(at - now).toFixed(0)} s`;
  if (exp <= now) return ['expired', `it expired ${distance(exp)} ago, at ${dateInWords(exp)}`];
  if (nbf !== undefined && nbf > now)
    return ['not_yet_valid', `it is valid in ${distance(nbf)}, and not before`];
  if (iat === undefined || iat <= now + CLOCK_SKEW) return undefined;
  return [
    'issued_in_future',
    `it was issued ${distance(iat)} in the future: the clocks differ, or it is forged`,
  ];
};

const audience: Check = ({ claims: { aud } }, parts) => {
  const audiences = [aud].flat();
  if (parts.audience === undefined || audiences.includes(parts.audience)) return undefined;
  return ['audience_mismatch', `it is for ${audiences.join(', ')}, and not for ${parts.audience}`];
};

const checks: readonly Check[] = [
  algorithm,
  issuer,
  key,
  signature,
  typ,
  required,
  times,
  audience,
  ...standingChecks,
];
