// A second factor, shown: a code of an app, a recovery code, or a passkey. The rules it keeps: a code is taken once, also
// of those that come at the same moment; guessing is limited by the counters of the password; and a passkey, whose
// answers nobody guesses, is not counted, so that nobody is locked out by it.
import type { AccountSecrets } from '../keys/account-secrets.ts';
import type { AccountRecord, AccountStore, Factors } from '../stores/stores.ts';
import type { Authenticator } from './authenticate.ts';
import { changeFactors, type FactorChange, type FactorParts } from './factors.ts';
import { type ChallengeFor, type ChallengeParts, takeChallenge } from './passkey-challenges.ts';
import { claimedPasskey, passkeyAmr, type RelyingParty, verifiedUse } from './passkeys.ts';
import { recoveryCodeHash } from './recovery-codes.ts';
import { totpStep } from './totp.ts';

/** How it was shown (RFC 8176); or why it is refused, which is for the log alone; or the seconds until another try. */
export type ShownCode =
  | { readonly amr: readonly string[] }
  | { readonly refused: 'second_factor_wrong' | 'second_factor_used' }
  | { readonly retryAfter: number };

export interface CodeParts extends FactorParts {
  readonly accountSecrets: AccountSecrets;
  readonly authenticator: Pick<Authenticator, 'countAttempt'>;
}

/** A code of an app, or a recovery code, of an account. Throws StoreUnavailableError, and OperatorError for a secret that is lost. */
export async function showCode(
  parts: CodeParts,
  { sub, email }: AccountRecord,
  { code, address }: { readonly code: string; readonly address: string },
): Promise<ShownCode> {
  const counted = await parts.authenticator.countAttempt({ email, address });
  if ('retryAfter' in counted) return counted;
  const shown = await judge(parts, sub, code).catch(async (error: unknown) => {
    // Whoever was told nothing has not guessed.
    await counted.giveBack();
    throw error;
  });
  if ('amr' in shown) await counted.giveBack();
  return shown;
}

/** RFC 8176 2 has no name of its own for a recovery code: it is a password that is used once. */
const oneTimePassword = { amr: ['otp', 'mfa'] } as const;

async function judge(parts: CodeParts, sub: string, code: string): Promise<ShownCode> {
  const digits = code.replace(/\s/g, '');
  const step = /^\d{6}$/.test(digits) ? await stepOf(parts, sub, digits) : undefined;
  const recovery = recoveryCodeHash(code);
  return changeFactors<ShownCode>(parts, { sub, actor: `account:${sub}` }, (factors) => {
    if (step !== undefined) return totpUsed(factors, step);
    return recovery === undefined ? wrong : recoveryCodeUsed(factors, recovery);
  });
}

const wrong: FactorChange<ShownCode> = { answer: { refused: 'second_factor_wrong' } };

interface Step {
  /** that it was found by */
  readonly jwe: string;
  readonly step: number;
}

async function stepOf(
  { factors, accountSecrets, clock }: CodeParts,
  sub: string,
  code: string,
): Promise<Step | undefined> {
  const totp = (await factors.find(sub))?.totp;
  if (!totp) return undefined;
  const step = totpStep(await accountSecrets.unwrap(sub, totp.jwe), code, clock.now());
  return step === undefined ? undefined : { jwe: totp.jwe, step };
}

/** RFC 6238 5.2: a second use is refused, for whoever looked over a shoulder. */
function totpUsed(factors: Factors, { jwe, step }: Step): FactorChange<ShownCode> {
  const { totp } = factors;
  if (totp?.jwe !== jwe) return wrong;
  if (step <= totp.lastStep) return { answer: { refused: 'second_factor_used' } };
  return { next: { ...factors, totp: { ...totp, lastStep: step } }, answer: oneTimePassword };
}

function recoveryCodeUsed(factors: Factors, hash: string): FactorChange<ShownCode> {
  const recoveryCodes = factors.recoveryCodes.filter((one) => one !== hash);
  if (recoveryCodes.length === factors.recoveryCodes.length) return wrong;
  const details = { left: recoveryCodes.length };
  const next = { ...factors, recoveryCodes };
  return { next, event: 'recovery_code_used', details, answer: oneTimePassword };
}

export interface PasskeyParts extends FactorParts, ChallengeParts {
  readonly accounts: Pick<AccountStore, 'findBySub'>;
  readonly relyingParty: RelyingParty | undefined;
}

/** The answer of a passkey, as a browser gives it: whose it is, or undefined where it proves nothing. Throws StoreUnavailableError. */
export async function showPasskey(
  parts: PasskeyParts,
  text: string,
  asked: ChallengeFor,
): Promise<{ readonly account: AccountRecord; readonly amr: readonly string[] } | undefined> {
  const claimed = claimedPasskey(text);
  const found = claimed && (await parts.factors.findByHandle(claimed.handle));
  const passkey = found?.factors.passkeys.find(({ id }) => id === claimed?.id);
  if (parts.relyingParty === undefined || found === undefined || passkey === undefined) return undefined;
  const { sub } = found;
  const account = await parts.accounts.findBySub(sub);
  const take = (challenge: string) => takeChallenge(parts, challenge, asked);
  const counter = await verifiedUse(parts.relyingParty, text, passkey, take);
  if (counter === undefined || account?.disabledAt !== null) return undefined;
  const isStillThere = await changeFactors<boolean>(
    parts,
    { sub, actor: `account:${sub}` },
    (factors, now) => {
      const passkeys = factors.passkeys.map((one) =>
        one.id === passkey.id ? { ...one, counter: Math.max(counter, one.counter), lastUsedAt: now } : one,
      );
      const answer = passkeys.some(({ id }) => id === passkey.id);
      return answer ? { next: { ...factors, passkeys }, answer } : { answer };
    },
  );
  return isStillThere ? { account, amr: passkeyAmr(passkey) } : undefined;
}
