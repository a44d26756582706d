// The judge of histories, judged: histories written by hand, each right, or wrong in one way.
import t from 'tap';
import { check } from './checker.ts';
import type { History, Outcome, Presentation } from './history.ts';

interface Given {
  readonly generation?: number;
  readonly token?: Presentation['token'];
  readonly replica?: number;
  readonly at: number;
  readonly until?: number;
  readonly outcome: Outcome;
}

/** The answer that gives a generation; `bytes` tells tokens of one generation apart. */
const gives = (generation: number, bytes = '', jti = `jti ${generation}`): Outcome => ({
  kind: 'answered',
  status: 200,
  tokens: { refreshToken: `token ${generation}${bytes}`, generation, jti },
});
const later: Outcome = { kind: 'answered', status: 503, error: 'temporarily_unavailable', retryAfter: '2' };
const refused: Outcome = { kind: 'answered', status: 400, error: 'invalid_grant' };

function presentation({
  generation = 0,
  token = 'newest',
  replica = 0,
  at,
  until,
  outcome,
}: Given): Presentation {
  return { family: 'f', generation, token, replica, sentAt: at, endedAt: until ?? at + 0.1, outcome };
}

/** A window of 10 s, and nothing but what is given. */
const history = (presentations: readonly Given[], facts: Partial<History> = {}): History => ({
  windows: new Map([['f', 10]]),
  presentations: presentations.map(presentation),
  revocations: [],
  losses: [],
  deaths: [],
  resent: [],
  healedAt: 0,
  lasting: [],
  ...facts,
});

const rules = (given: History): string[] => check(given).map(({ rule }) => rule);

t.test('a chain is good', async (t) => {
  t.same(
    rules(
      history([
        { at: 1, outcome: gives(1) },
        { generation: 1, at: 2, outcome: gives(2) },
      ]),
    ),
    [],
  );
});

t.test('a retry with the same bytes is good, and so are two tabs', async (t) => {
  t.same(
    rules(
      history([
        { at: 1, outcome: later },
        { at: 2, outcome: gives(1) },
        { at: 2.05, replica: 1, outcome: gives(1) },
      ]),
    ),
    [],
  );
});

t.test('a retry that another has outrun gets the newest', async (t) => {
  t.same(
    rules(
      history([
        { at: 1, outcome: gives(1) },
        { generation: 1, at: 2, outcome: gives(2) },
        { at: 3, outcome: gives(2) },
      ]),
    ),
    [],
  );
});

t.test('two tokens of a generation are a fork', async (t) => {
  const given = [
    { at: 1, outcome: gives(1) },
    { at: 2, outcome: gives(1, ' again') },
  ];
  t.same(rules(history(given)), ['one token a generation']);
  t.same(
    rules(history(given, { losses: [{ from: 1.5, to: 1.6 }] })),
    [],
    'but where a write was lost in between',
  );
  t.same(rules(history(given, { losses: [{ from: 5, to: 6 }] })), ['one token a generation']);
});

t.test('a generation has one jti', async (t) => {
  t.same(
    rules(
      history([
        { at: 1, outcome: gives(1) },
        { at: 2, outcome: gives(1, '', 'another') },
      ]),
    ),
    ['one jti a generation'],
  );
});

t.test('an answer is never behind an earlier one', async (t) => {
  const given = [
    { at: 1, outcome: gives(1) },
    { generation: 1, at: 2, outcome: gives(2) },
    { at: 3, outcome: gives(1) },
  ];
  t.same(rules(history(given)), ['never backwards']);
  t.same(rules(history(given, { losses: [{ from: 2.5, to: 2.6 }] })), []);
  t.same(
    rules(
      history([
        { at: 1, outcome: gives(1) },
        { generation: 1, at: 2, until: 4, outcome: gives(2) },
        { at: 3, outcome: gives(1) },
      ]),
    ),
    [],
    'two that overlap may end in any order',
  );
});

t.test('an answer is one step ahead of what was presented', async (t) => {
  t.same(rules(history([{ at: 1, outcome: gives(2) }])), ['one step at a time']);
  t.same(rules(history([{ generation: 1, at: 1, outcome: gives(1) }])), ['one step at a time']);
});

