// The configuration: defaults < file < environment < command line, read and checked whole before anything starts.
import { complete, type Draft, give, nameOf, newDraft, type Sources } from './config/draft.ts';
import { addEnvironment, type Environment } from './config/environment.ts';
import { addFile } from './config/file.ts';
import { rules } from './config/rules.ts';
import type { Config } from './config/schema.ts';
import { fromText, type Setting, settingOf } from './config/settings.ts';
import { OperatorError } from './operator-error.ts';

export type { Sources } from './config/draft.ts';
export { configJson, configSchema, configTable, printConfig } from './config/print.ts';
export type { Config } from './config/schema.ts';

/** What the command line says: the values of --config and --port, as text. */
export interface Flags {
  readonly config?: string | undefined;
  readonly port?: string | undefined;
}

/**
 * Reads the configuration. Relative paths are taken from the working directory.
 * Throws OperatorError with every problem, one a line.
 */
export function loadConfig(given: { env: Environment; flags?: Flags }): { config: Config; sources: Sources } {
  const { env, flags = {} } = given;
  const draft = newDraft();
  if (flags.config) addFile(draft, flags.config, '--config');
  else if (env.MINTMARK_CONFIG) addFile(draft, env.MINTMARK_CONFIG, 'MINTMARK_CONFIG');
  addEnvironment(draft, env);
  const port = settingOf('port') as Setting;
  if (flags.port !== undefined) {
    give(draft, port, { value: fromText(port, flags.port), name: '--port', source: 'flag --port' });
  }
  const loaded = complete(draft);
  addRuleProblems(draft, loaded.config, env.NODE_ENV === 'production');
  if (draft.problems.length) throw new OperatorError(draft.problems.join('\n'));
  return loaded;
}

function addRuleProblems(draft: Draft, config: Config, production: boolean): void {
  for (const { keys, problem } of rules) {
    if (keys.some((key) => draft.refused.has(key))) continue;
    const found = problem(config, production);
    const told = keys.find((key) => draft.given.has(key)) ?? keys[0];
    if (found !== false) draft.problems.push(`${nameOf(draft, settingOf(told) as Setting)}: ${found}`);
  }
}
