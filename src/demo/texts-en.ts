// What the demo says, in English.

export const demoEn = {
  title: 'Try a sign-in',
  text: 'This page is an app like any other: it knows the issuer by its URL, and signs people in by the authorization code flow with PKCE.',
  account: 'Sign in with the account that the terminal showed when the issuer was started.',
  signIn: 'Sign in',
  failed: 'That did not work:',
  signedIn: (name: string) => `Signed in as ${name}`,
  verified: 'Each token was verified by the key beside it, from the JWKS of the issuer.',
  idToken: 'ID token',
  idTokenText: 'Says to this app who signed in, and how.',
  accessToken: 'Access token',
  accessTokenText: 'What an API is shown. This one is for the issuer itself.',
  userinfoText: 'What the access token shows at the UserInfo endpoint.',
  header: 'Header',
  claims: 'Claims',
  key: 'The key that verified it',
  jwt: 'As it was sent',
  refreshToken: 'Refresh token',
  refreshTokenText: (times: number) =>
    times === 0
      ? 'It can be exchanged for new tokens, and for the next refresh token.'
      : `Exchanged ${times === 1 ? 'once' : `${times} times`}: the tokens below are new, and so is this one.`,
  refresh: 'Refresh',
  signOut: 'Sign out',
};

export type DemoTexts = typeof demoEn;
