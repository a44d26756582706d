// How people show who they are, as the configuration says: password, second factors, and the limits against guessing.
import { type Authenticator, createAuthenticator } from './accounts/authenticate.ts';
import type { SendMail } from './accounts/letters.ts';
import { relyingPartyOf } from './accounts/passkeys.ts';
import { createAccountSecrets } from './keys/account-secrets.ts';
import type { KeyEncryptionKeys } from './keys/key-encryption-keys.ts';
import { folderMailer } from './mail-folder.ts';
import type { AuthorizationServer } from './oauth/authorization-server.ts';
import type { House } from './wire.ts';

type Sources = Pick<House, 'config' | 'stores' | 'clock' | 'random' | 'isTrial'>;
type Parts = Pick<
  AuthorizationServer,
  'accountSecrets' | 'authenticator' | 'factors' | 'relyingParty' | 'letters' | 'sendMail' | 'signUp'
>;

/** `keys`: the key-encryption keys as they are at that moment. */
export const signInPartsOf = (house: Sources, keys: () => KeyEncryptionKeys): Parts => ({
  authenticator: authenticatorOf(house),
  factors: house.stores.factors,
  accountSecrets: createAccountSecrets(keys),
  relyingParty: relyingPartyOf(house.config.issuer, house.config.pages.name),
  letters: house.stores.letters,
  sendMail: mailerOf(house),
  signUp: house.config.sign_up,
});

/** What sends letters; in a trial without a mail server, what writes them into the data folder. */
function mailerOf({ config, clock, isTrial }: Sources): SendMail | undefined {
  const { smtp_url: url, from } = config.mail;
  if (url === undefined || from === undefined)
    return isTrial ? folderMailer(config.data_folder, clock) : undefined;
  const sender = { name: config.pages.name, address: from };
  let mailer: Promise<SendMail> | undefined;
  return async (mail) => {
    // Most starts come and go without a letter.
    mailer ??= import('./smtp.ts').then(({ smtpMailer }) => smtpMailer(url, sender));
    return (await mailer)(mail);
  };
}

/** What tells who signs in by e-mail and password. One a process, with its queue. */
export function authenticatorOf({ config, stores, clock, random }: Omit<Sources, 'isTrial'>): Authenticator {
  const { attempts_per_account, attempts_per_address, window } = config.sign_in;
  return createAuthenticator({
    accounts: stores.accounts,
    attempts: stores.attempts,
    limits: { perAccount: attempts_per_account, perAddress: attempts_per_address, window },
    clock,
    random,
  });
}
