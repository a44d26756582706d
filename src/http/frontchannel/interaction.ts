// GET /authorize/ID: where an interaction stands. Every step comes back here, and here it is decided anew what is next.
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { readNote } from '../../oauth/account-notes.ts';
import { askedFor } from '../../oauth/consent.ts';
import { findInteraction, type Interaction } from '../../oauth/interactions.ts';
import { issuerPath } from '../../oauth/metadata.ts';
import { type Proceeding, proceed } from '../../oauth/proceed.ts';
import { findSession } from '../../oauth/session.ts';
import { isMeant } from '../../oauth/subject.ts';
import type { AccountRecord } from '../../stores/stores.ts';
import { queryOf } from '../query.ts';
import { noteInWords } from './account-words.ts';
import { answer } from './answer.ts';
import { type Browser, knownBrowser } from './browser.ts';
import { type Desk, pageResponses } from './desk.ts';
import { textsFor } from './language.ts';
import { waysIn } from './letters.ts';
import type { Page, SignInView } from './pages/pages.ts';
import { passkeyRequest, problemInWords, secondFactorFacts } from './second-factor.ts';
import { accountDue, purposeOf } from './second-factor-steps.ts';
import type { Texts } from './texts/en.ts';
import { appName, consentSections, lookOf, startOf, whereabouts } from './words.ts';

export interface InteractionRoute {
  Params: { readonly id: string };
}

export function interactionRoutes(scope: FastifyInstance, desk: Desk): void {
  scope.get<InteractionRoute>(
    '/authorize/:id',
    { schema: { response: pageResponses }, exposeHeadRoute: false },
    async (request, reply) => {
      const { as, browserCookie } = desk;
      const browser = knownBrowser(browserCookie, as.random, request, reply);
      const interaction = await findInteraction(as, request.params.id, browser.digest);
      return show(desk, request, reply, { browser, interaction });
    },
  );
}

interface Looked {
  readonly browser: Browser;
  readonly interaction: Interaction;
}

async function show(
  desk: Desk,
  request: FastifyRequest,
  reply: FastifyReply,
  { browser, interaction }: Looked,
): Promise<FastifyReply> {
  const { as, events, sessionCookie, pages } = desk;
  const found = await findSession(as, sessionCookie.read(request));
  const proceeding = await proceed(as, interaction, found?.session);
  const { uiLocales, redirectUri } = interaction.request;
  if (proceeding.step === 'answered') {
    if (proceeding.error) events.refused(request, proceeding.error);
    return answer(desk, request, reply, proceeding.response, uiLocales);
  }
  const texts = textsFor(uiLocales, request.headers['accept-language']);
  const { client } = proceeding;
  const app = appName(client);
  if (proceeding.step === 'over')
    return send(reply, pages.over(texts, { app, link: startOf(client.metadata) }));
  const form = {
    action: `${issuerPath(as.issuer)}/authorize/${interaction.id}`,
    csrfToken: browser.csrfToken(interaction.id),
    app,
    look: lookOf(client.metadata),
    redirectUri,
  };
  if (!('session' in proceeding)) {
    const noteId = new URLSearchParams(queryOf(request)).get('note');
    const looked = { browser, interaction, account: found?.account, noteId };
    return send(reply, await signInPage(desk, texts, form, looked, proceeding));
  }
  if (proceeding.step === 'enrol')
    return send(reply, pages.enrol(texts, { ...form, accountUri: as.endpoints.account }));
  const account = found?.account.email ?? '';
  const view = { ...form, account, session: proceeding.session.sid };
  if (proceeding.step === 'select_account') return send(reply, pages.chooseAccount(texts, view));
  return send(reply, pages.consent(texts, { ...view, ...(await consentFacts(desk, texts, interaction)) }));
}

const send = (reply: FastifyReply, { html, headers }: Page): FastifyReply =>
  reply.code(200).headers(headers).send(html);

interface SignInPlace extends Looked {
  /** of the browser's session */
  readonly account: AccountRecord | undefined;
  /** of what was done before */
  readonly noteId: string | null;
}

/** The password, or the second factor that is still owed. */
async function signInPage(
  desk: Desk,
  texts: Texts,
  form: Pick<SignInView, 'action' | 'csrfToken' | 'app' | 'look' | 'redirectUri'>,
  { browser, interaction, account, noteId }: SignInPlace,
  next: Extract<Proceeding, { step: 'sign_in' | 'second_factor' }>,
): Promise<Page> {
  const { pages } = desk;
  const place = { browser, purpose: purposeOf(interaction) };
  if (next.step !== 'second_factor') {
    const [passkey, note, facts] = await Promise.all([
      passkeyRequest(desk, place),
      readNote(desk.as, noteId),
      signInFacts(desk.as, texts, interaction, account),
    ]);
    const done = note && noteInWords(texts, note).text;
    return pages.signIn(texts, { ...form, ...facts, passkey, done, ways: waysIn(desk, interaction) });
  }
  const due = await accountDue(desk, { interaction, account, next });
  // Where the account was cut off since, its form leads back to the password.
  const nothing = { account: '', hasTotp: false, hasRecoveryCodes: false, passkey: undefined };
  const facts = due === undefined ? nothing : await secondFactorFacts(desk, due, place);
  const { problem } = interaction.progress;
  return pages.secondFactor(texts, {
    ...form,
    ...facts,
    problem: problemInWords(texts, problem),
    isWrong: problem?.kind === 'code_wrong',
    isStepUp: next.isStepUp,
  });
}

/** What is filled in already, and what went wrong before. */
async function signInFacts(
  as: Desk['as'],
  texts: Texts,
  { request, progress }: Interaction,
  account: AccountRecord | undefined,
): Promise<Pick<SignInView, 'email' | 'isAgain' | 'problem' | 'isWrong'>> {
  const { problem, anotherAccountAt } = progress;
  const isAgain =
    account !== undefined && anotherAccountAt === undefined && (await isMeant(as, request, account.sub));
  const email = problem?.email || (isAgain ? account.email : (request.loginHint ?? ''));
  return {
    email,
    isAgain,
    problem: problemInWords(texts, problem),
    isWrong: problem?.kind === 'wrong' || problem?.kind === 'incomplete',
  };
}

async function consentFacts({ as }: Pick<Desk, 'as'>, texts: Texts, { request }: Interaction) {
  const found = await Promise.all(request.resources.map((uri) => as.resources.find(uri)));
  const resources = found.filter((resource) => resource !== undefined);
  return {
    where: whereabouts(texts, request.redirectUri),
    sections: consentSections(texts, askedFor(request), resources),
  };
}
