// Random searches are the same at every run, so that a change is judged by what it changes. FC_SEED=random looks
// elsewhere, FC_SEED=NUMBER repeats what was found there, FC_RUNS makes a search so many times as long.
import fc from 'fast-check';

const { FC_SEED = '1', FC_RUNS = '1' } = process.env;

if (FC_SEED !== 'random') fc.configureGlobal({ seed: Number(FC_SEED) });

/** How many times as long as usual. */
export const searchLength = Number(FC_RUNS);
