// The form in which e-mails are compared: every spelling of one letter is one, and so are its cases.

export const foldedEmail = (email: string): string => email.normalize('NFC').toLowerCase();
