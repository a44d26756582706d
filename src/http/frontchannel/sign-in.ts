// The form that people sign in by, wherever it stands: who it was, or why nobody; and the session that comes of it.
import type { FastifyReply, FastifyRequest } from 'fastify';
import { passwordAcr } from '../../oauth/acr.ts';
import { OAuthError } from '../../oauth/errors.ts';
import type { SignInProblem } from '../../oauth/interaction.ts';
import type { Parameters } from '../../oauth/parameters.ts';
import { type BrowserSignIn, type Session, startSession } from '../../oauth/session.ts';
import { isMeant } from '../../oauth/subject.ts';
import type { AccountRecord } from '../../stores/stores.ts';
import type { Desk } from './desk.ts';

export interface Wanted {
  /** what for; undefined: for the issuer itself */
  readonly clientId?: string;
  /** whom the client means */
  readonly subjectHint?: string | undefined;
}

/** Somebody; or why not. Throws StoreUnavailableError and PasswordQueueFullError. */
export async function whoSignsIn(
  { as, events }: Desk,
  values: Parameters['values'],
  request: FastifyRequest,
  { clientId, subjectHint }: Wanted,
): Promise<AccountRecord | SignInProblem> {
  // As long as an address may be (RFC 5321 4.5.3.1).
  const email = (values.get('email') ?? '').trim().slice(0, 320);
  const password = values.get('password');
  if (email === '' || password === undefined) return { kind: 'incomplete', email };
  const options = clientId === undefined ? {} : { clientId };
  const outcome = await as.authenticator.authenticate({ email, password, address: request.ip });
  if ('retryAfter' in outcome) return throttled({ events }, request, { ...outcome, ...options, email });
  if ('refused' in outcome) {
    events.refused(request, new OAuthError(outcome.refused, options));
    return { kind: 'wrong', email };
  }
  const isThem =
    clientId === undefined || (await isMeant(as, { clientId, subjectHint }, outcome.account.sub));
  return isThem ? outcome.account : { kind: 'other_account', email };
}

/** Too many attempts, of whatever kind: told to the log, and to the person. */
export function throttled(
  { events }: Pick<Desk, 'events'>,
  request: FastifyRequest,
  { email, retryAfter, ...options }: { email: string; retryAfter: number; clientId?: string },
): SignInProblem {
  events.refused(request, new OAuthError('sign_in_throttled', options));
  return { kind: 'throttled', email, retryAfter };
}

/** What a password alone is worth. */
export const byPassword = { acr: passwordAcr, amr: ['pwd'] } as const;

interface Somebody extends Pick<BrowserSignIn, 'acr' | 'amr'> {
  /** session of the browser before */
  readonly previous: Session | undefined;
  readonly account: AccountRecord;
}

/** Starts a session of the browser. Throws StoreUnavailableError. */
export async function keepSignedIn(
  { as, sessionCookie }: Desk,
  request: FastifyRequest,
  reply: FastifyReply,
  { previous, account, acr, amr }: Somebody,
): Promise<void> {
  const id = await startSession(as, previous, {
    account,
    acr,
    amr,
    userAgent: request.headers['user-agent'] ?? '',
    address: request.ip,
  });
  sessionCookie.set(reply, id, as.sessionLifetimes.lifetime);
}
