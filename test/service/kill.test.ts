// What was acknowledged survives kill -9. The service in its own process on the embedded store, killed at random
// moments while clients, accounts, resources and keys are made beside it over its socket, by the functions that the
// executable calls and by the executable itself, which is killed in the middle of its command too.
//
// After each restart everything that was acknowledged before is there with its audit entry, the keys are whole, and of
// everything else there is all or nothing. KILLS says how often; on a machine too slow for that it stops early, and
// says so, but not with CI=true.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { createLocalJWKSet, type JSONWebKeySet, jwtVerify } from 'jose';
import t from 'tap';
import { createAccount } from '../../src/accounts/account.ts';
import { loadConfig } from '../../src/config.ts';
import { signerOf, standbyKeys } from '../../src/keys/lifecycle.ts';
import { type KeyChange, revokeKey, rotateKeys } from '../../src/keys/rotate.ts';
import { registerClient } from '../../src/oauth/client-management.ts';
import { createResource } from '../../src/oauth/resource-management.ts';
import { OperatorError } from '../../src/operator-error.ts';
import { type KeyRecord, StoreUnavailableError } from '../../src/stores/stores.ts';
import { type House, keyManagementOf, openHouse, timetableOf } from '../../src/wire.ts';
import { freePort } from '../helpers/servers.ts';
import { type Credentials, drawToken, executable, scratchFolder } from '../helpers/service.ts';

const KILLS = Number(process.env.KILLS ?? 50);
const SECONDS = process.env.CI === 'true' ? Number.POSITIVE_INFINITY : 90;
/** Services that live and die side by side, each on a folder of its own. */
const LANES = 2;
const ALG = 'ES256';

t.setTimeout(600_000);

const between = (least: number, most: number) => least + Math.random() * (most - least);

/** What somebody was told is done. */
interface Acknowledged {
  readonly clients: Map<string, Credentials>;
  readonly resources: Set<string>;
  /** e-mail to sub */
  readonly accounts: Map<string, string>;
  /** the reasons of rotations and revocations; the keys that came of them, with the public half; those that went */
  readonly keyEvents: Set<string>;
  readonly keys: Map<string, string>;
  readonly revoked: Set<string>;
}

/** What is in the store, as of one moment. */
interface Found {
  readonly clients: string[];
  readonly resources: string[];
  readonly accounts: Record<string, string>;
  readonly keys: Record<string, string>;
  readonly revoked: string[];
  /** event, subject, reason */
  readonly audit: [string, string, string | null][];
}

const FOUND = `
  SELECT
    ARRAY(SELECT client_id FROM clients
      WHERE jsonb_array_length(secrets) = CASE metadata ->> 'token_endpoint_auth_method' WHEN 'none' THEN 0 ELSE 1 END
    ) AS clients,
    ARRAY(SELECT resource FROM resources) AS resources,
    (SELECT coalesce(json_object_agg(email, sub), '{}') FROM accounts) AS accounts,
    (SELECT coalesce(json_object_agg(kid, public_jwk ->> 'x'), '{}') FROM signing_keys) AS keys,
    ARRAY(SELECT kid FROM signing_keys WHERE revoked_at IS NOT NULL) AS revoked,
    (SELECT coalesce(json_agg(json_build_array(event, subject, details ->> 'reason')), '[]') FROM audit_log) AS audit`;

interface Lane {
  readonly port: number;
  readonly env: NodeJS.ProcessEnv;
  readonly house: House;
  readonly acknowledged: Acknowledged;
}

const started = (child: ChildProcess): Promise<unknown> =>
  new Promise((resolve, reject) => {
    let output = '';
    for (const stream of [child.stdout, child.stderr]) {
      stream?.on('data', (chunk) => {
        output += chunk;
        if (output.includes('"msg":"started"')) resolve(undefined);
      });
    }
    child.once('exit', () => reject(new Error(`the service did not start again: ${output}`)));
  });

const running = new Set<ChildProcess>();
process.once('exit', () => {
  for (const child of running) child.kill('SIGKILL');
});

