import fc from 'fast-check';
import t from 'tap';
import { setting, step } from './histories.ts';
import { live, type Tally } from './history.ts';

const FC_RUNS = Number(process.env.FC_RUNS ?? 20);

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
    numRuns: FC_RUNS,
    ...(process.env.FC_SEED && { seed: Number(process.env.FC_SEED) }),
  });
  t.comment(JSON.stringify(total));
});
