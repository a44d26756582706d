// Families to refresh: a few hundred that wrk follows, each connection its own chain, and as many more as a store is to
// be filled with. They are opened through the library, since a sign-in costs a password.
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Redis } from 'ioredis';
import { createAccount } from '../src/accounts/account.ts';
import { systemClock } from '../src/clock.ts';
import { loadConfig } from '../src/config.ts';
import type { AuthenticatedClient } from '../src/oauth/client-authentication.ts';
import { registerClient } from '../src/oauth/client-management.ts';
import { encodeRefreshToken } from '../src/oauth/refresh-token.ts';
import { createResource } from '../src/oauth/resource-management.ts';
import { authorizeSignIn } from '../src/oauth/sign-in.ts';
import { encodeFamilyState } from '../src/stores/family-state.ts';
import type { SigningAlg } from '../src/stores/stores.ts';
import {
  authorizationServerOf,
  type House,
  keyringOf,
  macKeyRingOf,
  openHouse,
  timetableOf,
} from '../src/wire.ts';

/** A service's stores, entered beside it. */
export interface Beside {
  readonly issuer: string;
  readonly folder: string;
  readonly env: Readonly<Record<string, string>>;
}

export async function withHouse<T>(
  { issuer, folder, env }: Beside,
  work: (house: House) => Promise<T>,
): Promise<T> {
  const { config } = loadConfig({
    env: {
      ...env,
      MINTMARK_ISSUER: issuer,
      MINTMARK_DATA: join(folder, 'data'),
      MINTMARK_KEYS: join(folder, 'keys'),
    },
  });
  const house = await openHouse(config, { beside: true });
  try {
    return await work(house);
  } finally {
    await house.close();
  }
}

export interface Chains {
  readonly clientId: string;
  /** of the resource server that the access tokens are for, HTTP Basic */
  readonly authorization: string;
  readonly tokens: readonly string[];
}

/** Opens families of a public client whose access tokens are signed with `alg`. */
export async function openChains(house: House, alg: SigningAlg, count: number): Promise<Chains> {
  const [keyring, macKeyRing] = [keyringOf(house), macKeyRingOf(house)];
  await Promise.all([keyring.reload(), macKeyRing.reload()]);
  const as = authorizationServerOf(house, keyring, macKeyRing);
  const management = { ...house, actor: 'bench', timetable: timetableOf(house.config) };
  const name = `${alg.toLowerCase()}-${house.random.id()}`;
  const resource = `https://${name}.example.com`;
  await createResource(management, { resource, scopes: ['read'], signing_alg: alg });
  const { client_id: clientId } = await registerClient(management, {
    token_endpoint_auth_method: 'none',
    grant_types: ['refresh_token'],
    scope: 'read',
    default_resource: resource,
  });
  const server = await registerClient(management, {
    client_id: resource,
    grant_types: ['client_credentials'],
  });
  const halves = [resource, server.client_secret ?? ''].map(encodeURIComponent);
  const authorization = `Basic ${Buffer.from(halves.join(':')).toString('base64')}`;
  const account = await createAccount(management, { email: `${name}@example.com` });
  const client = (await house.stores.clients.find(clientId)) as AuthenticatedClient;
  async function open(): Promise<string> {
    const { refresh, commit } = await authorizeSignIn(as, client, { account, acr: 'aal1', amr: ['pwd'] });
    await commit();
    if (refresh === undefined) throw new Error('a sign-in without a family');
    const { familyId, head } = refresh;
    const facts = { familyId, generation: head.generation, issuedAt: Math.floor(head.since) };
    return encodeRefreshToken(as.issuer, as.macKeys().current, facts);
  }
  const tokens: string[] = [];
  while (tokens.length < count) tokens.push(...(await Promise.all(Array.from({ length: 50 }, open))));
  return { clientId, authorization, tokens };
}

/** So many at a time: each of these takes less than a statement may. */
const BITE = 50_000;

/** Fills both stores with copies of a family as it is at rest, used once, each under its own name. */
export async function fill({ database }: House, redisUrl: string, count: number): Promise<void> {
  const redis = new Redis(redisUrl);
  const { pool } = database;
  const now = systemClock.now();
  const state = encodeFamilyState({
    generation: 1,
    since: now,
    macKey: 1,
    consumed: [{ generation: 0, at: now }],
    quarantineUntil: 0,
    revoked: false,
  });
  await pool.query('CREATE UNLOGGED TABLE filling AS SELECT * FROM families LIMIT 1');
  for (let left = count; left > 0; left -= BITE) {
    const bite = Math.min(BITE, left);
    await pool.query(`INSERT INTO filling SELECT family.* FROM (SELECT * FROM filling LIMIT 1) AS family,
      generate_series(2, ${bite})`);
    await pool.query(`UPDATE filling SET id = decode(replace(gen_random_uuid()::text, '-', ''), 'hex')`);
    await pool.query('INSERT INTO families SELECT * FROM filling');
    const { rows } = await pool.query<{ id: Buffer }>('SELECT id FROM filling');
    const pipeline = redis.pipeline();
    for (const { id } of rows) pipeline.set(`mm:{${id.toString('base64url')}}`, state, 'PX', 1_209_600_000);
    await pipeline.exec();
    await pool.query('DELETE FROM filling WHERE ctid <> (SELECT min(ctid) FROM filling)');
  }
  await pool.query('DROP TABLE filling; ANALYZE families');
  redis.disconnect();
}

/** Bytes that Redis uses. */
export async function redisMemory(redisUrl: string): Promise<number> {
  const redis = new Redis(redisUrl);
  // What clients that have just left were sent is still counted for a moment.
  await sleep(2_000);
  const used = Number(/used_memory:(\d+)/.exec(await redis.info('memory'))?.[1]);
  redis.disconnect();
  return used;
}
