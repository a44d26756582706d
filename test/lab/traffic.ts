// Clients that draw tokens all the time, and what shows each verifier, again and again, the newest of them, the oldest
// that is still good, and one of a key that was revoked.
import { setTimeout as sleep } from 'node:timers/promises';
import { decodeJwt, decodeProtectedHeader } from 'jose';
import { type Credentials, drawToken } from '../helpers/service.ts';
import type { Showing } from './history.ts';
import type { Resource, Verifier } from './verifiers.ts';

/** of each resource */
const CLIENTS: Readonly<Record<Resource, number>> = { rfc9068: 3, simplejwt: 1 };
/** Seconds. */
const BETWEEN_DRAWS = 0.1;
const BETWEEN_SHOWS = 0.15;
/** Seconds that a token has left when it is shown for the last time, as old as it may be. */
const LAST_SHOW = 1.5;

export interface Drawn {
  readonly token: string;
  readonly resource: Resource;
  readonly kid: string;
  readonly at: number;
  readonly expiresAt: number;
}

export interface Traffic {
  /** every token that was drawn and is not expired, the oldest first */
  living(): readonly Drawn[];
  /** Since the last call: what verifiers said, how many tokens were drawn, and what went wrong with drawing. */
  take(): { showings: Showing[]; drawn: number; undrawn: string[] };
  /** From now on tokens of this key are shown as long as they live. */
  watch(kid: string): void;
  stop(): Promise<void>;
}

const now = () => Date.now() / 1000;

export function startTraffic(
  port: number,
  clients: Readonly<Record<Resource, Credentials>>,
  verifiers: readonly Verifier[],
): Traffic {
  const watched = new Set<string>();
  let pool: Drawn[] = [];
  let showings: Showing[] = [];
  let undrawn: string[] = [];
  let drawn = 0;
  let isRunning = true;

  async function draw(resource: Resource): Promise<void> {
    try {
      const token = await drawToken(port, clients[resource]);
      drawn += 1;
      const kid = decodeProtectedHeader(token).kid as string;
      pool.push({ token, resource, kid, at: now(), expiresAt: decodeJwt(token).exp as number });
    } catch (error) {
      undrawn.push(String(error));
    }
    pool = pool.filter(({ expiresAt }) => expiresAt > now());
  }

  async function show({ kind, verify }: Verifier, { token, kid, expiresAt }: Drawn): Promise<void> {
    const at = now();
    const refusal = await verify(token).catch(String);
    showings.push({ verifier: kind.name, kid, at, answeredAt: now(), expiresAt, refusal });
  }

  /** Each kid's newest and oldest are shown: a key that rests is still good. */
  async function showAll(verifier: Verifier): Promise<void> {
    const alive = pool.filter(
      ({ resource, expiresAt }) => resource === verifier.resource && expiresAt > now() + LAST_SHOW,
    );
    const chosen = new Set([alive.at(-1), alive[0], ...[...watched].map((kid) => newestOf(alive, kid))]);
    for (const one of chosen) if (one) await show(verifier, one);
  }

  async function repeat(work: () => Promise<void>, pause: number): Promise<void> {
    while (isRunning) {
      await work();
      await sleep(pause * 1000);
    }
  }

  const ended = Promise.all([
    ...(['rfc9068', 'simplejwt'] as const).flatMap((resource) =>
      Array.from({ length: CLIENTS[resource] }, () => repeat(() => draw(resource), BETWEEN_DRAWS)),
    ),
    ...verifiers.map((verifier) => repeat(() => showAll(verifier), BETWEEN_SHOWS)),
  ]);
  return {
    living: () => pool,
    take() {
      const taken = { showings, drawn, undrawn };
      [showings, drawn, undrawn] = [[], 0, []];
      return taken;
    },
    watch: (kid) => watched.add(kid),
    async stop() {
      isRunning = false;
      await ended;
    },
  };
}

const newestOf = (alive: readonly Drawn[], kid: string): Drawn | undefined =>
  alive.findLast((one) => one.kid === kid);
