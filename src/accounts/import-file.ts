// The two files that accounts come in: JSON lines, an account a line; and a fixture of Django (`dumpdata`), an array of
// records of any models, of which those with an e-mail and a password are accounts. The rule it keeps: what is found is
// told apart, so that one record that is not well-formed hides no other.
import { jsonFault } from '../config/json-fault.ts';
import { nearest } from '../nearest.ts';
import { OperatorError } from '../operator-error.ts';

/** An account as it stands in the file; nothing of it is checked. */
export interface FoundAccount {
  readonly id?: unknown;
  readonly email?: unknown;
  readonly password?: unknown;
  readonly name?: unknown;
  readonly claims?: unknown;
  readonly disabled?: unknown;
}

/** `where` is `line 3` or `record 3`, from 1. */
export type Found = { readonly where: string } & Content;

type Content = { readonly account: FoundAccount } | { readonly problem: string };

type JsonObject = Readonly<Record<string, unknown>>;

const isObject = (value: unknown): value is JsonObject =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** What the file has, in its order. Throws OperatorError for a fixture that is no JSON. */
export function readAccountFile(text: string): Found[] {
  const content = text.replace(/^\ufeff/, '');
  return /^\s*\[/.test(content) ? readFixture(content) : readLines(content);
}

function readLines(content: string): Found[] {
  return content
    .split('\n')
    .map((line, i) => ({ where: `line ${i + 1}`, line: line.trim() }))
    .filter(({ line }) => line !== '')
    .map(({ where, line }) => ({ where, ...readLine(line) }));
}

const members = ['email', 'password', 'name', 'claims', 'disabled', 'id'];

function readLine(line: string): Content {
  const account = parsed(line);
  if (account === undefined) return { problem: `it is not JSON from column ${jsonFault(line).column} on` };
  if (!isObject(account)) return { problem: 'it is no JSON object' };
  const unknown = Object.keys(account).find((member) => !members.includes(member));
  if (unknown === undefined) return { account };
  return { problem: `${JSON.stringify(unknown)} is unknown; did you mean ${nearest(unknown, members)}?` };
}

function readFixture(content: string): Found[] {
  const records = parsed(content);
  if (!Array.isArray(records)) {
    const { line, column } = jsonFault(content);
    throw new OperatorError(`the fixture is not JSON at line ${line}, column ${column}: dump it again`);
  }
  return records.flatMap((record: unknown, i): Found[] => {
    const content = readRecord(record);
    return content === undefined ? [] : [{ where: `record ${i + 1}`, ...content }];
  });
}

/** Undefined for a record of another model. */
function readRecord(record: unknown): Content | undefined {
  if (!isObject(record) || !isObject(record.fields))
    return { problem: 'it has no "fields", as Django writes them' };
  const { email, password, first_name, last_name, is_active } = record.fields;
  if (email === undefined || password === undefined) return undefined;
  const name = [first_name, last_name].filter((part) => typeof part === 'string').join(' ');
  return { account: { id: record.pk, email, password, name, disabled: is_active === false } };
}

/** Undefined where it is no JSON, which has no such value. */
function parsed(json: string): unknown {
  try {
    return JSON.parse(json);
  } catch {
    return undefined;
  }
}
