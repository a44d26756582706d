// The environment: one name per setting, and for secrets a _FILE form that keeps the value out of it.

import { nearest } from '../nearest.ts';
import { OperatorError } from '../operator-error.ts';
import { readSecretFile } from '../secret-file.ts';
import { type Draft, give } from './draft.ts';
import { fromText, type Setting, settings } from './settings.ts';

export type Environment = Readonly<Record<string, string | undefined>>;

const prefix = 'MINTMARK_';
const names = settings.flatMap(({ env, schema }) => (schema['x-secret'] ? [env, `${env}_FILE`] : [env]));
const known = new Set([...names, 'MINTMARK_CONFIG']);

/** Adds what the environment gives. A variable that is set and empty counts as not set. */
export function addEnvironment(draft: Draft, env: Environment): void {
  for (const name of Object.keys(env)) {
    if (!name.startsWith(prefix) || known.has(name)) continue;
    draft.problems.push(`${name}: unknown name; the nearest known is ${nearest(name, known, prefix)}`);
  }
  for (const setting of settings) addSetting(draft, setting, env);
}

function addSetting(draft: Draft, setting: Setting, env: Environment): void {
  const name = setting.env;
  const fileName = `${name}_FILE`;
  const file = setting.schema['x-secret'] && env[fileName];
  if (env[name] && file) {
    refuse(draft, setting, `${fileName}: given together with ${name}; keep one of the two`);
  } else if (env[name]) {
    addText(draft, setting, name, env[name]);
  } else if (file) {
    try {
      // Platforms mount secrets for all to read in a container of one. What signs tokens is held to more.
      addText(
        draft,
        setting,
        fileName,
        readSecretFile(file, setting.schema['x-environment-only'] ? 0o077 : 0),
      );
    } catch (error) {
      if (!(error instanceof OperatorError)) throw error;
      refuse(draft, setting, `${fileName}: ${error.message}`);
    }
  }
}

function addText(draft: Draft, setting: Setting, name: string, text: string): void {
  give(draft, setting, { value: fromText(setting, text), name, source: `env ${name}` });
}

function refuse(draft: Draft, setting: Setting, problem: string): void {
  draft.refused.add(setting.key);
  draft.problems.push(problem);
}
