// How people show who they are, as the configuration says: password, second factors, and the limits against guessing.
import { type Authenticator, createAuthenticator } from './accounts/authenticate.ts';
import { relyingPartyOf } from './accounts/passkeys.ts';
import { createAccountSecrets } from './keys/account-secrets.ts';
import type { KeyEncryptionKeys } from './keys/key-encryption-keys.ts';
import type { AuthorizationServer } from './oauth/authorization-server.ts';
import type { House } from './wire.ts';

type Sources = Pick<House, 'config' | 'stores' | 'clock' | 'random'>;
type Parts = Pick<AuthorizationServer, 'accountSecrets' | 'authenticator' | 'factors' | 'relyingParty'>;

/** `keys`: the key-encryption keys as they are at that moment. */
export const signInPartsOf = (house: Sources, keys: () => KeyEncryptionKeys): Parts => ({
  authenticator: authenticatorOf(house),
  factors: house.stores.factors,
  accountSecrets: createAccountSecrets(keys),
  relyingParty: relyingPartyOf(house.config.issuer, house.config.pages.name),
});

/** What tells who signs in by e-mail and password. One a process, with its queue. */
export function authenticatorOf({ config, stores, clock, random }: Sources): Authenticator {
  const { attempts_per_account, attempts_per_address, window } = config.sign_in;
  return createAuthenticator({
    accounts: stores.accounts,
    attempts: stores.attempts,
    limits: { perAccount: attempts_per_account, perAddress: attempts_per_address, window },
    clock,
    random,
  });
}
