#!/usr/bin/env node
// mintmark: the one executable. Dispatch and help; a command's module is loaded when it is asked for, so that help
// and start are quick.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Command } from 'commander';
import { packageRoot } from '../src/package-root.ts';
import { fail, leaveWithReader } from './output.ts';

type Fill = (noun: Command) => void;

const nouns: readonly (readonly [name: string, description: string, load: () => Promise<Fill>])[] = [
  ['start', 'run the issuer', async () => (await import('./commands/start.ts')).addStart],
  [
    'keys',
    'signing keys: list, plan, rotate, revoke, remove, drill, export, import, rewrap; renew-secret',
    async () => (await import('./commands/keys.ts')).addKeysCommands,
  ],
  [
    'clients',
    'who may ask for tokens',
    async () => (await import('./commands/clients.ts')).addClientsCommands,
  ],
  ['accounts', 'end-users', async () => (await import('./commands/accounts.ts')).addAccountsCommands],
  [
    'resources',
    'who tokens are for',
    async () => (await import('./commands/resources.ts')).addResourcesCommands,
  ],
  [
    'families',
    'sign-ins, each with its refresh tokens',
    async () => (await import('./commands/families.ts')).addFamiliesCommands,
  ],
  ['migrate', 'the database schema', async () => (await import('./commands/migrate.ts')).addMigrateCommands],
  [
    'config',
    'check, show and describe the configuration',
    async () => (await import('./commands/config.ts')).addConfigCommands,
  ],
  [
    'explain',
    'why a token is or is not accepted',
    async () => (await import('./commands/explain.ts')).addExplain,
  ],
  [
    'verify-kit',
    'try whether a service refuses what it has to refuse',
    async () => (await import('./commands/verify-kit.ts')).addVerifyKit,
  ],
  [
    'doctor',
    'ask a running deployment what an operator would',
    async () => (await import('./commands/doctor.ts')).addDoctor,
  ],
];

const loaders = new Map(nouns.map(([name, , load]) => [name, load]));

function program(): Command {
  const mintmark = new Command('mintmark')
    .description('An OAuth 2 and OpenID Connect token issuer whose key rotation cannot cause an outage.')
    .version(version(), '--version')
    .helpCommand(false)
    .exitOverride()
    .configureOutput({ outputError: () => {} })
    .hook('preSubcommand', async (_mintmark, noun) => (await loaders.get(noun.name())?.())?.(noun));
  for (const [name, description] of nouns) mintmark.command(name).description(description).helpCommand(false);
  return mintmark;
}

function version(): string {
  const manifest = readFileSync(join(packageRoot, 'package.json'), 'utf8');
  return (JSON.parse(manifest) as { version: string }).version;
}

/** One kid (RFC 7638) in 64 starts with a dash: it is an operand, and goes where operands are told from options. */
function withoutDashedKids(words: readonly string[]): string[] {
  const isKid = (word: string) => /^-[\w-]{42}$/.test(word);
  const kids = words.filter(isKid);
  return kids.length > 0 ? [...words.filter((word) => !isKid(word)), '--', ...kids] : [...words];
}

const [first, ...rest] = process.argv.slice(2);
leaveWithReader();
try {
  // Commander's own help command would not know the verbs, which are not loaded yet.
  const words = first === 'help' ? [...rest, '--help'] : withoutDashedKids(process.argv.slice(2));
  await program().parseAsync(words, { from: 'user' });
} catch (error) {
  process.exitCode = fail(error, process.env.LOG_LEVEL);
}
