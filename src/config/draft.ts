// The configuration while it is put together: what was given, under which name, and everything wrong with it.
import { Value } from 'typebox/value';
import type { Config } from './schema.ts';
import { expectation, type Setting, settings } from './settings.ts';

/** Where each value comes from, by dotted key: default | file:PATH | env NAME | flag --NAME. */
export type Sources = Readonly<Record<string, string>>;

/** A value and the name that the operator gave it, for a refusal to repeat. */
interface Given {
  readonly value: unknown;
  readonly name: string;
  readonly source: string;
}

export interface Draft {
  /** By dotted key; a later, stronger layer replaces what an earlier one gave. */
  readonly given: Map<string, Given>;
  /** Keys whose value was refused: rules that read them are not asked. */
  readonly refused: Set<string>;
  /** One line each: the name as written, what is wrong, what to do. */
  readonly problems: string[];
}

export function newDraft(): Draft {
  return { given: new Map(), refused: new Set(), problems: [] };
}

/** Takes a value that fits its setting's schema; notes the problem otherwise. */
export function give(draft: Draft, setting: Setting, given: Given): void {
  if (Value.Check(setting.schema, given.value)) {
    draft.given.set(setting.key, given);
    return;
  }
  draft.refused.add(setting.key);
  draft.problems.push(
    `${given.name}: ${shown(setting, given.value)} is refused; it must be ${expectation(setting)}`,
  );
}

function shown({ schema }: Setting, value: unknown): string {
  if (schema['x-secret']) return 'this secret';
  const text = JSON.stringify(value);
  return text.length > 60 ? `${text.slice(0, 60)}...` : text;
}

/** The name under which a setting was given; its environment name where it was not. */
export function nameOf({ given }: Draft, setting: Setting): string {
  return given.get(setting.key)?.name ?? setting.env;
}

/** The whole configuration, defaults filled in, and where each value comes from. */
export function complete({ given }: Draft): { config: Config; sources: Sources } {
  const flat = Object.fromEntries(
    settings.map(({ key, schema }) => [key, given.has(key) ? given.get(key)?.value : schema.default]),
  );
  flat.host ??= flat.database_url === undefined ? '127.0.0.1' : '0.0.0.0';
  flat.issuer ??= `${flat.tls_cert === undefined ? 'http' : 'https'}://localhost:${flat.port}`;
  const sources = Object.fromEntries(settings.map(({ key }) => [key, given.get(key)?.source ?? 'default']));
  return { config: nested(flat), sources };
}

function nested(flat: Readonly<Record<string, unknown>>): Config {
  const config: Record<string, unknown> = {};
  for (const { key, path } of settings) {
    const [group, name] = path as [string, string | undefined];
    const value = flat[key];
    // A group is there though nothing of it is set.
    if (name !== undefined)
      config[group] = { ...(config[group] as object), ...(value !== undefined && { [name]: value }) };
    else if (value !== undefined) config[group] = value;
  }
  return config as Config;
}
