// What the laboratory writes down: what verifiers were shown and said, what they fetched, and what operators did.
// Instants in epoch seconds of this machine, which all processes share.
import type { Timetable } from '../../src/keys/lifecycle.ts';
import type { VerifierCache } from '../../src/keys/verifier-caches.ts';

/** A kind of verifier, with the cache that it was started with. */
export interface Kind extends VerifierCache {
  /** keeps the JWKS for longer than was declared: it is there to refuse */
  readonly isCareless?: true;
  /** its blindness is bounded, but not known to the second: how often it may ask is limited in another way */
  readonly isBounded?: true;
}

/** A token that was shown to a verifier. */
export interface Showing {
  readonly verifier: string;
  readonly kid: string;
  readonly at: number;
  readonly answeredAt: number;
  readonly expiresAt: number;
  /** why it was refused; undefined = accepted */
  readonly refusal: string | undefined;
}

export interface Fetch {
  readonly verifier: string;
  readonly at: number;
  readonly kids: readonly string[];
}

/** A key that signs before its lead is over, and what the plan had said before. */
export interface Emergency {
  readonly kid: string;
  readonly publishedAt: number;
  /** the plan was made then */
  readonly decidedAt: number;
  /** seconds: for how long any verifier of the declared lifetime may refuse */
  readonly planned: number;
}

export interface Revocation {
  readonly kid: string;
  readonly revokedAt: number;
}

export interface History {
  /** what was shown and drawn is from then on; what was fetched and done, from the beginning */
  readonly since: number;
  readonly kinds: readonly Kind[];
  readonly showings: readonly Showing[];
  readonly fetches: readonly Fetch[];
  readonly emergencies: readonly Emergency[];
  readonly revocations: readonly Revocation[];
  /** of the clients: how many tokens they got, and what they were told instead of one */
  readonly drawn: number;
  readonly undrawn: readonly string[];
  readonly timetable: Timetable;
}
