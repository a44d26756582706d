// The one place that chooses adapters: from a configuration to open stores, and from those to the parts of a core.
import { type Clock, systemClock } from './clock.ts';
import type { Config } from './config.ts';
import { documentFetcher, fetchLimitsOf, formPoster } from './fetch-document.ts';
import {
  ensureKeyEncryptionKey,
  type KeyEncryptionKeys,
  loadKeyEncryptionKeys,
  requireKeyEncryptionKeys,
} from './keys/key-encryption-keys.ts';
import { createKeyring, type Keyring } from './keys/keyring.ts';
import { settleTime, type Timetable } from './keys/lifecycle.ts';
import { createPairwiseSecret, ensurePairwiseSecret } from './keys/pairwise-secret.ts';
import { ensureRootSecret, type RootSecretManagement } from './keys/renew-root-secret.ts';
import { notedRevocations } from './keys/revocation-notes.ts';
import type { RewrapManagement } from './keys/rewrap.ts';
import { createMacKeyRing, loadRootSecrets, type MacKeyRing } from './keys/root-secrets.ts';
import { createSigner } from './keys/signer.ts';
import {
  type AuthorizationServer,
  endpointsOf,
  type RefreshLifetimes,
} from './oauth/authorization-server.ts';
import { createFloorLedger } from './oauth/floor-ledger.ts';
import { lifetimeLimits } from './oauth/lifetimes.ts';
import { createRemoteJwks } from './oauth/remote-jwks.ts';
import { createTokenVerifier } from './oauth/token-verifier.ts';
import { type Random, systemRandom } from './random.ts';
import { signInPartsOf } from './sign-in-parts.ts';
import { type Database, openDatabase } from './stores/postgres/database.ts';
import { type MigrationStatus, migrate, migrationStatus } from './stores/postgres/migrations.ts';
import { postgresStores } from './stores/postgres/postgres-stores.ts';
import type { RedisConnection } from './stores/redis/connection.ts';
import { redisStores } from './stores/redis/redis-stores.ts';
import { remembered } from './stores/remembered.ts';
import type { Stores } from './stores/stores.ts';

/** Open stores, and what everything else takes as an argument. */
export interface House {
  readonly config: Config;
  readonly clock: Clock;
  readonly random: Random;
  readonly database: Database;
  readonly redis: RedisConnection | undefined;
  readonly stores: Stores;
  /** the embedded store, and not for production: what is made there is for somebody who looks around */
  readonly isTrial: boolean;
  /** asks a URL of somebody else's for JSON */
  readonly fetchDocument: (url: string) => Promise<unknown>;
  close(): Promise<void>;
}

export interface HouseOptions {
  /** the executable goes beside a running embedded service, through its socket; the service takes the folder */
  readonly beside: boolean;
  /** false: leave the schema as it is */
  readonly migrate?: boolean;
  /** false: a server for production, whatever its store */
  readonly isTrial?: boolean;
  readonly clock?: Clock;
  readonly random?: Random;
  /** seconds that the stores' own clocks are moved ahead; absent: as far as `clock` is, so that a test moves them together */
  readonly storesAhead?: () => number;
}

/**
 * Opens the stores and brings the schema up to date.
 * Throws OperatorError: exit 5 where a store cannot be reached.
 */
export async function openHouse(config: Config, options: HouseOptions): Promise<House> {
  const { clock = systemClock, random = systemRandom, beside, isTrial = false } = options;
  const database = await openDatabase({ url: config.database_url, dataFolder: config.data_folder, beside });
  const redis = await openBesides(database, config, options).catch(async (error: unknown) => {
    await database.close();
    throw error;
  });
  const moved = () => (clock === systemClock ? 0 : clock.now() - systemClock.now());
  const ahead = options.storesAhead ?? moved;
  const stores = postgresStores(database, ahead);
  return {
    config,
    clock,
    random,
    fetchDocument: documentFetcher(fetchLimitsOf(config.issuer)),
    database,
    redis,
    isTrial: isTrial && database.embedded,
    stores: redis ? { ...stores, ...redisStores(redis.redis, ahead) } : stores,
    async close() {
      redis?.close();
      await database.close();
    },
  };
}

/** What else has to be there before the stores can be used. */
async function openBesides(database: Database, config: Config, { migrate: wanted = true }: HouseOptions) {
  if (wanted) await migrate(database);
  if (!config.redis_url) return undefined;
  // Its driver is large, and the start is quicker without it.
  const { openRedis } = await import('./stores/redis/connection.ts');
  return openRedis(config.redis_url);
}

/** Applies the migrations that are pending; returns their names. */
export async function migrateUp({ database }: House): Promise<string[]> {
  return (await migrate(database)).applied.map(({ name }) => name);
}

/** How the schema stands. Changes nothing. */
export const schemaStatus = ({ database }: House): Promise<MigrationStatus> => migrationStatus(database);

/** The operator's settings that bound the life of a key. */
export function timetableOf({ keys, tokens }: Config): Timetable {
  return {
    algs: keys.signing_algs,
    automaticRotation: keys.automatic_rotation,
    rotationPeriod: keys.rotation_period,
    verifierCacheLifetime: keys.verifier_cache_lifetime,
    jwksMaxAge: keys.jwks_max_age,
    reloadInterval: keys.reload_interval,
    longestTokenLifetime: Math.max(tokens.access_token_lifetime, tokens.id_token_lifetime),
  };
}

