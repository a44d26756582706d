// `npm run chaos`: every fault and every control, and a table of how it went; `npm run chaos -- NAME ...` some of them.

import { play, type Result, type Scenario } from './scenario.ts';
import { controls, scenarios } from './scenarios.ts';
import { history, table } from './table.ts';
import { type Kind, openWorld } from './world.ts';

// Whoever interrupts us ends all that we started: leaving by exit takes the servers along.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => process.exit(1));

function chosen(names: readonly string[]): readonly Scenario[] {
  const all = [...scenarios, ...controls];
  if (names.length === 0) return all;
  const unknown = names.filter((name) => !all.some((one) => one.name === name));
  if (unknown.length > 0)
    throw new Error(`no scenario ${unknown.join(', ')}: ${all.map(({ name }) => name).join(', ')}`);
  return all.filter(({ name }) => names.includes(name));
}

async function main(names: readonly string[]): Promise<boolean> {
  const results: Result[] = [];
  const all = chosen(names);
  for (const kind of ['server', 'sentinels', 'cluster', 'standby'] satisfies Kind[]) {
    const here = all.filter((one) => one.kind === kind);
    if (here.length === 0) continue;
    const world = await openWorld(kind);
    try {
      for (const scenario of here) {
        const result = await play(world, scenario, 1);
        console.error(`${result.name}: ${result.verdict}`);
        if (!result.isGood) console.error(history(result.violations));
        results.push(result);
      }
    } finally {
      await world.close();
    }
  }
  console.log(table(results));
  return results.every(({ isGood }) => isGood);
}

process.exitCode = (await main(process.argv.slice(2))) ? 0 : 1;
