// GET and POST /sign-up and /new-password: a person asks for a letter. The rules they keep: the answer is the same
// whether there is an account or not; how many letters an address is sent, and a network asks for, is limited.
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { isEmail } from '../../accounts/email.ts';
import { writeLetter } from '../../accounts/letters.ts';
import { isDocumentName } from '../../kept-document.ts';
import { leaveNote, readNote } from '../../oauth/account-notes.ts';
import type { Interaction } from '../../oauth/interactions.ts';
import { issuerPath } from '../../oauth/metadata.ts';
import type { Parameters } from '../../oauth/parameters.ts';
import { queryOf } from '../query.ts';
import { assertCsrfToken, browserOf, knownBrowser } from './browser.ts';
import { type Desk, pageResponses } from './desk.ts';
import { textsFor } from './language.ts';
import { problemInWords } from './second-factor.ts';
import { throttled } from './sign-in.ts';
import type { Texts } from './texts/en.ts';

/** What the forms are made for, in place of an interaction. */
const LETTER_FORM = 'letter';

const paths = { sign_up: 'sign-up', new_password: 'new-password' } as const;
type Asked = keyof typeof paths;

interface FormRoute {
  Body: Parameters | undefined;
}

export function letterRoutes(scope: FastifyInstance, desk: Desk): void {
  const schema = { response: pageResponses };
  for (const kind of offered(desk)) {
    const path = `/${paths[kind]}`;
    scope.get(path, { schema, exposeHeadRoute: false }, (request, reply) => show(desk, kind, request, reply));
    scope.post<FormRoute>(path, { schema }, (request, reply) => ask(desk, kind, request, reply));
    scope.get(`${path}/sent`, { schema, exposeHeadRoute: false }, async (request, reply) => {
      const { html, headers } = desk.pages.letterSent(textsAsked(request));
      return reply.code(200).headers(headers).send(html);
    });
  }
}

function offered({ as }: Desk): Asked[] {
  if (as.sendMail === undefined) return [];
  return as.signUp === 'open' ? ['sign_up', 'new_password'] : ['new_password'];
}

/** Where people who cannot sign in may go from the form to sign in by. `interaction`: to come back to, in its language. */
export function waysIn(desk: Desk, interaction?: Interaction): { readonly [kind in Asked]?: string } {
  const uiLocales = interaction?.request.uiLocales.join(' ') ?? '';
  const facts = {
    ...(interaction && { interaction: interaction.id }),
    ...(uiLocales && { ui_locales: uiLocales }),
  };
  const query = interaction === undefined ? '' : `?${new URLSearchParams(facts)}`;
  const { issuer } = desk.as;
  return Object.fromEntries(
    offered(desk).map((kind) => [kind, `${issuerPath(issuer)}/${paths[kind]}${query}`]),
  );
}

/** The interaction that the person comes from; nothing is said of it until its own browser goes on with it. */
const interactionOf = (text: string | null | undefined): string | null =>
  text && isDocumentName(text) ? text : null;

const uiLocalesOf = (request: FastifyRequest): string =>
  new URLSearchParams(queryOf(request)).get('ui_locales') ?? '';

const textsAsked = (request: FastifyRequest): Texts =>
  textsFor(uiLocalesOf(request).split(' '), request.headers['accept-language']);

/** As a query, for the next page to be in the same language; empty where none was wished for. */
function localesOf(request: FastifyRequest): string {
  const uiLocales = uiLocalesOf(request);
  return uiLocales === '' ? '' : `?${new URLSearchParams({ ui_locales: uiLocales })}`;
}

async function show(desk: Desk, kind: Asked, request: FastifyRequest, reply: FastifyReply) {
  const { as, pages, browserCookie } = desk;
  const browser = knownBrowser(browserCookie, as.random, request, reply);
  const query = new URLSearchParams(queryOf(request));
  const texts = textsAsked(request);
  const note = await readNote(as, query.get('note'));
  const problem = note && 'email' in note ? note : undefined;
  const { html, headers } = pages.letter(texts, kind, {
    action: `${issuerPath(as.issuer)}/${paths[kind]}${localesOf(request)}`,
    csrfToken: browser.csrfToken(LETTER_FORM),
    interaction: interactionOf(query.get('interaction')),
    email: problem?.email ?? '',
    problem: problemInWords(texts, problem),
    isWrong: problem?.kind === 'no_email',
  });
  return reply.code(200).headers(headers).send(html);
}

async function ask(desk: Desk, kind: Asked, request: FastifyRequest<FormRoute>, reply: FastifyReply) {
  const { as, browserCookie, events } = desk;
  assertCsrfToken(browserOf(browserCookie, request), LETTER_FORM, request.body);
  const values = request.body?.values ?? new Map<string, string>();
  const email = (values.get('email') ?? '').trim().slice(0, 320);
  const interaction = interactionOf(values.get('interaction'));
  const problem = isEmail(email)
    ? await countLetter(desk, request, email)
    : ({ kind: 'no_email', email } as const);
  const here = `${as.issuer}/${paths[kind]}`;
  const to = (location: string) => reply.code(303).header('location', location).send();
  if (problem !== undefined) {
    const query = new URLSearchParams(localesOf(request));
    if (interaction !== null) query.set('interaction', interaction);
    query.set('note', await leaveNote(as, problem));
    return to(`${here}?${query}`);
  }
  const { language } = textsAsked(request);
  await writeLetter(as, { kind, email, language, interaction });
  events.letterAsked(request, kind);
  return to(`${here}/sent${localesOf(request)}`);
}

/** A problem where the address has had too many letters, or the network asked for too many. */
export async function countLetter({ as, events }: Desk, request: FastifyRequest, email: string) {
  // Nobody is kept from signing in by letters that others ask for.
  const counted = await as.authenticator.countAttempt({ at: 'letter', email, address: request.ip });
  return 'retryAfter' in counted ? throttled({ events }, request, { ...counted, email }) : undefined;
}
