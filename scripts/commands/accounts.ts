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
import { OperatorError } from '../../src/operator-error.ts';
import type { AccountRecord } from '../../src/stores/stores.ts';
import { dateInWords } from '../../src/words.ts';
import { readDocument, readSecret } from '../input.ts';
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
  const verbs = [
    ['disable <E>', 'refuse it and its tokens from now on', 'is disabled and signed out everywhere', disable],
    ['enable <E>', 'let it sign in again', 'is enabled', enable],
    ['sign-out <E>', 'refuse every token that it has', 'is signed out everywhere', signOut],
  ] as const;
  for (const [usage, description, outcome, work] of verbs) {
    change(accounts, usage, description).action(applying(work, outcome));
  }
}

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
  const found = await inHouse(options, ({ stores }) => stores.accounts.list());
  const rows = found.map((account) => [
    account.email,
    account.name,
    account.sub,
    account.passwordHash === null ? 'none' : 'set',
    stateOf(account),
  ]);
  answer(options, found.map(accountJson), table(['E-MAIL', 'NAME', 'SUB', 'PASSWORD', 'STATE'], rows));
}

async function show(email: string, options: Options): Promise<void> {
  const account = await inHouse(options, (house) => findAccount(house, email));
  answer(options, accountJson(account), record({ state: stateOf(account), ...accountJson(account) }));
}

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

type Work = (management: AccountManagement, email: string, options: Options) => Promise<AccountRecord>;

const disable: Work = (house, email, options) => setAccountDisabled(house, email, true, options);
const enable: Work = (house, email, options) => setAccountDisabled(house, email, false, options);

function applying(work: Work, outcome: string) {
  return async (email: string, options: Options): Promise<void> => {
    const account = await inHouse(options, (house) => work(house, email, options));
    answer(options, accountJson(account), done(options, `${email} ${outcome}`));
  };
}
