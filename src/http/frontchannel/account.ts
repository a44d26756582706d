// GET /account and its forms: the page where people look after their own account. The rules it keeps: a form does something
// only for whom its page was made, and every POST leads back here (303).
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { passwordFault } from '../../accounts/password.ts';
import { type AccountNote, leaveNote, readNote } from '../../oauth/account-notes.ts';
import { OAuthError } from '../../oauth/errors.ts';
import { issuerPath } from '../../oauth/metadata.ts';
import { appsOf, changePassword, endApp, endSessions, sessionsOf } from '../../oauth/own-account.ts';
import type { Parameters } from '../../oauth/parameters.ts';
import { findSession, type Session } from '../../oauth/session.ts';
import type { AccountRecord } from '../../stores/stores.ts';
import { appViews, noteInWords, sessionViews } from './account-words.ts';
import { assertCsrfToken, browserOf, knownBrowser } from './browser.ts';
import { type Desk, pageResponses } from './desk.ts';
import { queryOf } from './error-page.ts';
import { textsFor } from './language.ts';
import { keepSignedIn, whoSignsIn } from './sign-in.ts';

/** What the forms of this page are made for, in place of an interaction. */
const FORM = 'account';

interface FormRoute {
  Body: Parameters | undefined;
}

type FormRequest = FastifyRequest<FormRoute>;

interface Due {
  readonly account: AccountRecord;
  readonly session: Session;
  readonly values: Parameters['values'];
}

type Take = (
  desk: Desk,
  due: Due,
  request: FormRequest,
  reply: FastifyReply,
) => Promise<AccountNote['kind'] | AccountNote | undefined>;

export function accountRoutes(scope: FastifyInstance, desk: Desk): void {
  const { as } = desk;
  const schema = { response: pageResponses };
  const back = async (reply: FastifyReply, note: AccountNote | undefined) => {
    const query = note === undefined ? '' : `?note=${await leaveNote(as, note)}`;
    return reply
      .code(303)
      .header('location', as.endpoints.account + query)
      .send();
  };
  const form = (path: string, take: Take) =>
    scope.post<FormRoute>(`/account/${path}`, { schema }, async (request, reply) => {
      const due = await dueOf(desk, request);
      const note = due && (await take(desk, due, request, reply));
      return back(reply, typeof note === 'string' ? ({ kind: note } as AccountNote) : note);
    });
  scope.get('/account', { schema, exposeHeadRoute: false }, (request, reply) => show(desk, request, reply));
  scope.post<FormRoute>('/account/sign-in', { schema }, async (request, reply) =>
    back(reply, await signIn(desk, request, reply)),
  );
  form('session', endOne);
  form('others', endOthers);
  form('app', endOneApp);
  form('password', newPassword);
}

async function show(desk: Desk, request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> {
  const { as, pages, browserCookie, sessionCookie } = desk;
  const browser = knownBrowser(browserCookie, as.random, request, reply);
  const query = new URLSearchParams(queryOf(request));
  const [found, note] = await Promise.all([
    findSession(as, sessionCookie.read(request)),
    readNote(as, query.get('note')),
  ]);
  const wished = query.get('ui_locales')?.split(' ') ?? [];
  const texts = textsFor(wished, request.headers['accept-language']);
  const form = { action: `${issuerPath(as.issuer)}/account`, csrfToken: browser.csrfToken(FORM) };
  const told = note && noteInWords(texts, note);
  if (found === undefined) {
    const problem = told?.isProblem ? told.text : undefined;
    const email = note !== undefined && 'email' in note ? note.email : '';
    const isWrong = note?.kind === 'wrong' || note?.kind === 'incomplete';
    const view = { ...form, app: texts.account.here, redirectUri: undefined };
    const page = pages.signIn(texts, { ...view, email, isAgain: false, problem, isWrong });
    return reply.code(200).headers(page.headers).send(page.html);
  }
  const { session, account } = found;
  const [sessions, apps] = await Promise.all([sessionsOf(as, account), appsOf(as, account)]);
  const { html, headers } = pages.account(texts, {
    ...form,
    session: session.sid,
    name: account.name,
    email: account.email,
    note: told,
    sessions: sessionViews(texts, sessions, session.sid, as.clock.now()),
    apps: await appViews(as, texts, apps),
  });
  return reply.code(200).headers(headers).send(html);
}

async function signIn(
  desk: Desk,
  request: FormRequest,
  reply: FastifyReply,
): Promise<AccountNote | undefined> {
  const { as, browserCookie, sessionCookie, events } = desk;
  assertCsrfToken(browserOf(browserCookie, request), FORM, request.body);
  const found = await findSession(as, sessionCookie.read(request));
  // Another tab was faster, or this is a second click.
  if (found) return undefined;
  const account = await whoSignsIn(desk, request.body?.values ?? new Map(), request, {});
  if (!('sub' in account)) return account;
  await keepSignedIn(desk, request, reply, { previous: undefined, account });
  events.signedIn(request, { sub: account.sub });
  return undefined;
}

/** Undefined where the page was made for somebody else, or nobody is signed in (any more). Throws OAuthError. */
async function dueOf(
  { as, browserCookie, sessionCookie }: Desk,
  request: FormRequest,
): Promise<Due | undefined> {
  const { body } = request;
  assertCsrfToken(browserOf(browserCookie, request), FORM, body);
  const found = await findSession(as, sessionCookie.read(request));
  const values = body?.values ?? new Map();
  return found && values.get('session') === found.session.sid ? { ...found, values } : undefined;
}

async function endOne(
  { as, events, sessionCookie }: Desk,
  due: Due,
  request: FormRequest,
  reply: FastifyReply,
) {
  const { account, session, values } = due;
  const ended = await endSessions(as, account, ({ sid }) => sid === values.get('sid'));
  for (const { sid, sub } of ended) {
    events.sessionEnded(request, { sid, sub });
    if (sid === session.sid) sessionCookie.clear(reply);
  }
  return ended.length > 0 ? ('session_ended' as const) : undefined;
}

async function endOthers({ as, events }: Desk, { account, session }: Due, request: FormRequest) {
  const ended = await endSessions(as, account, ({ sid }) => sid !== session.sid);
  for (const { sid, sub } of ended) events.sessionEnded(request, { sid, sub });
  return 'others_ended' as const;
}

async function endOneApp({ as }: Desk, { account, values }: Due) {
  const clientId = values.get('client_id');
  if (clientId === undefined) return undefined;
  await endApp(as, account, clientId);
  return 'app_ended' as const;
}

async function newPassword(desk: Desk, due: Due, request: FormRequest, reply: FastifyReply) {
  const { as, events } = desk;
  const { account, values } = due;
  const password = values.get('new_password') ?? '';
  const fault = passwordFault(password);
  if (fault !== undefined) return `password_${fault}` as const;
  if (password !== values.get('repeated_password')) return 'password_differs' as const;
  const { email } = account;
  const current = values.get('current_password') ?? '';
  const outcome = await as.authenticator.authenticate({ email, password: current, address: request.ip });
  if ('retryAfter' in outcome) {
    events.refused(request, new OAuthError('sign_in_throttled'));
    return { kind: 'throttled', email, retryAfter: outcome.retryAfter } as const;
  }
  if ('refused' in outcome) {
    events.refused(request, new OAuthError(outcome.refused));
    return 'password_wrong' as const;
  }
  const changed = await changePassword(as, account, password);
  await keepSignedIn(desk, request, reply, { previous: undefined, account: changed });
  return 'password_changed' as const;
}
