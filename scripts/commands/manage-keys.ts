// The house, for what changes keys.
import type { RewrapManagement } from '../../src/keys/rewrap.ts';
import type { House } from '../../src/wire.ts';
import { inHouse, type Options } from '../verbs.ts';

/** Opens the house of the configuration for the work on its keys. */
export const manageKeys = <T>(
  options: Options,
  work: (management: RewrapManagement, house: House) => Promise<T>,
): Promise<T> =>
  inHouse(options, async (house) => {
    const { keyManagementOf } = await import('../../src/wire.ts');
    return work(keyManagementOf(house, house.actor), house);
  });
