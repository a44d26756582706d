// mintmark keys renew-secret: another root secret, which refresh tokens are made with.
import type { Command } from 'commander';
import {
  prepareRootSecret,
  type RootSecretManagement,
  renewRootSecret,
} from '../../src/keys/renew-root-secret.ts';
import { answer, instant } from '../output.ts';
import { change, done, inHouse, type Options } from '../verbs.ts';

export function addSecretCommand(keys: Command): void {
  change(keys, 'renew-secret', 'make refresh tokens with a new root secret; nobody is signed out by it')
    .option('--prepare', 'only make the next root secret, for every machine to have first')
    .action(renewSecret);
}

const renewSecret = (options: Options & { prepare?: boolean }): Promise<void> =>
  inHouse(options, async (house) => {
    const { rootSecretManagementOf } = await import('../../src/wire.ts');
    const management = rootSecretManagementOf(house, house.actor);
    await (options.prepare ? prepare(management, options) : renew(management, options));
  });

async function prepare(management: RootSecretManagement, options: Options): Promise<void> {
  const file = await prepareRootSecret(management, options);
  const where = file ?? `a new file of ${management.folder}`;
  const words = `the next root secret is in ${where}: copy it to every machine, then run \`mintmark keys renew-secret\``;
  answer(options, { file: file ?? null }, done(options, words));
}

async function renew(management: RootSecretManagement, options: Options): Promise<void> {
  const { number, since, formerUntil, file } = await renewRootSecret(management, options);
  const now = management.clock.now();
  const where = file === undefined ? '' : `; ${file} has to be on every machine by then`;
  const words = `root secret ${number} makes refresh tokens from ${instant(since, now)}${where}
what the former one made is good until ${instant(formerUntil, now)}: every machine keeps its file until then`;
  const value = { number, file: file ?? null, signs_from: since, former_until: formerUntil };
  answer(options, value, done(options, words));
}
