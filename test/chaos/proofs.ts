// What is shown once and exactly, and not by chance among faults: many at the same moment, a death between commit and
// answer, a dump of the stores.
import { registerClient } from '../../src/oauth/client-management.ts';
import { encodeRefreshToken, type MacKey } from '../../src/oauth/refresh-token.ts';
import { startLine } from '../helpers/line.ts';
import { type Holding, held, insist, present, presentNewest } from './clients.ts';
import { accepted, dumpStores, stringsOf } from './dump.ts';
import type { Outcome, Presentation, Tokens } from './history.ts';
import { EMAIL, type OpenedFamily, post, type Replica, type World } from './world.ts';

export interface Proof {
  readonly name: string;
  /** Answers with what was presented, and in words with what was not as it should be. */
  prove(world: World): Promise<{ readonly log: readonly Presentation[]; readonly faults: readonly string[] }>;
}

const tokensIn = (outcome: Outcome): Tokens | undefined =>
  outcome.kind === 'answered' ? outcome.tokens : undefined;

const distinct = (values: readonly unknown[]): number => new Set(values).size;

async function fifty(world: World) {
  const log: Presentation[] = [];
  const faults: string[] = [];
  const holding = held(await world.open('exact'));
  for (let round = 0; round < 5; round += 1) {
    const outcomes = await presentNewest(world, log, holding, 50);
    const answers = outcomes.flatMap((outcome) => tokensIn(outcome) ?? []);
    if (answers.length !== 50) faults.push(`${answers.length} of 50 had 200`);
    if (distinct(answers.map(({ refreshToken }) => refreshToken)) !== 1)
      faults.push('there were several successors');
    if (distinct(answers.map(({ jti }) => jti)) !== 1) faults.push('there was more than one jti');
    if (distinct(answers.map(({ accessToken }) => accessToken)) !== 1)
      faults.push('the access tokens differ');
  }
  return { log, faults };
}

/** Kills the replica when Redis has said that the swap is done, and before it has heard so. */
async function killedBeforeItKnows(world: World) {
  const log: Presentation[] = [];
  const holding = await fresh(world, log);
  const [first, ...others] = world.replicas as [Replica, ...Replica[]];
  const generation = holding.tokens.length - 1;
  let killing: Promise<void> | undefined;
  first.line.watch({
    reply(chunk) {
      if (!chunk.includes('swapped')) return true;
      killing ??= first.kill();
      return false;
    },
  });
  const outcome = await present(world, log, holding, { generation, token: 'newest', replica: first.number });
  first.line.watch(undefined);
  await killing;
  const expected = await committed(world, holding);
  const faults =
    killing && outcome.kind !== 'answered' ? [] : ['the replica was not killed between commit and answer'];
  for (const replica of others) {
    const again = await present(world, log, holding, {
      generation,
      token: 'newest',
      replica: replica.number,
    });
    if (tokensIn(again)?.refreshToken !== expected)
      faults.push(`replica ${replica.number} answered otherwise`);
  }
  await first.start();
  return { log, faults };
}

/** The successor that stands in Redis. */
async function committed(world: World, { id }: OpenedFamily): Promise<string> {
  const { state } = await world.as.familyStates.find(id);
  if (!state) throw new Error('the family is not in the hot store');
  const key = world.as.macKeys().find(state.macKey) as MacKey;
  const { generation, since } = state;
  return encodeRefreshToken(world.as.issuer, key, { familyId: id, generation, issuedAt: Math.floor(since) });
}

/** Keeps the whole answer back, kills the replica that gave it, and asks the others. */
async function killedBeforeItIsHeard(world: World) {
  const log: Presentation[] = [];
  const holding = await fresh(world, log);
  const [first, ...others] = world.replicas as [Replica, ...Replica[]];
  const generation = holding.tokens.length - 1;
  const line = await startLine('127.0.0.1', first.port);
  let kept = '';
  let killing: Promise<void> | undefined;
  line.watch({
    reply(chunk) {
      kept += chunk.toString();
      killing ??= first.kill();
      return false;
    },
  });
  const form = { grant_type: 'refresh_token', client_id: holding.clientId };
  const refresh_token = holding.tokens[generation] as string;
  const heard = await post(line.port, '/token', { ...form, refresh_token }, 5).then(
    () => true,
    () => false,
  );
  await line.cut();
  await killing;
  const answer = JSON.parse(kept.slice(kept.indexOf('\r\n\r\n'))) as Record<string, unknown>;
  const faults = heard ? ['the answer was heard'] : [];
  for (const replica of others) {
    const tokens = tokensIn(
      await present(world, log, holding, { generation, token: 'newest', replica: replica.number }),
    );
    if (tokens?.refreshToken !== answer.refresh_token)
      faults.push(`replica ${replica.number} has another successor`);
    if (tokens?.accessToken !== answer.access_token)
      faults.push(`replica ${replica.number} has another access token`);
  }
  await first.start();
  return { log, faults };
}

