// GET and POST /letter: a person opens the link of a letter. The rules they keep: the link alone does nothing, since mail
// is read by machines, too; its ticket is used once; and what it does is said before it is done.
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { writeLetter } from '../../accounts/letters.ts';
import { passwordFault } from '../../accounts/password.ts';
import { findTicket, isStillFor, type Ticket } from '../../accounts/tickets.ts';
import { type AccountNote, leaveNote, readNote } from '../../oauth/account-notes.ts';
import { OAuthError } from '../../oauth/errors.ts';
import { changeProgress, findInteraction, type Interaction } from '../../oauth/interactions.ts';
import { issuerPath } from '../../oauth/metadata.ts';
import { changePassword } from '../../oauth/own-account.ts';
import type { Parameters } from '../../oauth/parameters.ts';
import { findSession } from '../../oauth/session.ts';
import { makeOwnAccount } from '../../oauth/sign-up.ts';
import type { AccountRecord } from '../../stores/stores.ts';
import { queryOf } from '../query.ts';
import { noteInWords } from './account-words.ts';
import { assertCsrfToken, type Browser, browserOf, knownBrowser } from './browser.ts';
import { type Desk, pageResponses } from './desk.ts';
import { textsFor } from './language.ts';
import { byPassword, keepSignedIn } from './sign-in.ts';

/** What the form is made for, in place of an interaction. */
const TICKET_FORM = 'ticket';

interface FormRoute {
  Body: Parameters | undefined;
}

type FormRequest = FastifyRequest<FormRoute>;

/** A ticket that may be used, with the account that it is for, if there is one. */
interface Shown {
  readonly ticket: Ticket;
  readonly account: AccountRecord | undefined;
  use(): Promise<void>;
}

export function ticketRoutes(scope: FastifyInstance, desk: Desk): void {
  if (desk.as.sendMail === undefined) return;
  const schema = { response: pageResponses };
  scope.get('/letter', { schema, exposeHeadRoute: false }, (request, reply) => show(desk, request, reply));
  scope.post<FormRoute>('/letter', { schema }, (request, reply) => take(desk, request, reply));
}

/** Throws OAuthError where the ticket is none (any more). */
async function shownBy({ as }: Desk, id: string): Promise<Shown> {
  const unknown = () => new OAuthError('ticket_unknown');
  const found = await findTicket(as, id);
  if (found === undefined) throw unknown();
  const { ticket } = found;
  const account = await as.accounts.findByEmail(ticket.email);
  const isGood =
    ticket.for === 'sign_up' ? account === undefined && as.signUp === 'open' : isStillFor(ticket, account);
  if (!isGood) throw unknown();
  return {
    ticket,
    account,
    async use() {
      if (!(await found.use())) throw unknown();
    },
  };
}

