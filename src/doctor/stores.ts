// The doctor's questions to the stores and the keys: what the service itself depends on.

import { CLOCK_DRIFT_LIMIT } from '../keys/clock-drift.ts';
import { unwrapPrivateKey } from '../keys/custody.ts';
import { isPublished, signerOf, standbyKeys, stateOf, type Timetable } from '../keys/lifecycle.ts';
import { loadRootSecrets } from '../keys/root-secrets.ts';
import type { KeyRecord, KeySet } from '../stores/stores.ts';
import { type House, keyEncryptionKeysOf, timetableOf } from '../wire.ts';
import { durationInWords } from '../words.ts';
import { examine, type Finding, ok, problem, warning } from './finding.ts';

/** Looks into the stores of an open house. Never throws. */
export async function storeFindings(house: House): Promise<Finding[]> {
  const found = [
    await examine('database', () => databaseFindings(house), 'see that Postgres runs and answers in time'),
    await examine('redis', () => redisFindings(house), 'see that Redis runs and answers in time'),
    await examine('keys', () => keyFindings(house), 'see `mintmark keys list`'),
    await examine('root secret', () => rootSecretFindings(house), 'look into the keys folder'),
  ];
  return found.flat();
}

async function databaseFindings({ database, stores, clock }: House): Promise<Finding[]> {
  const before = clock.now();
  const drift = (await stores.health.now()) - (before + clock.now()) / 2;
  const words = `its clock is ${Math.abs(drift).toFixed(1)} s ${drift < 0 ? 'behind' : 'ahead of'} this one`;
  const isNear = Math.abs(drift) <= CLOCK_DRIFT_LIMIT;
  const pending = await stores.health.pendingMigrations();
  return [
    isNear
      ? ok('database', `${database.describe()}; ${words}`)
      : problem('database', words, 'run NTP on both machines: a replica that drifts does not sign'),
    pending.length === 0
      ? ok('schema', 'no migration is pending')
      : problem('schema', `pending: ${pending.join(', ')}`, 'run `mintmark migrate up`'),
  ];
}

async function redisFindings({ redis }: House): Promise<Finding[]> {
  if (!redis) return [ok('redis', 'none: the database keeps the hot state too')];
  const { faults, warnings } = await redis.health();
  if (faults.length + warnings.length === 0) return [ok('redis', 'it answers, and evicts nothing')];
  return [
    ...faults.map((fault) => problem('redis', fault, 'the service is not ready until this is mended')),
    ...warnings.map((text) => warning('redis', text, 'look it up where your Redis is managed')),
  ];
}

async function keyFindings(house: House): Promise<Finding[]> {
  const { stores, clock, config } = house;
  const timetable = timetableOf(config);
  const set = await stores.keys.read();
  if (set.keys.length === 0)
    return [warning('keys', 'there are none yet', 'start the service, which makes them')];
  const t = Math.max(clock.now(), set.lastT);
  const published = set.keys.filter((key) => isPublished(stateOf(key, t, timetable)));
  return [
    ...timetable.algs.map((alg) => algorithmFinding(set, alg, t, timetable)),
    ...(await examine(
      'key custody',
      () => custodyFindings(house, published),
      'restore what is missing from a backup',
    )),
    ...(set.lastT > clock.now() + CLOCK_DRIFT_LIMIT
      ? [
          problem(
            'key times',
            'the keys were changed by a clock that was ahead of this one',
            'run NTP on every machine',
          ),
        ]
      : []),
  ];
}

function algorithmFinding({ keys }: KeySet, alg: KeyRecord['alg'], t: number, timetable: Timetable): Finding {
  const check = `keys ${alg}`;
  const signer = signerOf(keys, alg, t, timetable);
  const standby = standbyKeys(keys, alg, t, timetable);
  if (!signer) {
    return standby.length > 0
      ? ok(check, 'the first key waits until every verifier knows it')
      : problem(check, 'there is no key', 'start the service, which makes it');
  }
  if (standby.length === 0) {
    return problem(
      check,
      'no key waits: a switch in need would break verifiers',
      'see that the service runs',
    );
  }
  const age = t - signer.activateAt;
  const words = `${signer.kid} has signed for ${durationInWords(age)}, and ${standby.length} wait`;
  if (age <= 2 * timetable.rotationPeriod) return ok(check, words);
  const cause = timetable.automaticRotation ? 'see that the service runs' : 'run `mintmark keys rotate`';
  return warning(check, `${words}: twice the rotation_period and more`, cause);
}

async function custodyFindings({ config }: House, published: readonly KeyRecord[]): Promise<Finding[]> {
  const secrets = keyEncryptionKeysOf(config);
  for (const { privateJwe } of published)
    if (privateJwe !== null) await unwrapPrivateKey(privateJwe, secrets);
  return [
    ok('key custody', `all ${published.length} private keys open under the key-encryption keys at hand`),
  ];
}

async function rootSecretFindings({ config, stores, clock }: House): Promise<Finding[]> {
  const check = 'root secret';
  const now = clock.now();
  const needed = (await stores.rootSecrets.list()).filter(({ until }) => now < until);
  if (needed.length === 0) return [warning(check, 'there is none yet', 'start the service, which makes it')];
  const source = { folder: config.keys_folder, setting: config.root_secret };
  const known = new Set(loadRootSecrets(source).map(({ fingerprint }) => fingerprint));
  const missing = needed.filter(({ fingerprint }) => !known.has(fingerprint));
  const signer = needed.findLast(({ since }) => since <= now);
  if (missing.length === 0) {
    const words = `number ${signer?.number} makes refresh tokens, and all ${needed.length} in use are at hand`;
    return [ok(check, words)];
  }
  return missing.map(({ number }) =>
    problem(
      check,
      `number ${number} is missing: this machine answers 503 to whoever needs it to refresh`,
      'copy its file from another machine or from a backup into the keys folder',
    ),
  );
}
