// What the demo says, in German.
import type { DemoTexts } from './texts-en.ts';

export const demoDe: DemoTexts = {
  title: 'Eine Anmeldung ausprobieren',
  text: 'Diese Seite ist eine App wie jede andere: Sie kennt vom Aussteller nur die URL und meldet Menschen über den Authorization Code Flow mit PKCE an.',
  account: 'Melden Sie sich mit dem Konto an, das beim Start des Ausstellers im Terminal stand.',
  signIn: 'Anmelden',
  failed: 'Das hat nicht geklappt:',
  signedIn: (name) => `Angemeldet als ${name}`,
  verified:
    'Jedes Token wurde mit dem Schlüssel geprüft, der dabeisteht; er ist aus dem JWKS des Ausstellers.',
  idToken: 'ID-Token',
  idTokenText: 'Sagt dieser App, wer sich angemeldet hat, und wie.',
  accessToken: 'Access-Token',
  accessTokenText: 'Das bekommt eine API zu sehen. Dieses ist für den Aussteller selbst.',
  userinfoText: 'Das zeigt der UserInfo-Endpunkt, wenn er das Access-Token bekommt.',
  header: 'Kopf',
  claims: 'Angaben',
  key: 'Der Schlüssel, der es geprüft hat',
  jwt: 'Wie es gesendet wurde',
  refreshToken: 'Refresh-Token',
  refreshTokenText: (times) =>
    times === 0
      ? 'Es lässt sich gegen neue Token eintauschen, und gegen das nächste Refresh-Token.'
      : `${times === 1 ? 'Einmal' : `${times}-mal`} eingetauscht: Die Token darunter sind neu, und dieses auch.`,
  refresh: 'Erneuern',
  signOut: 'Abmelden',
};
