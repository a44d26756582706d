// mintmark migrate up | status: the database schema. Everything applies what is pending when it starts; this is for
// those who want it done, or looked at, before a deploy.
import type { Command } from 'commander';
import { OperatorError } from '../../src/operator-error.ts';
import { answer, table } from '../output.ts';
import { change, done, inHouse, type Options, query } from '../verbs.ts';

const asItIs = { migrate: false };

export function addMigrateCommands(migrate: Command): void {
  change(migrate, 'up', 'apply the migrations that are pending').action(up);
  query(migrate, 'status', 'which migrations are applied, and which are pending').action(status);
}

async function up(options: Options): Promise<void> {
  const { migrateUp, schemaStatus } = await import('../../src/wire.ts');
  const applied = await inHouse(
    options,
    async (house) => {
      const { pending } = await schemaStatus(house);
      if (pending.length === 0) throw new OperatorError('nothing to do: the schema is up to date', 3);
      if (options.dryRun) return pending.map(({ name }) => name);
      const applied = await migrateUp(house);
      const { clock, actor } = house;
      const entry = {
        at: clock.now(),
        event: 'schema.migrated',
        actor,
        subject: 'schema',
        details: { applied },
      };
      await house.stores.audit.append(entry);
      return applied;
    },
    asItIs,
  );
  answer(options, { applied }, done(options, `applied: ${applied.join(', ')}`));
}

async function status(options: Options): Promise<void> {
  const { schemaStatus } = await import('../../src/wire.ts');
  const { current, latest, pending } = await inHouse(options, schemaStatus, asItIs);
  const head = `the schema is at migration ${current} of ${latest}`;
  const list = table(
    ['VERSION', 'NAME'],
    pending.map(({ version, name }) => [version, name]),
  );
  const words = pending.length === 0 ? `${head}: nothing is pending` : `${head}; pending:\n${list}`;
  answer(options, { current, latest, pending }, words);
}
