// What client.ts and resource.ts share: metadata from an operator is checked whole, and every problem is told at
// once and by member, so that nobody has to mend a document one error at a time.
import type { TSchema } from 'typebox';
import { Compile, type Validator } from 'typebox/compile';
import { nearest } from '../nearest.ts';
import { OperatorError } from '../operator-error.ts';

/** One thing that is wrong: where (`redirect_uris[1]`), and what would be right. */
export interface Problem {
  readonly member: string;
  readonly problem: string;
}

/** Metadata that cannot be registered (RFC 7591 3.2.2 invalid_client_metadata); names every problem. */
export class RegistrationError extends OperatorError {
  readonly problems: readonly Problem[];

  constructor(problems: readonly Problem[]) {
    super(
      problems.map(({ member, problem }) => (member === '' ? problem : `${member}: ${problem}`)).join('; '),
    );
    this.name = 'RegistrationError';
    this.problems = problems;
  }
}

export type Members = Readonly<Record<string, TSchema>>;

/** Checks a document against the schema of its members. */
export type ShapeCheck = (document: unknown) => readonly Problem[];

/** `/redirect_uris/1` as `redirect_uris[1]` */
const memberOf = (pointer: string): string =>
  pointer
    .slice(1)
    .replace(/\/(\d+)/g, '[$1]')
    .replaceAll('/', '.');

/** Makes the check of a document whose members are `schema.properties` and no others. */
export function shapeCheck(schema: TSchema & { readonly properties: Members }): ShapeCheck {
  const known = Object.keys(schema.properties);
  // Compiled for the first document: most starts come and go without one.
  let validator: Validator | undefined;
  return (document) => {
    validator ??= Compile(schema);
    if (validator.Check(document)) return [];
    const problems: Problem[] = [];
    for (const error of validator.Errors(document)) {
      if (error.keyword === 'additionalProperties') {
        for (const name of error.params.additionalProperties) {
          problems.push({ member: name, problem: `unknown; did you mean ${nearest(name, known)}?` });
        }
      } else if (error.keyword === 'required') {
        for (const name of error.params.requiredProperties)
          problems.push({ member: name, problem: 'is required' });
      } else if (error.keyword === 'enum') {
        const allowed = error.params.allowedValues.join(', ');
        problems.push({ member: memberOf(error.instancePath), problem: `must be one of ${allowed}` });
      } else if (error.keyword !== 'boolean') {
        problems.push({ member: memberOf(error.instancePath), problem: error.message });
      }
    }
    return problems;
  };
}
