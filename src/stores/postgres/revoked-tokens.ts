// Access tokens that were revoked one by one, in Postgres: a digest until the token would have expired.
import type pg from 'pg';
import { gather } from '../../gather.ts';
import { replayDigest } from '../replay-digest.ts';
import type { RevokedTokenStore } from '../stores.ts';
import { query, requestLifetime } from './statements.ts';

// One `jti` may have been given several ends: a retry gets the same one, also where lifetimes were changed meanwhile.
const REVOKE = `
  INSERT INTO revoked_tokens AS known (digest, expires_at) VALUES ($1, $2)
  ON CONFLICT (digest) DO UPDATE SET expires_at = excluded.expires_at WHERE known.expires_at < excluded.expires_at`;
const FIND = 'SELECT digest FROM revoked_tokens WHERE digest = ANY($1)';

export function postgresRevokedTokens(pool: pg.Pool): RevokedTokenStore {
  const digestOf = (jti: string) => replayDigest('revoked', jti);
  const found = gather(
    async (jtis: readonly string[]) => {
      const digests = new Map(jtis.map((jti) => [digestOf(jti).toString('base64url'), jti]));
      const keys = jtis.map(digestOf);
      const rows = await query<{ digest: Buffer }>(pool, FIND, [keys], requestLifetime);
      return new Map(rows.map(({ digest }) => [digests.get(digest.toString('base64url')) as string, true]));
    },
    { underWay: 2, limit: 500, pause: 0.004 },
  );
  return {
    async revoke(jti, expiresAt) {
      await query(pool, REVOKE, [digestOf(jti), expiresAt], requestLifetime);
    },
    isRevoked: async (jti) => (await found(jti)) === true,
  };
}
