// `npm run chaos`: every fault and every control, and a table of how it went; `npm run chaos -- NAME ...` some of them.

import { proofs } from './proofs.ts';
import { play, playProof, type Result } from './scenario.ts';
import { controls, scenarios } from './scenarios.ts';
import { history, table } from './table.ts';
import { exitOnSignals, type Kind, openWorld, type World } from './world.ts';

exitOnSignals();

interface Trial {
  readonly name: string;
  readonly kind: Kind;
  play(world: World): Promise<Result>;
}

const trials: readonly Trial[] = [
  ...[...scenarios, ...controls].map((scenario) => ({
    ...scenario,
    play: (world: World) => play(world, scenario, 1),
  })),
  ...proofs.map((proof) => ({
    ...proof,
    kind: 'server' as const,
    play: (world: World) => playProof(world, proof),
  })),
];

function chosen(names: readonly string[]): readonly Trial[] {
  const known = trials.map(({ name }) => name);
  const unknown = names.filter((name) => !known.includes(name));
  if (unknown.length > 0) throw new Error(`there is no ${unknown.join(', ')}, but ${known.join(', ')}`);
  return trials.filter(({ name }) => names.length === 0 || names.includes(name));
}

async function main(names: readonly string[]): Promise<boolean> {
  const results: Result[] = [];
  const wanted = chosen(names);
  for (const kind of ['server', 'sentinels', 'cluster', 'standby'] satisfies Kind[]) {
    const here = wanted.filter((trial) => trial.kind === kind);
    if (here.length === 0) continue;
    const world = await openWorld(kind);
    try {
      for (const trial of here) {
        const result = await trial.play(world);
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
