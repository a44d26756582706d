// mintmark accounts ...: end-users.
import type { Command } from 'commander';
import {
  type AccountManagement,
  accountJson,
  createAccount,
  findAccount,
  setAccountDisabled,
  setPassword,
  signOut,
} from '../../src/accounts/account.ts';
import { factorNames, removeSecondFactors } from '../../src/accounts/enrol.ts';
import { type ImportReport, importAccounts } from '../../src/accounts/import.ts';
import { OperatorError } from '../../src/operator-error.ts';
import type { AccountRecord, Stores } from '../../src/stores/stores.ts';
import { dateInWords } from '../../src/words.ts';
import { readDocument, readInput, readSecret } from '../input.ts';
import { answer, note, record, table } from '../output.ts';
import { change, done, dry, inHouse, type Options, query, verb } from '../verbs.ts';

type Creation = Omit<Options, 'json'> & {
  email: string;
  name?: string;
  passwordStdin?: boolean;
  json?: string | true;
};

export function addAccountsCommands(accounts: Command): void {
  dry(verb(accounts, 'create', 'make an account'))
    .requiredOption('--email <E>', 'its e-mail address, by which it signs in')
    .option('--name <N>', 'what it is called')
    .option('--password-stdin', 'read its password from stdin; without it the account has none')
    .option('--json [CLAIMS]', 'answer with one JSON value; with further claims as JSON, or @FILE')
    .action(create);
  query(accounts, 'list', 'every account').action(list);
  query(accounts, 'show <E>', 'one account').action(show);
  change(accounts, 'password <E>', 'set a password; what the old one opened ends')
    .option('--password-stdin', 'read it from stdin')
    .action(password);
  change(accounts, 'import <FILE>', 'take in accounts with the hashes of their passwords (- is stdin)')
    .option('--keep-ids', "the id of a record, or a fixture's pk, is the account's sub")
    .addHelpText('after', importHelp)
    .action(importing);
  const verbs = [
    ['disable <E>', 'refuse it and its tokens from now on', 'is disabled and signed out everywhere', disable],
    ['enable <E>', 'let it sign in again', 'is enabled', enable],
    [
      'remove-second-factor <E>',
      'take all second factors away, for whoever has lost them',
      'has no second factor any more: its password is enough',
      removeSecondFactors,
    ],
    ['sign-out <E>', 'refuse every token that it has', 'is signed out everywhere', signOut],
  ] as const;
  for (const [usage, description, outcome, work] of verbs) {
    change(accounts, usage, description).action(applying(work, outcome));
  }
}

const importHelp = `
FILE is a fixture of Django (manage.py dumpdata auth.user), or has an account a line:
  {"email":"ada@example.com","password":"pbkdf2_sha256$...","name":"Ada","claims":{},"disabled":false,"id":"7"}
A password is a hash of Django (pbkdf2_sha256), an argon2id PHC string, or null. Accounts that are here stay as they are.`;

async function create({ json, ...given }: Creation): Promise<void> {
  const { email, name, passwordStdin } = given;
  if (json === '-' && passwordStdin) {
    throw new OperatorError('stdin gives the password: give the claims as @FILE', 2);
  }
  const options: Options = { ...given, json: json !== undefined };
  const claims = typeof json === 'string' ? await readDocument(json) : undefined;
  const secret = passwordStdin ? await readSecret(`password of ${email}`) : undefined;
  const account = await inHouse(options, (house) =>
    createAccount(house, { email, name, password: secret, claims }, options),
  );
  if (secret === undefined) note(`${email} has no password: set one with \`mintmark accounts password\``);
  answer(options, accountJson(account), done(options, `${email} is account ${account.sub}`));
}

async function list(options: Options): Promise<void> {
  const found = await inHouse(options, async ({ stores }) => {
    const [accounts, all] = await Promise.all([stores.accounts.list(), stores.factors.list()]);
    const factors = new Map(all.map((one) => [one.sub, one.factors]));
    return accounts.map((account) => ({ account, factors: factorNames(factors.get(account.sub)) }));
  });
  const rows = found.map(({ account, factors }) => [
    account.email,
    account.name,
    account.sub,
    account.passwordHash === null ? 'none' : 'set',
    factors.length === 0 ? 'none' : factors.join(', '),
    stateOf(account),
  ]);
  const headings = ['E-MAIL', 'NAME', 'SUB', 'PASSWORD', 'SECOND FACTOR', 'STATE'];
  answer(options, found.map(withFactors), table(headings, rows));
}

async function show(email: string, options: Options): Promise<void> {
  const found = await inHouse(options, async (house) => {
    const account = await findAccount(house, email);
    return { account, factors: factorNames(await house.stores.factors.find(account.sub)) };
  });
  answer(options, withFactors(found), record({ state: stateOf(found.account), ...withFactors(found) }));
}

interface Shown {
  readonly account: AccountRecord;
  readonly factors: readonly string[];
}

const withFactors = ({ account, factors }: Shown) => ({ ...accountJson(account), second_factors: factors });

const stateOf = ({ disabledAt }: AccountRecord): string =>
  disabledAt === null ? 'enabled' : `disabled ${dateInWords(disabledAt)}`;

async function password(email: string, options: Options & { passwordStdin?: boolean }): Promise<void> {
  if (!options.passwordStdin && !process.stdin.isTTY) {
    throw new OperatorError('the password is missing: give --password-stdin, and the password on stdin', 2);
  }
  const secret = await readSecret(`new password of ${email}`);
  const work: Work = (house, who, flags) => setPassword(house, who, secret, flags);
  await applying(work, 'has a new password, and is signed out everywhere')(email, options);
}

type Management = AccountManagement & { readonly stores: Pick<Stores, 'accounts' | 'factors'> };
type Work = (management: Management, email: string, options: Options) => Promise<AccountRecord>;

const disable: Work = (house, email, options) => setAccountDisabled(house, email, true, options);
const enable: Work = (house, email, options) => setAccountDisabled(house, email, false, options);

function applying(work: Work, outcome: string) {
  return async (email: string, options: Options): Promise<void> => {
    const account = await inHouse(options, (house) => work(house, email, options));
    answer(options, accountJson(account), done(options, `${email} ${outcome}`));
  };
}

async function importing(file: string, options: Options & { keepIds?: boolean }): Promise<void> {
  const text = await readInput(file);
  const report = await inHouse(options, (house) => importAccounts(house, { text, ...options }));
  const { imported, existing, refused } = report;
  const source = file === '-' ? 'stdin' : file;
  if (imported + existing + refused.length === 0) {
    throw new OperatorError(`nothing to do: there are no accounts in ${source}`, 3);
  }
  if (imported + refused.length === 0) {
    throw new OperatorError(`nothing to do: every account of ${source} is here already`, 3);
  }
  if (!options.json) for (const { where, reason } of refused) note(`${where}: ${reason}`);
  answer(options, report, done(options, inWords(report)));
  if (refused.length > 0) {
    throw new OperatorError(
      `${refused.length} in ${source} cannot be taken: mend them and import it again, which passes over those that are here`,
    );
  }
}

const inWords = ({ imported, existing, refused }: ImportReport): string =>
  `imported ${imported}, passed over ${existing} that are here already, refused ${refused.length}`;
