// K1 to K13 of the signing keys, over random histories: FC_RUNS and FC_SEED repeat or lengthen the search.
import fc from 'fast-check';
import t from 'tap';
import { setting, step } from './histories.ts';
import { live, type Tally } from './history.ts';

const { FC_RUNS, FC_SEED } = process.env;
/** Milliseconds: as many histories as fit, unless their number is given. */
const timeLimit = 20_000;

t.test('every history', async (t) => {
  const total: Record<string, number> = {};
  const property = fc.asyncProperty(
    setting,
    fc.array(step, { maxLength: 30, size: 'max' }),
    async (setting, steps) => {
      const tally: Tally = await live(setting, steps);
      for (const [name, count] of Object.entries(tally)) total[name] = (total[name] ?? 0) + count;
    },
  );
  await fc.assert(property, {
    ...(FC_RUNS ? { numRuns: Number(FC_RUNS) } : { interruptAfterTimeLimit: timeLimit }),
    ...(FC_SEED && { seed: Number(FC_SEED) }),
  });
  t.comment(JSON.stringify(total));
});
