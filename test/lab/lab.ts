// The laboratory: a Postgres, three replicas of what ships behind a balancer, clients that draw tokens all the time, and
// other people's verifiers, on a timetable of seconds.
import { setTimeout as sleep } from 'node:timers/promises';
import { loadConfig } from '../../src/config.ts';
import { settle } from '../../src/keys/plan.ts';
import { type KeyStanding, keyStandings, planReport } from '../../src/keys/report.ts';
import { changeKeys, type KeyManagement } from '../../src/keys/rotate.ts';
import { keyManagementOf, openHouse } from '../../src/wire.ts';
import { type Mutation, mutatedExecutable } from '../chaos/mutation.ts';
import { freePort, startPostgres } from '../helpers/servers.ts';
import { registerShop, type ServiceProcess, scratchFolder, startService } from '../helpers/service.ts';
import { startBalancer } from './balancer.ts';
import type { Emergency, Fetch, History, Revocation } from './history.ts';
import { type Drawn, startTraffic, type Traffic } from './traffic.ts';
import { type LeftOut, labelOf, resources, startVerifiers, type Undo } from './verifiers.ts';

const REPLICAS = 3;
const JWKS_MAX_AGE = 1;
const TOKEN_LIFETIME = 20;

export interface LabOptions {
  /** the declared `verifier_cache_lifetime`, seconds: how long verifiers keep the JWKS */
  readonly cacheLifetime: number;
  /** without the verifiers that have to be compiled */
  readonly inShort: boolean;
}

export interface Replica {
  /** SIGSTOP, SIGCONT */
  freeze(): void;
  thaw(): void;
  /** Ends it, and starts it again. */
  restart(signal: NodeJS.Signals): Promise<void>;
}

export interface Lab {
  readonly cacheLifetime: number;
  readonly folder: string;
  readonly replicas: readonly Replica[];
  readonly leftOut: readonly LeftOut[];
  readonly traffic: Traffic;
  /** the operator's hands, beside the replicas: a command is a process, and a second here is a third of a cache's life */
  readonly management: KeyManagement;
  /** Runs a command beside the replicas. */
  command(...words: string[]): Promise<void>;
  keys(): Promise<KeyStanding[]>;
  /** Until tokens are signed with the key that was activated last, and with no other; answers with its kid. */
  settled(): Promise<string>;
  note(what: { readonly emergency?: Emergency; readonly revocation?: Revocation }): void;
  /** Has all replicas run this. */
  deploy(mutation: Mutation): Promise<void>;
  /** What has happened since the last call. */
  history(): History;
  close(): Promise<void>;
}

export const now = (): number => Date.now() / 1000;

/** Waits for what must come, and fails where it does not come in time. */
export async function until(
  what: string | (() => string),
  isSo: () => boolean | Promise<boolean>,
  seconds = 60,
): Promise<void> {
  const deadline = now() + seconds;
  while (!(await isSo())) {
    if (now() > deadline)
      throw new Error(`${typeof what === 'string' ? what : what()}: not within ${seconds} s`);
    await sleep(50);
  }
}

async function undoAll(undo: Undo): Promise<void> {
  for (const one of undo.splice(0).reverse()) await one();
}

/** Starts all of it, and waits until tokens are drawn. */
export async function openLab(options: LabOptions): Promise<Lab> {
  const undo: Undo = [];
  try {
    return await build(options, undo);
  } catch (error) {
    await undoAll(undo);
    throw error;
  }
}

// One listener for each process that has to end with this one.
process.setMaxListeners(100);