function run(env: NodeJS.ProcessEnv, ...words: string[]): ChildProcess {
  // WebAssembly is compiled once, and not better and better for a life that lasts a second.
  const args = ['--liftoff-only', executable, ...words];
  const child = spawn(process.execPath, args, { env, stdio: ['ignore', 'pipe', 'pipe'] });
  running.add(child);
  child.once('exit', () => running.delete(child));
  return child;
}

async function kill(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const dead = once(child, 'exit');
  child.kill('SIGKILL');
  await dead;
}

/** Does the work again and again until it is told to stop; what cannot reach the service comes again. */
async function keepAt(work: (n: number) => Promise<unknown>, isOver: () => boolean): Promise<void> {
  for (let n = 1; !isOver(); n += 1) {
    try {
      await work(n);
    } catch (error) {
      if (!(error instanceof StoreUnavailableError)) throw error;
      await sleep(10);
    }
  }
}

/** Commands that never end, and go on with the next one when one is done. */
function workers({ house, acknowledged }: Lane): ((n: number) => Promise<unknown>)[] {
  const management = { ...house, actor: 'test' };
  const { clients, resources, accounts } = acknowledged;
  return [
    async (n) => {
      const id = `client-${n}`;
      const metadata = { client_id: id, grant_types: ['client_credentials'] };
      clients.set(id, (await registerClient(management, metadata)) as unknown as Credentials);
    },
    async (n) => {
      const resource = `https://resource-${n}.example.com`;
      await createResource(
        { ...management, timetable: timetableOf(house.config) },
        { resource, scopes: ['read'] },
      );
      resources.add(resource);
    },
    async (n) => {
      const { email, sub } = await createAccount(management, { email: `account-${n}@example.com` });
      accounts.set(email, sub);
    },
    async (n) => {
      if (n % 5 === 0) await rotate(house, acknowledged, `rotation ${n}`);
      else await revoke(house, acknowledged, `revocation ${n}`);
    },
  ];
}

/** One in S is made, the others have nothing to do. */
async function rotate(house: House, acknowledged: Acknowledged, reason: string): Promise<void> {
  try {
    note(acknowledged, await rotateKeys(keyManagementOf(house, 'test'), ALG, { now: true, reason }));
    acknowledged.keyEvents.add(reason);
  } catch (error) {
    if (!(error instanceof OperatorError) || error.exitCode !== 3) throw error;
  }
}

/** The key that signs is compromised. */
async function revoke(house: House, acknowledged: Acknowledged, reason: string): Promise<void> {
  const management = keyManagementOf(house, 'test');
  const { keys, lastT } = await management.keys.read();
  const signer = signerOf(keys, ALG, Math.max(house.clock.now(), lastT), management.timetable);
  if (!signer) return;
  try {
    note(acknowledged, await revokeKey(management, signer.kid, { reason }));
    acknowledged.keyEvents.add(reason);
    acknowledged.revoked.add(signer.kid);
  } catch (error) {
    // A reply was lost with the service, and it was done.
    if (!(error instanceof OperatorError) || error.exitCode !== 3) throw error;
  }
}

function note({ keys }: Acknowledged, { before, after }: KeyChange): void {
  const known = new Set(before.map(({ kid }) => kid));
  for (const key of after as KeyRecord[]) {
    if (!known.has(key.kid)) keys.set(key.kid, key.publicJwk.x as string);
  }
}

const counted = (list: readonly string[]) => {
  const counts = new Map<string, number>();
  for (const item of list) counts.set(item, (counts.get(item) ?? 0) + 1);
  return counts;
};

