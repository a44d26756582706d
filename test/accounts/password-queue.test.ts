// The queue of passwords: bounded by what its tasks take, in order, and told to callers as "try again".
import { setImmediate as turn } from 'node:timers/promises';
import t from 'tap';
import {
  attemptWeight,
  createPasswordQueue,
  PasswordQueueFullError,
} from '../../src/accounts/password-queue.ts';
import { asOAuthError } from '../../src/http/errors.ts';

/** A task that ends when it is told to. */
function task() {
  let end = () => {};
  const ended = new Promise<void>((resolve) => {
    end = resolve;
  });
  return { run: () => ended, end };
}

t.test('so many run at once, and the rest in the order in which they came', async (t) => {
  const queue = createPasswordQueue({ inFlight: 2, waitingLimit: 10 });
  const started: number[] = [];
  const tasks = Array.from({ length: 6 }, task);
  const outcomes = tasks.map(({ run }, i) =>
    queue.run(() => {
      started.push(i);
      return run();
    }),
  );
  t.same([started, queue.waiting()], [[0, 1], 4]);
  tasks[1]?.end();
  await outcomes[1];
  t.same([started, queue.waiting()], [[0, 1, 2], 3]);
  for (const { end } of tasks) end();
  await Promise.all(outcomes);
  t.same([started, queue.waiting()], [[0, 1, 2, 3, 4, 5], 0]);
});

t.test('a task that fails makes way like any other', async (t) => {
  const queue = createPasswordQueue({ inFlight: 1, waitingLimit: 10 });
  await t.rejects(
    queue.run(() => Promise.reject(new Error('out of memory'))),
    /out of memory/,
  );
  t.equal(await queue.run(async () => 'next'), 'next');
});

t.test('what waits is bounded by how long it takes, and room is made when it is done', async (t) => {
  const queue = createPasswordQueue({ inFlight: 1, waitingLimit: 10 });
  const full = { name: 'PasswordQueueFullError', message: 'too many wait to sign in' };
  const [running, dear, cheap] = [task(), task(), task()];
  const first = queue.run(running.run, 100);
  const second = queue.run(dear.run, 8);
  const third = queue.run(cheap.run, 2);
  await t.rejects(queue.run(cheap.run, 1), full);
  running.end();
  await first;
  await turn();
  const fourth = queue.run(cheap.run, 8);
  await t.rejects(queue.run(cheap.run, 1), full);
  dear.end();
  cheap.end();
  await Promise.all([second, third, fourth]);
});

t.test('one may always wait, however long it takes', async (t) => {
  const queue = createPasswordQueue({ inFlight: 1, waitingLimit: 10 });
  const { run, end } = task();
  const both = [queue.run(run), queue.run(run, attemptWeight(10_000_000))];
  await t.rejects(queue.run(run), { name: 'PasswordQueueFullError' });
  end();
  await Promise.all(both);
});

t.test('by itself it keeps a thread for signatures, and lets fifty hashes wait or more', async (t) => {
  const queue = createPasswordQueue();
  const { run, end } = task();
  const outcomes = Array.from({ length: 500 }, () => queue.run(run).then(() => 'done', String));
  const waiting = queue.waiting();
  t.ok(waiting === 50 || waiting === 100, `${waiting}`);
  end();
  const done = (await Promise.all(outcomes)).filter((outcome) => outcome === 'done');
  t.equal(done.length, waiting + waiting / 50, 'one or two at once');
});

t.test('an attempt weighs as much as it takes', async (t) => {
  t.equal(attemptWeight(0), 1);
  t.equal(attemptWeight(1_000_000), 21);
});

t.test('a caller who came in vain is told to come again', async (t) => {
  t.match(asOAuthError(new PasswordQueueFullError('too many wait to sign in')), {
    reason: 'sign_in_busy',
    refusal: { status: 503, error: 'temporarily_unavailable' },
  });
});
