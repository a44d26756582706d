// What a token has to be: RFC 9068 4, RFC 7519 7.2, RFC 8725 3. In the order of `mintmark explain`, so that both give
// the same reason. The rule it keeps: what is cached is what time cannot change.
import { TokenRefusedError } from './errors.ts';
import { type DecodedToken, isSignedBy, type PublicKey } from './jws.ts';
import type { CompletedOptions } from './options.ts';

/** Seconds that a token may come from the future: the issuer's own allowance. */
const CLOCK_SKEW = 60;

/** Before a key is looked for. Throws TokenRefusedError. */
export function assertOurs({ header, claims }: DecodedToken, { algs, issuer }: CompletedOptions): void {
  const { alg, crit } = header;
  if (typeof alg === 'string' && alg.toLowerCase() === 'none')
    throw new TokenRefusedError('alg_none', 'it is not signed at all');
  if (!algs.some((one) => one === alg))
    throw new TokenRefusedError('alg_not_allowed', `its alg is not one of ${algs.join(', ')}`);
  if (crit !== undefined)
    throw new TokenRefusedError('crit_unsupported', 'its header has crit, which nobody here understands');
  if (claims.iss === undefined) throw new TokenRefusedError('missing_claim', 'it has no iss');
  if (claims.iss !== issuer)
    throw new TokenRefusedError('issuer_mismatch', `it does not come from ${issuer}`);
  if (header.kid === undefined) throw new TokenRefusedError('kid_missing', 'its header names no key (kid)');
}

/** What no time changes, once the key is found. Throws TokenRefusedError. */
export function assertGenuine(token: DecodedToken, key: PublicKey, options: CompletedOptions): void {
  const { header, claims } = token;
  if (header.alg !== key.alg)
    throw new TokenRefusedError('alg_mismatch', `its key signs with ${key.alg} alone`);
  if (!isSignedBy(key, token.jws))
    throw new TokenRefusedError('signature_invalid', 'its signature is not one of its key');
  const typ = String(header.typ ?? 'JWT')
    .toLowerCase()
    .replace(/^application\//, '');
  // RFC 8725 3.11: kinds of token differ in typ.
  if (typ !== options.typ.toLowerCase())
    throw new TokenRefusedError('typ_unexpected', `its typ is not ${options.typ}`);
  assertComplete(claims, options);
}

/** RFC 9068 2.2; RFC 8725 3.12: no ID token has a client_id. */
function assertComplete(claims: DecodedToken['claims'], { claimNames }: CompletedOptions): void {
  const { subject, clientId, tokenId } = claimNames;
  for (const name of [subject, 'aud', clientId, 'iat', 'exp', tokenId]) {
    if (claims[name] === undefined || claims[name] === '')
      throw new TokenRefusedError('missing_claim', `it lacks ${name}, which an access token has`);
  }
  for (const name of ['iat', 'exp', 'nbf']) {
    const value = claims[name];
    if (value !== undefined && typeof value !== 'number')
      throw new TokenRefusedError('missing_claim', `its ${name} is no number of seconds`);
  }
}

/** What is asked of it every time. Throws TokenRefusedError. */
export function assertCurrent({ claims }: DecodedToken, options: CompletedOptions, now: number): void {
  const { leeway, audience } = options;
  const { exp, nbf, iat } = claims as { exp: number; nbf?: number; iat: number };
  if (exp + leeway <= now) throw new TokenRefusedError('expired', 'it has expired');
  if (nbf !== undefined && nbf - leeway > now)
    throw new TokenRefusedError('not_yet_valid', 'it is not valid yet');
  if (iat > now + Math.max(leeway, CLOCK_SKEW))
    throw new TokenRefusedError('issued_in_future', 'it was issued in the future');
  const { aud } = claims;
  if (aud !== audience && !(Array.isArray(aud) && aud.includes(audience)))
    throw new TokenRefusedError('audience_mismatch', `it is not for ${audience}`);
}
