// A body as JSON or as a form, read into its fields. Strict as oauth/parameters.ts: what can be read in two ways is
// not read at all. The rule it keeps: nothing of a body is repeated in an answer or a log, for passwords stand in it.
import { isUtf8 } from 'node:buffer';
import { OAuthError } from '../../oauth/errors.ts';
import { assertFormType, formSizeLimit, parameterLimit, parseForm } from '../../oauth/parameters.ts';
import { UnfitFieldsError } from './fields.ts';

/** By name; what a form says is text, and never empty. */
export type Fields = ReadonlyMap<string, unknown>;

const jsonType = /^application\/json[ \t]*(;[ \t]*charset=("utf-8"|utf-8)[ \t]*)?$/i;

/** Throws OAuthError with the reason why it cannot be read in exactly one way. */
export function parseBody(contentType: string | undefined, body: Buffer): Fields {
  if (contentType !== undefined && jsonType.test(contentType)) return parseJson(body);
  assertFormType(contentType);
  return parseForm(body).values;
}

function parseJson(body: Buffer): Fields {
  if (body.length > formSizeLimit) throw new OAuthError('form_too_large');
  if (!isUtf8(body)) throw new OAuthError('parameter_not_utf8');
  const text = body.toString('utf8');
  if (text === '') return new Map();
  const document = parsed(text);
  if (!isObject(document)) throw new UnfitFieldsError({ non_field_errors: [notAnObject(document)] });
  const names = memberNames(text);
  if (names.length > parameterLimit) throw new OAuthError('too_many_parameters');
  if (new Set(names).size < names.length) throw new OAuthError('parameter_repeated');
  return new Map(Object.entries(document));
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    // Without the cause, whose message repeats the text.
    throw new OAuthError('json_malformed');
  }
}

const isObject = (value: unknown): value is object =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** The kinds as Python names them, as whoever knows such answers does. */
function notAnObject(value: unknown): string {
  if (value === null) return 'No data provided';
  const kinds: Record<string, string> = { object: 'list', string: 'str', boolean: 'bool' };
  const kind = kinds[typeof value] ?? (Number.isInteger(value) ? 'int' : 'float');
  return `Invalid data. Expected a dictionary, but got ${kind}.`;
}

/** The names of an object's members, repeated ones too, which JSON.parse passes over. `text` is well-formed. */
function memberNames(text: string): string[] {
  const names: string[] = [];
  let depth = 0;
  for (const [token, string, colon] of text.matchAll(/("(?:[^"\\]|\\.)*")(\s*:)?|[{}[\]]/g)) {
    if (string === undefined) depth += token === '{' || token === '[' ? 1 : -1;
    else if (colon !== undefined && depth === 1) names.push(JSON.parse(string));
  }
  return names;
}
