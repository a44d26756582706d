// Results for people.
import type { Violation } from './checker.ts';
import type { Presentation } from './history.ts';
import type { Result } from './scenario.ts';

const columns: readonly (readonly [title: string, cell: (result: Result) => string | number])[] = [
  ['scenario', ({ name }) => name],
  ['requests', ({ requests }) => requests],
  ['rotations', ({ rotations }) => rotations],
  ['retries', ({ retries }) => retries],
  ['503', ({ later }) => later],
  ['no answer', ({ silent }) => silent],
  ['worst gap', ({ worstGap }) => `${worstGap.toFixed(2)} s`],
  ['verdict', ({ verdict }) => verdict],
];

/** One line a scenario, in Markdown. */
export function table(results: readonly Result[]): string {
  const rows = [
    columns.map(([title]) => title),
    ...results.map((one) => columns.map(([, cell]) => String(cell(one)))),
  ];
  const widths = columns.map((_, n) => Math.max(...rows.map((row) => (row[n] as string).length)));
  const line = (row: readonly string[]) =>
    `| ${row.map((cell, n) => cell.padEnd(widths[n] as number)).join(' | ')} |`;
  const [head = [], ...body] = rows;
  return [line(head), line(widths.map((width) => '-'.repeat(width))), ...body.map(line)].join('\n');
}

/** What was found wrong, the first few of each rule, with what led there. */
export function history(violations: readonly Violation[]): string {
  const rules = [...new Set(violations.map(({ rule }) => rule))];
  const told = rules.flatMap((rule) => violations.filter((one) => one.rule === rule).slice(0, 3));
  return told
    .map((one) => [`${one.rule}: ${one.what}`, ...one.history.map(presentationLine)].join('\n'))
    .join('\n');
}

function presentationLine({ generation, token, replica, sentAt, endedAt, outcome }: Presentation): string {
  const times = `${sentAt.toFixed(3)} to ${endedAt.toFixed(3)}`;
  const became = outcome.kind === 'answered' ? `${outcome.status} ${outcome.error ?? ''}` : outcome.kind;
  const to = outcome.kind === 'answered' && outcome.tokens ? `generation ${outcome.tokens.generation}` : '';
  return `  ${times}: generation ${generation} (${token}) at replica ${replica}: ${became} ${to}`;
}
