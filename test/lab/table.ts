// Results for people.
import type { Row } from './judge.ts';
import type { LeftOut } from './verifiers.ts';

const seconds = (value: number | undefined): string => {
  if (value === undefined) return '';
  return Number.isFinite(value) ? `${value.toFixed(1)} s` : 'for ever';
};

const columns: readonly (readonly [title: string, cell: (row: Row) => string | number])[] = [
  ['verifier', ({ kind }) => kind.name],
  ['cache', ({ kind }) => seconds(kind.cacheLifetime)],
  [
    'unknown kid',
    ({ kind }) => (kind.isBounded ? 'asks now and then' : askingAgain(kind.unknownKidCooldown)),
  ],
  ['shown', ({ shown }) => shown],
  ['fetches', ({ fetches }) => fetches],
  ['refused', ({ refused }) => refused],
  ['in emergencies', ({ refusedInEmergency }) => refusedInEmergency],
  ['plan', ({ planned }) => seconds(planned)],
  ['cache said', ({ expected }) => seconds(expected)],
  ['seen', ({ seen }) => seconds(seen)],
  ['revoked key trusted', ({ trustedFor }) => seconds(trustedFor)],
  ['verdict', verdict],
];

function askingAgain(cooldown: number | null): string {
  if (cooldown === null) return 'never asks';
  return cooldown === 0 ? 'asks at once' : `asks after ${cooldown} s`;
}

function verdict({ kind, violations }: Row): string {
  const rules = new Set(violations.map(({ rule }) => rule));
  if (rules.size > 0) return [...rules].map((rule) => `not: ${rule}`).join('; ');
  return kind.isCareless ? 'kept too long, as it should be' : 'good';
}

/** One line a verifier, in Markdown; those that could not be had stand in it with the reason. */
export function table(rows: readonly Row[], leftOut: readonly LeftOut[]): string {
  const cells = [
    columns.map(([title]) => title),
    ...rows.map((row) => columns.map(([, cell]) => String(cell(row)))),
    ...leftOut.map(({ name, reason }) =>
      columns.map((_, n) => (n === 0 ? name : n === columns.length - 1 ? `LEFT OUT: ${reason}` : '')),
    ),
  ];
  const widths = columns.map((_, n) => Math.max(...cells.map((row) => (row[n] as string).length)));
  const line = (row: readonly string[]) =>
    `| ${row.map((cell, n) => cell.padEnd(widths[n] as number)).join(' | ')} |`;
  const [head = [], ...body] = cells;
  return [line(head), line(widths.map((width) => '-'.repeat(width))), ...body.map(line)].join('\n');
}
