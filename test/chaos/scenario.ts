// One scenario: holders at work, a fault beneath them, thieves and revocations around it, and the history judged.
import { setTimeout as sleep } from 'node:timers/promises';
import { check, type Rule, type Violation } from './checker.ts';
import { giveBack, type Holding, held, hold, insist, present, presentNewest } from './clients.ts';
import type { History, Outcome, Presentation, Revocation, Span } from './history.ts';
import type { Mutation } from './mutation.ts';
import type { Proof } from './proofs.ts';
import { type ClientName, type Kind, now, type World } from './world.ts';

export interface Scenario {
  readonly name: string;
  readonly kind: Kind;
  /** directives of redis.conf */
  readonly redis?: Readonly<Record<string, string>>;
  /** whose tokens the holders have; absent: `patient` */
  readonly client?: ClientName;
  /** a control: what is wrong with the service, and by which rule that has to be found */
  readonly control?: { readonly mutation: Mutation; readonly breaks: readonly Rule[] };
  /** Makes the fault, and puts an end to it. */
  fault(stage: Stage): Promise<void>;
}

/** What a fault may do. */
export interface Stage {
  readonly world: World;
  /** 1, or less where everything is to be shorter */
  readonly scale: number;
  /** Waits, scaled. */
  wait(seconds: number): Promise<void>;
  /** Until the end of the scenario, or of `during`, the hot store may lose what it had acknowledged. */
  losing<T>(during?: () => Promise<T>): Promise<T | undefined>;
}

export interface Result {
  readonly name: string;
  readonly requests: number;
  readonly rotations: number;
  /** answers with a token that had been given before */
  readonly retries: number;
  readonly later: number;
  readonly silent: number;
  /** seconds; the longest in which no holder had a success */
  readonly worstGap: number;
  readonly violations: readonly Violation[];
  /** how it should be: nothing found, or for a control what it breaks */
  readonly isGood: boolean;
  readonly verdict: string;
}

const HOLDERS = 10;
const TABS = ['alone', 'together', 'behind'] as const;
const VICTIMS = 4;
const MORTALS = 4;
/** Seconds in which everything has to come back once the faults are over; a control need not. */
const RECOVERY = 20;
const RECOVERY_OF_CONTROL = 5;
/** Seconds in which a rotation reaches the floor, and a little more. */
const FLOOR_LAG = 1.2;

/** Plays a scenario in a world of its kind. */
export async function play(world: World, scenario: Scenario, scale: number): Promise<Result> {
  await world.deploy(scenario.control?.mutation);
  if (!world.redisServers) await world.renewRedis(scenario.redis ?? {});
  const resent = world.redisServers ? () => [] : world.watchSwaps();
  try {
    const history = await live(world, scenario, scale);
    return resultOf(scenario, { ...history, resent: resent() });
  } finally {
    resent();
  }
}

interface Cast {
  /** go on until the end */
  readonly holders: readonly Holding[];
  /** rest, and have had an old token stolen */
  readonly victims: readonly Holding[];
  /** are revoked on the way */
  readonly mortals: readonly Holding[];
}

async function live(world: World, scenario: Scenario, scale: number): Promise<Omit<History, 'resent'>> {
  const log: Presentation[] = [];
  const losses: Span[] = [];
  const revocations: Revocation[] = [];
  const { client = 'patient' } = scenario;
  const cast: Cast = {
    holders: await signIns(world, HOLDERS, client),
    victims: await signIns(world, VICTIMS, 'brisk'),
    mortals: await signIns(world, MORTALS, 'patient'),
  };
  for (const victim of cast.victims) {
    for (let rotations = 0; rotations < 3; rotations += 1)
      await insist(async () => (await presentNewest(world, log, victim))[0] as Outcome);
  }
  let isOver = false;
  // Tabs are late by more than a short window where the machine is busy.
  const tabsOf = (n: number) => (client === 'brisk' ? 'alone' : TABS[n % TABS.length]) ?? 'alone';
  const holding = Promise.all(
    [...cast.holders, ...cast.mortals].map((one, n) =>
      hold(world, log, one, { tabs: tabsOf(n), isOver: () => isOver }),
    ),
  );
  const stage = stageOf(world, scale, losses);
  try {
    await sleep(FLOOR_LAG * 1000);
    const [early, ...late] = cast.mortals as [Holding, ...Holding[]];
    await revoke(early, revocations, () => world.revoke(early.id));
    const revoking = Promise.all(
      late.map((one, n) => afterwards(n * scale, () => revoke(one, revocations, () => giveBack(world, one)))),
    );
    await scenario.fault(stage);
    const healedAt = now();
    await revoking;
    await steal(world, log, cast.victims);
    for (const mortal of cast.mortals) await offerAll(world, log, mortal);
    await untilBack(log, cast.holders, healedAt, scenario.control ? RECOVERY_OF_CONTROL : RECOVERY);
    isOver = true;
    await holding;
    return { ...historyOf(world, cast, log), revocations, losses, healedAt };
  } finally {
    isOver = true;
    await holding;
  }
}

const historyOf = (world: World, cast: Cast, presentations: readonly Presentation[]) => ({
  windows: new Map(
    Object.values(cast).flatMap((family: Holding[]) => family.map(({ id, window }) => [id, window])),
  ),
  presentations,
  deaths: world.deaths,
  lasting: cast.holders.map(({ id }) => id),
});

