// Accounts that come from elsewhere, with the hashes of their passwords, so that nobody has to choose a new one. The
// rules it keeps: one that cannot be taken is told with its reason and takes no other with it; one that is here stays as
// it is, so that a file may be imported again; and no password or hash stands in a reason.
import { OperatorError } from '../operator-error.ts';
import { foldedEmail } from '../stores/folded-email.ts';
import type { AccountRecord } from '../stores/stores.ts';
import type { AccountManagement } from './account.ts';
import { isEmail } from './email.ts';
import { type FoundAccount, readAccountFile } from './import-file.ts';
import { iterationsLimit, readPasswordHash } from './password-hash.ts';
import { assertRegistrable } from './registrable.ts';

export interface ImportRequest {
  /** JSON lines, or a fixture of Django */
  readonly text: string;
  /** `sub` is the id of the record, and not a new one */
  readonly keepIds?: boolean | undefined;
  /** check everything and change nothing */
  readonly dryRun?: boolean | undefined;
}

export interface ImportReport {
  readonly imported: number;
  /** passed over, since there is an account with that e-mail */
  readonly existing: number;
  readonly refused: readonly { readonly where: string; readonly reason: string }[];
}

/** Throws OperatorError where nothing of the file can be read. */
export async function importAccounts(
  management: AccountManagement,
  request: ImportRequest,
): Promise<ImportReport> {
  const takenBy = new Map<string, string>();
  const refused: { where: string; reason: string }[] = [];
  const outcomes = { imported: 0, existing: 0 };
  for (const found of readAccountFile(request.text)) {
    const { where } = found;
    try {
      if ('problem' in found) throw new OperatorError(found.problem);
      const account = accountOf(management, found.account, request);
      assertAlone(takenBy, account, where);
      outcomes[await register(management, account, request)] += 1;
    } catch (error) {
      if (!(error instanceof OperatorError)) throw error;
      refused.push({ where, reason: error.message });
    }
  }
  return { ...outcomes, refused };
}

/** The account that is to be. Throws OperatorError where there cannot be such a one. */
function accountOf(
  { clock, random }: AccountManagement,
  { id, email, password, name, claims, disabled }: FoundAccount,
  { keepIds }: ImportRequest,
): AccountRecord {
  if (typeof email !== 'string' || !isEmail(email)) throw new OperatorError('its email is no e-mail address');
  const called = nameOf(name);
  const ownClaims = claims ?? {};
  assertRegistrable(email, called ?? undefined, ownClaims);
  if (![undefined, null, true, false].includes(disabled as boolean)) {
    throw new OperatorError('disabled should be true or false');
  }
  const now = clock.now();
  return {
    sub: keepIds ? subOf(id) : random.id(),
    email,
    name: called,
    passwordHash: passwordHashOf(password),
    claims: ownClaims,
    createdAt: now,
    updatedAt: now,
    disabledAt: disabled === true ? now : null,
    tokensValidAfter: null,
  };
}

function nameOf(name: unknown): string | null {
  if (name === undefined || name === null) return null;
  if (typeof name !== 'string') throw new OperatorError('its name should be a string');
  return name.trim() || null;
}

/** OpenID Connect Core 2: ASCII, 255 characters at most. */
function subOf(id: unknown): string {
  const sub = typeof id === 'string' || Number.isSafeInteger(id) ? String(id) : '';
  if (/^[\x21-\x7e]{1,255}$/.test(sub)) return sub;
  throw new OperatorError('it has no id that could be kept: a number, or 1 to 255 characters of ASCII');
}

function passwordHashOf(password: unknown): string | null {
  if (password === null) return null;
  if (typeof password !== 'string')
    throw new OperatorError('its password should be a hash, or null for none');
  // As Django marks an account that has no password, or may not use it.
  if (password === '' || password.startsWith('!')) return null;
  // Django puts its own name for it before a PHC string.
  const hash = password.replace(/^argon2(?=\$)/, '');
  if (readPasswordHash(hash)) return hash;
  throw new OperatorError(
    `its password is no hash that can be verified here, pbkdf2_sha256 of at most ${iterationsLimit} iterations or argon2id: give null, and let it have a new one`,
  );
}

/** Throws OperatorError where the file has had the e-mail or the id before: only one of the two could be right. */
function assertAlone(takenBy: Map<string, string>, { email, sub }: AccountRecord, where: string): void {
  const names = { 'e-mail': `email ${foldedEmail(email)}`, id: `sub ${sub}` };
  for (const [what, name] of Object.entries(names)) {
    const other = takenBy.get(name);
    if (other !== undefined) throw new OperatorError(`${other} has the same ${what}`);
  }
  for (const name of Object.values(names)) takenBy.set(name, where);
}

/** Throws OperatorError where the id belongs to another account. */
async function register(
  { stores, clock, actor }: AccountManagement,
  account: AccountRecord,
  { dryRun }: ImportRequest,
): Promise<'imported' | 'existing'> {
  const { sub, email } = account;
  const audit = { at: clock.now(), event: 'account.imported', actor, subject: sub };
  if (!dryRun && (await stores.accounts.create(account, audit)) === 'created') return 'imported';
  if (await stores.accounts.findByEmail(email)) return 'existing';
  if (!dryRun || (await stores.accounts.findBySub(sub))) {
    throw new OperatorError(`the id ${sub} belongs to another account`);
  }
  return 'imported';
}
