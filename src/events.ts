// What is worth telling: one function each, which counts it and writes it to the log, with the id that the answer
// carries. No client id and no subject is a label, since their number has no bound; they stand in the log.
import type { BaseLogger } from 'pino';
import { Counter, type Registry } from 'prom-client';
import type { LetterOutcome } from './accounts/send-letters.ts';
import type { NoticeOutcome } from './oauth/backchannel-logout.ts';
import type { OAuthError, Reason } from './oauth/errors.ts';
import type { RevocationOutcome } from './oauth/revoke.ts';
import type { IssuedTokens } from './oauth/token.ts';
import type { LetterKind } from './stores/stores.ts';

/** What was asked, and where to write about it; src/log.ts says how much of it is written. */
export interface Asked {
  readonly id: string;
  readonly method: string;
  readonly url: string;
  readonly ip: string;
  readonly log: Pick<BaseLogger, 'debug' | 'info' | 'warn' | 'error'>;
}

/** Who signed in, and what for. */
export interface SignedIn {
  readonly sub: string;
  /** undefined: at the issuer itself */
  readonly clientId?: string;
  readonly refresh?: IssuedTokens['refresh'];
}

export interface Events {
  /** A person has signed in. */
  signedIn(asked: Asked, signedIn: SignedIn): void;
  /** A browser's session has ended by its own person; `clientId`: who asked for it, if anybody. */
  sessionEnded(asked: Asked, ended: { sub: string; sid: string; clientId?: string | undefined }): void;
  /** Somebody asked for a letter, whether there is an account or not. */
  letterAsked(asked: Asked, kind: LetterKind): void;
  /** A letter was sent, or was not. */
  letter(log: Asked['log'], outcome: LetterOutcome): void;
  /** A person used a link: an account was made, a password was changed, an address was verified. */
  ticketUsed(asked: Asked, used: { readonly for: string; readonly sub: string }): void;
  /** A client was told of the end of a session, or was not. */
  logoutNotice(log: Asked['log'], outcome: NoticeOutcome): void;
  tokensIssued(asked: Asked, issued: Omit<IssuedTokens, 'response'>): void;
  /** Somebody asked whether a token is good. */
  introspected(asked: Asked, answer: { readonly clientId: string; readonly active: boolean }): void;
  /** A client gave a token back; it need not have been one. */
  tokenRevoked(asked: Asked, outcome: RevocationOutcome): void;
  /** The caller was refused, for a reason of the table. */
  refused(asked: Asked, error: OAuthError): void;
  /** Something is wrong here: told whole. */
  faulted(asked: Asked, error: unknown): void;
  /** A readiness check is red. */
  checkFailed(asked: Asked, check: string, error: unknown): void;
}

/** Why nobody was signed in, as the counter has it. */
const signInRefusals: { readonly [reason in Reason]?: string } = {
  account_unknown: 'account_unknown',
  account_disabled: 'account_disabled',
  password_wrong: 'password_wrong',
  second_factor_required: 'second_factor_required',
  second_factor_wrong: 'second_factor_wrong',
  second_factor_used: 'second_factor_wrong',
  passkey_wrong: 'passkey_wrong',
  sign_in_throttled: 'throttled',
  sign_in_busy: 'busy',
};

/** Counts into `registry`. */
export function createEvents(registry: Registry): Events {
  const { issued, refusals, refreshes, signIns, introspections, revocations, faults } = countersOf(registry);
  return {
    ...createLogoutEvents(registry),
    ...createLetterEvents(registry),
    signedIn(asked, { sub, clientId, refresh }) {
      signIns.inc({ outcome: 'signed_in' });
      const facts = { requestId: asked.id, req: asked, sub, clientId, familyId: refresh?.familyId };
      asked.log.info(facts, 'signed in');
    },
    tokensIssued({ id, log }, { clientId, grantType, alg, refresh }) {
      issued.inc({ grant_type: grantType, alg });
      if (refresh) refreshes.inc({ outcome: refresh.outcome });
      const facts = { requestId: id, clientId, grantType, alg, ...refresh };
      // A client holds what our store does not know: the store has lost a write.
      if (refresh?.outcome === 'ahead') log.warn(facts, 'the store of refresh tokens has lost a write');
      else log.debug(facts, 'tokens issued');
    },
    introspected({ id, log }, { clientId, active }) {
      introspections.inc({ active: String(active) });
      log.debug({ requestId: id, clientId, active }, 'token introspected');
    },
    tokenRevoked({ id, log }, outcome) {
      revocations.inc({ revoked: outcome.revoked });
      log.info({ requestId: id, ...outcome }, 'token revoked');
    },
    refused(asked, { reason, clientId, familyId, refusal, cause }) {
      refusals.inc({ reason });
      const outcome = /^refresh_token_(.*)/.exec(reason)?.[1];
      if (outcome !== undefined) refreshes.inc({ outcome });
      const signIn = signInRefusals[reason];
      if (signIn !== undefined) signIns.inc({ outcome: signIn });
      const why = cause instanceof Error ? { cause: cause.message } : {};
      const facts = { requestId: asked.id, req: asked, reason, clientId, familyId, ...why };
      const isAlarming = refusal.status >= 500 || reason === 'refresh_token_replayed';
      if (isAlarming) asked.log.warn(facts, 'request refused');
      else asked.log.info(facts, 'request refused');
    },
    faulted(asked, error) {
      faults.inc();
      asked.log.error({ requestId: asked.id, req: asked, err: error }, 'fault');
    },
    checkFailed({ id, log }, check, error) {
      log.warn({ requestId: id, check, err: error }, 'readiness check failed');
    },
  };
}

