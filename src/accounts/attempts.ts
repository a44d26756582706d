// Limits against guessing (NIST SP 800-63B 3.2.2): so many attempts for an account, whether there is one or not, and so
// many from a network address. The rules it keeps: an attempt counts before anything is verified, so that guesses made
// at once do not slip through; and what is limited is signing in alone, never those who are signed in.
import ipaddr from 'ipaddr.js';
import { foldedEmail } from '../stores/folded-email.ts';
import { type AttemptStore, StoreUnavailableError } from '../stores/stores.ts';

export interface AttemptLimits {
  readonly perAccount: number;
  readonly perAddress: number;
  /** seconds */
  readonly window: number;
}

export interface Attempt {
  /** what is attempted; absent: to sign in. Each is counted for itself. */
  readonly at?: 'letter';
  readonly email: string;
  /** network address of the caller */
  readonly address: string;
}

/** An attempt that was counted, or the whole seconds until the next one may be made. */
export type CountedAttempt = { giveBack(): Promise<void> } | { readonly retryAfter: number };

/** Counts an attempt. Throws StoreUnavailableError. */
export async function countAttempt(
  attempts: AttemptStore,
  { perAccount, perAddress, window }: AttemptLimits,
  { at, email, address }: Attempt,
): Promise<CountedAttempt> {
  const counter = at === undefined ? '' : `${at} `;
  const limits = [
    { key: `${counter}address:${networkOf(address)}`, limit: perAddress },
    { key: `${counter}account:${foldedEmail(email)}`, limit: perAccount },
  ];
  const taken: string[] = [];
  const giveBack = () => giveAllBack(attempts, taken);
  for (const { key, limit } of limits) {
    const seconds = await attempts.take(key, limit, window).catch(async (error: unknown) => {
      await giveBack();
      throw error;
    });
    if (seconds > 0) {
      await giveBack();
      return { retryAfter: Math.ceil(seconds) };
    }
    taken.push(key);
  }
  return { giveBack };
}

/** Where the store is away a count stays, until its window ends: no reason to refuse whoever has shown who they are. */
async function giveAllBack(attempts: AttemptStore, keys: readonly string[]): Promise<void> {
  for (const outcome of await Promise.allSettled(keys.map((key) => attempts.giveBack(key)))) {
    if (outcome.status === 'rejected' && !(outcome.reason instanceof StoreUnavailableError))
      throw outcome.reason;
  }
}

/** Of IPv6 the first 64 bits: whoever has one address there has all of them (RFC 6177). */
export function networkOf(address: string): string {
  if (!ipaddr.isValid(address)) return address;
  const parsed = ipaddr.process(address);
  if (parsed instanceof ipaddr.IPv4) return parsed.toString();
  const prefix = parsed.parts.map((part, i) => (i < 4 ? part : 0));
  return `${new ipaddr.IPv6(prefix).toString()}/64`;
}