/** In words, what is missing, and what is there by half. `acknowledged` is from before the question. */
async function losses({ house, acknowledged }: Lane): Promise<string[]> {
  const before = structuredClone(acknowledged);
  const { rows } = await house.database.pool.query(FOUND);
  const { clients, resources, accounts, keys, revoked, audit } = rows[0] as Found;
  const problems: string[] = [];
  const missing = (what: string, expected: Iterable<string>, found: ReadonlySet<string>) => {
    for (const one of expected) if (!found.has(one)) problems.push(`lost: ${what} ${one}`);
  };
  const whole = (event: string, records: readonly string[]) => {
    const entries = counted(audit.flatMap(([name, subject]) => (name === event ? [subject] : [])));
    for (const one of records) {
      if (entries.get(one) !== 1) problems.push(`${one} has ${entries.get(one) ?? 0} entries ${event}`);
      entries.delete(one);
    }
    for (const one of entries.keys()) problems.push(`${event} ${one}, and there is none`);
  };
  missing('client', before.clients.keys(), new Set(clients));
  missing('resource', before.resources, new Set(resources));
  missing('account', [...before.accounts].map(String), new Set(Object.entries(accounts).map(String)));
  missing('key', [...before.keys].map(String), new Set(Object.entries(keys).map(String)));
  missing('revocation', before.revoked, new Set(revoked));
  missing('key event', before.keyEvents, new Set(audit.map(([, , reason]) => reason ?? '')));
  whole('client.created', clients);
  whole('resource.created', resources);
  whole('account.created', Object.values(accounts));
  whole('key.created', Object.keys(keys));
  whole('key.revoked', revoked);
  return [...problems, ...(await keyFaults(house))];
}

/** One key signs, and one waits. */
async function keyFaults({ stores, config, clock }: House): Promise<string[]> {
  const { keys, lastT } = await stores.keys.read();
  const timetable = timetableOf(config);
  const t = Math.max(clock.now(), lastT);
  return timetable.algs.flatMap((alg) => [
    ...(signerOf(keys, alg, t, timetable) ? [] : [`no ${alg} key signs`]),
    ...(standbyKeys(keys, alg, t, timetable).length > 0 ? [] : [`no ${alg} key waits`]),
  ]);
}

async function openLane(): Promise<Lane> {
  const { folder, remove } = scratchFolder();
  t.teardown(remove);
  const port = await freePort();
  const settings = {
    PORT: String(port),
    MINTMARK_DATA: join(folder, 'data'),
    MINTMARK_KEYS: join(folder, 'keys'),
    MINTMARK_KEYS_SIGNING_ALGS: `RS256,${ALG}`,
    MINTMARK_KEYS_VERIFIER_CACHE_LIFETIME: '1',
    MINTMARK_KEYS_JWKS_MAX_AGE: '1',
    MINTMARK_KEYS_RELOAD_INTERVAL: '1',
  };
  const env = { ...process.env, NODE_OPTIONS: '', NODE_ENV: 'development', LOG_LEVEL: 'info', ...settings };
  const first = run(env, 'start');
  await started(first);
  const house = await openHouse(loadConfig({ env: settings }).config, { beside: true });
  await kill(first);
  const acknowledged = {
    clients: new Map<string, Credentials>(),
    resources: new Set<string>(),
    accounts: new Map<string, string>(),
    keyEvents: new Set<string>(),
    keys: new Map<string, string>(),
    revoked: new Set<string>(),
  };
  return { port, env, house, acknowledged };
}

/** A command of the executable's own process, killed somewhere between its first instruction and its last. */
async function killedCommand({ env, acknowledged }: Lane, n: number, seconds: number): Promise<boolean> {
  const id = `command-${n}`;
  const words = ['clients', 'create', '--json', JSON.stringify({ client_id: id })];
  const rotate = ['keys', 'rotate', '--alg', ALG, '--now', '--reason', id];
  const child = n % 2 ? run(env, ...words) : run(env, ...rotate);
  let answer = '';
  child.stdout?.on('data', (chunk) => (answer += chunk));
  const ended = once(child, 'close');
  await Promise.race([ended, sleep(between(0.2, 1.1) * seconds * 1000)]);
  await kill(child);
  const [code] = await ended;
  if (code !== 0) return false;
  if (n % 2) acknowledged.clients.set(id, JSON.parse(answer));
  else acknowledged.keyEvents.add(id);
  return true;
}

/** Until so much more is acknowledged, and a moment more: whatever the machine's speed, somewhere in the work. */
async function someWork({ acknowledged }: Lane): Promise<void> {
  const count = () => Object.values(acknowledged).reduce((sum: number, { size }) => sum + size, 0);
  const enough = count() + between(0, 40);
  for (let left = 300; left > 0 && count() < enough; left -= 1) await sleep(10);
  await sleep(between(0, 30));
}

