// The settings of letters to people.
import { Type } from 'typebox';

export const Mail = Type.Object(
  {
    smtp_url: Type.Optional(
      Type.String({
        minLength: 1,
        description:
          'The mail server. Absent: no letters, so no sign-up and no new password by mail; in a trial they are written into the data folder.',
        'x-value': 'smtp://user:password@host:587, or smtps://user:password@host:465',
        'x-secret': true,
      }),
    ),
    from: Type.Optional(
      Type.String({
        minLength: 1,
        description: 'The address that letters come from.',
        'x-value': 'an e-mail address',
      }),
    ),
  },
  { additionalProperties: false, description: 'Letters to people: verification and new passwords.' },
);
