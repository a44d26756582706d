// Who is it? E-mail and password, at every door alike. The rules it keeps: guessing is limited; and an unknown account,
// a disabled one, one without a password and a wrong password cost the same, so that nobody learns which it was.
import type { BoundedQueue } from '../bounded-queue.ts';
import type { Clock } from '../clock.ts';
import type { Random } from '../random.ts';
import { readThrough } from '../read-through.ts';
import {
  type AccountRecord,
  type AccountStore,
  type AttemptStore,
  StoreUnavailableError,
} from '../stores/stores.ts';
import { type Attempt, type AttemptLimits, type CountedAttempt, countAttempt } from './attempts.ts';
import { hashAgain, hashPassword, verifyPassword } from './password.ts';
import { isOutdated, iterationsLimit, readPasswordHash } from './password-hash.ts';
import { attemptWeight, createPasswordQueue } from './password-queue.ts';
import { type PasswordWork, passwordWork } from './password-work.ts';

export interface SignInAttempt {
  readonly email: string;
  readonly password: string;
  /** network address of the caller */
  readonly address: string;
}

/** The account; or why it is refused, which is for the log alone; or the seconds until an attempt may be made again. */
export type SignInOutcome =
  | { readonly account: AccountRecord }
  | { readonly refused: 'account_unknown' | 'account_disabled' | 'password_wrong' }
  | { readonly retryAfter: number };

export interface Authenticator {
  /** Throws StoreUnavailableError and PasswordQueueFullError: then nobody was told anything, and nothing counts. */
  authenticate(attempt: SignInAttempt): Promise<SignInOutcome>;
  /** Counts an attempt at whatever else an account shows. Throws StoreUnavailableError. */
  countAttempt(attempt: Attempt): Promise<CountedAttempt>;
  /** Of a new password, in its turn among the attempts. Throws OperatorError and PasswordQueueFullError. */
  hash(password: string): Promise<string>;
}

export interface AuthenticatorParts {
  readonly accounts: Pick<AccountStore, 'findByEmail' | 'longestImportedHash' | 'replaceHash'>;
  readonly attempts: AttemptStore;
  readonly limits: AttemptLimits;
  readonly clock: Clock;
  readonly random: Random;
  readonly queue?: BoundedQueue;
  readonly work?: PasswordWork;
}

/** Seconds that are remembered how long the longest imported hash takes. */
const priceLifetime = 60;

/** Makes what tells who it is. One a process, for it has the queue of all passwords. */
export function createAuthenticator(given: AuthenticatorParts): Authenticator {
  const parts = { queue: createPasswordQueue(), work: passwordWork, ...given };
  const { accounts, attempts, limits } = parts;
  const prices = readThrough({
    read: () => accounts.longestImportedHash(),
    isOutage: (error) => error instanceof StoreUnavailableError,
    clock: parts.clock,
    freshFor: priceLifetime,
    staleFor: priceLifetime,
    cooldown: 0,
    retryAfter: 0,
    rememberFailures: false,
    capacity: 1,
  });

  async function judge({ email, password }: SignInAttempt): Promise<SignInOutcome> {
    const account = await accounts.findByEmail(email);
    const longest = (await prices.find('longest imported hash')) ?? 0;
    const { isRight, newHash } = await examine(parts, account, password, Math.min(longest, iterationsLimit));
    if (account === undefined) return { refused: 'account_unknown' };
    if (account.disabledAt !== null) return { refused: 'account_disabled' };
    if (!isRight) return { refused: 'password_wrong' };
    if (newHash) await replaceHash(accounts, account, newHash);
    return { account };
  }

  return {
    async authenticate(attempt) {
      const counted = await countAttempt(attempts, limits, attempt);
      if ('retryAfter' in counted) return counted;
      const outcome = await judge(attempt).catch(async (error: unknown) => {
        // Whoever was told nothing has not guessed.
        await counted.giveBack();
        throw error;
      });
      if ('account' in outcome) await counted.giveBack();
      return outcome;
    },

    countAttempt: (attempt) => countAttempt(attempts, limits, attempt),

    hash: (password) => parts.queue.run(() => hashPassword(password, parts.random), attemptWeight(0)),
  };
}

/** The work of an attempt, all of it in one turn of the queue. */
async function examine(
  { queue, work, random }: Required<AuthenticatorParts>,
  account: AccountRecord | undefined,
  password: string,
  iterations: number,
) {
  const { passwordHash = null } = account ?? {};
  const stored = readPasswordHash(passwordHash);
  return queue.run(async () => {
    const isRight = await verifyPassword(password, passwordHash, { iterations, work });
    const isDue = isRight && account?.disabledAt === null && stored !== undefined && isOutdated(stored);
    return { isRight, newHash: isDue ? await hashAgain(password, random, work) : undefined };
  }, attemptWeight(iterations));
}

/** Where this fails, the next sign-in tries again: no reason to refuse whoever has shown who they are. */
async function replaceHash(
  accounts: Pick<AccountStore, 'replaceHash'>,
  { sub, passwordHash }: AccountRecord,
  newHash: string,
): Promise<void> {
  await accounts.replaceHash(sub, passwordHash ?? '', newHash).catch(() => undefined);
}
