// The settings of what people see.
import { Type } from 'typebox';

export const Pages = Type.Object(
  {
    name: Type.String({
      minLength: 1,
      maxLength: 60,
      default: 'Mintmark',
      description: 'What people know the issuer by.',
      'x-value': 'a name of at most 60 characters',
    }),
    logo_uri: Type.Optional(
      Type.String({
        minLength: 1,
        maxLength: 100_000,
        description: 'The logo, shown in place of the name.',
        'x-value':
          "an image as a data: URI (data:image/svg+xml;base64,...), or a URL of the issuer's own origin",
      }),
    ),
    colour: Type.String({
      pattern: '^#[0-9a-fA-F]{6}$',
      default: '#1f5c4d',
      description: 'The colour of buttons.',
      'x-value': 'a colour as #rrggbb',
    }),
  },
  { additionalProperties: false, description: 'The pages that people see.' },
);
