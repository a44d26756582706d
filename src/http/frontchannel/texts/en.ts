// What the pages say, in English. Every language has a file like this one, and of the same type.

export const en = {
  language: 'en',
  signIn: {
    title: 'Sign in',
    to: (app: string) => `to go on to ${app}`,
    email: 'Email',
    password: 'Password',
    submit: 'Sign in',
    again: 'Please sign in again to confirm that it is you.',
    problems: {
      wrong: 'The email or the password is not right.',
      incomplete: 'Please enter your email and your password.',
      other_account:
        'The app asks for another account. Please sign in with the one that you used there before.',
      throttled: (minutes: number) =>
        `Too many attempts. Please try again in ${minutes === 1 ? 'a minute' : `${minutes} minutes`}.`,
    },
  },
  chooseAccount: {
    title: 'Choose an account',
    to: (app: string) => `to go on to ${app}`,
    goOn: (account: string) => `Continue as ${account}`,
    another: 'Use another account',
  },
  consent: {
    title: (app: string) => `Allow ${app}?`,
    app: (host: string) => `The app is at ${host}`,
    onDevice: (name: string) => `The app is on this device (${name})`,
    signedInAs: 'Signed in as',
    another: 'Not you? Use another account',
    personal: 'It wants to know',
    resources: 'It wants to act for you at',
    more: 'It also asks for',
    allow: 'Allow',
    refuse: 'Do not allow',
    scopes: {
      openid: 'that it is you, by an identifier that stays the same',
      profile: 'your name and the rest of your profile',
      email: 'your email address',
      address: 'your postal address',
      phone: 'your phone number',
      offline_access: 'to keep its access while you are away, until you take it back',
    },
    claims: {
      name: 'your name',
      given_name: 'your given name',
      family_name: 'your family name',
      middle_name: 'your middle name',
      nickname: 'your nickname',
      preferred_username: 'your user name',
      profile: 'the address of your profile page',
      picture: 'your picture',
      website: 'your website',
      gender: 'your gender',
      birthdate: 'your date of birth',
      zoneinfo: 'your time zone',
      locale: 'your language',
      updated_at: 'when your profile was last changed',
      email: 'your email address',
      email_verified: 'whether your email address was verified',
      address: 'your postal address',
      phone_number: 'your phone number',
      phone_number_verified: 'whether your phone number was verified',
    },
    otherClaim: (claim: string) => `what is on record for you as “${claim}”`,
  },
  over: {
    title: 'This sign-in is finished',
    text: 'It was answered already. To sign in again, start at the app.',
    back: (app: string) => `Go to ${app}`,
  },
  logout: {
    title: 'Sign out?',
    signedInAs: 'You are signed in as',
    leaving: (app: string) => `You are leaving ${app}. Do you want to sign out here, too?`,
    submit: 'Sign out',
    stay: 'If you want to stay signed in, close this window.',
  },
  signedOut: {
    title: 'You are signed out',
    text: 'You can close this window.',
  },
  formPost: {
    title: (app: string) => `Back to ${app}`,
    text: 'If nothing happens, please press the button.',
    submit: 'Continue',
  },
  errors: {
    title: 'This did not work',
    request:
      'The app that sent you here made a mistake, so you cannot sign in to it now. Please tell those who run it.',
    logout:
      'The app that sent you here made a mistake, and nobody was signed out. Please tell those who run it.',
    interaction_unknown:
      'This sign-in took too long, or its address is not right. Please go back to the app and start again.',
    interaction_of_another_browser:
      'This sign-in was begun in another browser, or this one does not keep cookies. Please go back to the app and start again.',
    csrf_token_wrong:
      'This form is not, or no longer, one that this browser was given. Nothing was changed. Please go back and start again.',
    wrong_host: (host: string) =>
      `This service is called ${host}. Sign in there, so that your browser knows it again.`,
    not_found: 'There is no such page.',
    temporary: 'We cannot answer now. Please try again in a moment.',
    fault: 'Something went wrong on our side. It has been noted.',
    goOn: 'Continue',
    tryAgain: 'Try again',
    details: 'For those who run the app',
    reference: 'Reference',
  },
};

/** Every text of every page. */
export type Texts = typeof en;
