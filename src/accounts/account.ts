// Accounts as an operator cares for them: made, shown, given a password, disabled, signed out. The rules they keep:
// sub is opaque and never used twice, no account speaks for the issuer, and every change leaves its audit entry.
import { assertChanged, assertKnown } from '../change.ts';
import type { Clock } from '../clock.ts';
import { OperatorError } from '../operator-error.ts';
import type { Random } from '../random.ts';
import type { AccountRecord, AuditEntry, Stores } from '../stores/stores.ts';
import { hashPassword } from './password.ts';
import { assertRegistrable } from './registrable.ts';

/** `actor` stands in the audit log. */
export interface AccountManagement {
  readonly stores: Pick<Stores, 'accounts'>;
  readonly clock: Clock;
  readonly random: Random;
  readonly actor: string;
}

export interface NewAccount {
  readonly email: string;
  readonly name?: string | undefined;
  readonly password?: string | undefined;
  /** claims beyond e-mail and name */
  readonly claims?: unknown;
}

/** With `dryRun` everything is checked and nothing changes. */
interface Options {
  readonly dryRun?: boolean | undefined;
}

/** Throws OperatorError: exit 1 for what cannot be registered, exit 4 for an e-mail that is taken. */
export async function createAccount(
  management: AccountManagement,
  { email, name, password, claims = {} }: NewAccount,
  options: Options = {},
): Promise<AccountRecord> {
  assertRegistrable(email, name, claims);
  const now = management.clock.now();
  const account: AccountRecord = {
    sub: management.random.id(),
    email,
    name: name ?? null,
    passwordHash: password === undefined ? null : await hashPassword(password, management.random),
    claims,
    createdAt: now,
    updatedAt: now,
    disabledAt: null,
    tokensValidAfter: null,
  };
  const isTaken = options.dryRun
    ? (await management.stores.accounts.findByEmail(email)) !== undefined
    : (await management.stores.accounts.create(account, entry(management, 'created', account))) === 'exists';
  if (isTaken)
    throw new OperatorError(`there is an account ${email} already: see \`mintmark accounts show\``, 4);
  return account;
}

/** The new password cuts off what the old one opened. */
export async function setPassword(
  management: AccountManagement,
  email: string,
  password: string,
  options: Options = {},
): Promise<AccountRecord> {
  const account = await findAccount(management, email);
  const passwordHash = await hashPassword(password, management.random);
  const at = management.clock.now();
  if (!options.dryRun) {
    const audit = entry(management, 'password_set', account);
    const change = await management.stores.accounts.setPassword(account.sub, passwordHash, at, audit);
    assertKnown(change, unknown(email));
  }
  return { ...account, passwordHash, ...cutOffAt(account, at) };
}

/** Disabling cuts off the account's tokens; enabling leaves the cut-off. Exit 3 where it is so already. */
export async function setAccountDisabled(
  management: AccountManagement,
  email: string,
  disabled: boolean,
  options: Options = {},
): Promise<AccountRecord> {
  const account = await findAccount(management, email);
  const word = disabled ? 'disabled' : 'enabled';
  const words = { unknown: unknown(email), unchanged: `${email} is ${word} already` };
  if ((account.disabledAt !== null) === disabled) assertChanged('unchanged', words);
  const at = management.clock.now();
  const disabledAt = disabled ? at : null;
  if (!options.dryRun) {
    const audit = entry(management, word, account);
    assertChanged(await management.stores.accounts.setDisabled(account.sub, disabledAt, audit), words);
  }
  return { ...account, disabledAt, ...(disabled && cutOffAt(account, at)) };
}

/** Ends every sign-in of the account, and refuses every token that was issued before now. */
export async function signOut(
  management: AccountManagement,
  email: string,
  options: Options = {},
): Promise<AccountRecord> {
  const account = await findAccount(management, email);
  const at = management.clock.now();
  if (!options.dryRun) {
    const change = await management.stores.accounts.cutOff(
      account.sub,
      at,
      entry(management, 'signed_out', account),
    );
    assertKnown(change, unknown(email));
  }
  return { ...account, ...cutOffAt(account, at) };
}

/** Throws OperatorError where there is no such account. */
export async function findAccount(
  { stores }: Pick<AccountManagement, 'stores'>,
  email: string,
): Promise<AccountRecord> {
  const account = await stores.accounts.findByEmail(email);
  if (account) return account;
  throw new OperatorError(unknown(email));
}

/** What programs are shown of an account: never the hash of its password. */
export const accountJson = (account: AccountRecord) => ({
  sub: account.sub,
  email: account.email,
  name: account.name,
  has_password: account.passwordHash !== null,
  claims: account.claims,
  created_at: account.createdAt,
  disabled_at: account.disabledAt,
  tokens_valid_after: account.tokensValidAfter,
});

const unknown = (email: string): string => `there is no account ${email}: see \`mintmark accounts list\``;

/** As the store moves it: forward, always. */
const cutOffAt = ({ tokensValidAfter }: AccountRecord, at: number) => ({
  updatedAt: at,
  tokensValidAfter: Math.max(at, (tokensValidAfter ?? 0) + 0.000001),
});

const entry = ({ clock, actor }: AccountManagement, event: string, { sub }: AccountRecord): AuditEntry => ({
  at: clock.now(),
  event: `account.${event}`,
  actor,
  subject: sub,
});
