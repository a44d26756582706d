// mintmark keys drill: a rotation and a compromise, rehearsed.
import type { Command } from 'commander';
import { drillKeys } from '../../src/keys/drill.ts';
import { exposureForecast } from '../../src/keys/verifier-caches.ts';
import { durationInWords } from '../../src/words.ts';
import { answer, table } from '../output.ts';
import { type Options, query } from '../verbs.ts';
import { exposureTable } from './keys-words.ts';
import { manageKeys } from './manage-keys.ts';

export function addDrillCommand(keys: Command): void {
  query(keys, 'drill', 'rehearse a rotation and a compromise on keys that nobody uses, and time them').action(
    drill,
  );
}

async function drill(options: Options): Promise<void> {
  const { drills, exposure, t } = await manageKeys(options, async (management) => {
    const { timetable, clock } = management;
    const drills = [];
    for (const alg of timetable.algs) drills.push(await drillKeys(management, alg));
    return { drills, exposure: exposureForecast(timetable.jwksMaxAge), t: clock.now() };
  });
  const verifiers = exposure.map(({ verifier, seconds }) => ({
    verifier,
    trusts_for: Number.isFinite(seconds) ? seconds : null,
  }));
  const rows = drills.flatMap(({ alg, steps }) =>
    steps.map(({ step, took, waits }) => [
      alg,
      step,
      `${Math.max(1, Math.round(took * 1000))} ms`,
      waits > 0 ? durationInWords(waits) : '-',
    ]),
  );
  const words = `${table(['ALG', 'STEP', 'TOOK', 'AFTER A WAIT OF'], rows)}

The drill was played on keys of its own; nothing was changed. After a compromise now:
${exposureTable(exposure, t)}`;
  answer(options, { drills, verifiers }, words);
}
