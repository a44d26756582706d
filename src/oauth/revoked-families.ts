// The revocation feed: what has ended while access tokens of it may still be alive, as one signed document (RFC 7515)
// for services that verify offline. The rule it keeps: it says of a token what introspection says, and of people and
// clients nothing (docs/decisions/0021).
import { createHash } from 'node:crypto';
import { CLOCK_SKEW } from '../keys/lifecycle.ts';
import { readThrough } from '../read-through.ts';
import { type Ending, type EndingStore, StoreUnavailableError } from '../stores/stores.ts';
import type { AuthorizationServer } from './authorization-server.ts';

/** RFC 8725 3.11: no other kind of JWT has it. */
export const feedTyp = 'revoked-families+jwt';

/** Seconds that one read of the store answers for, and that caches may keep the document. */
export const FEED_LIFETIME = 5;
/** Seconds: `iat` is rounded down to these, so that replicas that know the same publish the same bytes. */
const GRAIN = 10;
/** How many families and clients are named; the latest, where there are more. */
const LIMIT = 50_000;
/** Seconds that the last document serves on while the store is away; its age is told by its `iat`. */
const STALE_LIFETIME = 3600;

/** Characters of a family: 72 bits tell it apart, and do not name it whole. */
const FAMILY_LENGTH = 12;
const CLIENT_LENGTH = 16;

type Parts = Pick<AuthorizationServer, 'issuer' | 'endpoints' | 'signingAlgs' | 'keyring' | 'clock'> & {
  readonly endings: Pick<EndingStore, 'since'>;
};

/** The document as it is now, a compact JWS. Throws StoreUnavailableError or SigningUnavailableError: none is known. */
export type RevocationFeed = () => Promise<string>;

/** Makes a feed that reads the store once in its lifetime, however many ask. */
export function createRevocationFeed(as: Parts): RevocationFeed {
  let latest = { text: '', jws: '' };
  async function read(): Promise<string> {
    const claims = await claimsOf(as);
    const text = JSON.stringify(claims);
    if (text !== latest.text) {
      const [alg = 'RS256'] = as.signingAlgs;
      latest = { text, jws: await as.keyring.sign({ alg, typ: feedTyp, claims }) };
    }
    return latest.jws;
  }
  const { find } = readThrough({
    read,
    isOutage: (error) => error instanceof StoreUnavailableError,
    clock: as.clock,
    freshFor: FEED_LIFETIME,
    staleFor: STALE_LIFETIME,
    cooldown: FEED_LIFETIME,
    retryAfter: FEED_LIFETIME,
    rememberFailures: true,
    capacity: 1,
  });
  return async () => (await find('')) as string;
}

/** Its `aud` is no service, and it has neither `sub` nor `exp`, so that nobody takes it for an access token. */
async function claimsOf({ issuer, endpoints, keyring, endings, clock }: Parts) {
  const now = clock.now();
  const since = now - keyring.longestLifetime() - CLOCK_SKEW;
  const { families, clients } = await endings.since(since, LIMIT);
  const complete = [families, clients].flatMap(completeSince);
  return {
    iss: issuer,
    aud: endpoints.revokedFamilies,
    iat: Math.floor(now / GRAIN) * GRAIN,
    ...(complete.length > 0 && { since: Math.max(...complete) }),
    families: families.map(({ id }) => id.slice(0, FAMILY_LENGTH)).sort(),
    clients: Object.fromEntries(clients.map(({ id, at }) => [clientDigest(id), after(at)]).sort()),
  };
}

/** The first whole second after an instant: what was issued before it is of before. */
const after = (at: number): number => Math.floor(at) + 1;

/** Of a list that was cut, from when on it is complete. */
const completeSince = (endings: readonly Ending[]): number[] =>
  endings.length < LIMIT ? [] : [after((endings.at(-1) as Ending).at)];

/** A client_id is often a customer's name. */
export const clientDigest = (clientId: string): string =>
  createHash('sha256').update(clientId).digest('base64url').slice(0, CLIENT_LENGTH);
