// The house, for what changes keys.
import type { KeyManagement } from '../../src/keys/rotate.ts';
import type { House } from '../../src/wire.ts';
import { inHouse, type Options } from '../verbs.ts';

/** Opens the house of the configuration for the work on its keys. */
export const manageKeys = <T>(
  options: Options,
  work: (management: KeyManagement, house: House) => Promise<T>,
): Promise<T> =>
  inHouse(options, async (house) => {
    const { keyManagementOf } = await import('../../src/wire.ts');
    return work(keyManagementOf(house, house.actor), house);
  });
