// What the pages of letters say, in English.

const email = 'Email';

export const lettersEn = {
  letters: {
    signUp: {
      title: 'Create an account',
      text: 'We will send you an email with a link to go on by.',
      email,
      submit: 'Send the link',
    },
    newPassword: {
      title: 'Choose a new password',
      text: 'We will send an email with a link to the address of your account.',
      email,
      submit: 'Send the link',
    },
    sent: {
      title: 'Look into your mail',
      text: 'If you can go on by a link, it is on its way to the address that you gave. It works for 15 minutes.',
      nothing: 'Nothing there? Look among the spam, or check that you typed the address right and try again.',
    },
  },
  tickets: {
    password: { password: 'Password', repeatedPassword: 'Password again' },
    signUp: {
      title: 'Create your account',
      text: 'Choose a password, and your account is made.',
      submit: 'Create account',
    },
    newPassword: {
      title: 'Choose a new password',
      text: 'It signs you out everywhere, and takes their access from all apps.',
      submit: 'Change password',
    },
    verifyEmail: {
      title: 'Confirm your address',
      text: 'Is this the address of your account?',
      submit: 'Yes, it is mine',
    },
  },
};