async function build({ cacheLifetime, inShort }: LabOptions, undo: Undo): Promise<Lab> {
  const { folder, remove } = scratchFolder();
  process.once('exit', remove);
  undo.push(remove);
  const postgres = await startPostgres();
  undo.push(() => postgres.stop());
  const ports = new Set<number>();
  while (ports.size < REPLICAS + 1) ports.add(await freePort());
  const [front = 0, ...behind] = ports;
  const issuer = `http://localhost:${front}`;
  const env = {
    DATABASE_URL: postgres.url,
    MINTMARK_ISSUER: issuer,
    MINTMARK_KEYS_VERIFIER_CACHE_LIFETIME: String(cacheLifetime),
    MINTMARK_KEYS_JWKS_MAX_AGE: String(JWKS_MAX_AGE),
    MINTMARK_KEYS_RELOAD_INTERVAL: '1',
    MINTMARK_KEYS_AUTOMATIC_ROTATION: 'false',
    MINTMARK_TOKENS_ACCESS_TOKEN_LIFETIME: String(TOKEN_LIFETIME),
  };
  let program: string | undefined;
  const start = (port: number) =>
    startService({ folder, port, env, ...(program !== undefined && { program }) });
  const services = await Promise.all(behind.map(start));
  undo.push(() => Promise.all(services.map((service) => service.stop('SIGKILL'))));
  const mintmark = (...words: string[]) => (services[0] as ServiceProcess).mintmark(...words);
  const { config } = loadConfig({ env: { ...env, MINTMARK_KEYS: `${folder}/keys` } });
  const house = await openHouse(config, { beside: true });
  undo.push(() => house.close());
  const management = keyManagementOf(house, 'test');
  const [rfc9068, simplejwt] = await Promise.all([
    registerShop({ mintmark }, resources.rfc9068),
    registerShop({ mintmark }, resources.simplejwt, 'simplejwt'),
  ]);

  const fetches: Fetch[] = [];
  let since = now();
  const balancer = await startBalancer(front, behind, (fetch) => fetches.push(fetch));
  undo.push(() => balancer.close());
  const cooldown = Math.max(1, cacheLifetime / 2);
  const party = { issuer, cacheLifetime, cooldown, jwksMaxAge: JWKS_MAX_AGE };
  const { verifiers, leftOut } = await startVerifiers(party, inShort, undo);
  const kinds = verifiers.map(({ kind }) => kind);
  const names = new Map(kinds.map(({ name }) => [labelOf(name), name]));
  const traffic = startTraffic(front, { rfc9068, simplejwt }, verifiers);
  undo.push(() => traffic.stop());

  const emergencies: Emergency[] = [];
  const revocations: Revocation[] = [];
  const keys = async () => {
    const { keys, lastT } = await management.keys.read();
    const t = Math.max(house.clock.now(), lastT);
    return keyStandings(keys, t, management.timetable);
  };

  return {
    cacheLifetime,
    folder,
    replicas: services.map((_, n): Replica => {
      const service = () => services[n] as ServiceProcess;
      return {
        freeze: () => process.kill(service().pid, 'SIGSTOP'),
        thaw: () => process.kill(service().pid, 'SIGCONT'),
        async restart(signal) {
          await service().stop(signal);
          services[n] = await start(service().port);
        },
      };
    }),
    leftOut,
    traffic,
    management,
    command: async (...words) => {
      await mintmark(...words);
    },
    keys,
    async settled() {
      let kid: string | undefined;
      let recent: readonly Drawn[] = [];
      const seen = () => `${kid} signs, not ${recent.map((one) => one.kid).join()}`;
      await until(seen, async () => {
        kid = newestActive(await keys());
        recent = traffic.living().filter(({ at }) => at > now() - 2);
        return recent.length > REPLICAS && recent.every((one) => one.kid === kid);
      });
      return kid as string;
    },
    note({ emergency, revocation }) {
      if (emergency) emergencies.push(emergency);
      if (!revocation) return;
      revocations.push(revocation);
      traffic.watch(revocation.kid);
    },
    async deploy(mutation) {
      const mutated = mutatedExecutable(mutation);
      process.once('exit', mutated.remove);
      undo.push(mutated.remove);
      program = mutated.program;
      const renew = async (n: number) => {
        await services[n]?.stop();
        services[n] = await start(behind[n] as number);
      };
      // Never all at once.
      await renew(0);
      await Promise.all(behind.slice(1).map((_, n) => renew(n + 1)));
    },
    history() {
      const whole = {
        since,
        kinds,
        timetable: management.timetable,
        fetches,
        emergencies,
        revocations,
        ...traffic.take(),
      };
      since = now();
      return {
        ...whole,
        fetches: whole.fetches.map((one) => ({ ...one, verifier: names.get(one.verifier) ?? one.verifier })),
      };
    },
    close: () => undoAll(undo),
  };
}

/** The key that is to sign: it does so S after its activation, or at once where there is no other. */
function newestActive(keys: readonly KeyStanding[]): string | undefined {
  const active = keys.filter(({ state }) => state === 'active');
  return active.sort((a, b) => (b.activate_at ?? 0) - (a.activate_at ?? 0))[0]?.kid;
}

/** What the plan says of the outage if the next key signed now: seconds, for any verifier of the declared lifetime. */
export async function plannedOutage({ management }: Lab): Promise<{ decidedAt: number; planned: number }> {
  const { timetable } = management;
  const { after, t } = await changeKeys(management, (keys, t) => settle(keys, t, timetable), {
    dryRun: true,
  });
  const { outage_if_now } = planReport(after, 'RS256', t, timetable);
  const any = outage_if_now.find(({ verifier }) => verifier.startsWith('any'));
  return { decidedAt: t, planned: any?.seconds ?? 0 };
}