/** A family that has gone on for a little at every replica, so that each knows the scripts and has its connections. */
async function fresh(world: World, log: Presentation[]): Promise<Holding> {
  const holding = held(await world.open('exact'));
  for (const { number } of world.replicas) {
    const generation = holding.tokens.length - 1;
    const outcome = await insist(() =>
      present(world, log, holding, { generation, token: 'newest', replica: number }),
    );
    holding.tokens.push(tokensIn(outcome)?.refreshToken as string);
  }
  return holding;
}

const SIGN_INS = 1_000;
const REFRESHES = 60;
/** Strings that are offered to the service itself. */
const SAMPLE = 150;

interface Own {
  readonly client_id: string;
  readonly client_secret: string;
}

async function dumped(world: World) {
  const log: Presentation[] = [];
  const own = (await registerClient(
    { ...world.house, actor: 'test' },
    { grant_types: ['client_credentials'], token_endpoint_auth_method: 'client_secret_post' },
  )) as Own;
  const families: Holding[] = [];
  while (families.length < SIGN_INS)
    families.push(
      ...(await Promise.all(Array.from({ length: 20 }, async () => held(await world.open('patient'))))),
    );
  for (const holding of families.slice(0, REFRESHES)) {
    await insist(async () => (await presentNewest(world, log, holding))[0] as Outcome);
  }
  // What a replica writes behind.
  await new Promise((resolve) => setTimeout(resolve, 1_500));
  const dump = await dumpStores(world);
  const faults = await missed(world, [families[0]?.tokens[0], own.client_secret] as string[]);
  const strings = stringsOf(dump);
  if (!families.every(({ id }) => strings.has(id) || dump.includes(id)))
    faults.push('a family is not in the dump');
  faults.push(...(await accepted(world, strings)));
  faults.push(...(await acceptedOverHttp(world, [...strings], own)), ...(await passwordsTaken(world)));
  return { log, faults };
}

/** Secrets that are not found although they are there: then a dump without findings would say nothing. */
async function missed(world: World, secrets: readonly string[]): Promise<string[]> {
  const dump = secrets.map(
    (secret) => `'${secret}', \\x${Buffer.from(secret.slice(4), 'base64url').toString('hex')}`,
  );
  const found = await accepted(world, stringsOf(dump.join('\n')));
  return secrets
    .filter((secret) => !found.some((one) => one.endsWith(secret)))
    .map(() => 'a planted secret was missed');
}

/** What the service itself takes, of a sample: at every endpoint that takes a token or a secret. */
async function acceptedOverHttp(world: World, strings: readonly string[], own: Own): Promise<string[]> {
  const found: string[] = [];
  const step = Math.ceil(strings.length / SAMPLE);
  for (const [n, text] of strings.filter((_, i) => i % step === 0).entries()) {
    const { port } = world.replicas[n % world.replicas.length] as Replica;
    const offers: readonly [path: string, form: Record<string, string>][] = [
      ['/token', { grant_type: 'refresh_token', client_id: 'patient', refresh_token: text }],
      ['/token', { grant_type: 'client_credentials', client_id: own.client_id, client_secret: text }],
      ['/api/token/refresh/', { refresh: text }],
      ['/api/token/verify/', { token: text }],
    ];
    for (const [path, form] of offers) {
      const { status } = await post(port, path, form, 5);
      if (status < 400 || status >= 500) found.push(`${status} at ${path} for ${text}`);
    }
    const { status, body } = await post(port, '/introspect', { ...own, token: text }, 5);
    // A string that no parameter may hold is refused before it is looked at.
    if (status !== 400 && body.active !== false) found.push(`${status} at /introspect for ${text}`);
  }
  return found;
}

/** What is kept of a password, whole and in parts, offered in its place. */
async function passwordsTaken(world: World): Promise<string[]> {
  const hash = (await world.house.stores.accounts.findByEmail(EMAIL))?.passwordHash ?? '';
  const found: string[] = hash === '' ? ['there is no password'] : [];
  for (const password of [hash, ...hash.split('$')].filter(({ length }) => length > 0)) {
    const { port } = world.replicas[0] as Replica;
    const { status } = await post(port, '/api/token/', { client_id: 'patient', email: EMAIL, password }, 5);
    if (status !== 401) found.push(`${status} for the password ${password}`);
  }
  return found;
}

export const proofs: readonly Proof[] = [
  { name: 'fifty-at-once', prove: fifty },
  { name: 'killed-before-it-knows', prove: killedBeforeItKnows },
  { name: 'killed-before-it-is-heard', prove: killedBeforeItIsHeard },
  { name: 'dump', prove: dumped },
];
