// Readiness: every check at once, each within a limit, and not more often than once a second: a prober, or
// somebody who plays one, cannot load the stores.
import type { Clock } from '../../clock.ts';
import type { Asked, Events } from '../../events.ts';
import { within } from '../../within.ts';

export interface Check {
  /** as an operator knows it: `postgres`, `keys` */
  readonly name: string;
  /** Rejects where it is red; the reason goes to the log. */
  run(): Promise<void>;
}

export interface CheckResult {
  readonly name: string;
  readonly ok: boolean;
  readonly seconds: number;
}

const timeLimit = 2;
const freshFor = 1;

/** Makes a function that runs the checks, or gives what they found less than a second ago. */
export function createReadiness(parts: {
  readonly checks: readonly Check[];
  readonly events: Pick<Events, 'checkFailed'>;
  readonly clock: Clock;
}): (asked: Asked) => Promise<readonly CheckResult[]> {
  const { checks, events, clock } = parts;
  let startedAt = Number.NEGATIVE_INFINITY;
  let results: Promise<readonly CheckResult[]> = Promise.resolve([]);

  async function run(check: Check, asked: Asked): Promise<CheckResult> {
    const start = clock.now();
    try {
      await within(timeLimit, check.run());
      return { name: check.name, ok: true, seconds: clock.now() - start };
    } catch (error) {
      events.checkFailed(asked, check.name, error);
      return { name: check.name, ok: false, seconds: clock.now() - start };
    }
  }

  return (asked) => {
    const now = clock.now();
    // A clock that was set back must not keep an old answer alive.
    if (Math.abs(now - startedAt) >= freshFor) {
      startedAt = now;
      results = Promise.all(checks.map((check) => run(check, asked)));
    }
    return results;
  };
}
