// What no refresh can do without, and nothing more: of the family a row and a key are read, together for those that ask
// at once, a signature is made, the key is swapped. Nothing is checked, and the successor is the token itself.
import { Redis } from 'ioredis';
import pg from 'pg';
import { gather } from '../src/gather.ts';
import { defineScript } from '../src/stores/redis/script.ts';

const SWAP = `
  if (redis.call('GET', KEYS[1]) or '') ~= ARGV[1] then return 'lost' end
  redis.call('SET', KEYS[1], ARGV[2], 'PX', 60000)
  return 'swapped'`;

/** As the service has it (src/stores). */
const together = { underWay: 1, limit: 500, pause: 0.004 };

export interface BareStores {
  readonly databaseUrl: string;
  readonly redisUrl: string;
}

/** Gives `sample`, the service's answer to a refresh, with the token that the form has in place of its own. */
export function bareRefreshes(
  { databaseUrl, redisUrl }: BareStores,
  sample: string,
  sign: () => Promise<unknown>,
): (form: string) => Promise<string> {
  const redis = new Redis(redisUrl);
  const pool = new pg.Pool({ connectionString: databaseUrl });
  const swap = defineScript(redis, SWAP);
  const [before = '', after = ''] = sample.split(/(?<="refresh_token":")[^"]+/);
  const rowOf = gather(async (ids: readonly string[]) => {
    const text = 'SELECT client_id, sub, floor_generation, revoked_at FROM families WHERE id = ANY($1)';
    const values = [ids.map((id) => Buffer.from(id, 'base64url'))];
    const { rows } = await pool.query({ text, values, rowMode: 'array' });
    return new Map(ids.map((id, i) => [id, rows[i]]));
  }, together);
  const stateOf = gather(
    async (ids: readonly string[]) => new Map(ids.map((id) => [id, redis.get(`bare:${id}`)])),
    together,
  );
  let count = 0;
  return async (form) => {
    const token = /refresh_token=(mmr_[\w-]+)/.exec(form)?.[1] as string;
    const id = Buffer.from(token.slice(4), 'base64url').toString('base64url', 2, 18);
    const [, state] = await Promise.all([rowOf(id), stateOf(id)]);
    await sign();
    count += 1;
    await swap(`bare:${id}`, [state ?? '', `1  ${count} ${Date.now()} 1 0 ${count} ${Date.now()}`]);
    return before + token + after;
  };
}
