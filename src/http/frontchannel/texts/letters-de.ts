// What the pages of letters say, in German.
import type { lettersEn } from './letters-en.ts';

const email = 'E-Mail';

export const lettersDe: typeof lettersEn = {
  letters: {
    signUp: {
      title: 'Konto anlegen',
      text: 'Wir schicken Ihnen eine E-Mail mit einem Link, mit dem es weitergeht.',
      email,
      submit: 'Link schicken',
    },
    newPassword: {
      title: 'Neues Passwort wählen',
      text: 'Wir schicken eine E-Mail mit einem Link an die Adresse Ihres Kontos.',
      email,
      submit: 'Link schicken',
    },
    sent: {
      title: 'Sehen Sie in Ihr Postfach',
      text: 'Wenn es mit einem Link weitergeht, ist er auf dem Weg an die angegebene Adresse. Er gilt 15 Minuten.',
      nothing:
        'Nichts angekommen? Sehen Sie im Spam nach, oder prüfen Sie die Adresse und versuchen Sie es noch einmal.',
    },
  },
  tickets: {
    password: { password: 'Passwort', repeatedPassword: 'Passwort noch einmal' },
    signUp: {
      title: 'Ihr Konto anlegen',
      text: 'Wählen Sie ein Passwort, dann wird Ihr Konto angelegt.',
      submit: 'Konto anlegen',
    },
    newPassword: {
      title: 'Neues Passwort wählen',
      text: 'Es meldet Sie überall ab und nimmt allen Apps den Zugriff.',
      submit: 'Passwort ändern',
    },
    verifyEmail: {
      title: 'Adresse bestätigen',
      text: 'Ist das die Adresse Ihres Kontos?',
      submit: 'Ja, das ist meine',
    },
  },
};
