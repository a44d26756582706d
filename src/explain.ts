// Where `mintmark explain` gets what it knows: from the stores, or from another issuer over HTTP.
import type { Clock } from './clock.ts';
import { removalOf, stateOf } from './keys/lifecycle.ts';
import { explainToken } from './oauth/explain.ts';
import type { Explanation, KnownKey, Records } from './oauth/explanation.ts';
import { foresee } from './oauth/refresh-foresight.ts';
import { decodeRefreshToken } from './oauth/refresh-token.ts';
import { OperatorError } from './operator-error.ts';
import { discover, publishedKeys } from './remote-issuer.ts';
import { type House, macKeyRingOf, refreshLifetimesOf, timetableOf } from './wire.ts';

export interface Question {
  /** a token, or a token response */
  readonly text: string;
  /** who has to be in `aud`; absent: anybody */
  readonly audience?: string | undefined;
}

/** As this issuer sees the token, with every key that it ever had. */
export async function explainOwn(house: House, question: Question): Promise<Explanation> {
  const { config, stores, clock } = house;
  const timetable = timetableOf(config);
  const set = await stores.keys.read();
  const now = Math.max(clock.now(), set.lastT);
  const keys = set.keys.map((key): KnownKey => {
    const { kid, alg, publicJwk, revokedAt } = key;
    const state = stateOf(key, now, timetable);
    const isOut = state === 'removed' || state === 'revoked';
    return { kid, alg, state, publicJwk, ...(isOut && { outAt: revokedAt ?? removalOf(key, timetable) }) };
  });
  return explainToken(question.text, {
    issuer: config.issuer,
    algs: ['RS256', 'PS256', 'ES256', 'EdDSA'],
    keys,
    records: recordsOf(house),
    audience: question.audience,
    now,
  });
}

function recordsOf(house: House): Records {
  const { config, stores } = house;
  const ring = macKeyRingOf(house);
  const parts = { ...stores, macKeys: ring.macKeys, refresh: refreshLifetimesOf(config) };
  return {
    client: stores.clients.find,
    account: stores.accounts.findBySub,
    resource: stores.resources.find,
    family: stores.families.find,
    isRevoked: stores.revokedTokens.isRevoked,
    async refreshToken(text) {
      await ring.reload();
      const token = decodeRefreshToken(config.issuer, ring.macKeys(), text);
      return token && { token, foresight: await foresee(parts, token) };
    },
  };
}

/** Every asymmetric algorithm of RFC 7518 and RFC 8037 that a token of somebody else may be signed with. */
const knownAlgs = 'RS256 RS384 RS512 PS256 PS384 PS512 ES256 ES384 ES512 EdDSA Ed25519'.split(' ');

/** As any verifier sees the token of another issuer. Throws OperatorError where the issuer cannot be asked. */
export async function explainForeign(issuer: string, clock: Clock, question: Question): Promise<Explanation> {
  const { metadata } = await discover(issuer, clock);
  if (metadata.issuer !== issuer) {
    throw new OperatorError(`the metadata of ${issuer} is that of ${String(metadata.issuer)}: give that URL`);
  }
  const { keys } = await publishedKeys(metadata, clock);
  return explainToken(question.text, {
    issuer,
    algs: knownAlgs,
    keys: keys.map((jwk) => ({
      kid: String(jwk.kid),
      alg: typeof jwk.alg === 'string' ? jwk.alg : undefined,
      state: 'active',
      publicJwk: jwk,
    })),
    audience: question.audience,
    now: clock.now(),
  });
}
