// The configuration file: JSON, closed; an unknown key is refused with the nearest known one.
import { readFileSync } from 'node:fs';
import { nearest } from '../nearest.ts';
import { type Draft, give } from './draft.ts';
import { jsonFault } from './json-fault.ts';
import { groups, settingOf, settings } from './settings.ts';

/** Adds what the file gives. `named` is how the operator pointed at it: --config or MINTMARK_CONFIG. */
export function addFile(draft: Draft, path: string, named: string): void {
  const content = parsed(path, named);
  if (typeof content === 'string') {
    draft.problems.push(content);
    // What the file would have said is unknown, so no rule can be asked about anything.
    for (const { key } of settings) draft.refused.add(key);
    return;
  }
  const { $schema: _, ...members } = content;
  addMembers(draft, path, members, []);
}

/** The file's members, or the problem with it. */
function parsed(path: string, named: string): Readonly<Record<string, unknown>> | string {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    return `${named}: ${path} cannot be read (${(error as NodeJS.ErrnoException).code}); name a file that this user may read`;
  }
  try {
    const content: unknown = JSON.parse(text);
    return isObject(content) ? content : `${path}: must be a JSON object; put the settings between { and }`;
  } catch {
    const { line, column } = jsonFault(text);
    return `${path}: not JSON at line ${line}, column ${column}; look there for a comma, quote or bracket too many or too few`;
  }
}

function addMembers(
  draft: Draft,
  file: string,
  members: Readonly<Record<string, unknown>>,
  path: readonly string[],
) {
  for (const [member, value] of Object.entries(members)) {
    const here = [...path, member];
    const key = here.join('.');
    const name = `${file}#${here.map((part) => `/${part.replaceAll('~', '~0').replaceAll('/', '~1')}`).join('')}`;
    const setting = settingOf(key);
    if (setting?.schema['x-environment-only']) {
      draft.problems.push(`${name}: has no place in a file; give it as ${setting.env}_FILE`);
    } else if (setting) {
      give(draft, setting, { value, name, source: `file:${file}` });
    } else if (path.length === 0 && groups.includes(member)) {
      if (isObject(value)) addMembers(draft, file, value, here);
      else draft.problems.push(`${name}: must be an object of settings; put them between { and }`);
    } else {
      draft.problems.push(`${name}: unknown key; the nearest known is ${nearest(key, keys)}`);
    }
  }
}

const keys = [
  ...settings.filter(({ schema }) => !schema['x-environment-only']).map(({ key }) => key),
  ...groups,
];

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
