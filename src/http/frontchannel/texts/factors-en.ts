// What the pages of second factors say, in English.

export const factorsEn = {
  passkey: {
    passkeySignIn: 'Sign in with a passkey',
    passkeyFailed: 'No passkey was used. Please try again, or sign in another way.',
  },
  secondFactor: {
    title: 'One more step',
    to: (app: string) => `to go on to ${app}`,
    text: 'This account is protected by a second factor.',
    usePasskey: 'Use a passkey',
    passkeyNeedsScript:
      'Your passkey cannot be used in this browser without scripts. A recovery code works without them.',
    code: 'Code from your app',
    codeHint: 'Six digits, from the app that you set up with this account.',
    submit: 'Continue',
    useRecoveryCode: 'Use a recovery code instead',
    recoveryCode: 'Recovery code',
    as: 'Signing in as',
    startOver: 'Not you? Start again',
    giveUp: (app: string) => `Go back to ${app} without it`,
  },
  enrol: {
    title: 'A second factor is needed',
    text: (app: string) =>
      `${app} asks for more than a password, and your account has no second factor yet. You can set one up now: an app that makes codes, or a passkey.`,
    setUp: 'Set it up in your account (opens a new tab)',
    comeBack: 'When it is done, come back here.',
    goOn: 'I have set it up: continue',
    giveUp: (app: string) => `Go back to ${app} without it`,
  },
  factors: {
    title: 'Second factor',
    on: 'Whoever knows your password cannot sign in without it.',
    off: 'Your password alone signs you in. With a second factor, whoever learns it cannot.',
    again: 'To change anything here, please sign in again.',
    signInAgain: 'Sign in again',
    totp: 'App that makes codes',
    totpOff: 'Not set up',
    totpSince: (day: string) => `Set up on ${day}`,
    setUp: 'Set up',
    remove: 'Remove',
    passkey: (name: string) => `Passkey “${name}”`,
    passkeySince: (day: string) => `Added on ${day}`,
    passkeyUsed: (ago: string) => `Last used ${ago}`,
    passkeyUnused: 'Not used yet',
    addPasskey: 'Add a passkey',
    recovery: 'Recovery codes',
    left: (count: number) =>
      count === 0
        ? 'None is left. Please make new ones.'
        : `${count === 1 ? 'One is' : `${count} are`} left, for when you have lost everything else.`,
    renew: 'Make new ones',
    done: {
      totp_removed: 'The app is not asked for codes any more.',
      passkey_added: 'The passkey is set up.',
      passkey_removed: 'The passkey is removed.',
      totp_added: 'The app is set up.',
    },
    problems: {
      not_recent: 'Nothing was changed: please sign in again first.',
      passkey_not_added: 'The passkey was not added. Please try again.',
    },
  },
  totpSetUp: {
    title: 'Set up an app that makes codes',
    scan: 'Scan this with the app on your phone, or with your password manager.',
    qr: 'QR code with the key that is written below',
    type: 'Or type this key into the app:',
    code: 'Code that the app shows now',
    submit: 'Turn it on',
    wrong: 'The code is not right. Please type the one that the app shows now.',
    back: 'Back to your account',
  },
  passkeySetUp: {
    title: 'Add a passkey',
    text: 'A passkey is kept by your device, your password manager or a security key, and is used with your finger, your face or a PIN. It signs you in without the password.',
    needsScript: 'This needs a browser that knows passkeys, with scripts allowed.',
    name: 'Name',
    nameHint: 'For you to tell it from others.',
    submit: 'Add passkey',
    failed: 'No passkey was made. Please try again.',
    back: 'Back to your account',
  },
  recoveryCodes: {
    title: 'Your recovery codes',
    text: 'Keep these where you find them without your phone, such as on paper. Each signs you in once, with your password, when you have lost everything else.',
    once: 'They are shown this once. Codes from before do not work any more.',
    done: 'I have kept them',
  },
};
