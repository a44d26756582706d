// What is worth telling: one function each, which counts it and writes it to the log. No client id and no subject
// is a label, since their number has no bound; they stand in the log.
import type { BaseLogger } from 'pino';
import { Counter, type Registry } from 'prom-client';
import type { OAuthError } from './oauth/errors.ts';
import type { IssuedTokens } from './oauth/token.ts';

/** Where it is written: a request's own log carries the request's id. */
export type Log = Pick<BaseLogger, 'debug' | 'info' | 'warn' | 'error'>;

export interface Events {
  tokensIssued(log: Log, issued: Omit<IssuedTokens, 'response'>): void;
  /** The caller was refused, for a reason of the table. */
  refused(log: Log, error: OAuthError): void;
  /** Something is wrong here: told whole. */
  faulted(log: Log, error: unknown): void;
  /** A readiness check is red. */
  checkFailed(log: Log, check: string, error: unknown): void;
}

/** Counts into `registry`. */
export function createEvents(registry: Registry): Events {
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
  const faults = new Counter({ name: 'mintmark_faults_total', help: 'Answers with status 500.', registers });
  return {
    tokensIssued(log, { clientId, grantType, alg }) {
      issued.inc({ grant_type: grantType, alg });
      log.debug({ clientId, grantType, alg }, 'tokens issued');
    },
    refused(log, error) {
      const { reason, clientId, refusal, cause } = error;
      refusals.inc({ reason });
      const facts = { reason, clientId, ...(cause instanceof Error && { cause: cause.message }) };
      if (refusal.status >= 500) log.warn(facts, 'request refused');
      else log.info(facts, 'request refused');
    },
    faulted(log, error) {
      faults.inc();
      log.error({ err: error }, 'fault');
    },
    checkFailed(log, check, error) {
      log.warn({ check, err: error }, 'readiness check failed');
    },
  };
}
