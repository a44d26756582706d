// How long verifiers in the field keep a JWKS, as measured or documented: for the plan's forecast only. The rule
// that keeps them whole is the operator's verifier_cache_lifetime.
import { settleTime, type Timetable } from './lifecycle.ts';

export interface VerifierCache {
  readonly name: string;
  /** seconds that a fetched JWKS is used without asking again; Infinity = until an unknown kid */
  readonly cacheLifetime: number;
  /** seconds after a fetch in which an unknown kid does not cause another; null = an unknown kid never does */
  readonly unknownKidCooldown: number | null;
  /** a key that left the JWKS is trusted for as long as its tokens keep coming */
  readonly keepsRemovedKeys?: true;
}

const minute = 60;
const hour = 3600;

export const verifierCaches: readonly VerifierCache[] = [
  { name: 'jose', cacheLifetime: 10 * minute, unknownKidCooldown: 30 },
  { name: 'mintmark/verify', cacheLifetime: 5 * minute, unknownKidCooldown: 30 },
  { name: 'jwks-rsa', cacheLifetime: 10 * minute, unknownKidCooldown: 0 },
  { name: 'get-jwks', cacheLifetime: minute, unknownKidCooldown: 0, keepsRemovedKeys: true },
  { name: 'PyJWT', cacheLifetime: 5 * minute, unknownKidCooldown: 0 },
  { name: 'go-oidc', cacheLifetime: Number.POSITIVE_INFINITY, unknownKidCooldown: 0, keepsRemovedKeys: true },
  { name: 'Spring Security, Nimbus', cacheLifetime: 5 * minute, unknownKidCooldown: 0 },
  { name: 'Envoy', cacheLifetime: 10 * minute, unknownKidCooldown: null },
  { name: 'Istio', cacheLifetime: 20 * minute, unknownKidCooldown: null },
  { name: 'Kong', cacheLifetime: hour, unknownKidCooldown: null },
  { name: 'AWS API Gateway (REST)', cacheLifetime: hour, unknownKidCooldown: null },
  { name: 'AWS API Gateway (HTTP)', cacheLifetime: 2 * hour, unknownKidCooldown: null },
  { name: 'Microsoft.IdentityModel', cacheLifetime: 12 * hour, unknownKidCooldown: 5 * minute },
  { name: 'TIBCO', cacheLifetime: 24 * hour, unknownKidCooldown: null },
  { name: 'Confluent', cacheLifetime: 24 * hour, unknownKidCooldown: null },
];

export interface Forecast {
  readonly verifier: string;
  /** seconds during which it may refuse good tokens, or accept bad ones */
  readonly seconds: number;
}

/**
 * Who refuses good tokens, and for how long at the most, if a key published at `publishAt` signs from `signAt` on:
 * the verifiers that may still hold a JWKS from before. The declared lifetime stands for all that are not listed, and for
 * those behind a shared cache, which serves a JWKS for max-age, and for S when it is stale.
 */
export function outageForecast(
  publishAt: number,
  signAt: number,
  timetable: Pick<Timetable, 'verifierCacheLifetime' | 'jwksMaxAge' | 'reloadInterval'>,
  caches: readonly VerifierCache[] = verifierCaches,
): Forecast[] {
  const declared = {
    name: 'any, within the declared cache',
    cacheLifetime: timetable.verifierCacheLifetime + timetable.jwksMaxAge + settleTime(timetable),
    unknownKidCooldown: null,
  };
  return [...caches, declared].flatMap(({ name, cacheLifetime, unknownKidCooldown }) => {
    const blindFor = Math.min(cacheLifetime, unknownKidCooldown ?? Number.POSITIVE_INFINITY);
    const seconds = Math.max(0, publishAt + blindFor - signAt);
    return seconds > 0 ? [{ verifier: name, seconds }] : [];
  });
}

/**
 * By when, in seconds from now, each kind of verifier distrusts a key that leaves the JWKS now; Infinity for the
 * kinds that drop it only when they are restarted or meet an unknown kid. A shared cache on the way adds max-age.
 */
export function exposureForecast(jwksMaxAge: number): Forecast[] {
  return verifierCaches.map(({ name, cacheLifetime, keepsRemovedKeys }) => ({
    verifier: name,
    seconds: keepsRemovedKeys ? Number.POSITIVE_INFINITY : cacheLifetime + jwksMaxAge,
  }));
}
