// The work of passwords, done and counted.
import { argon2Size } from '../../src/accounts/password-hash.ts';
import { type Argon2Cost, type PasswordWork, passwordWork } from '../../src/accounts/password-work.ts';

export interface CountedWork {
  readonly work: PasswordWork;
  /** what was spent since it was made: KiB that argon2 wrote, rounds of PBKDF2 */
  readonly spent: { argon2: number; iterations: number };
}

export function countedWork(): CountedWork {
  const spent = { argon2: 0, iterations: 0 };
  const work: PasswordWork = {
    argon2(password, salt, cost) {
      spent.argon2 += argon2Size(cost);
      return passwordWork.argon2(password, salt, cost);
    },
    verifyArgon2(password, phc) {
      spent.argon2 += argon2Size(costOf(phc));
      return passwordWork.verifyArgon2(password, phc);
    },
    pbkdf2(password, salt, iterations) {
      spent.iterations += iterations;
      return passwordWork.pbkdf2(password, salt, iterations);
    },
  };
  return { work, spent };
}

function costOf(phc: string): Argon2Cost {
  const [, memory, time, lanes] = /\$m=(\d+),t=(\d+),p=(\d+)\$/.exec(phc) ?? [];
  return { memoryCost: Number(memory), timeCost: Number(time), parallelism: Number(lanes) };
}
