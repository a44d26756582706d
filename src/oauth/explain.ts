// Why a token is or is not accepted: RFC 7519 7.2, RFC 9068 4, RFC 8725 3. Decodes without trusting, and says it in
// one reason code and one sentence. The rule it keeps: the first objection counts, and what is said of a token
// before its signature is verified is never said to be true.
import { compactVerify, importJWK } from 'jose';
import { CLOCK_SKEW, type KeyState } from '../keys/lifecycle.ts';
import type { AccountRecord, ClientRecord, ResourceRecord } from '../stores/stores.ts';
import { dateInWords, durationInWords } from '../words.ts';
import { type DecodedToken, decodeToken } from './decoded-token.ts';

export interface KnownKey {
  readonly kid: string;
  /** undefined: whatever its type fits, where another issuer does not say */
  readonly alg: string | undefined;
  readonly state: KeyState;
  /** when it was removed or revoked */
  readonly outAt?: number;
  readonly publicJwk: Readonly<Record<string, unknown>>;
}

/** What this issuer knows beside its keys. */
export interface Records {
  client(clientId: string): Promise<ClientRecord | undefined>;
  account(sub: string): Promise<AccountRecord | undefined>;
  resource(uri: string): Promise<ResourceRecord | undefined>;
}

export interface ExplainParts {
  readonly issuer: string;
  readonly algs: readonly string[];
  readonly keys: readonly KnownKey[];
  /** absent for another issuer: then keys, claims and times alone decide */
  readonly records?: Records | undefined;
  /** who has to be in `aud`; absent: anybody */
  readonly audience?: string | undefined;
  /** epoch seconds */
  readonly now: number;
}

export type Reason =
  | 'ok'
  | 'malformed'
  | 'alg_none'
  | 'alg_not_allowed'
  | 'crit_unsupported'
  | 'issuer_mismatch'
  | 'kid_missing'
  | 'kid_unknown'
  | 'key_removed'
  | 'key_revoked'
  | 'alg_mismatch'
  | 'signature_invalid'
  | 'key_standby'
  | 'typ_unexpected'
  | 'missing_claim'
  | 'expired'
  | 'not_yet_valid'
  | 'issued_in_future'
  | 'audience_mismatch'
  | 'client_unknown'
  | 'client_disabled'
  | 'account_unknown'
  | 'account_disabled'
  | 'signed_out';

export interface Explanation {
  readonly accepted: boolean;
  readonly reason: Reason;
  readonly sentence: string;
  readonly header: Readonly<Record<string, unknown>> | null;
  readonly claims: Readonly<Record<string, unknown>> | null;
  /** seconds; null where the token does not say */
  readonly times: { readonly now: number; readonly age: number | null; readonly expires_in: number | null };
}

type Finding = readonly [reason: Reason, sentence: string] | undefined;
type Check = (token: DecodedToken, parts: ExplainParts) => Finding | Promise<Finding>;

/** Says whether the issuer accepts the token, and if not, the first reason why. Never throws for a bad token. */
export async function explainToken(text: string, parts: ExplainParts): Promise<Explanation> {
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

function explanation(
  token: DecodedToken | undefined,
  { now }: ExplainParts,
  [reason, sentence]: NonNullable<Finding>,
): Explanation {
  const { iat, exp } = token?.claims ?? {};
  const age = typeof iat === 'number' ? now - iat : null;
  const expires_in = typeof exp === 'number' ? exp - now : null;
  return {
    accepted: reason === 'ok',
    reason,
    sentence,
    header: token?.header ?? null,
    claims: token?.claims ?? null,
    times: { now, age, expires_in },
  };
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

const client: Check = async ({ claims }, { records }) => {
  if (!records) return undefined;
  const clientId = String(claims.client_id);
  const found = await records.client(clientId);
  if (!found) return ['client_unknown', `its client ${clientId} is not registered`];
  if (found.disabledAt === null) return undefined;
  return ['client_disabled', `its client ${clientId} was disabled at ${dateInWords(found.disabledAt)}`];
};

const account: Check = async ({ claims }, { records }) => {
  const sub = String(claims.sub);
  // RFC 9068 2.2: without an end-user the client is its own subject.
  if (!records || sub === claims.client_id) return undefined;
  const found = await records.account(sub);
  if (!found) return ['account_unknown', `there is no account ${sub}`];
  if (found.disabledAt !== null) {
    return ['account_disabled', `the account ${sub} was disabled at ${dateInWords(found.disabledAt)}`];
  }
  const { tokensValidAfter } = found;
  if (tokensValidAfter === null || Number(claims.iat) >= tokensValidAfter) return undefined;
  return ['signed_out', `the account ${sub} was signed out everywhere at ${dateInWords(tokensValidAfter)}`];
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
  client,
  account,
];
