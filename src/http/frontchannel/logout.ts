// GET and POST /logout, and /logout/ID, where a request to sign out waits: OpenID Connect RP-Initiated Logout 1.0 2 to 4.
// It is decided anew at every look, so that whoever is signed out already goes straight on.
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import {
  beginEndSession,
  type EndSessionRequest,
  findEndSession,
  isOfSession,
  readEndSession,
} from '../../oauth/end-session.ts';
import { OAuthError } from '../../oauth/errors.ts';
import { issuerPath } from '../../oauth/metadata.ts';
import { type Parameters, parseForm } from '../../oauth/parameters.ts';
import { endSession, findSession, type Session } from '../../oauth/session.ts';
import type { AccountRecord } from '../../stores/stores.ts';
import { queryOf } from '../query.ts';
import { assertCsrfToken, browserOf, knownBrowser } from './browser.ts';
import { type Desk, pageResponses } from './desk.ts';
import { textsFor } from './language.ts';
import { appName } from './words.ts';

interface LogoutRoute {
  Params: { readonly id: string };
  Body: Parameters | undefined;
}

type LogoutRequest = FastifyRequest<LogoutRoute>;

export function logoutRoutes(scope: FastifyInstance, desk: Desk): void {
  const schema = { response: pageResponses };
  scope.get('/logout', { schema, exposeHeadRoute: false }, (request, reply) =>
    begin(desk, reply, parseForm(Buffer.from(queryOf(request)))),
  );
  scope.post<{ Body: Parameters | undefined }>('/logout', { schema }, async (request, reply) => {
    if (request.body === undefined) throw new OAuthError('content_type_not_form');
    return begin(desk, reply, request.body);
  });
  scope.get<LogoutRoute>('/logout/:id', { schema, exposeHeadRoute: false }, (request, reply) =>
    look(desk, request, reply),
  );
  scope.post<LogoutRoute>('/logout/:id', { schema }, (request, reply) => confirm(desk, request, reply));
}

async function begin({ as }: Desk, reply: FastifyReply, parameters: Parameters): Promise<FastifyReply> {
  const id = await beginEndSession(as, await readEndSession(as, parameters));
  return reply.code(303).header('location', `${as.endpoints.endSession}/${id}`).send();
}

async function look(desk: Desk, request: LogoutRequest, reply: FastifyReply): Promise<FastifyReply> {
  const { as, pages, sessionCookie } = desk;
  const asked = await findEndSession(as, request.params.id);
  // Begun anew, without a client: that asks, and leads nowhere.
  if (asked === undefined) return reply.code(303).header('location', as.endpoints.endSession).send();
  const found = await findSession(as, sessionCookie.read(request));
  if (found && !(await isOfSession(as, asked, found.session)))
    return ask(desk, request, reply, { asked, ...found });
  if (found) await leave(desk, request, reply, { asked, ...found });
  if (asked.location !== undefined) return reply.code(303).header('location', asked.location).send();
  const { html, headers } = pages.signedOut(textsFor(asked.uiLocales, request.headers['accept-language']));
  return reply.code(200).headers(headers).send(html);
}

interface Asked {
  readonly asked: EndSessionRequest;
  readonly session: Session;
  readonly account: AccountRecord;
}

async function ask(
  { as, pages, browserCookie }: Desk,
  request: LogoutRequest,
  reply: FastifyReply,
  { asked, session, account }: Asked,
): Promise<FastifyReply> {
  const browser = knownBrowser(browserCookie, as.random, request, reply);
  const client = asked.clientId === undefined ? undefined : await as.clients.find(asked.clientId);
  const { id } = request.params;
  const { html, headers } = pages.logout(textsFor(asked.uiLocales, request.headers['accept-language']), {
    action: `${issuerPath(as.issuer)}/logout/${id}`,
    csrfToken: browser.csrfToken(id),
    session: session.sid,
    account: account.email,
    app: client && appName(client),
    redirectUri: asked.location,
  });
  return reply.code(200).headers(headers).send(html);
}

/** The person says yes. */
async function confirm(desk: Desk, request: LogoutRequest, reply: FastifyReply): Promise<FastifyReply> {
  const { as, browserCookie, sessionCookie } = desk;
  const { body, params } = request;
  assertCsrfToken(browserOf(browserCookie, request), params.id, body);
  const [asked, found] = await Promise.all([
    findEndSession(as, params.id),
    findSession(as, sessionCookie.read(request)),
  ]);
  // Another tab may have signed in somebody else: nobody was asked about them.
  const isMeant = found !== undefined && body?.values.get('session') === found.session.sid;
  if (asked && isMeant) await leave(desk, request, reply, { asked, ...found });
  return reply.code(303).header('location', `${as.endpoints.endSession}/${params.id}`).send();
}

async function leave(
  { as, events, sessionCookie }: Desk,
  request: LogoutRequest,
  reply: FastifyReply,
  { asked, session }: Asked,
): Promise<void> {
  await endSession(as, session);
  sessionCookie.clear(reply);
  events.sessionEnded(request, { sub: session.sub, sid: session.sid, clientId: asked.clientId });
}
