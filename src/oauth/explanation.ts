// What is said of a token that is explained, and what it is judged by.
import type { KeyState } from '../keys/lifecycle.ts';
import type { AccountRecord, ClientRecord, FamilyStanding, ResourceRecord } from '../stores/stores.ts';
import type { DecodedToken } from '../verify/jws.ts';
import type { Reason as Refusal } from './errors.ts';
import type { Foresight } from './refresh-foresight.ts';
import type { RefreshToken } from './refresh-token.ts';

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
  family(id: string): Promise<FamilyStanding | undefined>;
  isRevoked(jti: string): Promise<boolean>;
  /** undefined: this issuer did not make it */
  refreshToken(
    text: string,
  ): Promise<{ readonly token: RefreshToken; readonly foresight: Foresight } | undefined>;
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
  | 'signed_out'
  | 'client_cut_off'
  | 'family_unknown'
  | 'family_revoked'
  | 'family_expired'
  | 'token_revoked'
  | Extract<Refusal, `refresh_token_${string}`>;

export interface Explanation {
  readonly accepted: boolean;
  readonly reason: Reason;
  readonly sentence: string;
  readonly header: Readonly<Record<string, unknown>> | null;
  readonly claims: Readonly<Record<string, unknown>> | null;
  /** seconds; null where the token does not say */
  readonly times: { readonly now: number; readonly age: number | null; readonly expires_in: number | null };
}

export type Finding = readonly [reason: Reason, sentence: string] | undefined;
export type Check = (token: DecodedToken, parts: ExplainParts) => Finding | Promise<Finding>;

/** Of a token that is `undefined` nothing could be read. */
export function explanation(
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
