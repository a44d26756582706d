// `npm run lab` in short: one planned rotation over which a replica is stopped, one emergency with no reserve, and the
// naive order as the control, with the verifiers that need no compiler.
import t from 'tap';
import { exitOnSignals } from '../chaos/world.ts';
import { findPostgres } from '../helpers/servers.ts';
import { judge, judgeIssuer } from './judge.ts';
import { openLab } from './lab.ts';
import { frozenOverActivation, naiveOrder, revocationWithoutReserve, rotate } from './scenarios.ts';
import { table } from './table.ts';

// On a machine that has much else to do.
t.setTimeout(600_000);
exitOnSignals();

t.test('the rotation laboratory', async (t) => {
  if (!findPostgres()) {
    t.comment('left out: three replicas need a Postgres to share');
    return;
  }
  const lab = await openLab({ cacheLifetime: 4, inShort: true });
  t.teardown(() => lab.close());
  // What CI installs has to be there.
  if (process.env.CI === 'true')
    t.notMatch(lab.leftOut.map(({ name }) => name).join(), /PyJWT|Authlib|simplejwt/);
  await lab.settled();

  await rotate(lab, frozenOverActivation);
  await revocationWithoutReserve(lab);
  const history = lab.history();
  const rows = judge(history);
  t.same(judgeIssuer(history), [], 'every client got its token');
  t.equal(history.emergencies.length, 1);
  for (const { kind, refused, refusedInEmergency, violations } of rows)
    if (kind.isCareless)
      t.ok(
        refused + refusedInEmergency > 0,
        `${kind.name}, longer than was declared, and refuses good tokens`,
      );
    else t.same(violations, [], `${kind.name} refuses no good token but as it was foretold`);
  t.ok(
    rows.some(({ kind, seen }) => !kind.isCareless && seen > 0),
    'with no reserve somebody refuses good tokens',
  );

  await naiveOrder(lab);
  const control = judge(lab.history());
  t.ok(
    control.some(({ kind, refused }) => refused > 0 && !kind.isCareless),
    'in the naive order good tokens are refused',
  );
  t.comment(`\n${table(rows, lab.leftOut)}\n\nthe naive order:\n${table(control, [])}`);
});
