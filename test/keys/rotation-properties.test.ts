// K1 to K13 of the signing keys, over random histories (helpers/search.ts: FC_RUNS and FC_SEED).
import fc from 'fast-check';
import t from 'tap';
import { searchLength } from '../helpers/search.ts';
import { setting, step } from './histories.ts';
import { live, type Tally } from './history.ts';

t.setTimeout(600_000 * searchLength);

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
  await fc.assert(property, { numRuns: 60 * searchLength });
  t.comment(JSON.stringify(total));
});
