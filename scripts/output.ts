// How the executable speaks: answers on stdout, as a table for people or as one JSON value for programs; everything
// else on stderr; no secret in either but where an answer is one.
import { CommanderError } from 'commander';
import { OperatorError } from '../src/operator-error.ts';
import { StoreUnavailableError } from '../src/stores/stores.ts';
import { dateInWords, distanceInWords } from '../src/words.ts';

/** The answer: `value` with --json, else the text. */
export function answer(options: { json?: boolean | undefined }, value: unknown, text: string): void {
  if (options.json) answerJson(value);
  else process.stdout.write(`${text}\n`);
}

export const answerJson = (value: unknown): void =>
  void process.stdout.write(`${JSON.stringify(value, null, 2)}\n`);

/** Progress, warnings, prompts. */
export const note = (text: string): void => void process.stderr.write(`${text}\n`);

type Cell = string | number | null | undefined;

/** Aligned columns; `-` stands for nothing. */
export function table(header: readonly string[], rows: readonly (readonly Cell[])[]): string {
  const cells = [header, ...rows.map((row) => row.map((cell) => String(cell ?? '-') || '-'))];
  const widths = header.map((_, column) => Math.max(...cells.map((row) => row[column]?.length ?? 0)));
  const line = (row: readonly string[]) =>
    row
      .map((cell, i) => cell.padEnd(widths[i] ?? 0))
      .join('  ')
      .trimEnd();
  return cells.map(line).join('\n');
}

/** One record, a member a line. */
export const record = (members: Readonly<Record<string, unknown>>): string =>
  table(
    ['MEMBER', 'VALUE'],
    Object.entries(members).map(([name, value]) => [name, valueInWords(value)]),
  );

function valueInWords(value: unknown): string | null {
  if (value === null || value === undefined) return null;
  if (Array.isArray(value) && value.every((item) => typeof item === 'string')) return value.join(' ');
  return typeof value === 'object' ? JSON.stringify(value) : String(value);
}

/** `2026-11-23T10:00:05Z (in 3 h)` */
export const instant = (at: number | null, now: number): string | null =>
  at === null ? null : `${dateInWords(at)} (${distanceInWords(at, now)})`;

/** Ends quietly where the reader has gone (`| head`). */
export function leaveWithReader(): void {
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') throw error;
    process.exit();
  });
}

/** Tells of a failure in one line on stderr. Returns the exit code; contract.md says what each means. */
export function fail(error: unknown, logLevel: string | undefined): number {
  if (error instanceof CommanderError && error.exitCode === 0) return 0;
  const [exitCode, message] = failure(error);
  if (message !== '') note(`mintmark: ${message}`);
  if (error instanceof Error && ['debug', 'trace'].includes(logLevel ?? '')) note(error.stack ?? '');
  return exitCode;
}

function failure(error: unknown): [exitCode: number, message: string] {
  if (error instanceof OperatorError) return [error.exitCode, error.message];
  if (error instanceof StoreUnavailableError) return [5, `a store cannot be reached: ${error.message}`];
  if (error instanceof CommanderError) return [2, usage(error)];
  return [1, `${error instanceof Error ? error.message : String(error)} (LOG_LEVEL=debug shows where)`];
}

/** Commander's words in one line; nothing where it has shown the help instead. */
function usage({ code, message }: CommanderError): string {
  if (code === 'commander.help') return '';
  const [problem = '', suggestion = '(see --help)'] = message.replace(/^error: /, '').split('\n');
  return `${problem} ${suggestion}`;
}