const signIns = async (world: World, count: number, client: ClientName): Promise<Holding[]> =>
  Promise.all(Array.from({ length: count }, async () => held(await world.open(client))));

async function afterwards(seconds: number, work: () => Promise<void>): Promise<void> {
  await sleep(seconds * 1000);
  await work();
}

function stageOf(world: World, scale: number, losses: Span[]): Stage {
  return {
    world,
    scale,
    wait: (seconds) => sleep(seconds * scale * 1000),
    async losing(during) {
      const from = now();
      if (!during) {
        losses.push({ from, to: Number.POSITIVE_INFINITY });
        return undefined;
      }
      try {
        return await during();
      } finally {
        losses.push({ from, to: now() });
      }
    },
  };
}

async function revoke(
  { id }: Holding,
  revocations: Revocation[],
  acknowledged: () => Promise<void>,
): Promise<void> {
  const begunAt = now();
  const at = revocations.push({ family: id, begunAt }) - 1;
  await acknowledged();
  revocations[at] = { family: id, begunAt, acknowledgedAt: now() };
}

/** Thieves come with the tokens that the victims exchanged before the fault, once their window is over. */
async function steal(world: World, log: Presentation[], victims: readonly Holding[]): Promise<void> {
  const ids = new Set(victims.map(({ id }) => id));
  const exchangedAt = Math.max(...log.filter(({ family }) => ids.has(family)).map(({ endedAt }) => endedAt));
  const window = Math.max(...victims.map((victim) => victim.window));
  await sleep(Math.max(0, exchangedAt + window + 0.1 - now()) * 1000);
  await Promise.all(
    victims.map(async (victim, n) => {
      const generation = n % (victim.tokens.length - 1);
      await insist(() => present(world, log, victim, { generation, token: 'old' }));
    }),
  );
}

/** Everything that there was of a family that is revoked. */
async function offerAll(world: World, log: Presentation[], holding: Holding): Promise<void> {
  const generations = [...holding.tokens.keys()].filter((generation) => holding.tokens[generation]).slice(-5);
  await Promise.all(
    generations.map((generation) => insist(() => present(world, log, holding, { generation, token: 'old' }))),
  );
}

async function untilBack(
  log: readonly Presentation[],
  holders: readonly Holding[],
  healedAt: number,
  patience: number,
): Promise<void> {
  const isBack = ({ id }: Holding) =>
    log.some(({ family, sentAt, outcome }) => {
      const isSuccess = outcome.kind === 'answered' && outcome.status === 200;
      return family === id && sentAt > healedAt && isSuccess;
    });
  while (now() < healedAt + patience && !holders.every(isBack)) await sleep(50);
  await sleep(300);
}

/** Carries out a proof. */
export async function playProof(world: World, { name, prove }: Proof): Promise<Result> {
  await world.deploy();
  await world.renewRedis({});
  const { log, faults } = await prove(world);
  const families = new Map(log.map(({ family }) => [family, Number.POSITIVE_INFINITY]));
  const history = { ...nothingElse, windows: families, presentations: log, deaths: world.deaths };
  const violations = [
    ...faults.map((what): Violation => ({ rule: 'as shown', what, history: [] })),
    ...check(history),
  ];
  return {
    ...countsOf(history),
    name,
    violations,
    isGood: violations.length === 0,
    verdict: verdictOf(violations),
  };
}

const nothingElse = { revocations: [], losses: [], resent: [], healedAt: 0, lasting: [] };

function verdictOf(violations: readonly Violation[]): string {
  return violations.length === 0 ? 'good' : `BROKEN: ${rulesOf(violations).join('; ')}`;
}

const rulesOf = (violations: readonly Violation[]): Rule[] => [
  ...new Set(violations.map(({ rule }) => rule)),
];

function resultOf({ name, control }: Scenario, history: History): Result {
  const violations = check(history);
  const counts = countsOf(history);
  if (!control)
    return { ...counts, name, violations, isGood: violations.length === 0, verdict: verdictOf(violations) };
  const rules = rulesOf(violations);
  const isGood = rules.some((rule) => control.breaks.includes(rule));
  const verdict = `${isGood ? 'flagged' : 'NOT FLAGGED'}: ${rules.join('; ') || 'nothing found'}`;
  return { ...counts, name, violations, isGood, verdict };
}

function countsOf({ presentations, lasting }: History) {
  const answers = presentations.flatMap(({ outcome }) => (outcome.kind === 'answered' ? [outcome] : []));
  const given = presentations.flatMap(({ family, outcome }) =>
    outcome.kind === 'answered' && outcome.tokens ? [`${family} ${outcome.tokens.generation}`] : [],
  );
  const rotations = new Set(given).size;
  return {
    requests: presentations.length,
    rotations,
    retries: given.length - rotations,
    later: answers.filter(({ status }) => status === 503).length,
    silent: presentations.length - answers.length,
    worstGap: worstGap(presentations, new Set(lasting)),
  };
}

function worstGap(presentations: readonly Presentation[], holders: ReadonlySet<string>): number {
  const successes = presentations
    .filter(
      ({ family, outcome }) => holders.has(family) && outcome.kind === 'answered' && outcome.status === 200,
    )
    .map(({ endedAt }) => endedAt)
    .sort((a, b) => a - b);
  return Math.max(0, ...successes.map((at, n) => at - (successes[n - 1] ?? at)));
}