t.test('a token is honoured for its window after its exchange', async (t) => {
  const after = (seconds: number) =>
    history([
      { at: 1, outcome: gives(1) },
      { token: 'old', at: 1.1 + seconds, outcome: gives(1) },
    ]);
  t.same(rules(after(9.9)), []);
  t.same(rules(after(10.1)), ['nothing after its window']);
  const lost = { ...after(10.1), losses: [{ from: 5, to: 6 }] };
  t.same(rules(lost), ['nothing after its window'], 'whatever was lost');
});

t.test('nothing is honoured after an acknowledged revocation', async (t) => {
  const revoked = (acknowledgedAt?: number) => ({
    revocations: [{ family: 'f', begunAt: 0.5, ...(acknowledgedAt !== undefined && { acknowledgedAt }) }],
  });
  const given = [{ at: 1, outcome: gives(1) }];
  t.same(rules(history(given, revoked(0.9))), ['nothing after its revocation']);
  t.same(rules(history(given, revoked(1.05))), [], 'what was under way may still be answered');
  t.same(rules(history(given, revoked())), [], 'and what nobody was told of');
});

t.test('the newest token is refused where the family was revoked or stolen', async (t) => {
  const given: Given[] = [
    { at: 1, outcome: gives(1) },
    { generation: 1, at: 2, outcome: refused },
  ];
  t.same(rules(history(given)), ['the newest is not refused']);
  t.same(rules(history(given, { revocations: [{ family: 'f', begunAt: 1.9 }] })), []);
  t.same(rules(history(given, { revocations: [{ family: 'f', begunAt: 3 }] })), [
    'the newest is not refused',
  ]);
  t.same(rules(history([...given, { token: 'old', at: 1.8, outcome: refused }])), []);
});

t.test('a token that was the newest a moment ago is refused only where something was lost', async (t) => {
  const given: Given[] = [
    { at: 1, outcome: gives(1) },
    { token: 'recent', at: 2, outcome: refused },
  ];
  t.same(rules(history(given)), ['a retry is not refused']);
  t.same(rules(history(given, { losses: [{ from: 1.4, to: 1.5 }] })), []);
  t.same(rules(history(given, { losses: [{ from: -20, to: -10 }] })), ['a retry is not refused']);
  const after: Given = { generation: 1, at: 3, outcome: refused };
  t.same(
    rules(history([...given, after], { losses: [{ from: 1.4, to: 1.5 }] })),
    ['the newest is not refused'],
    'and the family lives on',
  );
});

t.test('a fault is 503 and says when to come again', async (t) => {
  const answers: Outcome[] = [
    { kind: 'answered', status: 500, error: 'server_error' },
    { kind: 'answered', status: 401, error: 'invalid_client' },
    { kind: 'answered', status: 400, error: 'invalid_request' },
    { kind: 'answered', status: 503, error: 'temporarily_unavailable' },
  ];
  for (const outcome of answers) {
    const token = 'old';
    t.same(rules(history([{ token, at: 1, outcome }])), ['faults are 503'], JSON.stringify(outcome));
  }
});

t.test('who lives answers', async (t) => {
  for (const kind of ['unanswered', 'broken'] as const) {
    const given = [{ at: 5, until: 6, outcome: { kind } }];
    t.same(rules(history(given)), ['who lives answers']);
    t.same(rules(history(given, { deaths: [{ replica: 0, from: 5.5, to: 9 }] })), []);
    t.same(rules(history(given, { deaths: [{ replica: 1, from: 5.5, to: 9 }] })), ['who lives answers']);
    t.same(rules(history(given, { deaths: [{ replica: 0, from: 1, to: 3 }] })), ['who lives answers']);
  }
});

t.test('a swap is sent once', async (t) => {
  t.same(rules(history([], { resent: ['a swap'] })), ['sent once']);
});

t.test('whoever lasts has a success after the faults', async (t) => {
  const given = [{ at: 1, outcome: gives(1) }];
  t.same(rules(history(given, { healedAt: 0.5, lasting: ['f'] })), []);
  t.same(rules(history(given, { healedAt: 2, lasting: ['f'] })), ['it comes back']);
  t.same(rules(history(given, { healedAt: 2 })), [], 'others need not');
});

t.test('a violation comes with what led there', async (t) => {
  const [found] = check(
    history([
      { at: 1, outcome: gives(1) },
      { at: 2, replica: 2, outcome: gives(1, ' again') },
    ]),
  );
  t.match(found?.what, /^f: generation 1 is two tokens/);
  t.same(
    found?.history.map(({ sentAt }) => sentAt),
    [1, 2],
  );
});
