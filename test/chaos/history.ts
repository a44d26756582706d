// What was done to a service and what it answered, as those saw it who asked: instants are seconds of one clock, the
// harness's own, so that "after" means after.

/** What became of a request. */
export type Outcome =
  | {
      readonly kind: 'answered';
      readonly status: number;
      /** there for 200 */
      readonly tokens?: Tokens;
      /** `error` of RFC 6749 5.2, there for all others */
      readonly error?: string;
      /** there for 503 */
      readonly retryAfter?: string;
    }
  /** nobody answered in time */
  | { readonly kind: 'unanswered' }
  /** the connection broke, or there was none */
  | { readonly kind: 'broken' };

export interface Tokens {
  readonly refreshToken: string;
  /** of `refreshToken` */
  readonly generation: number;
  readonly jti: string;
  /** where its signature is a function of what it says (RFC 8017 8.2) */
  readonly accessToken?: string;
}

/** Somebody presented a refresh token. */
export interface Presentation {
  readonly family: string;
  readonly generation: number;
  /**
   * `newest`: the holder has no newer one; `recent`: it had none a moment ago, and may have one now; `old`: one that was exchanged long
   * before, as a thief has it
   */
  readonly token: 'newest' | 'recent' | 'old';
  readonly replica: number;
  readonly sentAt: number;
  readonly endedAt: number;
  readonly outcome: Outcome;
}

/** From an instant to another. */
export interface Span {
  readonly from: number;
  readonly to: number;
}

export interface Revocation {
  readonly family: string;
  readonly begunAt: number;
  /** absent: nobody was told that it is done */
  readonly acknowledgedAt?: number;
}

export interface History {
  /** by id; seconds of the retry window, the time that a swap may take included */
  readonly windows: ReadonlyMap<string, number>;
  readonly presentations: readonly Presentation[];
  readonly revocations: readonly Revocation[];
  /** when the hot store may have lost what it had acknowledged */
  readonly losses: readonly Span[];
  /** when a replica was dead */
  readonly deaths: readonly (Span & { readonly replica: number })[];
  /** swaps that a replica sent on more than one connection */
  readonly resent: readonly string[];
  /** the last fault was over */
  readonly healedAt: number;
  /** families whose holders went on until the end */
  readonly lasting: readonly string[];
}
