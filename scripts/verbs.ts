// What every command has in common: its options, and the house it works in.
import { userInfo } from 'node:os';
import type { Command } from 'commander';
import { type Config, loadConfig } from '../src/config.ts';
import type { House } from '../src/wire.ts';

export interface Options {
  config?: string;
  json?: boolean;
  dryRun?: boolean;
}

/** A command of `noun`; `usage` names it and its arguments. */
export const verb = (noun: Command, usage: string, description: string): Command =>
  noun
    .command(usage)
    .description(description)
    .option('--config <FILE>', 'the configuration (also MINTMARK_CONFIG)');

/** One that asks. */
export const query = (noun: Command, usage: string, description: string): Command =>
  verb(noun, usage, description).option('--json', 'answer with one JSON value');

/** One that changes something. */
export const change = (noun: Command, usage: string, description: string): Command =>
  dry(query(noun, usage, description));

/** For commands whose --json takes a document: they answer with JSON in any case. */
export const dry = (command: Command): Command =>
  command.option('--dry-run', 'check everything and change nothing');

/** What a change says when it is done. */
export const done = ({ dryRun }: Options, text: string): string =>
  dryRun ? `dry run, nothing changed: ${text}` : text;

export const configOf = ({ config }: Pick<Options, 'config'>): Config =>
  loadConfig({ env: process.env, flags: { config } }).config;

/** Who works here, for the audit log. */
export function actor(): string {
  try {
    return `operator:${userInfo().username}`;
  } catch {
    // A container may run as a number that has no name.
    return `operator:${process.getuid?.() ?? 'unknown'}`;
  }
}

/** Opens the house of the configuration, beside a running service, and closes it after the work. */
export async function inHouse<T>(
  options: Pick<Options, 'config'>,
  work: (house: House & { readonly actor: string }) => Promise<T>,
  { migrate = true } = {},
): Promise<T> {
  const config = configOf(options);
  const { openHouse } = await import('../src/wire.ts');
  const house = await openHouse(config, { beside: true, migrate });
  try {
    return await work({ ...house, actor: actor() });
  } finally {
    await house.close();
  }
}
