// What the pages say, in German.
import type { Texts } from './en.ts';

export const de: Texts = {
  language: 'de',
  signIn: {
    title: 'Anmelden',
    to: (app) => `um mit ${app} fortzufahren`,
    email: 'E-Mail',
    password: 'Passwort',
    submit: 'Anmelden',
    again: 'Bitte melden Sie sich noch einmal an, um zu bestätigen, dass Sie es sind.',
    problems: {
      wrong: 'Die E-Mail oder das Passwort stimmt nicht.',
      incomplete: 'Bitte geben Sie Ihre E-Mail und Ihr Passwort ein.',
      other_account:
        'Die App verlangt ein anderes Konto. Bitte melden Sie sich mit dem an, das Sie dort bisher verwendet haben.',
      throttled: (minutes) =>
        `Zu viele Versuche. Bitte versuchen Sie es in ${minutes === 1 ? 'einer Minute' : `${minutes} Minuten`} noch einmal.`,
    },
  },
  chooseAccount: {
    title: 'Konto wählen',
    to: (app) => `um mit ${app} fortzufahren`,
    goOn: (account) => `Weiter als ${account}`,
    another: 'Anderes Konto verwenden',
  },
  consent: {
    title: (app) => `${app} zulassen?`,
    app: (host) => `Die App ist unter ${host} zu finden`,
    onDevice: (name) => `Die App ist auf diesem Gerät (${name})`,
    signedInAs: 'Angemeldet als',
    another: 'Nicht Sie? Anderes Konto verwenden',
    personal: 'Sie möchte wissen',
    resources: 'Sie möchte für Sie handeln bei',
    more: 'Außerdem verlangt sie',
    allow: 'Zulassen',
    refuse: 'Nicht zulassen',
    scopes: {
      openid: 'dass Sie es sind, an einer Kennung, die gleich bleibt',
      profile: 'Ihren Namen und Ihr übriges Profil',
      email: 'Ihre E-Mail-Adresse',
      address: 'Ihre Postanschrift',
      phone: 'Ihre Telefonnummer',
      offline_access: 'auch Zugriff, während Sie nicht da sind, bis Sie ihn zurücknehmen',
    },
    claims: {
      name: 'Ihren Namen',
      given_name: 'Ihren Vornamen',
      family_name: 'Ihren Familiennamen',
      middle_name: 'Ihren zweiten Vornamen',
      nickname: 'Ihren Spitznamen',
      preferred_username: 'Ihren Benutzernamen',
      profile: 'die Adresse Ihrer Profilseite',
      picture: 'Ihr Bild',
      website: 'Ihre Website',
      gender: 'Ihr Geschlecht',
      birthdate: 'Ihr Geburtsdatum',
      zoneinfo: 'Ihre Zeitzone',
      locale: 'Ihre Sprache',
      updated_at: 'wann Ihr Profil zuletzt geändert wurde',
      email: 'Ihre E-Mail-Adresse',
      email_verified: 'ob Ihre E-Mail-Adresse bestätigt wurde',
      address: 'Ihre Postanschrift',
      phone_number: 'Ihre Telefonnummer',
      phone_number_verified: 'ob Ihre Telefonnummer bestätigt wurde',
    },
    otherClaim: (claim) => `was über Sie als „${claim}“ gespeichert ist`,
  },
  over: {
    title: 'Diese Anmeldung ist abgeschlossen',
    text: 'Sie wurde schon beantwortet. Um sich noch einmal anzumelden, beginnen Sie bitte in der App.',
    back: (app) => `Zu ${app}`,
  },
  logout: {
    title: 'Abmelden?',
    signedInAs: 'Sie sind angemeldet als',
    leaving: (app) => `Sie verlassen ${app}. Möchten Sie sich auch hier abmelden?`,
    submit: 'Abmelden',
    stay: 'Wenn Sie angemeldet bleiben möchten, schließen Sie dieses Fenster.',
  },
  signedOut: {
    title: 'Sie sind abgemeldet',
    text: 'Sie können dieses Fenster schließen.',
  },
  formPost: {
    title: (app) => `Zurück zu ${app}`,
    text: 'Wenn nichts geschieht, drücken Sie bitte den Knopf.',
    submit: 'Weiter',
  },
  errors: {
    title: 'Das hat nicht geklappt',
    request:
      'Die App, die Sie hierher geschickt hat, hat einen Fehler gemacht. Deshalb können Sie sich dort gerade nicht anmelden. Bitte sagen Sie es denen, die sie betreiben.',
    logout:
      'Die App, die Sie hierher geschickt hat, hat einen Fehler gemacht. Es wurde niemand abgemeldet. Bitte sagen Sie es denen, die sie betreiben.',
    interaction_unknown:
      'Diese Anmeldung hat zu lange gedauert, oder ihre Adresse stimmt nicht. Bitte gehen Sie zurück zur App und beginnen Sie von vorn.',
    interaction_of_another_browser:
      'Diese Anmeldung wurde in einem anderen Browser begonnen, oder dieser behält keine Cookies. Bitte gehen Sie zurück zur App und beginnen Sie von vorn.',
    csrf_token_wrong:
      'Dieses Formular gehört nicht oder nicht mehr zu diesem Browser. Es wurde nichts geändert. Bitte gehen Sie zurück und beginnen Sie von vorn.',
    wrong_host: (host) =>
      `Dieser Dienst heißt ${host}. Melden Sie sich dort an, damit Ihr Browser ihn wiedererkennt.`,
    not_found: 'Diese Seite gibt es nicht.',
    temporary: 'Wir können gerade nicht antworten. Bitte versuchen Sie es gleich noch einmal.',
    fault: 'Bei uns ist etwas schiefgegangen. Es wurde festgehalten.',
    goOn: 'Weiter',
    tryAgain: 'Noch einmal versuchen',
    details: 'Für die Betreiber der App',
    reference: 'Kennung',
  },
};
