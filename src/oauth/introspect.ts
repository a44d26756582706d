// Introspection: RFC 7662, RFC 9068 4. Whether a token of ours is good now, and what it says. The rule it keeps: a
// token is active only where everything that may end it says so; where a store cannot say, nobody guesses.
import type { FamilyRecord } from '../stores/stores.ts';
import type { AuthorizationServer } from './authorization-server.ts';
import { deathOf } from './refresh-families.ts';
import { foresee } from './refresh-foresight.ts';
import { decodeRefreshToken, familyOfTokenId, looksLikeRefreshToken } from './refresh-token.ts';

/** What every access token of ours says (RFC 9068 2.2); in seconds. */
export type AccessTokenClaims = Readonly<Record<string, unknown>> & {
  readonly sub: string;
  readonly aud: string;
  readonly client_id: string;
  readonly iat: number;
  readonly exp: number;
  readonly jti: string;
};

export interface ActiveAccessToken {
  readonly kind: 'access_token';
  readonly clientId: string;
  readonly claims: AccessTokenClaims;
  /** the sign-in that it comes from; undefined where the client acts for itself */
  readonly familyId: string | undefined;
}

export interface ActiveRefreshToken {
  readonly kind: 'refresh_token';
  readonly clientId: string;
  readonly family: FamilyRecord;
  readonly issuedAt: number;
  /** when it will have waited too long; undefined for one that was used and is still answered again */
  readonly expiresAt: number | undefined;
}

export type ActiveToken = ActiveAccessToken | ActiveRefreshToken;

export type JudgeParts = Pick<
  AuthorizationServer,
  | 'issuer'
  | 'verifier'
  | 'clock'
  | 'clients'
  | 'resources'
  | 'families'
  | 'familyStates'
  | 'revokedTokens'
  | 'macKeys'
  | 'refresh'
>;

/**
 * The token, if it is good now; undefined for one that is expired, revoked, unknown, malformed or no access or refresh
 * token. Changes nothing. Throws StoreUnavailableError or MacKeyMissingError where nobody can say.
 */
export const judgeToken = (as: JudgeParts, text: string): Promise<ActiveToken | undefined> =>
  looksLikeRefreshToken(text) ? judgeRefreshToken(as, text) : judgeAccessToken(as, text);

async function judgeRefreshToken(as: JudgeParts, text: string): Promise<ActiveRefreshToken | undefined> {
  const token = decodeRefreshToken(as.issuer, as.macKeys(), text);
  if (token === undefined) return undefined;
  const { outcome, family } = await foresee(as, token);
  if (family === undefined || !['rotated', 'ahead', 'retry'].includes(outcome)) return undefined;
  const { issuedAt } = token;
  const lastUse = Math.min(issuedAt + family.idleLifetime, family.expiresAt);
  const expiresAt = outcome === 'retry' ? undefined : lastUse;
  return { kind: 'refresh_token', clientId: family.clientId, family, issuedAt, expiresAt };
}

async function judgeAccessToken(as: JudgeParts, text: string): Promise<ActiveAccessToken | undefined> {
  const claims = await readAccessToken(as, text);
  const now = as.clock.now();
  if (claims === undefined || now >= claims.exp) return undefined;
  const { jti, client_id: clientId } = claims;
  const familyId = familyOfTokenId(jti);
  const [isRevoked, lives] = await Promise.all([
    as.revokedTokens.isRevoked(jti),
    familyId === undefined ? isClientsOwn(as, claims) : isFamilyAlive(as, familyId, now),
  ]);
  return isRevoked || !lives ? undefined : { kind: 'access_token', clientId, claims, familyId };
}

async function isFamilyAlive({ families }: JudgeParts, id: string, now: number): Promise<boolean> {
  const vitals = await families.vitals(id);
  return vitals !== undefined && deathOf(vitals, now) === undefined;
}

/** Whether it is a client's own token (RFC 9068 2.2: the client is its subject), and the client still good for it. */
async function isClientsOwn(
  as: Pick<JudgeParts, 'clients'>,
  { sub, client_id, iat }: AccessTokenClaims,
): Promise<boolean> {
  if (sub !== client_id) return false;
  const client = await as.clients.find(client_id);
  if (client === undefined || client.disabledAt !== null) return false;
  return client.tokensValidAfter === null || iat >= client.tokensValidAfter;
}

/**
 * What an access token of ours says, expired or not; undefined for every other text, other kinds of JWT of ours among
 * them. Throws StoreUnavailableError.
 */
export async function readAccessToken(
  as: Pick<JudgeParts, 'issuer' | 'verifier' | 'resources'>,
  text: string,
): Promise<AccessTokenClaims | undefined> {
  const token = as.verifier.verify(text);
  if (token?.claims.iss !== as.issuer || !isAccessTokenClaims(token.claims)) return undefined;
  const typ = String(token.header.typ).toLowerCase();
  if (typ === 'at+jwt') return token.claims;
  if (typ !== 'jwt') return undefined;
  // RFC 8725 3.11: this typ is an access token's only where the resource asked for it.
  const resource = await as.resources.find(token.claims.aud);
  return resource && resource.profile !== 'rfc9068' ? token.claims : undefined;
}

/** RFC 8725 3.12: no ID token has a client_id, and no account can give it one. */
const isAccessTokenClaims = (claims: Readonly<Record<string, unknown>>): claims is AccessTokenClaims =>
  [claims.sub, claims.aud, claims.client_id, claims.jti].every((claim) => typeof claim === 'string') &&
  [claims.iat, claims.exp].every(Number.isFinite);
