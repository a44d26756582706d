// The second factor, wherever it is asked for: what its page needs, and what its forms bring.
import type { FastifyRequest } from 'fastify';
import { hasSecondFactor } from '../../accounts/factors.ts';
import { newChallenge } from '../../accounts/passkey-challenges.ts';
import { requestOptions } from '../../accounts/passkeys.ts';
import { showCode, showPasskey } from '../../accounts/show-factor.ts';
import { OAuthError } from '../../oauth/errors.ts';
import type { SignInProblem } from '../../oauth/interaction.ts';
import type { Parameters } from '../../oauth/parameters.ts';
import type { AccountRecord } from '../../stores/stores.ts';
import type { Browser } from './browser.ts';
import type { Desk } from './desk.ts';
import type { SecondFactorView } from './pages/factor-pages.ts';
import { throttled } from './sign-in.ts';
import type { Texts } from './texts/en.ts';

/** Whether a password alone signs nobody in to this account. */
export const owesSecondFactor = async ({ as }: Desk, { sub }: AccountRecord): Promise<boolean> =>
  hasSecondFactor(await as.factors.find(sub));

/** Where a passkey is asked for: an interaction, or the account page. */
export interface PasskeyPlace {
  readonly browser: Browser;
  readonly purpose: string;
}

/** What a script needs to ask for a passkey, as JSON: for one of the account, or for any; undefined where there can be none. */
export async function passkeyRequest(
  { as }: Desk,
  { browser, purpose }: PasskeyPlace,
  account?: AccountRecord,
): Promise<string | undefined> {
  const passkeys = account === undefined ? [] : ((await as.factors.find(account.sub))?.passkeys ?? []);
  if (as.relyingParty === undefined || (account !== undefined && passkeys.length === 0)) return undefined;
  const challenge = await newChallenge(as, { browser: browser.digest, purpose });
  return JSON.stringify(await requestOptions(as.relyingParty, passkeys, challenge));
}

/** What the page of the second factor shows of an account. */
export async function secondFactorFacts(
  desk: Desk,
  account: AccountRecord,
  place: PasskeyPlace,
): Promise<Pick<SecondFactorView, 'account' | 'hasTotp' | 'hasRecoveryCodes' | 'passkey'>> {
  const factors = await desk.as.factors.find(account.sub);
  return {
    account: account.email,
    hasTotp: factors?.totp != null,
    hasRecoveryCodes: (factors?.recoveryCodes.length ?? 0) > 0,
    passkey: await passkeyRequest(desk, place, account),
  };
}

/** What was wrong, in words. */
export const problemInWords = (
  { signIn: { problems } }: Texts,
  problem: SignInProblem | undefined,
): string | undefined =>
  problem?.kind === 'throttled'
    ? problems.throttled(Math.ceil((problem.retryAfter ?? 0) / 60))
    : problem && problems[problem.kind];

type Shown = { readonly amr: readonly string[] };
type Values = Parameters['values'];

/** Throws StoreUnavailableError. */
export async function takeCode(
  { as, events }: Desk,
  request: FastifyRequest,
  account: AccountRecord,
  values: Values,
): Promise<Shown | SignInProblem> {
  const { email } = account;
  const code = (values.get('code') ?? '').slice(0, 100);
  const shown = await showCode(as, account, { code, address: request.ip });
  if ('amr' in shown) return shown;
  if ('retryAfter' in shown) return throttled({ events }, request, { ...shown, email });
  events.refused(request, new OAuthError(shown.refused));
  return { kind: 'code_wrong', email };
}

/** `meant`: the account that owes it; undefined: any. Throws StoreUnavailableError. */
export async function takePasskey(
  { as, events }: Desk,
  request: FastifyRequest,
  { browser, purpose }: PasskeyPlace,
  { values, meant }: { readonly values: Values; readonly meant: string | undefined },
): Promise<(Shown & { readonly account: AccountRecord }) | SignInProblem> {
  const credential = values.get('credential') ?? '';
  const shown = await showPasskey(as, credential, { browser: browser.digest, purpose });
  if (shown === undefined) {
    events.refused(request, new OAuthError('passkey_wrong'));
    return { kind: 'passkey_wrong', email: '' };
  }
  return meant === undefined || meant === shown.account.sub ? shown : { kind: 'other_account', email: '' };
}
