// What a person still has to do before a request can be answered: OpenID Connect Core 3.1.2.3, 3.1.2.4, 3.1.2.6.
// Pure: each step ends by asking again, so no step has to know of the others.

import type { AuthorizationRequest } from './authorization-request.ts';
import { essentialValues } from './claims-request.ts';
import type { ClientMetadata } from './client.ts';
import { type Consent, isConsentedTo } from './consent.ts';
import type { Reason } from './errors.ts';
import type { Session } from './session.ts';

/** What has been done since the request came. */
export interface Progress {
  readonly startedAt: number;
  /** the account was chosen, or somebody signed in */
  readonly isAccountChosen: boolean;
  readonly isConsented: boolean;
}

export type Step =
  | { readonly step: 'sign_in' | 'select_account' | 'consent' | 'respond' }
  | { readonly step: 'refuse'; readonly reason: Reason };

export interface Situation {
  readonly request: AuthorizationRequest;
  readonly client: Pick<ClientMetadata, 'first_party'>;
  readonly progress: Progress;
  /** of the browser; undefined where nobody is signed in, or no longer */
  readonly session: Session | undefined;
  /** of this person to this client; undefined where there is none */
  readonly consent: Consent | undefined;
  /** the authentication context classes that this server can reach */
  readonly acrs: readonly string[];
  readonly now: number;
}

const refuse = (reason: Reason): Step => ({ step: 'refuse', reason });

/** The next thing to be done. */
export function nextStep(situation: Situation): Step {
  const { request, session, acrs } = situation;
  const isSilent = request.prompts.includes('none');
  const required = essentialValues(request.claims?.id_token, 'acr');
  if (required !== undefined && !required.some((acr) => acrs.includes(String(acr)))) {
    return refuse('acr_not_reachable');
  }
  if (session === undefined || mustSignIn(situation, session)) {
    return isSilent ? refuse('login_required') : { step: 'sign_in' };
  }
  if (request.prompts.includes('select_account') && !situation.progress.isAccountChosen) {
    return { step: 'select_account' };
  }
  if (mustConsent(situation)) return isSilent ? refuse('consent_required') : { step: 'consent' };
  return { step: 'respond' };
}

/** Whether the session is not good enough for this request. */
function mustSignIn({ request, progress, now }: Situation, { sub, authTime, acr }: Session): boolean {
  if (request.subjectHint !== undefined && request.subjectHint !== sub) return true;
  if (request.prompts.includes('login') && authTime < progress.startedAt) return true;
  // What was asked for at the beginning is not asked for again while the person is answering.
  if (request.maxAge !== undefined && authTime < progress.startedAt && now - authTime > request.maxAge)
    return true;
  const required = essentialValues(request.claims?.id_token, 'acr');
  return required !== undefined && !required.includes(acr);
}

function mustConsent({ request, client, progress, consent }: Situation): boolean {
  if (progress.isConsented || client.first_party) return false;
  if (request.prompts.includes('consent')) return true;
  return consent === undefined || !isConsentedTo(consent, request);
}
