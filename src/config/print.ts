// The configuration shown: to an operator as it stands, to an editor as a JSON Schema, to a reader as a table.
import type { Sources } from './draft.ts';
import { type Config, Settings } from './schema.ts';
import { expectation, type Setting, settings, toText, valueAt } from './settings.ts';

const mask = '********';

/** Every key, its value and where it comes from, in columns. Secrets are masked. */
export function printConfig(config: Config, sources: Sources): string {
  const rows = settings.map((setting) => {
    const value = shown(config, setting);
    return [setting.key, value === undefined ? '-' : toText(value) || '-', sources[setting.key] ?? 'default'];
  });
  const table = [['KEY', 'VALUE', 'SOURCE'], ...rows];
  const width = (column: number) => Math.max(...table.map((row) => row[column]?.length ?? 0));
  const widths = [width(0), width(1), 0];
  return table.map((row) => `${row.map((cell, i) => cell.padEnd(widths[i] ?? 0)).join('  ')}\n`).join('');
}

/** The same for programs: by key, { value, source }; an absent value is null. */
export function configJson(
  config: Config,
  sources: Sources,
): Record<string, { value: unknown; source: string }> {
  return Object.fromEntries(
    settings.map((setting) => [
      setting.key,
      { value: shown(config, setting) ?? null, source: sources[setting.key] ?? 'default' },
    ]),
  );
}

function shown(config: Config, setting: Setting): unknown {
  const value = valueAt(config, setting);
  if (typeof value !== 'string' || !setting.schema['x-secret']) return value;
  if (setting.schema['x-environment-only']) return mask;
  // Up to the last @: a password may hold unescaped ones. A driver may also take it as a parameter.
  return value
    .replace(/^([^:]+:\/\/[^:@/?]*):.*@/s, `$1:${mask}@`)
    .replace(/([?&][^=&]*password=)[^&]*/gi, `$1${mask}`);
}

/** The JSON Schema (draft 2020-12) of the configuration file. */
export function configSchema(): Record<string, unknown> {
  // Every setting has a default or may be absent, so nothing is required of the file.
  const { properties, ...rest } = JSON.parse(
    JSON.stringify(Settings, (name, value) =>
      name === 'required' || value?.['x-environment-only'] ? undefined : value,
    ),
  );
  const $schema = { type: 'string', description: 'This schema, for editors.' };
  return {
    $schema: 'https://json-schema.org/draft/2020-12/schema',
    ...rest,
    properties: { $schema, ...properties },
  };
}

/** The table of every setting for config/README.md, in Markdown. */
export function configTable(): string {
  const rows = settings.map((setting) => [
    setting.schema['x-environment-only'] ? '(environment only)' : `\`${setting.key}\``,
    setting.schema['x-secret'] ? `\`${setting.env}\`, \`${setting.env}_FILE\`` : `\`${setting.env}\``,
    expectation(setting),
    standard(setting),
    setting.schema.description ?? '',
  ]);
  const table = [
    ['key', 'environment', 'value', 'default', 'meaning'],
    ['---', '---', '---', '---', '---'],
    ...rows,
  ];
  return table.map((row) => `| ${row.join(' | ')} |\n`).join('');
}

function standard({ schema }: Setting): string {
  if (schema['x-default']) return schema['x-default'];
  const text = schema.default === undefined ? '' : toText(schema.default);
  return text === '' ? 'none' : `\`${text}\``;
}