async function show(desk: Desk, request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> {
  const { as, pages, browserCookie } = desk;
  const query = new URLSearchParams(queryOf(request));
  const id = query.get('ticket') ?? '';
  const { ticket } = await shownBy(desk, id);
  const browser = knownBrowser(browserCookie, as.random, request, reply);
  const texts = textsFor([], request.headers['accept-language']);
  const [note, interaction] = await Promise.all([
    readNote(as, query.get('note')),
    interactionOf(desk, ticket, browser),
  ]);
  const { html, headers } = pages.ticket(texts, ticket.for, {
    action: `${issuerPath(as.issuer)}/letter`,
    csrfToken: browser.csrfToken(TICKET_FORM),
    ticket: id,
    email: ticket.email,
    note: note && noteInWords(texts, note),
    redirectUri: interaction?.request.redirectUri,
  });
  return reply.code(200).headers(headers).send(html);
}

async function take(desk: Desk, request: FormRequest, reply: FastifyReply): Promise<FastifyReply> {
  const { as, browserCookie, events } = desk;
  const browser = browserOf(browserCookie, request);
  assertCsrfToken(browser, TICKET_FORM, request.body);
  const values = request.body?.values ?? new Map<string, string>();
  const id = values.get('ticket') ?? '';
  const shown = await shownBy(desk, id);
  const to = (location: string) => reply.code(303).header('location', location).send();
  const fault = shown.ticket.for === 'verify_email' ? undefined : newPasswordFault(values);
  if (fault !== undefined)
    return to(`${as.issuer}/letter?${new URLSearchParams({ ticket: id, note: await leaveNote(as, fault) })}`);
  // First, since it may have to wait for a turn that does not come: then the link is still good.
  const passwordHash =
    shown.ticket.for === 'verify_email'
      ? null
      : await as.authenticator.hash(values.get('new_password') ?? '');
  await shown.use();
  const { account, note } = await done(desk, shown, passwordHash, request);
  events.ticketUsed(request, { for: shown.ticket.for, sub: account.sub });
  return to(await onward(desk, request, reply, { browser, shown, account, note }));
}

function newPasswordFault(values: Parameters['values']): AccountNote | undefined {
  const password = values.get('new_password') ?? '';
  const fault = passwordFault(password);
  if (fault !== undefined) return { kind: `password_${fault}` };
  return password === values.get('repeated_password') ? undefined : { kind: 'password_differs' };
}

interface Done {
  readonly account: AccountRecord;
  readonly note: 'account_made' | 'password_changed' | 'email_verified';
}

/** Does what the ticket is for. */
async function done(
  { as }: Desk,
  { ticket, account }: Shown,
  passwordHash: string | null,
  request: FastifyRequest,
): Promise<Done> {
  if (account === undefined) {
    const made = await makeOwnAccount(as, { email: ticket.email, passwordHash });
    if (made === undefined) throw new OAuthError('ticket_unknown');
    return { account: made, note: 'account_made' };
  }
  const { sub, email } = account;
  const at = as.clock.now();
  await as.accounts.verifyEmail(sub, {
    at,
    event: 'account.email_verified',
    actor: `account:${sub}`,
    subject: sub,
  });
  if (passwordHash === null) return { account, note: 'email_verified' };
  const changed = await changePassword(as, account, passwordHash);
  const { language } = textsFor([], request.headers['accept-language']);
  await writeLetter(as, { kind: 'password_changed', email, language, interaction: null });
  return { account: changed, note: 'password_changed' };
}

interface Onward extends Done {
  readonly browser: Browser;
  readonly shown: Shown;
}

/**
 * Where the person goes on: with the interaction that the letter was asked for in, where this is its browser; else at the
 * account page. A new account is signed in; whoever has a new password signs in by it, and by the second factor.
 */
async function onward(
  desk: Desk,
  request: FastifyRequest,
  reply: FastifyReply,
  { browser, shown, account, note }: Onward,
): Promise<string> {
  const { as, events, sessionCookie } = desk;
  if (note === 'account_made') {
    const previous = (await findSession(as, sessionCookie.read(request)))?.session;
    await keepSignedIn(desk, request, reply, { previous, account, ...byPassword });
    events.signedIn(request, { sub: account.sub });
  }
  const query = `?note=${await leaveNote(as, { kind: note })}`;
  const interaction = await interactionOf(desk, shown.ticket, browser);
  if (interaction === undefined) return as.endpoints.account + query;
  const chosen = note === 'account_made' ? { chosenSub: account.sub } : {};
  await changeProgress(as, interaction, (progress) => ({ ...progress, ...chosen, problem: undefined }));
  return `${as.endpoints.authorization}/${interaction.id}${query}`;
}

/** What the letter was asked for in; undefined where it is over, or another browser's. */
async function interactionOf(
  { as }: Desk,
  { interaction: id }: Ticket,
  browser: Browser,
): Promise<Interaction | undefined> {
  if (id === null) return undefined;
  try {
    return await findInteraction(as, id, browser.digest);
  } catch (error) {
    if (error instanceof OAuthError) return undefined;
    throw error;
  }
}
