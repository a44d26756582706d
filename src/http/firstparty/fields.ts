// The fields of a body, and what is wrong with them: as serializers of Django REST framework say it, by field.
import { OAuthError } from '../../oauth/errors.ts';
import type { Fields } from './body.ts';

/** What is wrong with a field that is not there. */
export const required = 'This field is required.';

/** By field: what is wrong with it, in sentences. */
export type FieldProblems = Readonly<Record<string, readonly string[]>>;

/** 400, with what is wrong with each field. */
export class UnfitFieldsError extends OAuthError {
  readonly problems: FieldProblems;

  constructor(problems: FieldProblems) {
    super('fields_unfit');
    this.problems = problems;
  }
}

/** Text from each of the fields that are named, and from those of the optional ones that are there. Throws UnfitFieldsError. */
export function textsOf(
  fields: Fields,
  names: readonly string[],
  optional: readonly string[] = [],
): ReadonlyMap<string, string> {
  const wanted = [...names, ...optional.filter((name) => fields.has(name))];
  const problems = wanted.flatMap((name) => {
    const problem = problemOf(fields.get(name));
    return problem === undefined ? [] : [[name, [problem]] as const];
  });
  if (problems.length > 0) throw new UnfitFieldsError(Object.fromEntries(problems));
  return new Map(wanted.map((name) => [name, fields.get(name) as string]));
}

function problemOf(value: unknown): string | undefined {
  if (value === undefined) return required;
  if (value === null) return 'This field may not be null.';
  if (typeof value !== 'string') return 'Not a valid string.';
  if (value.trim() === '') return 'This field may not be blank.';
  if (value.includes('\0')) return 'Null characters are not allowed.';
  const half = /\p{Surrogate}/u.exec(value)?.[0].charCodeAt(0).toString(16).toUpperCase();
  return half && `Surrogate characters are not allowed: U+${half}.`;
}
