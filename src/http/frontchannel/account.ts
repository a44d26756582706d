// GET /account and its forms: the page where people look after their own account. The rules it keeps: a form does something
// only for whom its page was made, and every POST leads back here (303).
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { writeLetter } from '../../accounts/letters.ts';
import { passwordFault } from '../../accounts/password.ts';
import { type AccountNote, leaveNote, readNote } from '../../oauth/account-notes.ts';
import { OAuthError } from '../../oauth/errors.ts';
import { issuerPath } from '../../oauth/metadata.ts';
import { appsOf, changePassword, endApp, endSessions, sessionsOf } from '../../oauth/own-account.ts';
import type { Parameters } from '../../oauth/parameters.ts';
import { findSession } from '../../oauth/session.ts';
import { queryOf } from '../query.ts';
import { accountFactorRoutes, type Due, type Take } from './account-factors.ts';
import { ACCOUNT_FORM, accountSignInRoutes, isRecent, signInPage } from './account-sign-in.ts';
import { appViews, factorViews, noteInWords, sessionViews } from './account-words.ts';
import { assertCsrfToken, browserOf, knownBrowser } from './browser.ts';
import { type Desk, pageResponses } from './desk.ts';
import { textsFor } from './language.ts';
import { countLetter } from './letters.ts';
import { keepSignedIn, throttled } from './sign-in.ts';

interface FormRoute {
  Body: Parameters | undefined;
}

type FormRequest = FastifyRequest<FormRoute>;

export function accountRoutes(scope: FastifyInstance, desk: Desk): void {
  const { as } = desk;
  const schema = { response: pageResponses };
  const back = async (reply: FastifyReply, note: AccountNote | undefined, again = false) => {
    const query = new URLSearchParams(again ? { again: '1' } : {});
    if (note !== undefined) query.set('note', await leaveNote(as, note));
    const location = as.endpoints.account + (query.size > 0 ? `?${query}` : '');
    return reply.code(303).header('location', location).send();
  };
  const form = (path: string, take: Take) =>
    scope.post<FormRoute>(`/account/${path}`, { schema }, async (request, reply) => {
      const due = await dueOf(desk, request);
      const taken = due && (await take(desk, due, request, reply));
      if (typeof taken === 'string') return back(reply, { kind: taken } as AccountNote);
      if (taken === undefined || 'kind' in taken) return back(reply, taken);
      if ('location' in taken) return reply.code(303).header('location', taken.location).send();
      return reply.code(200).headers(taken.page.headers).send(taken.page.html);
    });
  scope.get('/account', { schema, exposeHeadRoute: false }, (request, reply) => show(desk, request, reply));
  accountSignInRoutes(scope, desk, back);
  accountFactorRoutes(scope, desk, form);
  form('session', endOne);
  form('others', endOthers);
  form('app', endOneApp);
  form('password', newPassword);
  form('verify-email', askForVerification);
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
  const isFresh = await isRecent(desk, { found });
  if (found === undefined || (query.has('again') && !isFresh)) {
    const page = await signInPage(desk, texts, { browser, found }, note);
    return reply.code(200).headers(page.headers).send(page.html);
  }
  const { session, account } = found;
  const [sessions, apps, factors] = await Promise.all([
    sessionsOf(as, account),
    appsOf(as, account),
    as.factors.find(account.sub),
  ]);
  const { html, headers } = pages.account(texts, {
    action: `${issuerPath(as.issuer)}/account`,
    csrfToken: browser.csrfToken(ACCOUNT_FORM),
    session: session.sid,
    name: account.name,
    email: account.email,
    note: note && noteInWords(texts, note),
    mayVerifyEmail: as.sendMail !== undefined && account.claims.email_verified !== true,
    factors: {
      ...factorViews(texts, factors, as.clock.now()),
      isRecent: isFresh,
      mayHavePasskeys: as.relyingParty !== undefined,
    },
    sessions: sessionViews(texts, sessions, session.sid, as.clock.now()),
    apps: await appViews(as, texts, apps),
  });
  return reply.code(200).headers(headers).send(html);
}

/** Undefined where the page was made for somebody else, or nobody is signed in (any more). Throws OAuthError. */
async function dueOf(
  { as, browserCookie, sessionCookie }: Desk,
  request: FormRequest,
): Promise<Due | undefined> {
  const { body } = request;
  const browser = browserOf(browserCookie, request);
  assertCsrfToken(browser, ACCOUNT_FORM, body);
  const found = await findSession(as, sessionCookie.read(request));
  const values = body?.values ?? new Map();
  return found && values.get('session') === found.session.sid ? { ...found, browser, values } : undefined;
}

async function endOne(
  { as, events, sessionCookie }: Desk,
  due: Due,
  request: FastifyRequest,
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

async function endOthers({ as, events }: Desk, { account, session }: Due, request: FastifyRequest) {
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

async function askForVerification(desk: Desk, { account }: Due, request: FastifyRequest) {
  const { as, events } = desk;
  if (as.sendMail === undefined) return undefined;
  const { email } = account;
  const problem = await countLetter(desk, request, email);
  if (problem !== undefined) return problem;
  const { language } = textsFor([], request.headers['accept-language']);
  await writeLetter(as, { kind: 'verify_email', email, language, interaction: null });
  events.letterAsked(request, 'verify_email');
  return 'letter_sent' as const;
}

async function newPassword(desk: Desk, due: Due, request: FastifyRequest, reply: FastifyReply) {
  const { as, events } = desk;
  const { account, session, values } = due;
  const { acr, amr } = session;
  const password = values.get('new_password') ?? '';
  const fault = passwordFault(password);
  if (fault !== undefined) return `password_${fault}` as const;
  if (password !== values.get('repeated_password')) return 'password_differs' as const;
  const { email } = account;
  const current = values.get('current_password') ?? '';
  const outcome = await as.authenticator.authenticate({ email, password: current, address: request.ip });
  if ('retryAfter' in outcome) return throttled({ events }, request, { ...outcome, email });
  if ('refused' in outcome) {
    events.refused(request, new OAuthError(outcome.refused));
    return 'password_wrong' as const;
  }
  const changed = await changePassword(as, account, await as.authenticator.hash(password));
  await keepSignedIn(desk, request, reply, { previous: undefined, account: changed, acr, amr });
  return 'password_changed' as const;
}
