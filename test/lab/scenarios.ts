// What operators do to the keys while tokens are drawn and verified, and what befalls the replicas meanwhile.
import { generateKeyPairSync } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { revokeKey, rotateKeys } from '../../src/keys/rotate.ts';
import type { OperatorError } from '../../src/operator-error.ts';
import type { Mutation } from '../chaos/mutation.ts';
import { type Lab, now, plannedOutage, type Replica, until } from './lab.ts';

/** The order that others sign in: a key signs as soon as there is one, and nobody waits for anybody's cache. */
export const naive: Mutation = [
  [
    /signingHorizon\(timetable\) \+ timetable\.jwksMaxAge \+ settleTime\(timetable\) \+ timetable\.verifierCacheLifetime/,
    '0',
  ],
  [
    /active\.find\(\(key\) => key\.activateAt \+ settleTime\(timetable\) <= t\) \?\? active\.at\(-1\)/,
    'active[0]',
  ],
];

/** A planned rotation as soon as it is possible: until then there is nothing to do, which is exit code 3. */
export async function rotate(
  lab: Lab,
  meanwhile: (lab: Lab) => Promise<void> = async () => {},
): Promise<void> {
  await until('a rotation', async () => {
    try {
      await rotateKeys(lab.management, 'RS256', {});
      return true;
    } catch (error) {
      if ((error as OperatorError).exitCode !== 3) throw error;
      return false;
    }
  });
  const next = await nextActivation(lab);
  await meanwhile(lab);
  await until('the key is active', () => now() > next);
  await lab.settled();
}

/** When the key that signs last of those planned is active. */
async function nextActivation(lab: Lab): Promise<number> {
  const keys = await lab.keys();
  return Math.max(...keys.map(({ activate_at }) => activate_at ?? 0));
}

const replica = (lab: Lab, n: number): Replica => lab.replicas[n] as Replica;

/** It is stopped before the next key is active, and goes on when that one signs. */
export async function frozenOverActivation(lab: Lab): Promise<void> {
  const next = await nextActivation(lab);
  await until('just before the activation', () => now() > next - 1);
  replica(lab, 1).freeze();
  await sleep(5000);
  replica(lab, 1).thaw();
}

/** It is stopped while the keys are changed, and knows nothing of it when it goes on. */
async function frozenOverPublication(lab: Lab): Promise<void> {
  replica(lab, 2).freeze();
  await sleep(6000);
  replica(lab, 2).thaw();
}

const rewrap = (lab: Lab): Promise<void> => lab.command('keys', 'rewrap');

/** A key of the issuer before, in the place of the next one, or only to verify. */
const importing = (role: 'standby' | 'retired') => async (lab: Lab) => {
  const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  const file = join(lab.folder, `${role}.pem`);
  writeFileSync(file, privateKey.export({ type: 'pkcs8', format: 'pem' }), { mode: 0o600 });
  await lab.command('keys', 'import', file, '--as', role);
};

async function revokeRetired(lab: Lab): Promise<void> {
  const retired = (await lab.keys()).find(({ state }) => state === 'retired');
  if (retired) await revoke(lab, retired.kid);
}

async function revoke(lab: Lab, kid: string): Promise<void> {
  const { t } = await revokeKey(lab.management, kid, { reason: 'lab' });
  lab.note({ revocation: { kid, revokedAt: t } });
}

/** What happens during the planned rotations, in turn. */
export const companions: readonly (readonly [name: string, work: (lab: Lab) => Promise<void>])[] = [
  ['a replica stopped over the activation', frozenOverActivation],
  ['a replica restarted', (lab) => replica(lab, 0).restart('SIGTERM')],
  ['private keys rewrapped', rewrap],
  ['a replica stopped over the publication', frozenOverPublication],
  ['a standby key imported', importing('standby')],
  ['a replica killed', (lab) => replica(lab, 1).restart('SIGKILL')],
  ['a retired key imported', importing('retired')],
  ['a retired key revoked', revokeRetired],
  ['nothing', async () => {}],
];

/** The reserve signs in place of the current key, at once; the plan has to say that nobody breaks. */
export async function standbySwitch(lab: Lab): Promise<void> {
  await until('the reserve is seasoned', async () => (await plannedOutage(lab)).planned === 0, 90);
  await rotateNow(lab);
}

/** `--now` with a key that nobody has fetched yet. */
export async function rotateWithoutReserve(lab: Lab): Promise<void> {
  await spendReserve(lab);
  await rotateNow(lab);
  await watchOutage(lab);
}

/** A compromise: the signer is out, and the reserve signs, which every verifier knows. */
export async function revocation(lab: Lab): Promise<void> {
  await until('the reserve is seasoned', async () => (await plannedOutage(lab)).planned === 0, 90);
  await revoke(lab, await lab.settled());
  await lab.settled();
  await watchOutage(lab);
}

/** A compromise of everything: what signs next is as new as can be. */
export async function revocationWithoutReserve(lab: Lab): Promise<void> {
  const signer = await lab.settled();
  await spendReserve(lab);
  const outage = await plannedOutage(lab);
  await revoke(lab, signer);
  await noteHaste(lab, outage);
  await watchOutage(lab);
}

/** Keys that nobody has fetched sign at once, two of them in turn, by an issuer that does as others do. */
export async function naiveOrder(lab: Lab): Promise<void> {
  await lab.deploy(naive);
  lab.history();
  for (let rotation = 1; rotation <= 3; rotation += 1)
    await lab.command('keys', 'rotate').catch(() => undefined);
  await sleep(lab.cacheLifetime * 1000);
}

async function rotateNow(lab: Lab): Promise<void> {
  const outage = await plannedOutage(lab);
  await rotateKeys(lab.management, 'RS256', { now: true, reason: 'lab' });
  await noteHaste(lab, outage);
}

/** Writes down that the key that signs from now on signs sooner than it should. */
async function noteHaste(lab: Lab, outage: { decidedAt: number; planned: number }): Promise<void> {
  const kid = await lab.settled();
  const key = (await lab.keys()).find((one) => one.kid === kid);
  lab.note({ emergency: { kid, publishedAt: key?.publish_at ?? 0, ...outage } });
}

/** Every standby key is revoked: the one that is made then has been fetched by nobody. */
async function spendReserve(lab: Lab): Promise<void> {
  for (const { kid } of (await lab.keys()).filter(({ state }) => state === 'standby')) await revoke(lab, kid);
}

/** Until every cache is renewed, and a token of a revoked key is distrusted where it ever is. */
const watchOutage = (lab: Lab): Promise<void> => sleep((lab.cacheLifetime + 2) * 1000);
