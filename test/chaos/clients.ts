// Those who hold refresh tokens. Each follows the chain of its own family at whatever replica it comes to, writes down
// what it presented and what it got, and behaves as a decent client does: after 503 or no answer it presents the same
// token again a little later.
import { setTimeout as sleep } from 'node:timers/promises';
import { decodeJwt, decodeProtectedHeader } from 'jose';
import type { Outcome, Presentation, Tokens } from './history.ts';
import { type HttpAnswer, now, type OpenedFamily, post, type World } from './world.ts';

/** Seconds that a client waits for an answer: far longer than the service may take. */
const PATIENCE = 5;

/** A family as its holder knows it. */
export interface Holding extends OpenedFamily {
  /** every token there was, by generation */
  readonly tokens: string[];
}

export const held = (family: OpenedFamily): Holding => ({ ...family, tokens: [family.refreshToken] });

const between = (least: number, most: number): number => least + Math.random() * (most - least);

const anyReplica = (world: World): number => Math.floor(Math.random() * world.replicas.length);

/** Presents a token and writes down what became of it. */
export async function present(
  world: World,
  log: Presentation[],
  holding: Holding,
  {
    generation,
    token,
    replica = anyReplica(world),
  }: Pick<Presentation, 'generation' | 'token'> & { replica?: number },
): Promise<Outcome> {
  const { port } = world.replicas[replica] as World['replicas'][number];
  const form = {
    grant_type: 'refresh_token',
    client_id: holding.clientId,
    refresh_token: holding.tokens[generation] as string,
  };
  const sentAt = now();
  const outcome = await post(port, '/token', form, PATIENCE).then(
    (answer) => outcomeOf(world, answer),
    (error: Error): Outcome => ({ kind: error.name === 'TimeoutError' ? 'unanswered' : 'broken' }),
  );
  log.push({ family: holding.id, generation, token, replica, sentAt, endedAt: now(), outcome });
  return outcome;
}

function outcomeOf(world: World, { status, body, retryAfter }: HttpAnswer): Outcome {
  if (status === 200) return { kind: 'answered', status, tokens: tokensOf(world, body) };
  return {
    kind: 'answered',
    status,
    error: String(body.error),
    ...(retryAfter !== undefined && { retryAfter }),
  };
}

/** Throws where the answer is none that could be used. */
function tokensOf(world: World, body: HttpAnswer['body']): Tokens {
  const [refreshToken, accessToken] = [String(body.refresh_token), String(body.access_token)];
  const decoded = world.decode(refreshToken);
  if (!decoded) throw new Error(`${refreshToken} is not a token of this issuer`);
  const isExact = decodeProtectedHeader(accessToken).alg === 'RS256';
  return {
    refreshToken,
    generation: decoded.generation,
    jti: decodeJwt(accessToken).jti as string,
    ...(isExact && { accessToken }),
  };
}

const tokensIn = (outcome: Outcome): Tokens | undefined =>
  outcome.kind === 'answered' ? outcome.tokens : undefined;

const isRefused = (outcome: Outcome): boolean => outcome.kind === 'answered' && outcome.status === 400;

export interface HoldOptions {
  /**
   * `alone`; `together` with another tab of the same browser, which presents the same token at the same moment; or
   * `behind`: that tab is late, and presents what was the newest when it looked
   */
  readonly tabs: 'alone' | 'together' | 'behind';
  isOver(): boolean;
}

/** Goes on with the newest token until it is over, or refused. */
export async function hold(
  world: World,
  log: Presentation[],
  holding: Holding,
  { tabs, isOver }: HoldOptions,
): Promise<void> {
  const late: Promise<unknown>[] = [];
  while (!isOver()) {
    await sleep(between(20, 120));
    if (tabs === 'behind') late.push(presentLate(world, log, holding));
    const outcomes = await presentNewest(world, log, holding, tabs === 'together' ? 2 : 1);
    if (outcomes.some(isRefused)) break;
    if (!outcomes.some(tokensIn)) await sleep(between(100, 300));
  }
  await Promise.all(late);
}

async function presentLate(world: World, log: Presentation[], holding: Holding): Promise<void> {
  const generation = holding.tokens.length - 1;
  await sleep(between(0, 600));
  await present(world, log, holding, { generation, token: 'recent' });
}

/** Presents the newest token once, or at once in several tabs; the newest of what they get is the next. */
export async function presentNewest(
  world: World,
  log: Presentation[],
  holding: Holding,
  tabs = 1,
): Promise<Outcome[]> {
  const generation = holding.tokens.length - 1;
  const outcomes = await Promise.all(
    Array.from({ length: tabs }, () => present(world, log, holding, { generation, token: 'newest' })),
  );
  for (const outcome of outcomes) {
    const tokens = tokensIn(outcome);
    if (tokens && tokens.generation >= holding.tokens.length)
      holding.tokens[tokens.generation] = tokens.refreshToken;
  }
  return outcomes;
}

/** Gives its family back (RFC 7009), again and again until that is acknowledged. */
export async function giveBack(world: World, { clientId, tokens }: Holding): Promise<void> {
  for (;;) {
    const { port } = world.replicas[anyReplica(world)] as World['replicas'][number];
    const form = { client_id: clientId, token: tokens.at(-1) as string };
    const isDone = await post(port, '/revoke', form, PATIENCE).then(
      ({ status }) => status === 200,
      () => false,
    );
    if (isDone) return;
    await sleep(between(100, 200));
  }
}

/** Presents what it holds until there is an answer other than "later". Throws where there is none. */
export async function insist(attempt: () => Promise<Outcome>): Promise<Outcome> {
  for (let left = 100; left > 0; left -= 1) {
    const outcome = await attempt();
    if (tokensIn(outcome) || isRefused(outcome)) return outcome;
    await sleep(between(100, 200));
  }
  throw new Error('nothing but "later", a hundred times');
}
