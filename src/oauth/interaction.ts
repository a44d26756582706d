// What a person still has to do before a request can be answered: OpenID Connect Core 3.1.2.3, 3.1.2.4, 3.1.2.6.
// Pure: each step ends by asking again, so no step has to know of the others. The rule it keeps: what one account did
// counts for that account alone, whoever the browser's session belongs to by then.

import { acceptableAcrs, preferredAcr, reaches, statedAcr } from './acr.ts';
import type { AuthorizationRequest } from './authorization-request.ts';
import type { ClientMetadata } from './client.ts';
import { type Consent, isConsentedTo } from './consent.ts';
import type { Reason } from './errors.ts';
import { isWaitingFor, type PendingSignIn } from './pending-sign-in.ts';
import type { Session } from './session.ts';

/** Why the last try to sign in did not go through, for the page to say so. */
export interface SignInProblem {
  readonly kind:
    | 'wrong'
    | 'incomplete'
    | 'other_account'
    | 'throttled'
    | 'code_wrong'
    | 'passkey_wrong'
    | 'no_email';
  /** what was typed */
  readonly email: string;
  /** seconds, where nothing may be tried before */
  readonly retryAfter?: number;
}

/** What has been done since the request came. */
export interface Progress {
  readonly startedAt: number;
  /** the person wants another account: no session from before will do */
  readonly anotherAccountAt?: number | undefined;
  /** the account that was chosen, or that signed in */
  readonly chosenSub?: string | undefined;
  /** the account that allowed what is asked for */
  readonly consentedSub?: string | undefined;
  readonly isRefused?: boolean | undefined;
  /** who has shown the password, and owes the second factor */
  readonly pending?: PendingSignIn | undefined;
  /** the person will not show the second factor that is asked for, or has none */
  readonly hasGivenUp?: boolean | undefined;
  readonly problem?: SignInProblem | undefined;
  /** when it was first answered */
  readonly answeredAt?: number | undefined;
}

export type Step =
  | { readonly step: 'sign_in' | 'select_account' | 'enrol' | 'consent' | 'over' }
  /** `isStepUp`: the session of the browser goes on, with more than it had (RFC 9470) */
  | { readonly step: 'second_factor'; readonly sub: string; readonly isStepUp: boolean }
  /** `acr`: what is said of the sign-in */
  | { readonly step: 'respond'; readonly acr: string }
  | { readonly step: 'refuse'; readonly reason: Reason };

export interface Situation {
  readonly request: AuthorizationRequest;
  readonly client: Pick<ClientMetadata, 'first_party' | 'default_acr_values' | 'require_acr'>;
  readonly progress: Progress;
  /** of the browser; undefined where nobody is signed in, or no longer */
  readonly session: Pick<Session, 'sub' | 'authTime' | 'acr'> | undefined;
  /** whether the client means the account of this session, as far as it said so */
  readonly isMeant: boolean;
  /** of this person to this client; undefined where there is none */
  readonly consent: Consent | undefined;
  /** `require_acr` of the resources that are asked for */
  readonly ofResources: readonly string[];
  /** whether the account of the session has a second factor */
  readonly hasSecondFactor: boolean;
  readonly now: number;
}

/** Seconds in which an answer is given again: a double click drops the first one. Later it is the back button. */
const ANSWERED_AGAIN = 10;

const refuse = (reason: Reason): Step => ({ step: 'refuse', reason });

/** The next thing to be done. */
export function nextStep(situation: Situation): Step {
  const { request, session, progress, now } = situation;
  if (progress.answeredAt !== undefined && now >= progress.answeredAt + ANSWERED_AGAIN)
    return { step: 'over' };
  if (progress.isRefused) return refuse('consent_refused');
  const isSilent = request.prompts.includes('none');
  const acceptable = acceptableAcrs(situation);
  if (acceptable.length === 0) return refuse('acr_not_reachable');
  if (session === undefined || mustSignIn(situation, session)) {
    return isSilent ? refuse('login_required') : signInStep(situation);
  }
  if (request.prompts.includes('select_account') && progress.chosenSub !== session.sub) {
    return { step: 'select_account' };
  }
  const stepUp = stepUpOf(situation, session, acceptable);
  if (stepUp !== undefined) return isSilent ? refuse('login_required') : stepUp;
  if (mustConsent(situation, session)) return isSilent ? refuse('consent_required') : { step: 'consent' };
  return { step: 'respond', acr: statedAcr(acceptable, session.acr) };
}

/** Nobody is signed in before the second factor was shown, too. */
function signInStep({ progress: { pending }, now }: Situation): Step {
  if (pending === undefined || !isWaitingFor(pending, now)) return { step: 'sign_in' };
  return { step: 'second_factor', sub: pending.sub, isStepUp: false };
}

/** What the session lacks of what has to be met, and of what is wished for and can be had by asking. */
function stepUpOf(
  situation: Situation,
  { sub, acr }: SessionFacts,
  acceptable: readonly string[],
): Step | undefined {
  const { request, progress, hasSecondFactor } = situation;
  const asked: Step = { step: 'second_factor', sub, isStepUp: true };
  if (!acceptable.some((one) => reaches(acr, one))) {
    if (progress.hasGivenUp) return refuse('acr_given_up');
    return hasSecondFactor ? asked : { step: 'enrol' };
  }
  const preferred = preferredAcr(situation);
  const isWish = preferred !== undefined && acceptable.includes(preferred) && !reaches(acr, preferred);
  const mayAsk = !progress.hasGivenUp && !request.prompts.includes('none');
  return isWish && hasSecondFactor && mayAsk ? asked : undefined;
}

type SessionFacts = NonNullable<Situation['session']>;

/** Whether the session is not good enough for this request. */
function mustSignIn({ request, progress, isMeant, now }: Situation, { authTime }: SessionFacts): boolean {
  if (!isMeant) return true;
  if (progress.anotherAccountAt !== undefined && authTime < progress.anotherAccountAt) return true;
  if (request.prompts.includes('login') && authTime < progress.startedAt) return true;
  // What was asked for at the beginning is not asked for again while the person is answering.
  return request.maxAge !== undefined && authTime < progress.startedAt && now - authTime > request.maxAge;
}

function mustConsent({ request, client, progress, consent }: Situation, { sub }: SessionFacts): boolean {
  if (progress.consentedSub === sub || client.first_party) return false;
  if (request.prompts.includes('consent')) return true;
  return consent === undefined || !isConsentedTo(consent, request);
}
