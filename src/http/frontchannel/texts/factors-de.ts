// What the pages of second factors say, in German.
import type { factorsEn } from './factors-en.ts';

export const factorsDe: typeof factorsEn = {
  passkey: {
    passkeySignIn: 'Mit einem Passkey anmelden',
    passkeyFailed:
      'Es wurde kein Passkey verwendet. Bitte versuchen Sie es noch einmal, oder melden Sie sich anders an.',
  },
  secondFactor: {
    title: 'Noch ein Schritt',
    to: (app) => `um mit ${app} fortzufahren`,
    text: 'Dieses Konto ist durch einen zweiten Faktor geschützt.',
    usePasskey: 'Passkey verwenden',
    passkeyNeedsScript:
      'Ihr Passkey lässt sich in diesem Browser ohne Skripte nicht verwenden. Ein Wiederherstellungscode geht auch ohne sie.',
    code: 'Code aus Ihrer App',
    codeHint: 'Sechs Ziffern, aus der App, die Sie mit diesem Konto eingerichtet haben.',
    submit: 'Weiter',
    useRecoveryCode: 'Stattdessen einen Wiederherstellungscode verwenden',
    recoveryCode: 'Wiederherstellungscode',
    as: 'Anmeldung als',
    startOver: 'Nicht Sie? Von vorn beginnen',
    giveUp: (app) => `Ohne ihn zurück zu ${app}`,
  },
  enrol: {
    title: 'Ein zweiter Faktor wird gebraucht',
    text: (app) =>
      `${app} verlangt mehr als ein Passwort, und Ihr Konto hat noch keinen zweiten Faktor. Sie können jetzt einen einrichten: eine App, die Codes erzeugt, oder einen Passkey.`,
    setUp: 'In Ihrem Konto einrichten (öffnet einen neuen Tab)',
    comeBack: 'Kommen Sie danach hierher zurück.',
    goOn: 'Ist eingerichtet: weiter',
    giveUp: (app) => `Ohne ihn zurück zu ${app}`,
  },
  factors: {
    title: 'Zweiter Faktor',
    on: 'Wer Ihr Passwort kennt, kann sich ohne ihn nicht anmelden.',
    off: 'Ihr Passwort allein meldet Sie an. Mit einem zweiten Faktor nützt es niemandem, der es erfährt.',
    again: 'Um hier etwas zu ändern, melden Sie sich bitte noch einmal an.',
    signInAgain: 'Noch einmal anmelden',
    totp: 'App, die Codes erzeugt',
    totpOff: 'Nicht eingerichtet',
    totpSince: (day) => `Eingerichtet am ${day}`,
    setUp: 'Einrichten',
    remove: 'Entfernen',
    passkey: (name) => `Passkey „${name}“`,
    passkeySince: (day) => `Hinzugefügt am ${day}`,
    passkeyUsed: (ago) => `Zuletzt verwendet: ${ago}`,
    passkeyUnused: 'Noch nicht verwendet',
    addPasskey: 'Passkey hinzufügen',
    recovery: 'Wiederherstellungscodes',
    left: (count) =>
      count === 0
        ? 'Keiner ist übrig. Bitte erzeugen Sie neue.'
        : `${count === 1 ? 'Einer ist' : `${count} sind`} übrig, falls Sie alles andere verloren haben.`,
    renew: 'Neue erzeugen',
    done: {
      totp_removed: 'Nach Codes der App wird nicht mehr gefragt.',
      passkey_added: 'Der Passkey ist eingerichtet.',
      passkey_removed: 'Der Passkey ist entfernt.',
      totp_added: 'Die App ist eingerichtet.',
    },
    problems: {
      not_recent: 'Es wurde nichts geändert: Bitte melden Sie sich zuerst noch einmal an.',
      passkey_not_added: 'Der Passkey wurde nicht hinzugefügt. Bitte versuchen Sie es noch einmal.',
    },
  },
  totpSetUp: {
    title: 'Eine App einrichten, die Codes erzeugt',
    scan: 'Lesen Sie dies mit der App auf Ihrem Telefon ein, oder mit Ihrem Passwortmanager.',
    qr: 'QR-Code mit dem Schlüssel, der darunter steht',
    type: 'Oder geben Sie diesen Schlüssel in die App ein:',
    code: 'Code, den die App jetzt zeigt',
    submit: 'Einschalten',
    wrong: 'Der Code stimmt nicht. Bitte geben Sie den ein, den die App jetzt zeigt.',
    back: 'Zurück zu Ihrem Konto',
  },
  passkeySetUp: {
    title: 'Passkey hinzufügen',
    text: 'Einen Passkey bewahrt Ihr Gerät, Ihr Passwortmanager oder ein Sicherheitsschlüssel auf. Sie verwenden ihn mit Finger, Gesicht oder PIN, und er meldet Sie ohne das Passwort an.',
    needsScript: 'Das braucht einen Browser, der Passkeys kennt und Skripte zulässt.',
    name: 'Name',
    nameHint: 'Damit Sie ihn von anderen unterscheiden.',
    submit: 'Passkey hinzufügen',
    failed: 'Es wurde kein Passkey erzeugt. Bitte versuchen Sie es noch einmal.',
    back: 'Zurück zu Ihrem Konto',
  },
  recoveryCodes: {
    title: 'Ihre Wiederherstellungscodes',
    text: 'Bewahren Sie diese so auf, dass Sie sie ohne Ihr Telefon finden, etwa auf Papier. Jeder meldet Sie mit Ihrem Passwort einmal an, wenn Sie alles andere verloren haben.',
    once: 'Sie werden nur dieses eine Mal gezeigt. Frühere Codes gelten nicht mehr.',
    done: 'Ich habe sie aufbewahrt',
  },
};
