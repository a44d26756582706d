// What letters say. One text for each kind and language; a language that has none is answered in English.

/** `issuer`: as people know it. */
type Words = (facts: { readonly issuer: string; readonly link: string }) => {
  readonly subject: string;
  readonly text: readonly string[];
};

export type LetterText = 'signUp' | 'alreadySignedUp' | 'newPassword' | 'verifyEmail' | 'passwordChanged';

const en: Readonly<Record<LetterText, Words>> = {
  signUp: ({ issuer, link }) => ({
    subject: `Your account at ${issuer}`,
    text: [
      `Somebody, probably you, asked for an account at ${issuer} with this address.`,
      'To make it, open this link within 15 minutes and choose a password:',
      link,
      'If it was not you, you need not do anything: no account is made.',
    ],
  }),
  alreadySignedUp: ({ issuer, link }) => ({
    subject: `Your account at ${issuer}`,
    text: [
      `Somebody, probably you, asked for an account at ${issuer} with this address, and you have one already. Sign in with it.`,
      'If you have forgotten your password, open this link within 15 minutes to choose a new one:',
      link,
      'If it was not you, you need not do anything: nothing was changed.',
    ],
  }),
  newPassword: ({ issuer, link }) => ({
    subject: `A new password for ${issuer}`,
    text: [
      `Somebody, probably you, asked for a new password for your account at ${issuer}.`,
      'To choose it, open this link within 15 minutes:',
      link,
      'If it was not you, you need not do anything: your password stays as it is.',
    ],
  }),
  verifyEmail: ({ issuer, link }) => ({
    subject: `Is this your address at ${issuer}?`,
    text: [
      `To confirm that this is the address of your account at ${issuer}, open this link within 15 minutes:`,
      link,
      'If you have no account there, you need not do anything.',
    ],
  }),
  passwordChanged: ({ issuer, link }) => ({
    subject: `Your password at ${issuer} was changed`,
    text: [
      `The password of your account at ${issuer} was changed by a link that was sent to this address, and you are signed out everywhere.`,
      'If it was not you, somebody reads your mail: make it safe, and then choose another password here:',
      link,
    ],
  }),
};

const de: typeof en = {
  signUp: ({ issuer, link }) => ({
    subject: `Ihr Konto bei ${issuer}`,
    text: [
      `Jemand, vermutlich Sie, möchte mit dieser Adresse ein Konto bei ${issuer}.`,
      'Öffnen Sie innerhalb von 15 Minuten diesen Link und wählen Sie ein Passwort, um es anzulegen:',
      link,
      'Wenn Sie das nicht waren, brauchen Sie nichts zu tun: Es wird kein Konto angelegt.',
    ],
  }),
  alreadySignedUp: ({ issuer, link }) => ({
    subject: `Ihr Konto bei ${issuer}`,
    text: [
      `Jemand, vermutlich Sie, möchte mit dieser Adresse ein Konto bei ${issuer}, und Sie haben schon eines. Melden Sie sich damit an.`,
      'Wenn Sie Ihr Passwort vergessen haben, öffnen Sie innerhalb von 15 Minuten diesen Link, um ein neues zu wählen:',
      link,
      'Wenn Sie das nicht waren, brauchen Sie nichts zu tun: Es wurde nichts geändert.',
    ],
  }),
  newPassword: ({ issuer, link }) => ({
    subject: `Ein neues Passwort für ${issuer}`,
    text: [
      `Jemand, vermutlich Sie, möchte ein neues Passwort für Ihr Konto bei ${issuer}.`,
      'Öffnen Sie innerhalb von 15 Minuten diesen Link, um es zu wählen:',
      link,
      'Wenn Sie das nicht waren, brauchen Sie nichts zu tun: Ihr Passwort bleibt, wie es ist.',
    ],
  }),
  verifyEmail: ({ issuer, link }) => ({
    subject: `Ist das Ihre Adresse bei ${issuer}?`,
    text: [
      `Öffnen Sie innerhalb von 15 Minuten diesen Link, um zu bestätigen, dass dies die Adresse Ihres Kontos bei ${issuer} ist:`,
      link,
      'Wenn Sie dort kein Konto haben, brauchen Sie nichts zu tun.',
    ],
  }),
  passwordChanged: ({ issuer, link }) => ({
    subject: `Ihr Passwort bei ${issuer} wurde geändert`,
    text: [
      `Das Passwort Ihres Kontos bei ${issuer} wurde mit einem Link geändert, der an diese Adresse ging, und Sie sind überall abgemeldet.`,
      'Wenn Sie das nicht waren, liest jemand Ihre Post: Sichern Sie Ihr Postfach und wählen Sie dann hier ein anderes Passwort:',
      link,
    ],
  }),
};

/** `language` as pages name it. */
export const letterWords = (language: string, text: LetterText): Words => (language === 'de' ? de : en)[text];
