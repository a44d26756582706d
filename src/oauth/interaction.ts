// What a person still has to do before a request can be answered: OpenID Connect Core 3.1.2.3, 3.1.2.4, 3.1.2.6.
// Pure: each step ends by asking again, so no step has to know of the others. The rule it keeps: what one account did
// counts for that account alone, whoever the browser's session belongs to by then.

import type { AuthorizationRequest } from './authorization-request.ts';
import { essentialValues } from './claims-request.ts';
import type { ClientMetadata } from './client.ts';
import { type Consent, isConsentedTo } from './consent.ts';
import type { Reason } from './errors.ts';
import type { Session } from './session.ts';

/** Why the last try to sign in did not go through, for the page to say so. */
export interface SignInProblem {
  readonly kind: 'wrong' | 'incomplete' | 'other_account' | 'throttled';
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
  readonly problem?: SignInProblem | undefined;
  /** when it was first answered */
  readonly answeredAt?: number | undefined;
}

export type Step =
  | { readonly step: 'sign_in' | 'select_account' | 'consent' | 'respond' | 'over' }
  | { readonly step: 'refuse'; readonly reason: Reason };

export interface Situation {
  readonly request: AuthorizationRequest;
  readonly client: Pick<ClientMetadata, 'first_party'>;
  readonly progress: Progress;
  /** of the browser; undefined where nobody is signed in, or no longer */
  readonly session: Pick<Session, 'sub' | 'authTime' | 'acr'> | undefined;
  /** of this person to this client; undefined where there is none */
  readonly consent: Consent | undefined;
  /** the authentication context classes that this server can reach */
  readonly acrs: readonly string[];
  readonly now: number;
}

/** Seconds in which an answer is given again: a double click drops the first one. Later it is the back button. */
const ANSWERED_AGAIN = 10;

const refuse = (reason: Reason): Step => ({ step: 'refuse', reason });

/** The next thing to be done. */
export function nextStep(situation: Situation): Step {
  const { request, session, progress, acrs, now } = situation;
  if (progress.answeredAt !== undefined && now >= progress.answeredAt + ANSWERED_AGAIN)
    return { step: 'over' };
  if (progress.isRefused) return refuse('consent_refused');
  const isSilent = request.prompts.includes('none');
  const required = essentialValues(request.claims?.id_token, 'acr');
  if (required !== undefined && !required.some((acr) => acrs.includes(String(acr)))) {
    return refuse('acr_not_reachable');
  }
  if (session === undefined || mustSignIn(situation, session)) {
    return isSilent ? refuse('login_required') : { step: 'sign_in' };
  }
  if (request.prompts.includes('select_account') && progress.chosenSub !== session.sub) {
    return { step: 'select_account' };
  }
  if (mustConsent(situation, session)) return isSilent ? refuse('consent_required') : { step: 'consent' };
  return { step: 'respond' };
}

type SessionFacts = NonNullable<Situation['session']>;

/** Whether the session is not good enough for this request. */
function mustSignIn({ request, progress, now }: Situation, { sub, authTime, acr }: SessionFacts): boolean {
  if (request.subjectHint !== undefined && request.subjectHint !== sub) return true;
  if (progress.anotherAccountAt !== undefined && authTime < progress.anotherAccountAt) return true;
  if (request.prompts.includes('login') && authTime < progress.startedAt) return true;
  // What was asked for at the beginning is not asked for again while the person is answering.
  if (request.maxAge !== undefined && authTime < progress.startedAt && now - authTime > request.maxAge)
    return true;
  const required = essentialValues(request.claims?.id_token, 'acr');
  return required !== undefined && !required.includes(acr);
}

function mustConsent({ request, client, progress, consent }: Situation, { sub }: SessionFacts): boolean {
  if (progress.consentedSub === sub || client.first_party) return false;
  if (request.prompts.includes('consent')) return true;
  return consent === undefined || !isConsentedTo(consent, request);
}
