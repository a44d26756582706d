// The revocation feed as a verifier keeps it (docs/verify.md). The rule it keeps: its age counts from its own `iat`, and
// what it has said to be over stays over, however old it is.
import { createHash } from 'node:crypto';
import { readThrough } from '../read-through.ts';
import { TokenRefusedError, VerifierUnavailableError } from './errors.ts';
import type { Issuer, KeySet } from './issuer.ts';
import { type DecodedToken, decodeJws, isSignedBy } from './jws.ts';
import type { CompletedOptions, RevocationOptions } from './options.ts';

const TYP = 'revoked-families+jwt';

interface Feed {
  readonly iat: number;
  /** the lists are complete for tokens that were issued from then on */
  readonly since: number;
  readonly families: ReadonlySet<string>;
  readonly clients: ReadonlyMap<string, number>;
}

export interface Revocations {
  /** Throws TokenRefusedError for a token that is over, VerifierUnavailableError where nobody can tell and that is refused. */
  assertStanding(claims: DecodedToken['claims']): Promise<void>;
}

/** `keySet`: the keys that the feed may be signed with. */
export function revocationsOf(
  issuer: Issuer,
  keySet: () => Promise<KeySet>,
  options: CompletedOptions & { readonly revocation: Required<RevocationOptions> },
  clock: { now(): number },
): Revocations {
  const { interval, maxStaleness, onStale } = options.revocation;
  let latest: Feed | undefined;
  async function read(): Promise<Feed> {
    const jws = await issuer.revocationFeed();
    const feed = feedOf(jws, await keySet(), options.issuer);
    // Replicas and caches differ: none of them takes back what another has said.
    if (latest === undefined || feed.iat >= latest.iat) latest = feed;
    return latest;
  }
  const { find } = readThrough({
    read,
    isOutage: () => true,
    clock,
    freshFor: interval,
    staleFor: Number.POSITIVE_INFINITY,
    cooldown: interval,
    retryAfter: interval,
    rememberFailures: true,
    capacity: 1,
  });

  return {
    async assertStanding(claims) {
      const feed = await find('').catch(() => undefined);
      if (feed) assertNotNamed(feed, claims, options);
      const knows = feed && clock.now() - feed.iat <= maxStaleness && Number(claims.iat) >= feed.since;
      if (knows || onStale === 'accept') return;
      throw new VerifierUnavailableError('what was revoked lately is not known');
    },
  };
}

function assertNotNamed(feed: Feed, claims: DecodedToken['claims'], { claimNames }: CompletedOptions): void {
  if (feed.families.has(String(claims[claimNames.tokenId]).slice(0, 12)))
    throw new TokenRefusedError('family_revoked', 'its sign-in is over');
  if (feed.clients.size === 0) return;
  const client = createHash('sha256').update(String(claims[claimNames.clientId])).digest('base64url');
  if (Number(claims.iat) < (feed.clients.get(client.slice(0, 16)) ?? 0))
    throw new TokenRefusedError('client_cut_off', 'its client was disabled, or its secret replaced');
}

function feedOf(jws: string, { keys }: KeySet, issuer: string): Feed {
  const token = decodeJws(jws);
  if ('problem' in token) throw new Error(`the revocation feed: ${token.problem}`);
  const { header, claims } = token;
  const key = keys.get(String(header.kid));
  const isGenuine =
    key?.alg === header.alg && header.typ === TYP && header.crit === undefined && claims.iss === issuer;
  if (!key || !isGenuine || !isSignedBy(key, jws))
    throw new Error('the revocation feed is not of the issuer');
  const { iat, since = 0, families, clients } = claims as unknown as Partial<Feed> & { families: string[] };
  if (typeof iat !== 'number' || !Array.isArray(families))
    throw new Error('the revocation feed lacks its lists');
  return { iat, since, families: new Set(families), clients: new Map(Object.entries(clients ?? {})) };
}
