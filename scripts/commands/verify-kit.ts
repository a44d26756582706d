// mintmark verify-kit: tries whether somebody's service refuses what it has to refuse.
import type { Command } from 'commander';
import { InvalidArgumentError } from 'commander';
import { systemClock } from '../../src/clock.ts';
import { OperatorError } from '../../src/operator-error.ts';
import { systemRandom } from '../../src/random.ts';
import type { JwsAlg } from '../../src/verify/jws.ts';
import { type Report, tryService } from '../../src/verify-kit/run.ts';
import { startTrialIssuer } from '../../src/verify-kit/trial-issuer.ts';
import { answer, note, table } from '../output.ts';

interface Options {
  audience: string;
  expect: number;
  header: Record<string, string>;
  port: number;
  host: string;
  issuer?: string;
  alg: string;
  typ: string;
  claims?: string;
  cacheLifetime?: number;
  wait: number;
  json?: boolean;
}

const whole = (text: string): number => {
  if (!/^\d+$/.test(text)) throw new InvalidArgumentError('It is no whole number.');
  return Number(text);
};

function addHeader(text: string, headers: Record<string, string>): Record<string, string> {
  const [, name, value] = /^([\w-]+): *(.*)$/.exec(text) ?? [];
  if (name === undefined || value === undefined) throw new InvalidArgumentError("It is no 'Name: value'.");
  return { ...headers, [name]: value };
}

export function addVerifyKit(kit: Command): void {
  kit
    .argument('<URL>', 'a resource of the service that needs a token')
    .requiredOption('--audience <A>', 'who the service takes itself to be, in aud')
    .option('--expect <STATUS>', 'the status of a request with a good token', whole, 200)
    .option('--header <H>', "'Name: value', again for more; {token} is the token", addHeader, {})
    .option('--port <N>', 'where the issuer of the trial listens', whole, 9400)
    .option('--host <H>', 'on which address', '127.0.0.1')
    .option('--issuer <URL>', 'what the service knows it as; http://localhost:PORT where absent')
    .option('--alg <A>', 'RS256, PS256, ES256 or EdDSA', 'RS256')
    .option('--typ <T>', 'of good tokens: at+jwt or JWT', 'at+jwt')
    .option('--claims <JSON>', 'what good tokens say as well, a scope for example')
    .option(
      '--cache-lifetime <S>',
      'how long the service keeps a JWKS: then a revoked key is tried too',
      whole,
    )
    .option('--wait <S>', 'how long the service may take to accept a first good token', whole, 10)
    .option('--json', 'answer with one JSON value')
    .action(run);
}

async function run(url: string, options: Options): Promise<void> {
  const trial = trialOf(options);
  const { port, host, issuer: named, audience, json } = options;
  const issuer = await startTrialIssuer({ port, host, issuer: named, alg: trial.alg });
  note(`the issuer of the trial is ${issuer.issuer}, its JWKS ${issuer.issuer}/.well-known/jwks.json`);
  try {
    const { typ, claims } = trial;
    const parts = { issuer, audience, typ, claims, random: systemRandom };
    const report = await tryService(parts, systemClock, {
      url,
      expect: options.expect,
      headers: headersOf(options.header),
      wait: options.wait,
      cacheLifetime: options.cacheLifetime,
    });
    answer({ json }, report, inWords(report));
    if (report.grade === 'F') process.exitCode = 4;
  } finally {
    await issuer.close();
  }
}

const headersOf = (given: Record<string, string>): Record<string, string> =>
  Object.values(given).some((value) => value.includes('{token}'))
    ? given
    : { ...given, authorization: 'Bearer {token}' };

function trialOf({ alg, typ, claims = '{}' }: Options) {
  if (!['RS256', 'PS256', 'ES256', 'EdDSA'].includes(alg))
    throw new OperatorError(`--alg ${alg} is not one of RS256, PS256, ES256, EdDSA`, 2);
  if (typ !== 'at+jwt' && typ !== 'JWT') throw new OperatorError(`--typ ${typ} is neither at+jwt nor JWT`, 2);
  try {
    return { alg: alg as JwsAlg, typ: typ as 'at+jwt' | 'JWT', claims: JSON.parse(claims) };
  } catch {
    throw new OperatorError('--claims is no JSON', 2);
  }
}

const sentences = {
  A: 'all that has to be refused is refused',
  B: 'nothing that is forged is taken, but there is something to do',
  F: 'it takes tokens that nobody may take',
};

function inWords({ grade, findings }: Report): string {
  const rows = findings.map(({ probe, level, outcome, detail, rule }) => [
    outcome,
    level,
    probe,
    detail,
    rule,
  ]);
  return `${table(['OUTCOME', 'LEVEL', 'PROBE', 'ANSWER', 'RULE'], rows)}\n\ngrade ${grade}: ${sentences[grade]}`;
}
