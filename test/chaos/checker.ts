// Judges a history: what may never be, whatever the infrastructure did. It knows nothing of how the service works,
// only of what was presented, when, and what was answered.
import type { History, Presentation, Revocation, Span, Tokens } from './history.ts';

export type Rule =
  /** two answers gave a generation different tokens, and nothing was lost in between */
  | 'one token a generation'
  /** the same refresh token came with another access token */
  | 'one jti a generation'
  /** a later answer was behind an earlier one, and nothing was lost in between */
  | 'never backwards'
  /** an answer was no step ahead of what was presented, or several ahead of all that ever was */
  | 'one step at a time'
  /** a token was honoured that had been exchanged longer ago than the window */
  | 'nothing after its window'
  | 'nothing after its revocation'
  /** 400 for the newest token of a holder who did nothing wrong */
  | 'the newest is not refused'
  /** 400 for a token that was the newest within the window, and nothing was lost since */
  | 'a retry is not refused'
  /** anything but 200, 400 invalid_grant and 503, or a 503 that does not say when to come again */
  | 'faults are 503'
  /** a replica that lived did not answer in time, or hung up */
  | 'who lives answers'
  /** a swap went over more than one connection, so it may have run twice */
  | 'sent once'
  /** the faults were over, and somebody had no success any more */
  | 'it comes back'
  /** a proof of its own (proofs.ts), which no history tells */
  | 'as shown';

export interface Violation {
  readonly rule: Rule;
  readonly what: string;
  /** what led there, of one family */
  readonly history: readonly Presentation[];
}

type Success = Presentation & { readonly tokens: Tokens };

/** Seconds between a death and what is noted of it, or felt of it on a connection. */
const NOTICE = 1;

/** All that is wrong. */
export function check(history: History): Violation[] {
  const presentations = [...history.presentations].sort((a, b) => a.endedAt - b.endedAt);
  const byFamily = new Map<string, Presentation[]>([...history.windows.keys()].map((family) => [family, []]));
  for (const one of presentations) {
    const presented = byFamily.get(one.family);
    if (!presented) throw new Error(`the window of ${one.family} is not in the history`);
    presented.push(one);
  }
  const resent = history.resent.map((what): Violation => ({ rule: 'sent once', what, history: [] }));
  return [...[...byFamily].flatMap(([family, presented]) => faultsOf(history, family, presented)), ...resent];
}

function faultsOf(history: History, family: string, presented: readonly Presentation[]): Violation[] {
  const window = history.windows.get(family) as number;
  const revocation = history.revocations.find((one) => one.family === family);
  const successes = presented.flatMap((one): Success[] =>
    one.outcome.kind === 'answered' && one.outcome.tokens ? [{ ...one, tokens: one.outcome.tokens }] : [],
  );
  const isLost = (from: number, to: number) =>
    history.losses.some((loss) => loss.from < to && from < loss.to);
  return [
    ...forks(successes, isLost),
    ...steps(presented, successes),
    ...late(successes, window, revocation),
    ...refusals(presented, revocation, isLost, window),
    ...answers(presented, history.deaths),
    ...(history.lasting.includes(family) ? returns(presented, history.healedAt) : []),
  ];
}

function violation(rule: Rule, what: string, ...history: readonly Presentation[]): Violation {
  return { rule, what: `${history[0]?.family}: ${what}`, history };
}

/** The chain is one: a generation is one token, and what comes later is not behind what came before. */
function* forks(
  successes: readonly Success[],
  isLost: (from: number, to: number) => boolean,
): Iterable<Violation> {
  const known = new Map<number, Success>();
  for (const one of successes) {
    const { generation, refreshToken, jti, accessToken } = one.tokens;
    const before = known.get(generation);
    known.set(generation, one);
    if (before && before.tokens.refreshToken !== refreshToken) {
      if (!isLost(before.sentAt, one.endedAt))
        yield violation('one token a generation', `generation ${generation} is two tokens`, before, one);
    } else if (before && (before.tokens.jti !== jti || before.tokens.accessToken !== accessToken)) {
      yield violation('one jti a generation', `generation ${generation} is two access tokens`, before, one);
    }
    const ahead = successes.findLast(
      (other) => other.endedAt < one.sentAt && other.tokens.generation > generation,
    );
    if (ahead && !isLost(ahead.sentAt, one.endedAt)) {
      const what = `generation ${generation} came after ${ahead.tokens.generation}`;
      yield violation('never backwards', what, ahead, one);
    }
  }
}

