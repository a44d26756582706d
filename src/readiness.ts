// What a replica is asked before it gets requests: its stores, its keys, its root secrets.
import type { Check } from './http/operator/readiness.ts';
import type { Keyring } from './keys/keyring.ts';
import type { MacKeyRing } from './keys/root-secrets.ts';
import type { House } from './wire.ts';

/** What /readyz asks. A Redis that only warns is ready. */
export function readinessChecks(
  { stores, redis }: House,
  keyring: Keyring,
  macKeyRing: MacKeyRing,
): readonly Check[] {
  const assertNone = (faults: readonly string[]): void => {
    if (faults.length > 0) throw new Error(faults.join('; '));
  };
  const checks: Check[] = [
    { name: 'postgres', run: async () => void (await stores.health.now()) },
    { name: 'migrations', run: async () => assertNone(await stores.health.pendingMigrations()) },
    { name: 'keys', run: async () => assertNone(keyring.faults()) },
    { name: 'root secret', run: async () => assertNone(macKeyRing.faults()) },
  ];
  if (redis) checks.push({ name: 'redis', run: async () => assertNone((await redis.health()).faults) });
  return checks;
}
