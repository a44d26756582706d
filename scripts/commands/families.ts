// mintmark families ...: the sign-ins of an account, each with its refresh tokens.
import type { Command } from 'commander';
import { conditionInWords, endFamily, familyJson, listFamilies } from '../../src/oauth/family-management.ts';
import { answer, instant, table } from '../output.ts';
import { change, done, inHouse, type Options, query } from '../verbs.ts';

export function addFamiliesCommands(families: Command): void {
  query(families, 'list', 'every sign-in of an account that has not expired')
    .requiredOption('--account <E>', 'the e-mail address of the account')
    .action(list);
  change(
    families,
    'revoke <ID>',
    'end one sign-in: its refresh tokens, and its access tokens where asked about',
  ).action(revoke);
}

async function list(options: Options & { account: string }): Promise<void> {
  const { found, now } = await inHouse(options, async (house) => ({
    found: await listFamilies(house, options.account),
    now: house.clock.now(),
  }));
  const rows = found.map((status) => [
    status.family.id,
    status.family.clientId,
    status.family.scope,
    conditionInWords(status),
    instant(status.family.createdAt, now),
    instant(status.head.since, now),
    instant(status.family.expiresAt, now),
  ]);
  const header = ['FAMILY', 'CLIENT', 'SCOPE', 'STATE', 'SIGNED IN', 'LAST USED', 'EXPIRES'];
  const isEmpty = rows.length === 0;
  const words = isEmpty ? `${options.account} is signed in nowhere` : table(header, rows);
  answer(options, found.map(familyJson), words);
}

async function revoke(id: string, options: Options): Promise<void> {
  const family = await inHouse(options, (house) => endFamily(house, id, options));
  const { clientId, sub, revokedAt } = family;
  answer(
    options,
    { id, client_id: clientId, sub, revoked_at: revokedAt },
    done(options, `${id} is revoked: ${sub} is signed out of ${clientId} there, and nowhere else`),
  );
}