function* steps(presented: readonly Presentation[], successes: readonly Success[]): Iterable<Violation> {
  for (const one of successes) {
    const { generation } = one.tokens;
    const led = presented.some((other) => other.sentAt <= one.endedAt && other.generation === generation - 1);
    if (generation > one.generation && led) continue;
    yield violation('one step at a time', `generation ${one.generation} became ${generation}`, one);
  }
}

function* late(
  successes: readonly Success[],
  window: number,
  revocation: Revocation | undefined,
): Iterable<Violation> {
  for (const one of successes) {
    // By then it had been exchanged, whoever did it.
    const exchange = successes.find(({ tokens }) => tokens.generation > one.generation);
    const age = exchange ? one.sentAt - exchange.endedAt : 0;
    if (exchange && age > window) {
      const what = `generation ${one.generation} was honoured ${age.toFixed(2)} s after its exchange`;
      yield violation('nothing after its window', what, exchange, one);
    }
    if (one.sentAt > (revocation?.acknowledgedAt ?? Number.POSITIVE_INFINITY)) {
      yield violation('nothing after its revocation', `generation ${one.generation} was honoured`, one);
    }
  }
}

function* refusals(
  presented: readonly Presentation[],
  revocation: Revocation | undefined,
  isLost: (from: number, to: number) => boolean,
  window: number,
): Iterable<Violation> {
  for (const one of presented) {
    if (one.token === 'old' || one.outcome.kind !== 'answered' || one.outcome.status !== 400) continue;
    // What told a retry from a replay may be gone.
    if (one.token === 'recent' && isLost(one.sentAt - window, one.endedAt)) continue;
    const isRevoked = revocation !== undefined && revocation.begunAt <= one.endedAt;
    const isStolen = presented.some(({ token, sentAt }) => token === 'old' && sentAt <= one.endedAt);
    if (isRevoked || isStolen) continue;
    const leading = presented.filter(({ endedAt }) => endedAt <= one.endedAt).slice(-4);
    const rule = one.token === 'newest' ? 'the newest is not refused' : 'a retry is not refused';
    yield violation(rule, `generation ${one.generation} was refused`, ...leading);
  }
}

function* answers(presented: readonly Presentation[], deaths: History['deaths']): Iterable<Violation> {
  for (const one of presented) {
    const { outcome, replica, sentAt, endedAt } = one;
    if (outcome.kind === 'answered') {
      const { status, error, retryAfter } = outcome;
      const isExpected =
        status === 200 ||
        (status === 400 && error === 'invalid_grant') ||
        (status === 503 && /^[1-3]$/.test(retryAfter ?? ''));
      if (!isExpected)
        yield violation('faults are 503', `${status} ${error}, Retry-After ${retryAfter}`, one);
      continue;
    }
    const isExcused = deaths.some(
      (death: Span & { replica: number }) =>
        death.replica === replica && death.from - NOTICE < endedAt && sentAt < death.to + NOTICE,
    );
    if (!isExcused) yield violation('who lives answers', `${outcome.kind} by replica ${replica}`, one);
  }
}

function* returns(presented: readonly Presentation[], healedAt: number): Iterable<Violation> {
  const isBack = presented.some(
    ({ sentAt, outcome }) => sentAt > healedAt && outcome.kind === 'answered' && outcome.status === 200,
  );
  if (!isBack)
    yield violation('it comes back', 'no success after the faults were over', ...presented.slice(-4));
}