/** What is worth telling of people who sign out. */
function createLogoutEvents(registry: Registry): Pick<Events, 'sessionEnded' | 'logoutNotice'> {
  const registers = [registry];
  const sessionsEnded = new Counter({
    name: 'mintmark_sessions_ended_total',
    help: 'Sessions of browsers that their own people ended.',
    registers,
  });
  const logoutNotices = new Counter({
    name: 'mintmark_logout_notices_total',
    help: 'Attempts to tell a client that a session has ended, by what became of it.',
    labelNames: ['outcome'],
    registers,
  });
  return {
    sessionEnded(asked, { sub, sid, clientId }) {
      sessionsEnded.inc();
      asked.log.info({ requestId: asked.id, sub, sid, clientId }, 'session ended');
    },
    logoutNotice(log, { outcome, cause, ...notice }) {
      logoutNotices.inc({ outcome });
      const why = cause instanceof Error ? { cause: cause.message } : {};
      const facts = { ...notice, outcome, ...why };
      if (outcome === 'given_up') log.warn(facts, 'a client could not be told of a logout');
      else log.debug(facts, 'logout notice');
    },
  };
}

/** What is worth telling of letters: never to whom, and never what they say. */
function createLetterEvents(registry: Registry): Pick<Events, 'letterAsked' | 'letter' | 'ticketUsed'> {
  const registers = [registry];
  const labelNames = ['kind', 'outcome'];
  const letters = new Counter({
    name: 'mintmark_letters_total',
    help: 'Letters to people, by what became of them.',
    labelNames,
    registers,
  });
  const tickets = new Counter({
    name: 'mintmark_letter_links_total',
    help: 'Links of letters that were used, by what for.',
    labelNames: ['for'],
    registers,
  });
  return {
    letterAsked(asked, kind) {
      letters.inc({ kind, outcome: 'asked' });
      asked.log.info({ requestId: asked.id, req: asked, kind }, 'letter asked for');
    },
    letter(log, { kind, attempts, outcome, cause, sent }) {
      letters.inc({ kind, outcome });
      const why = cause instanceof Error ? { cause: cause.message } : {};
      const facts = { kind, attempts, outcome, ...why, ...sent };
      if (cause === undefined) log.info(facts, 'letter');
      else log.warn(facts, 'a letter could not be sent');
    },
    ticketUsed(asked, used) {
      tickets.inc({ for: used.for });
      asked.log.info({ requestId: asked.id, req: asked, ...used }, 'link used');
    },
  };
}

function countersOf(registry: Registry) {
  const registers = [registry];
  const issued = new Counter({
    name: 'mintmark_tokens_issued_total',
    help: 'Access tokens issued.',
    labelNames: ['grant_type', 'alg'],
    registers,
  });
  const refusals = new Counter({
    name: 'mintmark_refusals_total',
    help: 'Requests refused, by reason (docs/errors.md).',
    labelNames: ['reason'],
    registers,
  });
  const refreshes = new Counter({
    name: 'mintmark_refresh_total',
    help: 'Refresh tokens presented, by what became of them (docs/errors.md has those that were refused).',
    labelNames: ['outcome'],
    registers,
  });
  const signIns = new Counter({
    name: 'mintmark_sign_ins_total',
    help: 'People who tried to sign in, by what became of it.',
    labelNames: ['outcome'],
    registers,
  });
  const introspections = new Counter({
    name: 'mintmark_introspections_total',
    help: 'Answers to whether a token is good.',
    labelNames: ['active'],
    registers,
  });
  const revocations = new Counter({
    name: 'mintmark_revocations_total',
    help: 'Tokens that clients gave back, by what was revoked.',
    labelNames: ['revoked'],
    registers,
  });
  const faults = new Counter({ name: 'mintmark_faults_total', help: 'Answers with status 500.', registers });
  return {
    issued,
    refusals,
    refreshes,
    signIns,
    introspections,
    revocations,
    faults,
  };
}
