// The schema's leaves as a flat list: each setting with its names, and its values to and from plain text.
import type { TSchema } from 'typebox';
import type { Annotations } from './kinds.ts';
import { type Config, Settings } from './schema.ts';

interface SettingSchema extends TSchema, Annotations {
  type?: string;
  enum?: readonly (string | number)[];
  items?: SettingSchema;
  minimum?: number;
  maximum?: number;
  default?: unknown;
  description?: string;
  properties?: Record<string, SettingSchema>;
}

export interface Setting {
  /** Dotted, as `config print` shows it: tokens.access_token_lifetime. */
  readonly key: string;
  readonly path: readonly string[];
  readonly env: string;
  readonly schema: SettingSchema;
}

export const settings: readonly Setting[] = leaves(Settings as SettingSchema, []);

const byKey = new Map(settings.map((setting) => [setting.key, setting]));

/** The setting of a dotted key; undefined for a group or an unknown key. */
export function settingOf(key: string): Setting | undefined {
  return byKey.get(key);
}

/** The groups of the file: tokens, keys, ... */
export const groups: readonly string[] = [...new Set(settings.flatMap(({ path }) => path.slice(0, -1)))];

function leaves(schema: SettingSchema, path: readonly string[]): Setting[] {
  return Object.entries(schema.properties ?? {}).flatMap(([name, inner]) => {
    const here = [...path, name];
    if (inner.properties) return leaves(inner, here);
    return {
      key: here.join('.'),
      path: here,
      env: inner['x-env'] ?? `MINTMARK_${here.join('_').toUpperCase()}`,
      schema: inner,
    };
  });
}

export function valueAt(config: Config, { path }: Setting): unknown {
  return path.reduce<unknown>((value, name) => (value as Record<string, unknown>)[name], config);
}

/** What a setting accepts, in words that finish the sentence "it must be ...". */
export function expectation({ schema }: Setting): string {
  const unit = schema['x-unit'] ? ` (${schema['x-unit']})` : '';
  if (schema['x-value']) return schema['x-value'];
  if (schema.enum?.length === 1) return `${schema.enum[0]}`;
  if (schema.enum) return `one of ${schema.enum.join(', ')}${unit}`;
  if (schema.type === 'boolean') return 'true or false';
  if (schema.type === 'array') return `a list, without repeats, of ${schema.items?.enum?.join(', ')}`;
  const floor = schema['x-production-minimum'];
  const production = floor === undefined ? '' : `, from ${floor} in production`;
  return `a whole number from ${schema.minimum} to ${schema.maximum}${unit}${production}`;
}

/** Reads a value given as text; what does not fit comes back as it is, for the schema to refuse. */
export function fromText({ schema }: Setting, text: string): unknown {
  if (schema.type === 'integer' || typeof schema.enum?.[0] === 'number')
    return /^\d+$/.test(text) ? Number(text) : text;
  if (schema.type === 'boolean') return text === 'true' || (text === 'false' ? false : text);
  if (schema.type === 'array') return text.split(',').map((item) => item.trim());
  if (schema.type === 'object') {
    const pairs = text.split(',').map((pair) => pair.split('=').map((part) => part.trim()));
    return pairs.every((pair) => pair.length === 2) ? Object.fromEntries(pairs) : text;
  }
  return text;
}

/** A value as the environment would spell it. */
export function toText(value: unknown): string {
  if (Array.isArray(value)) return value.join(',');
  if (typeof value === 'object' && value !== null) {
    return Object.entries(value)
      .map((pair) => pair.join('='))
      .join(',');
  }
  return String(value);
}
