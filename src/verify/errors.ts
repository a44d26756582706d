// What a verifier says of a token, and what it says of itself. The rule it keeps: an outage is no refusal; whoever
// presents a good token while nobody can tell is asked to come back (RFC 9110 15.6.4), not to sign in.

/** Why a token is refused: the reasons of `mintmark explain`, as far as a service can know them. */
export type RefusalReason =
  | 'malformed'
  | 'alg_none'
  | 'alg_not_allowed'
  | 'crit_unsupported'
  | 'issuer_mismatch'
  | 'missing_claim'
  | 'kid_missing'
  | 'kid_unknown'
  | 'alg_mismatch'
  | 'signature_invalid'
  | 'typ_unexpected'
  | 'expired'
  | 'not_yet_valid'
  | 'issued_in_future'
  | 'audience_mismatch'
  | 'family_revoked'
  | 'client_cut_off';

/** The token is not good, and will not become so but by time. */
export class TokenRefusedError extends Error {
  override readonly name = 'TokenRefusedError';
  readonly statusCode = 401;
  readonly reason: RefusalReason;

  constructor(reason: RefusalReason, sentence: string) {
    super(sentence);
    this.reason = reason;
  }
}

/** Nobody can tell: the issuer cannot be reached, and what was known of it is too old. */
export class VerifierUnavailableError extends Error {
  override readonly name = 'VerifierUnavailableError';
  readonly statusCode = 503;
}
