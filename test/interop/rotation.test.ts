// What the project is for: while signing keys are rotated, no verifier refuses a good token. Seen here on a timetable
// of seconds, with two replicas, and with verifiers that other people wrote.
import { once } from 'node:events';
import { connect, createServer } from 'node:net';
import { pipeline } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { createLocalJWKSet, decodeJwt, decodeProtectedHeader, type JSONWebKeySet, jwtVerify } from 'jose';
import t, { type Test } from 'tap';
import { ownDatabase } from '../helpers/database.ts';
import { freePort } from '../helpers/servers.ts';
import {
  type Credentials,
  drawToken,
  registerShop,
  type ServiceProcess,
  scratchFolder,
  startService,
} from '../helpers/service.ts';
import { startVerifiers, type Verifier } from '../helpers/verifiers.ts';

const CACHE_LIFETIME = 5;
const JWKS_MAX_AGE = 1;
const TOKEN_LIFETIME = 15;
const AUDIENCE = 'https://api.example.com';

const timetable = {
  MINTMARK_KEYS_VERIFIER_CACHE_LIFETIME: String(CACHE_LIFETIME),
  MINTMARK_KEYS_JWKS_MAX_AGE: String(JWKS_MAX_AGE),
  MINTMARK_KEYS_RELOAD_INTERVAL: '1',
  MINTMARK_TOKENS_ACCESS_TOKEN_LIFETIME: String(TOKEN_LIFETIME),
};

const now = () => Date.now() / 1000;

/** Waits for what must come, and fails where it does not come in time. */
async function until(what: string, isSo: () => boolean | Promise<boolean>, seconds = 30): Promise<void> {
  const deadline = now() + seconds;
  while (!(await isSo())) {
    if (now() > deadline) throw new Error(`${what}: not within ${seconds} s`);
    await sleep(100);
  }
}

/** One address before all replicas: each connection goes to the next of them. */
async function balance(t: Test, port: number, replicas: readonly ServiceProcess[]): Promise<void> {
  let turn = 0;
  const server = createServer((incoming) => {
    const { port } = replicas[turn++ % replicas.length] as ServiceProcess;
    pipeline(incoming, connect(port, '127.0.0.1'), incoming, () => {});
  });
  await once(server.listen(port, '127.0.0.1'), 'listening');
  t.teardown(() => server.close());
}

/** One issuer of two replicas where there is a Postgres to share, else of one. */
async function startIssuer(t: Test): Promise<{ issuer: string; replicas: ServiceProcess[] }> {
  const { folder, remove } = scratchFolder();
  t.teardown(remove);
  const port = await freePort();
  const issuer = `http://localhost:${port}`;
  const url = await ownDatabase(t);
  const env = { ...timetable, MINTMARK_ISSUER: issuer, ...(url && { DATABASE_URL: url }) };
  const count = url ? 2 : 1;
  const replicas = await Promise.all(Array.from({ length: count }, () => startService({ folder, env })));
  t.teardown(() => Promise.all(replicas.map(({ stop }) => stop())));
  await balance(t, port, replicas);
  return { issuer, replicas };
}

/**
 * Every verifier that keeps the JWKS for at most so many seconds, at once: one that fetched it as long ago as that,
 * and one that fetched it now. Neither asks again for a kid that it misses.
 */
function strictVerifier(name: string, replicas: readonly ServiceProcess[], seconds: number): Verifier {
  const kept: { at: number; keys: ReturnType<typeof createLocalJWKSet> }[] = [];
  let turn = 0;
  return {
    name,
    async verify(token) {
      const at = now();
      const { port } = replicas[turn++ % replicas.length] as ServiceProcess;
      const response = await fetch(`http://127.0.0.1:${port}/.well-known/jwks.json`);
      const newest = { at, keys: createLocalJWKSet((await response.json()) as JSONWebKeySet) };
      kept.push(newest);
      const [oldest = newest] = kept.filter((one) => one.at >= at - seconds);
      kept.splice(0, kept.indexOf(oldest));
      try {
        for (const { keys } of [oldest, newest]) await jwtVerify(token, keys, { audience: AUDIENCE });
        return undefined;
      } catch (error) {
        return String(error);
      }
    },
  };
}

interface Traffic {
  /** the kids that signed, each with the replicas that signed with it */
  readonly signers: ReadonlyMap<string, ReadonlySet<ServiceProcess>>;
  /** how often a verifier was shown a token that was good until after its answer */
  readonly shown: ReadonlyMap<string, number>;
  /** what verifiers said of such tokens when they refused them */
  readonly refusals: ReadonlyMap<string, readonly string[]>;
  stop(): Promise<void>;
}

