// What stands behind each path of the door: fields in, one call into the protocol, an answer.
import type { FastifyRequest } from 'fastify';
import type { Events } from '../../events.ts';
import type { AuthorizationServer } from '../../oauth/authorization-server.ts';
import { endFamily, refreshTokens, signIn, verifyToken } from '../../oauth/first-party.ts';
import type { BackchannelRequest } from '../../oauth/messages.ts';
import type { IssuedTokens } from '../../oauth/token.ts';
import { basicOf } from '../headers.ts';
import type { Fields } from './body.ts';
import { textsOf, UnfitFieldsError } from './fields.ts';

export interface FirstpartyParts {
  readonly as: AuthorizationServer;
  readonly events: Events;
}

export type Handler = (request: FastifyRequest, fields: Fields) => Promise<object>;

/** What a client says of itself in the body. */
const clientFields = ['client_id', 'client_secret', 'client_assertion', 'client_assertion_type'];

/** The handlers of the door, by simplejwt's names. */
export const handlers = ({
  as,
  events,
}: FirstpartyParts): Record<'obtain' | 'refresh' | 'verify' | 'blacklist', Handler> => ({
  async obtain(request, fields) {
    const name = nameField(fields);
    const [texts, client] = read(request, fields, [name, 'password']);
    // As serializers do, whose fields come without blanks around them; a password is what it is.
    const email = texts(name).trim();
    const signedIn = await signIn(as, { ...client, email, password: texts('password'), address: request.ip });
    events.signedIn(request, signedIn);
    events.tokensIssued(request, signedIn);
    return pairOf(signedIn);
  },
  async refresh(request, fields) {
    const [texts, client] = read(request, fields, ['refresh']);
    const issued = await refreshTokens(as, { ...client, refreshToken: texts('refresh') });
    events.tokensIssued(request, issued);
    return pairOf(issued);
  },
  async verify(request, fields) {
    const [texts] = read(request, fields, ['token']);
    await verifyToken(as, texts('token'));
    return {};
  },
  async blacklist(request, fields) {
    const [texts, client] = read(request, fields, ['refresh']);
    events.tokenRevoked(request, await endFamily(as, { ...client, refreshToken: texts('refresh') }));
    return {};
  },
});

/** Either name stands for the e-mail address, since projects have either. */
function nameField(fields: Fields): 'email' | 'username' {
  if (!fields.has('username')) return 'email';
  if (fields.has('email')) throw new UnfitFieldsError({ username: ['Give email or username, not both.'] });
  return 'username';
}

/** The texts of the fields, each by its name, and what the client says of itself. Throws UnfitFieldsError. */
function read(
  request: FastifyRequest,
  fields: Fields,
  names: readonly string[],
): [texts: (name: string) => string, client: BackchannelRequest] {
  const texts = textsOf(fields, names, clientFields);
  const values = new Map([...texts].filter(([name]) => clientFields.includes(name)));
  return [
    (name) => texts.get(name) as string,
    // Many an app adds `Bearer` to all that it sends, and simplejwt does not look at it here.
    { authorization: basicOf(request), parameters: { values, resources: [] } },
  ];
}

const pairOf = ({ response }: IssuedTokens) => ({
  access: response.access_token,
  refresh: response.refresh_token,
});