interface Tally {
  kills: number;
  killsAtStart: number;
  commandsKilled: number;
  readonly restarts: number[];
  readonly problems: string[];
}

async function live(lane: Lane, tally: Tally, isEnough: () => boolean): Promise<void> {
  let isOver = false;
  const working = Promise.all(workers(lane).map((work) => keepAt(work, () => isOver)));
  let secondsToStart = 1;
  let commands: Promise<unknown> = Promise.resolve();
  for (let n = 1; !isEnough() && tally.problems.length === 0; n += 1) {
    const begun = performance.now();
    let service = run(lane.env, 'start');
    if (n % 8 === 0) {
      // In the middle of its recovery from the kill before.
      await Promise.race([
        started(service).catch(() => undefined),
        sleep(between(0, 1) * secondsToStart * 1000),
      ]);
      await kill(service);
      tally.killsAtStart += 1;
      service = run(lane.env, 'start');
      await started(service);
    } else {
      await started(service);
      secondsToStart = (performance.now() - begun) / 1000;
      tally.restarts.push(secondsToStart);
    }
    tally.problems.push(...(await losses(lane)));
    if (n % 3 === 0) {
      await commands;
      commands = killedCommand(lane, n, secondsToStart).then((isDone) => {
        if (!isDone) tally.commandsKilled += 1;
      });
    }
    tally.kills += 1;
    await someWork(lane);
    await kill(service);
  }
  const service = run(lane.env, 'start');
  await started(service);
  isOver = true;
  await Promise.all([working, commands]);
  tally.problems.push(...(await losses(lane)), ...(await refusals(lane)));
  await lane.house.close();
  await kill(service);
}

/** A client of every tenth secret still gets a token, and the keys that are published verify it. */
async function refusals({ port, acknowledged }: Lane): Promise<string[]> {
  const jwks = (await (
    await fetch(`http://127.0.0.1:${port}/.well-known/jwks.json`)
  ).json()) as JSONWebKeySet;
  const keys = createLocalJWKSet(jwks);
  const problems: string[] = [];
  const clients = [...acknowledged.clients.values()];
  for (const client of clients.filter((_, i) => i % Math.ceil(clients.length / 10) === 0)) {
    try {
      await jwtVerify(await drawToken(port, client), keys);
    } catch (error) {
      problems.push(`${client.client_id} gets no good token: ${error}`);
    }
  }
  return problems;
}

t.test(`${KILLS} times kill -9 loses nothing that was acknowledged`, async (t) => {
  const tally: Tally = { kills: 0, killsAtStart: 0, commandsKilled: 0, restarts: [], problems: [] };
  const begun = performance.now();
  const seconds = () => (performance.now() - begun) / 1000;
  const lanes = await Promise.all(Array.from({ length: LANES }, openLane));
  const isEnough = () => tally.kills >= KILLS || (tally.kills >= 10 && seconds() > SECONDS);
  await Promise.all(lanes.map((lane) => live(lane, tally, isEnough)));

  t.same(tally.problems, []);
  if (tally.kills < KILLS) t.comment(`this machine is slow: ${tally.kills} kills and not ${KILLS}`);
  const sum = (count: (acknowledged: Acknowledged) => number) =>
    lanes.reduce((total, { acknowledged }) => total + count(acknowledged), 0);
  const made = {
    clients: sum(({ clients }) => clients.size),
    resources: sum(({ resources }) => resources.size),
    accounts: sum(({ accounts }) => accounts.size),
    'key events': sum(({ keyEvents }) => keyEvents.size),
  };
  for (const [what, count] of Object.entries(made))
    t.ok(count >= tally.kills, `${count} ${what} were acknowledged`);
  t.ok(tally.commandsKilled > 0, `${tally.commandsKilled} commands were killed too`);
  const median = tally.restarts.sort((a, b) => a - b)[Math.floor(tally.restarts.length / 2)];
  t.comment(
    `${tally.kills} kills at work, ${tally.killsAtStart} at the start; restart ${median?.toFixed(2)} s (median); ` +
      `${seconds().toFixed(0)} s`,
  );
});
