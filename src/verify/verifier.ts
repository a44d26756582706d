// A verifier of access tokens for services: RFC 9068 4, RFC 8725. Knows the issuer's URL and the service's own name, and
// nothing else. The rule it keeps: whatever is presented, the issuer is asked for its keys no more often than
// the cooldown allows.
import { hash } from 'node:crypto';
import { type Clock, systemClock } from '../clock.ts';
import { readThrough } from '../read-through.ts';
import { assertCurrent, assertGenuine, assertOurs } from './checks.ts';
import { TokenRefusedError, VerifierUnavailableError } from './errors.ts';
import { type Issuer, type KeySet, remoteIssuer } from './issuer.ts';
import { type DecodedToken, decodeJws } from './jws.ts';
import { type CompletedOptions, completed, type VerifierOptions } from './options.ts';
import { revocationsOf } from './revocation.ts';

/** What a good token says. */
export interface VerifiedToken {
  readonly subject: string;
  readonly clientId: string;
  readonly scopes: readonly string[];
  readonly header: Readonly<Record<string, unknown>>;
  readonly claims: Readonly<Record<string, unknown>>;
}

export interface Verifier {
  /** Throws TokenRefusedError (401) with a reason, or VerifierUnavailableError (503): the issuer cannot be asked. */
  verify(token: string): Promise<VerifiedToken>;
  /** A published key in PEM, by its kid. Throws as `verify` does. */
  publicKey(kid: string): Promise<string>;
}

/** Tokens that are remembered as genuine. */
const CAPACITY = 10_000;
/** Seconds after a fetch that failed in which nobody asks. */
const RETRY_AFTER = 5;
/** Characters: no token of ours comes near it. */
const LONGEST = 16_384;

/** Makes a verifier; one a process will do. Nothing is fetched until the first token. Throws TypeError. */
export function createVerifier(given: VerifierOptions): Verifier {
  const options = completed(given);
  const { clock = systemClock } = given;
  const issuer = remoteIssuer(options.issuer, options.algs);
  const { current, keyOf } = keySource(issuer, options, clock);
  const { revocation } = options;
  const revocations = revocation && revocationsOf(issuer, current, { ...options, revocation }, clock);

  async function genuine(jws: string): Promise<DecodedToken> {
    const { verified } = await current();
    const digest = hash('sha256', jws, 'base64url');
    return verified.get(digest) ?? authenticate(jws, digest);
  }

  async function authenticate(jws: string, digest: string): Promise<DecodedToken> {
    const token = decoded(jws);
    assertOurs(token, options);
    const { key, verified } = await keyOf(String(token.header.kid));
    assertGenuine(token, key, options);
    if (verified.size >= CAPACITY) verified.delete(verified.keys().next().value as string);
    verified.set(digest, token);
    return token;
  }

  return {
    async verify(jws) {
      const token = await genuine(jws);
      assertCurrent(token, options, clock.now());
      await revocations?.assertStanding(token.claims);
      return verifiedToken(token, options);
    },
    async publicKey(kid) {
      const { key } = await keyOf(kid);
      return key.key.export({ type: 'spki', format: 'pem' }) as string;
    },
  };
}

/** The keys as they are known; a kid that is not is looked for once a cooldown, whoever invents it. */
function keySource(issuer: Issuer, options: CompletedOptions, clock: Clock) {
  const sets = readThrough<KeySet>({
    read: () => issuer.keySet(),
    isOutage: () => true,
    clock,
    freshFor: options.jwksLifetime,
    staleFor: Math.max(options.staleLifetime, options.jwksLifetime),
    cooldown: options.cooldown,
    retryAfter: Math.min(options.cooldown, RETRY_AFTER),
    rememberFailures: true,
    capacity: 1,
  });
  const current = () => available(sets.find(''));
  return {
    current,
    async keyOf(kid: string) {
      const known = await current();
      const { keys, verified } = known.keys.has(kid) ? known : await available(sets.reload(''));
      const key = keys.get(kid);
      if (!key) throw new TokenRefusedError('kid_unknown', 'the issuer publishes no such key');
      return { key, verified };
    },
  };
}

/** What cannot be had is an outage, and not the token's fault. */
async function available(set: Promise<KeySet | undefined>): Promise<KeySet> {
  try {
    return (await set) as KeySet;
  } catch (cause) {
    throw new VerifierUnavailableError('the issuer’s keys cannot be had', { cause });
  }
}

function decoded(jws: string): DecodedToken {
  if (typeof jws !== 'string' || jws === '') throw new TokenRefusedError('malformed', 'there is no token');
  if (jws.length > LONGEST) throw new TokenRefusedError('malformed', 'it is too long');
  const token = decodeJws(jws);
  if ('problem' in token) throw new TokenRefusedError('malformed', token.problem);
  return token;
}

function verifiedToken({ header, claims }: DecodedToken, { claimNames }: CompletedOptions): VerifiedToken {
  const scope = claims[claimNames.scope];
  return {
    subject: String(claims[claimNames.subject]),
    clientId: String(claims[claimNames.clientId]),
    scopes: typeof scope === 'string' ? scope.split(' ') : Array.isArray(scope) ? scope : [],
    header,
    claims,
  };
}
