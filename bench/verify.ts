// What verifying costs a service: mintmark/verify beside jose's remote set, in one process and in turns, on the same
// tokens. Each token once, as the first request with it; and each many times, as the requests that follow.
import { createRemoteJWKSet, jwtVerify } from 'jose';
import { systemClock } from '../src/clock.ts';
import { createVerifier } from '../src/verify/verify.ts';
import { signedBy, startTrialIssuer, type TrialIssuer } from '../src/verify-kit/trial-issuer.ts';
import { RUNS, tell } from './report.ts';

const audience = 'https://api.example.com';
const TOKENS = 2_000;
const REPEATS = 10;

type Verify = (token: string) => Promise<unknown>;

function tokensOf({ issuer, key }: TrialIssuer, count: number): string[] {
  const iat = Math.floor(systemClock.now());
  const claims = { iss: issuer, sub: 'ada', aud: audience, client_id: 'shop', scope: 'orders:read', iat };
  return Array.from({ length: count }, (_, n) =>
    signedBy(key, { alg: key.alg, typ: 'at+jwt', kid: key.kid }, { ...claims, jti: `${n}`, exp: iat + 3600 }),
  );
}

/** Verifications a second, one after another. */
async function rateOf(verify: Verify, tokens: readonly string[], repeats: number): Promise<number> {
  const started = performance.now();
  for (let i = 0; i < repeats; i += 1) for (const token of tokens) await verify(token);
  return (tokens.length * repeats * 1000) / (performance.now() - started);
}

const median = (values: readonly number[]): number =>
  values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] as number;

async function compare(alg: 'RS256' | 'ES256'): Promise<void> {
  const trial = await startTrialIssuer({ port: 0, host: '127.0.0.1', alg });
  const { issuer } = trial;
  const remote = createRemoteJWKSet(new URL(`${issuer}/.well-known/jwks.json`));
  const byJose: Verify = (token) =>
    jwtVerify(token, remote, { issuer, audience, algorithms: [alg], typ: 'at+jwt' });
  const { verify } = createVerifier({ issuer, audience });
  // Both know the keys, and are compiled.
  await rateOf(byJose, tokensOf(trial, 200), 1);
  await rateOf(verify, tokensOf(trial, 200), 1);
  for (const [what, repeats] of [
    ['each token once', 1],
    [`each token ${REPEATS} times`, REPEATS],
  ] as const) {
    const rates: { own: number; jose: number }[] = [];
    for (let run = 0; run < RUNS; run += 1) {
      const tokens = tokensOf(trial, TOKENS);
      rates.push({ own: await rateOf(verify, tokens, repeats), jose: await rateOf(byJose, tokens, repeats) });
    }
    const [own, jose] = [median(rates.map((rate) => rate.own)), median(rates.map((rate) => rate.jose))];
    tell(
      `verify, ${alg}, ${what}`,
      `${own.toFixed(0)} /s`,
      `${(own / jose).toFixed(1)} x jose's ${jose.toFixed(0)}`,
    );
  }
  await trial.close();
}

export async function measureVerifying(): Promise<void> {
  for (const alg of ['RS256', 'ES256'] as const) await compare(alg);
}
