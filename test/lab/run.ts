// `npm run lab`: twenty planned rotations and what else befalls keys, and a table of what verifiers made of it.
// `npm run lab -- 3`: three of them.
import { exitOnSignals } from '../chaos/world.ts';
import { judge, judgeIssuer, type Row } from './judge.ts';
import { type Lab, openLab } from './lab.ts';
import {
  companions,
  naiveOrder,
  revocation,
  revocationWithoutReserve,
  rotate,
  rotateWithoutReserve,
  standbySwitch,
} from './scenarios.ts';
import { table } from './table.ts';

exitOnSignals();
const CACHE_LIFETIME = 6;

const say = (what: string): void => console.error(`${new Date().toISOString().slice(11, 19)} ${what}`);

async function step(name: string, work: () => Promise<void>): Promise<void> {
  say(name);
  await work();
}

/** Prints what was seen; whether it is as it should be. */
function tell(title: string, lab: Lab, expected: (rows: readonly Row[]) => boolean): boolean {
  const history = lab.history();
  const rows = judge(history);
  const issuer = judgeIssuer(history);
  console.log(`\n${title}: ${history.drawn} tokens drawn\n\n${table(rows, lab.leftOut)}\n`);
  const isGood = expected(rows) && issuer.length === 0;
  for (const { rule, what } of [...issuer, ...(isGood ? [] : rows.flatMap(({ violations }) => violations))])
    console.log(`${rule}: ${what}`);
  return isGood;
}

async function main(rotations: number): Promise<boolean> {
  say('starting');
  const lab = await openLab({ cacheLifetime: CACHE_LIFETIME, inShort: false });
  for (const { name, reason } of lab.leftOut) say(`LEFT OUT: ${name}: ${reason}`);
  try {
    await lab.settled();
    for (let n = 0; n < rotations; n += 1) {
      const [name, companion] = companions[n % companions.length] as (typeof companions)[number];
      await step(`rotation ${n + 1}: ${name}`, () => rotate(lab, companion));
    }
    await step('a switch to the standby key', () => standbySwitch(lab));
    await step('a revocation', () => revocation(lab));
    const isGood = (rows: readonly Row[]) => rows.every(({ violations }) => violations.length === 0);
    const planned = tell('Planned', lab, isGood);
    await step('--now with no reserve', () => rotateWithoutReserve(lab));
    await step('a revocation with no reserve', () => revocationWithoutReserve(lab));
    const hasty = tell('In haste', lab, isGood);
    await step('control: the naive order', () => naiveOrder(lab));
    return (
      tell('Control: the naive order, which has to fail', lab, (rows) =>
        rows.some(({ kind, refused }) => refused > 0 && !kind.isCareless),
      ) &&
      planned &&
      hasty
    );
  } finally {
    await lab.close();
  }
}

process.exitCode = (await main(Number(process.argv[2] ?? 20))) ? 0 : 1;
