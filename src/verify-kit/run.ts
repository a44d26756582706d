// The verifier kit: fires at somebody's service what it has to refuse, and says what it took. The rule it keeps: nothing
// is concluded from a service that takes no good token, and a good one has to be taken at the end as well.
import { setTimeout as sleep } from 'node:timers/promises';
import type { Clock } from '../clock.ts';
import { OperatorError } from '../operator-error.ts';
import { type Trial, tokenOf } from './forge.ts';
import { type Level, probes } from './probes.ts';
import { newTrialKey } from './trial-issuer.ts';

export interface KitOptions {
  readonly url: string;
  /** the status of a request with a good token */
  readonly expect: number;
  /** `{token}` stands for the token */
  readonly headers: Readonly<Record<string, string>>;
  /** seconds that the service may take to accept a first good token */
  readonly wait: number;
  /** seconds that the service may keep a JWKS; undefined: not told, and revocation is not tried */
  readonly cacheLifetime: number | undefined;
}

/** refused: as it should be. fault: with a 5xx, or no answer. accepted: the hole. */
export type Outcome = 'refused' | 'fault' | 'accepted' | 'left_out';

export interface Finding {
  readonly probe: string;
  readonly level: Level;
  readonly outcome: Outcome;
  readonly rule: string;
  readonly detail: string;
}

export interface Report {
  readonly url: string;
  readonly issuer: string;
  readonly audience: string;
  /** A: all was refused. B: what should be otherwise is not. F: it takes what nobody may take */
  readonly grade: 'A' | 'B' | 'F';
  readonly findings: readonly Finding[];
}

const FLOOD = 200;
/** Fetches of the JWKS that a flood may cause: one, and what was due. */
const FETCHES = 3;
const TIME_LIMIT = 5;

/** undefined: no answer */
type Ask = (token: string | undefined) => Promise<number | undefined>;

/** Tries the service. Throws OperatorError where it takes no good token, or takes whoever brings none. */
export async function tryService(
  trial: Omit<Trial, 'now'>,
  clock: Clock,
  options: KitOptions,
): Promise<Report> {
  const ask = asker(options);
  const now = (): Trial => ({ ...trial, now: clock.now() });
  await awaitGoodToken(ask, now, options, clock);
  const findings: Finding[] = [await withoutToken(ask, options)];
  for (const { name, level, rule, tokens } of probes) {
    findings.push({ probe: name, level, rule, ...(await fire(ask, tokens(now()), options)) });
  }
  findings.push(await flood(ask, now, options));
  findings.push(await revoked(ask, now, options));
  findings.push(await stillServes(ask, now, options));
  const { issuer, audience } = trial;
  return { url: options.url, issuer: issuer.issuer, audience, grade: gradeOf(findings), findings };
}

function gradeOf(findings: readonly Finding[]): Report['grade'] {
  const isBad = ({ outcome }: Finding) => outcome === 'accepted' || outcome === 'fault';
  if (findings.some(({ level, outcome }) => level === 'must' && outcome === 'accepted')) return 'F';
  return findings.some(isBad) ? 'B' : 'A';
}

function asker({ url, headers }: KitOptions): Ask {
  return async (token) => {
    const sent = Object.entries(headers).filter(
      ([, value]) => token !== undefined || !value.includes('{token}'),
    );
    const filled = sent.map(([name, value]): [string, string] => [
      name,
      value.replace('{token}', token ?? ''),
    ]);
    try {
      const signal = AbortSignal.timeout(TIME_LIMIT * 1000);
      const response = await fetch(url, { headers: filled, redirect: 'manual', signal });
      await response.body?.cancel();
      return response.status;
    } catch {
      return undefined;
    }
  };
}

