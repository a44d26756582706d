// Accounts that people make themselves. The rules they keep: whoever makes one has shown that its address is theirs, and
// an account that is there already stays as it is.
import type { AccountRecord } from '../stores/stores.ts';
import type { AuthorizationServer } from './authorization-server.ts';

type Parts = Pick<AuthorizationServer, 'accounts' | 'clock' | 'random'>;

/** Makes the account; undefined where there is one of this address. Throws StoreUnavailableError. */
export async function makeOwnAccount(
  { accounts, clock, random }: Parts,
  { email, passwordHash }: Pick<AccountRecord, 'email' | 'passwordHash'>,
): Promise<AccountRecord | undefined> {
  const at = clock.now();
  const account: AccountRecord = {
    sub: random.id(),
    email,
    name: null,
    passwordHash,
    claims: { email_verified: true },
    createdAt: at,
    updatedAt: at,
    disabledAt: null,
    tokensValidAfter: null,
  };
  const { sub } = account;
  const audit = { at, event: 'account.created', actor: `account:${sub}`, subject: sub };
  return (await accounts.create(account, audit)) === 'created' ? account : undefined;
}