/** Draws tokens from the replicas in turn, and shows each to all verifiers: when it is new, and before it expires. */
function startTraffic(
  replicas: readonly ServiceProcess[],
  client: Credentials,
  verifiers: readonly Verifier[],
): Traffic {
  const signers = new Map<string, Set<ServiceProcess>>();
  const shown = new Map(verifiers.map(({ name }) => [name, 0]));
  const refusals = new Map(verifiers.map(({ name }) => [name, [] as string[]]));
  const drawn: string[] = [];
  const remaining = (token: string) => (decodeJwt(token).exp as number) - now();

  async function draw(replica: ServiceProcess): Promise<string> {
    const token = await drawToken(replica.port, client);
    const kid = decodeProtectedHeader(token).kid as string;
    signers.set(kid, (signers.get(kid) ?? new Set()).add(replica));
    drawn.push(token);
    return token;
  }

  async function show(token: string, { name, verify }: Verifier): Promise<void> {
    const refusal = await verify(token);
    if (remaining(token) <= 0) return;
    shown.set(name, (shown.get(name) ?? 0) + 1);
    if (refusal) refusals.get(name)?.push(`${JSON.stringify(decodeProtectedHeader(token))}: ${refusal}`);
  }

  async function run(): Promise<void> {
    for (let round = 0; running; round += 1) {
      const fresh = await draw(replicas[round % replicas.length] as ServiceProcess);
      while (drawn[0] && remaining(drawn[0]) < 1) drawn.shift();
      const ageing = drawn[0] && remaining(drawn[0]) < 4 ? [drawn.shift() as string] : [];
      for (const token of [fresh, ...ageing])
        await Promise.all(verifiers.map((verifier) => show(token, verifier)));
      await sleep(50);
    }
  }

  let running = true;
  const ended = run();
  // Whoever stops the traffic hears of its failure; until then it must not end the process.
  ended.catch(() => undefined);
  return {
    signers,
    shown,
    refusals,
    async stop() {
      running = false;
      await ended;
    },
  };
}

/** Rotates as soon as it is possible: until then there is nothing to do, which is exit code 3. */
const rotate = ({ mintmark }: ServiceProcess): Promise<void> =>
  until('a rotation', async () => {
    try {
      await mintmark('keys', 'rotate');
      return true;
    } catch (error) {
      if ((error as { code?: unknown }).code !== 3) throw error;
      await sleep(500);
      return false;
    }
  });

// On a machine that has much else to do.
t.setTimeout(600_000);

t.test('three rotations', async (t) => {
  const { issuer, replicas } = await startIssuer(t);
  const [service] = replicas as [ServiceProcess];
  const client = await registerShop(service, AUDIENCE);
  // With an HTTP cache before it that is as stale as it may be.
  const strict = strictVerifier('the strictest cache', replicas, CACHE_LIFETIME + JWKS_MAX_AGE);
  const careless = strictVerifier('a cache kept for too long', replicas, 600);
  const others = await startVerifiers(t, { issuer, audience: AUDIENCE, cacheLifetime: CACHE_LIFETIME });
  const honest = [strict, ...others];

  const traffic = startTraffic(replicas, client, [...honest, careless]);
  t.teardown(traffic.stop);
  const signing = () => [...traffic.signers.values()].filter(({ size }) => size === replicas.length).length;
  await until('a key signs', () => signing() === 1);
  // Not even the next key's first signature is waited for.
  for (let rotation = 1; rotation <= 3; rotation += 1) await rotate(service);
  await until('the last key signs', () => signing() === 4);
  const { refusals } = traffic;
  const shown = () => Math.min(...traffic.shown.values());
  // Every cache is refreshed once more.
  const before = shown();
  const settledAt = now() + CACHE_LIFETIME + JWKS_MAX_AGE;
  await until('the caches are fresh', () => now() > settledAt && shown() > before);
  await traffic.stop();

  t.equal(traffic.signers.size, 4, `four keys signed, on each of ${replicas.length} replicas`);
  for (const { name } of honest)
    t.test(`${name} refuses no good token`, (t) => {
      t.same(refusals.get(name), []);
      t.ok(shown() > 100, `it was shown ${traffic.shown.get(name)}`);
      t.end();
    });

  t.test('a verifier that keeps the JWKS for longer than was declared does refuse', (t) => {
    t.match(refusals.get(careless.name)?.[0], 'no applicable key found');
    t.end();
  });
});
