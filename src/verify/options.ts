// What a service says of itself and of its issuer, and what is taken where it says nothing.
import type { Clock } from '../clock.ts';
import { isLoopbackHost } from '../loopback.ts';
import type { JwsAlg } from './jws.ts';

/** How the revocation feed is used (docs/verify.md). All in seconds. */
export interface RevocationOptions {
  /** between two fetches; 10 where absent */
  readonly interval?: number;
  /** how old the feed may be by its own `iat`; 60 where absent, and 30 at the least */
  readonly maxStaleness?: number;
  /** what becomes of a good token that nothing fresh is known of; no default, since both cost something */
  readonly onStale: 'accept' | 'refuse';
}

/** Names of claims, where an issuer's tokens have other ones. */
export interface ClaimNames {
  readonly subject: string;
  readonly clientId: string;
  readonly scope: string;
  readonly tokenId: string;
}

export interface VerifierOptions {
  /** exactly as tokens name it */
  readonly issuer: string;
  /** who this service is: what stands in `aud`, or one of it */
  readonly audience: string;
  /** all that Mintmark signs with, where absent; the key says which of them it is for */
  readonly algs?: readonly JwsAlg[];
  /** `at+jwt` where absent; `JWT` for resources with the profile plain or simplejwt */
  readonly typ?: 'at+jwt' | 'JWT';
  /** seconds that clocks may differ; 5 where absent */
  readonly leeway?: number;
  /** seconds that the JWKS is kept, at most the issuer's keys.verifier_cache_lifetime; 300 where absent */
  readonly jwksLifetime?: number;
  /** seconds between two fetches, whatever is presented; 30 where absent */
  readonly cooldown?: number;
  /** seconds that the JWKS serves on while the issuer is away, counted from its fetch; 3600 where absent */
  readonly staleLifetime?: number;
  readonly claimNames?: Partial<ClaimNames>;
  /** absent: tokens count until they expire */
  readonly revocation?: RevocationOptions;
  /** the system's where absent */
  readonly clock?: Clock;
}

/** The same, with nothing left open. */
export interface CompletedOptions
  extends Required<Omit<VerifierOptions, 'claimNames' | 'revocation' | 'clock'>> {
  readonly claimNames: ClaimNames;
  readonly revocation: Required<RevocationOptions> | undefined;
}

/** Seconds: the issuer rounds `iat` down and reads its store now and then; less is stale from the beginning. */
const LEAST_STALENESS = 30;

/** The options whole. Throws TypeError where one cannot be meant. */
export function completed(options: VerifierOptions): CompletedOptions {
  const { issuer, audience, claimNames, revocation } = options;
  const { protocol, hostname } = new URL(issuer);
  if (protocol !== 'https:' && !(protocol === 'http:' && isLoopbackHost(hostname)))
    throw new TypeError(`the issuer ${issuer} is not https: anybody on the way could forge its keys`);
  if (typeof audience !== 'string' || audience === '')
    throw new TypeError('audience is missing: a token for another service would do');
  const whole: CompletedOptions = {
    algs: ['RS256', 'PS256', 'ES256', 'EdDSA'],
    typ: 'at+jwt',
    leeway: 5,
    jwksLifetime: 300,
    cooldown: 30,
    staleLifetime: 3600,
    ...options,
    claimNames: { subject: 'sub', clientId: 'client_id', scope: 'scope', tokenId: 'jti', ...claimNames },
    revocation: revocation && { interval: 10, maxStaleness: 60, ...revocation },
  };
  assertSeconds(whole);
  return whole;
}

function assertSeconds(options: CompletedOptions): void {
  const { leeway, jwksLifetime, cooldown, staleLifetime } = options;
  const { interval, maxStaleness } = options.revocation ?? { interval: 0, maxStaleness: LEAST_STALENESS };
  const seconds = { leeway, jwksLifetime, cooldown, staleLifetime, interval, maxStaleness };
  for (const [name, value] of Object.entries(seconds))
    if (!(value >= 0)) throw new TypeError(`${name} is no number of seconds`);
  if (maxStaleness < LEAST_STALENESS)
    throw new TypeError(`maxStaleness is less than ${LEAST_STALENESS} s: no feed is that fresh`);
}