/** The service may still be starting, or find its issuer only now. */
async function awaitGoodToken(ask: Ask, now: () => Trial, { expect, wait, url }: KitOptions, clock: Clock) {
  const { issuer, audience } = now();
  const deadline = clock.now() + wait;
  for (;;) {
    const status = await ask(tokenOf(now()));
    if (status === expect) return;
    if (clock.now() >= deadline) {
      const answer = status === undefined ? 'does not answer' : `answers ${status} and not ${expect}`;
      throw new OperatorError(
        `${url} ${answer} to a good token: have it trust the issuer ${issuer.issuer}, as ${audience}`,
      );
    }
    await sleep(250);
  }
}

async function fire(ask: Ask, tokens: readonly string[], { expect }: KitOptions) {
  let worst: Pick<Finding, 'outcome' | 'detail'> = { outcome: 'left_out', detail: 'of no meaning here' };
  for (const [index, token] of tokens.entries()) {
    const status = await ask(token);
    const detail = `${status ?? 'no answer'}${tokens.length > 1 ? ` to the ${index + 1}. of ${tokens.length}` : ''}`;
    if (status === expect) return { outcome: 'accepted' as const, detail };
    if (status === undefined || status >= 500) worst = { outcome: 'fault', detail };
    else if (worst.outcome !== 'fault') worst = { outcome: 'refused', detail: `${status}` };
  }
  return worst;
}

async function withoutToken(ask: Ask, { expect }: KitOptions): Promise<Finding> {
  const status = await ask(undefined);
  const outcome = status === expect ? 'accepted' : 'refused';
  const rule = 'who brings no token is refused (RFC 6750 3.1)';
  return { probe: 'token_missing', level: 'must', rule, outcome, detail: `${status ?? 'no answer'}` };
}

/** kids that nobody knows: each a signature of a stranger, as an attacker would send them. */
async function flood(ask: Ask, now: () => Trial, options: KitOptions): Promise<Finding> {
  const trial = now();
  const { issuer, random } = trial;
  const key = newTrialKey(issuer.key.alg);
  const before = issuer.fetches();
  const tokens = Array.from({ length: FLOOD }, () => tokenOf(trial, { kid: random.id() }, {}, key));
  const answers = await Promise.all(tokens.map(ask));
  const fetches = issuer.fetches() - before;
  const isAccepted = answers.includes(options.expect);
  const isQuiet = fetches <= FETCHES && !answers.includes(undefined);
  return {
    probe: 'kid_flood',
    level: 'should',
    rule: 'kids that nobody knows do not make the service fetch the JWKS again and again',
    outcome: isAccepted ? 'accepted' : isQuiet ? 'refused' : 'fault',
    detail: `${fetches} fetches for ${FLOOD} kids`,
  };
}

async function revoked(ask: Ask, now: () => Trial, options: KitOptions): Promise<Finding> {
  const { cacheLifetime } = options;
  const probe = 'key_revoked';
  const rule = 'a key that has left the JWKS counts no more once the cache’s life is over';
  const told = { probe, level: 'must', rule } as const;
  if (cacheLifetime === undefined)
    return { ...told, outcome: 'left_out', detail: '--cache-lifetime says how long to wait' };
  const { issuer } = now();
  const token = tokenOf(now(), { kid: issuer.other.kid }, {}, issuer.other);
  if ((await ask(token)) !== options.expect)
    return {
      ...told,
      outcome: 'fault',
      detail: 'the second key of the JWKS is not taken: is the first one pinned?',
    };
  issuer.revoke(issuer.other);
  await sleep(cacheLifetime * 1000 + 500);
  // Whoever fetches when a good token comes has its occasion.
  await ask(tokenOf(now()));
  return { ...told, ...(await fire(ask, [token], options)) };
}

async function stillServes(ask: Ask, now: () => Trial, { expect }: KitOptions): Promise<Finding> {
  const status = await ask(tokenOf(now()));
  const outcome = status === expect ? 'refused' : 'fault';
  const rule = 'after all this a good token is still taken';
  return { probe: 'still_serves', level: 'must', rule, outcome, detail: `${status ?? 'no answer'}` };
}
