// When people may change how they sign in: NIST SP 800-63B 4.1.2. The rule it keeps: whoever finds a browser that was
// left signed in can neither take a second factor away nor add one of their own.
import { hasSecondFactor } from '../accounts/factors.ts';
import type { Factors } from '../stores/stores.ts';
import { reaches, secondFactorAcr } from './acr.ts';
import type { Session } from './session.ts';

/** Seconds in which a sign-in is recent. */
export const RECENT_SIGN_IN = 600;

/** Whether the sign-in is recent, and was made with all that the account has. */
export const mayChangeFactors = (
  { authTime, acr }: Pick<Session, 'authTime' | 'acr'>,
  factors: Factors | undefined,
  now: number,
): boolean =>
  now <= authTime + RECENT_SIGN_IN && (!hasSecondFactor(factors) || reaches(acr, secondFactorAcr));
