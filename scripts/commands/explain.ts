// mintmark explain: why a token is or is not accepted; --for: how a consumer is told whom to trust.
import type { Command } from 'commander';
import { systemClock } from '../../src/clock.ts';
import type { Explanation } from '../../src/oauth/explanation.ts';
import { OperatorError } from '../../src/operator-error.ts';
import { dateInWords } from '../../src/words.ts';
import { readInput } from '../input.ts';
import { answer, note, record } from '../output.ts';
import { inHouse, type Options } from '../verbs.ts';

export function addExplain(explain: Command): void {
  explain
    .argument('[TOKEN]', 'the token, or - for stdin, which takes a whole token response as well')
    .option('--audience <A>', 'who has to be in aud')
    .option('--issuer <URL>', 'a token of another issuer, which is asked over HTTP; no store is opened')
    .option(
      '--for <CONSUMER>',
      'no token: the settings of spring, django, go, envoy and others with these values',
    )
    .option('--config <FILE>', 'the configuration (also MINTMARK_CONFIG)')
    .option('--json', 'answer with one JSON value')
    .action(run);
}

type Question = Options & { audience?: string; issuer?: string; for?: string };

async function run(token: string | undefined, options: Question): Promise<void> {
  if (options.for !== undefined) return printSettings(options.for, options);
  if (token === undefined)
    throw new OperatorError('which token? Give it, or - for stdin, or --for CONSUMER for its settings', 2);
  if (token !== '-')
    note('warning: others on this machine can read a command line: `mintmark explain -` is better');
  const { explainForeign, explainOwn } = await import('../../src/explain.ts');
  const { issuer, audience } = options;
  const question = { text: token === '-' ? await readInput('-') : token, audience };
  const explanation =
    issuer === undefined
      ? await inHouse(options, (house) => explainOwn(house, question))
      : await explainForeign(issuer, systemClock, question);
  answer(options, explanation, inWords(explanation));
  if (!explanation.accepted) process.exitCode = 1;
}

async function printSettings(name: string, options: Question): Promise<void> {
  const { consumerOf, foreignTrust, ownTrust } = await import('../../src/explain-for.ts');
  const { issuer, audience } = options;
  const consumer = consumerOf(name);
  const trusted =
    issuer === undefined
      ? await inHouse(options, (house) => ownTrust(house, audience))
      : await foreignTrust(issuer, systemClock, audience);
  const settings = consumer.settings(trusted);
  note(consumer.title);
  const { jwksUri, ...rest } = trusted;
  answer(options, { consumer: name, title: consumer.title, ...rest, jwks_uri: jwksUri, settings }, settings);
}

function inWords({ accepted, reason, sentence, header, claims, times }: Explanation): string {
  const verdict = `${accepted ? 'accepted' : 'not accepted'}: ${reason}\n${sentence}`;
  if (!header || !claims) return verdict;
  const seconds = (value: number | null) => (value === null ? null : `${value.toFixed(1)} s`);
  const clock = {
    now: dateInWords(times.now),
    age: seconds(times.age),
    'expires in': seconds(times.expires_in),
  };
  return [verdict, record(header), record(claims), record(clock)].join('\n\n');
}
