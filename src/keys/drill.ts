// A drill: a rotation and a compromise on a shadow set, with this machine's settings, key-encryption key and code, and
// with a clock that jumps from one planned instant to the next. No key, no store and no verifier of production is
// touched; what it tells is how long the work takes here, and how long the plan then waits.
import { performance } from 'node:perf_hooks';
import { createLocalJWKSet, decodeProtectedHeader, jwtVerify } from 'jose';
import type { Clock } from '../clock.ts';
import { OperatorError } from '../operator-error.ts';
import type { SigningAlg } from '../stores/stores.ts';
import { createKeyring, type Keyring } from './keyring.ts';
import { settleTime } from './lifecycle.ts';
import { type KeyChange, type KeyManagement, maintainKeys, revokeKey, rotateKeys } from './rotate.ts';
import { shadowKeys } from './shadow-keys.ts';
import { createSigner } from './signer.ts';

/** What was done, in order. */
export interface DrillStep {
  readonly step: string;
  /** seconds that it took here */
  readonly took: number;
  /** seconds that the plan waits before it, on the real clock; 0 = none */
  readonly waits: number;
}

export interface Drill {
  readonly alg: SigningAlg;
  readonly steps: readonly DrillStep[];
}

/**
 * Plays it for one algorithm. Throws OperatorError, exit 4, where something is not as it has to be: a key that signs is
 * not in the JWKS of a lead before, a revoked one is still published or signs.
 */
export async function drillKeys(real: KeyManagement, alg: SigningAlg): Promise<Drill> {
  let passed = 0;
  const clock: Clock = { now: () => real.clock.now() + passed };
  const shadow: KeyManagement = {
    ...real,
    clock,
    keys: shadowKeys(),
    health: { now: async () => clock.now() },
    actor: 'drill',
    revokedElsewhere: () => new Map(),
  };
  const keyring = createKeyring({ ...shadow, signer: createSigner(), revokedElsewhere: () => new Map() });
  const stage: Stage = {
    shadow,
    keyring,
    alg,
    steps: [],
    pass: (seconds) => {
      passed += seconds;
    },
  };
  await rehearseRotation(stage);
  await rehearseCompromise(stage);
  return { alg, steps: stage.steps };
}

interface Stage {
  readonly shadow: KeyManagement;
  readonly keyring: Keyring;
  readonly alg: SigningAlg;
  readonly steps: DrillStep[];
  pass(seconds: number): void;
}

/** Does a step, after a wait of the plan, and writes down how long it took. */
async function timed<T>(
  { steps, pass }: Stage,
  step: string,
  waits: number,
  work: () => Promise<T>,
): Promise<T> {
  pass(waits);
  const startedAt = performance.now();
  const result = await work();
  steps.push({ step, took: (performance.now() - startedAt) / 1000, waits });
  return result;
}

async function rehearseRotation(stage: Stage): Promise<void> {
  const { shadow, keyring, alg } = stage;
  await timed(stage, 'the first keys are made', 0, () => maintainKeys(shadow));
  await keyring.reload();
  const first = await signedBy(stage);
  const jwksBefore = keyring.jwks().body;
  const change = await timed(stage, 'a rotation is planned and written', 0, () =>
    rotateKeys(shadow, alg, {}),
  );
  await timed(stage, 'replicas read it', shadow.timetable.reloadInterval, () => keyring.reload());
  const wait = activationOf(change, alg) + settleTime(shadow.timetable) - shadow.clock.now();
  await timed(stage, 'the scheduler does what is due', wait, () => maintainKeys(shadow));
  await keyring.reload();
  const next = await timed(stage, 'the next key signs', 0, () => signedBy(stage));
  assertThat(next.kid !== first.kid, 'the next key does not sign');
  await timed(stage, 'a verifier with the JWKS of before accepts it', 0, () =>
    verifies(next.token, jwksBefore),
  );
}

async function rehearseCompromise(stage: Stage): Promise<void> {
  const { shadow, keyring } = stage;
  const { kid } = await signedBy(stage);
  const jwksBefore = keyring.jwks().body;
  await timed(stage, 'the signer is revoked, a new reserve is made', 0, () =>
    revokeKey(shadow, kid, { reason: 'drill' }),
  );
  const interval = shadow.timetable.reloadInterval;
  await timed(stage, 'replicas read it: it is out of the JWKS', interval, () => keyring.reload());
  assertThat(!keyring.jwks().body.includes(kid), 'the revoked key is still published');
  const reserve = await timed(stage, 'the reserve signs', 0, () => signedBy(stage));
  assertThat(reserve.kid !== kid, 'the revoked key still signs');
  await timed(stage, 'a verifier with the JWKS of before accepts it', 0, () =>
    verifies(reserve.token, jwksBefore),
  );
}

const activationOf = ({ t, after }: KeyChange, alg: SigningAlg): number =>
  Math.min(
    ...after.filter((key) => key.alg === alg && key.activateAt > t).map(({ activateAt }) => activateAt),
  );

async function signedBy({ shadow, keyring, alg }: Stage): Promise<{ kid: string; token: string }> {
  const [fault] = keyring.faults();
  assertThat(fault === undefined, `${fault}`);
  const iat = Math.floor(shadow.clock.now());
  const token = await keyring.sign({ alg, typ: 'drill+jwt', claims: { iat, exp: iat + 1 } });
  return { kid: decodeProtectedHeader(token).kid as string, token };
}

/** The signature alone: the drill's clock is not the verifier's. */
async function verifies(token: string, jwks: string): Promise<void> {
  try {
    await jwtVerify(token, createLocalJWKSet(JSON.parse(jwks)), { clockTolerance: Number.MAX_SAFE_INTEGER });
  } catch {
    assertThat(false, 'a verifier that fetched the JWKS a lead before refuses a good token');
  }
}

function assertThat(isSo: boolean, otherwise: string): void {
  if (!isSo) throw new OperatorError(`the drill failed: ${otherwise}; nothing was changed`, 4);
}