/** The key-encryption keys as they are now in the folder or the setting. Throws OperatorError, exit 4: none. */
export const keyEncryptionKeysOf = (config: Config): KeyEncryptionKeys =>
  requireKeyEncryptionKeys({ folder: config.keys_folder, setting: config.key_encryption_key });

/** What makes and renews the root secret on behalf of `actor`. */
export function rootSecretManagementOf(
  { config, stores, clock, random }: House,
  actor: string,
): RootSecretManagement {
  return {
    store: stores.rootSecrets,
    clock,
    random,
    actor,
    folder: config.keys_folder,
    setting: config.root_secret,
    settleTime: settleTime(timetableOf(config)),
    longestIdleLifetime: lifetimeLimits.refresh_token_idle_lifetime,
  };
}

/**
 * Makes the root secret and the key-encryption key at the very first start. Where there is anything that was made with
 * others already they must not be replaced: throws OperatorError, exit 4, since without them it is lost.
 */
export async function ensureSecrets(house: House): Promise<void> {
  const { config, stores, random } = house;
  const found = loadKeyEncryptionKeys({ folder: config.keys_folder, setting: config.key_encryption_key });
  if (!found && (await stores.keys.read()).keys.every((key) => key.privateJwe === null)) {
    ensureKeyEncryptionKey(config.keys_folder, random);
  }
  keyEncryptionKeysOf(config);
  await ensureRootSecret(rootSecretManagementOf(house, 'first start'));
  await ensurePairwiseSecret({ ...keyManagementOf(house, 'first start'), random });
}

/** What changes keys on behalf of `actor`. */
export function keyManagementOf({ config, stores, clock }: House, actor: string): RewrapManagement {
  return {
    pairwiseSecret: stores.pairwiseSecret,
    keys: stores.keys,
    factors: stores.factors,
    health: stores.health,
    clock,
    timetable: timetableOf(config),
    rsaModulusLength: config.keys.rsa_modulus_length,
    keyEncryptionKeys: () => keyEncryptionKeysOf(config),
    actor,
    revokedElsewhere: () => notedRevocations(config.keys_folder),
  };
}

/** The live keys of a service. Empty until `reload`. */
export function keyringOf({ config, stores, clock }: House): Keyring {
  return createKeyring({
    keys: stores.keys,
    health: stores.health,
    clock,
    timetable: timetableOf(config),
    signer: createSigner(),
    keyEncryptionKeys: () => keyEncryptionKeysOf(config),
    revokedElsewhere: () => notedRevocations(config.keys_folder),
  });
}

/** The keys of refresh tokens. Empty until `reload`. */
export function macKeyRingOf({ config, stores, clock }: House): MacKeyRing {
  return createMacKeyRing({
    store: stores.rootSecrets,
    secrets: () => loadRootSecrets({ folder: config.keys_folder, setting: config.root_secret }),
    clock,
    settleTime: settleTime(timetableOf(config)),
  });
}

/** The lives of refresh tokens of clients that have none of their own. */
export const refreshLifetimesOf = ({ tokens }: Config): RefreshLifetimes => ({
  lifetime: tokens.refresh_token_lifetime,
  idleLifetime: tokens.refresh_token_idle_lifetime,
  retryWindow: tokens.refresh_retry_window,
});

/** The record that the protocol works with. */
export function authorizationServerOf(
  house: House,
  keyring: Keyring,
  macKeyRing: MacKeyRing,
): AuthorizationServer {
  const { config, stores, clock, random } = house;
  return {
    issuer: config.issuer,
    endpoints: endpointsOf(config.issuer),
    clients: remembered(stores.clients.find, clock),
    resources: remembered(stores.resources.find, clock),
    replays: stores.replays,
    remoteJwks: createRemoteJwks(house.fetchDocument, clock),
    keyring,
    signingAlgs: config.keys.signing_algs,
    accessTokenLifetime: config.tokens.access_token_lifetime,
    idTokenLifetime: config.tokens.id_token_lifetime,
    authorizationCodeLifetime: config.tokens.authorization_code_lifetime,
    sessionLifetimes: { lifetime: config.sessions.lifetime, idleLifetime: config.sessions.idle_lifetime },
    accounts: stores.accounts,
    documents: stores.documents,
    sessions: stores.sessions,
    logoutNotices: stores.logoutNotices,
    postForm: formPoster(fetchLimitsOf(config.issuer)),
    consents: stores.consents,
    ...signInPartsOf(house, () => keyEncryptionKeysOf(config)),
    refresh: refreshLifetimesOf(config),
    claims: config.claims,
    signInClientId: config.sign_in.client_id,
    verifier: createTokenVerifier(keyring),
    revokedTokens: stores.revokedTokens,
    endings: stores.endings,
    families: stores.families,
    familyStates: stores.familyStates,
    floors: createFloorLedger(stores.families),
    macKeys: macKeyRing.macKeys,
    pairwiseSecret: createPairwiseSecret(keyManagementOf(house, 'scheduler')),
    clock,
    random,
  } satisfies AuthorizationServer;
}
