// A key that has done its work leaves the JWKS before its time. The rule it keeps: never while a token that it signed may
// be alive (docs/decisions/0025).
import { OperatorError } from '../operator-error.ts';
import { remove } from './plan.ts';
import { type ChangeOptions, changeKeys, type KeyChange, type KeyManagement } from './rotate.ts';

/**
 * Removes a retired key now. Throws OperatorError: exit 1 where there is no such key, exit 3 where it is out already,
 * exit 4 with the second until which it stays, or where it has not retired.
 */
export const removeKey = (
  management: KeyManagement,
  kid: string,
  options: Pick<ChangeOptions, 'dryRun'> = {},
): Promise<KeyChange> =>
  changeKeys(
    management,
    (keys, t) => {
      const after = remove(keys, t, management.timetable, kid);
      if (!after) throw new OperatorError(`there is no key ${kid}: see \`mintmark keys list\``);
      if ('refused' in after) throw new OperatorError(after.refused, 4);
      return after;
    },
    options,
  );
