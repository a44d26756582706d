// Signing in at the account page itself: POST /account/sign-in, /code, /passkey and /start-over; and signing in again,
// where the page asks for a recent sign-in. What is half done waits for this browser (oauth/pending-sign-in.ts).
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { AccountNote } from '../../oauth/account-notes.ts';
import { secondFactorAcr } from '../../oauth/acr.ts';
import { issuerPath } from '../../oauth/metadata.ts';
import { mayChangeFactors } from '../../oauth/own-factors.ts';
import type { Parameters } from '../../oauth/parameters.ts';
import { findPending, keepPending, pendingOf } from '../../oauth/pending-sign-in.ts';
import { findSession, type Session } from '../../oauth/session.ts';
import type { AccountRecord } from '../../stores/stores.ts';
import { noteInWords } from './account-words.ts';
import { assertCsrfToken, type Browser, browserOf } from './browser.ts';
import { type Desk, pageResponses } from './desk.ts';
import { waysIn } from './letters.ts';
import type { Page } from './pages/pages.ts';
import {
  owesSecondFactor,
  passkeyRequest,
  problemInWords,
  secondFactorFacts,
  takeCode,
  takePasskey,
} from './second-factor.ts';
import { byPassword, keepSignedIn, whoSignsIn } from './sign-in.ts';
import type { Texts } from './texts/en.ts';

/** What the forms of the account page are made for, in place of an interaction. */
export const ACCOUNT_FORM = 'account';

interface SignInRoute {
  Body: Parameters | undefined;
}

interface Here {
  readonly browser: Browser;
  readonly found: { readonly session: Session; readonly account: AccountRecord } | undefined;
}

type Take = (
  desk: Desk,
  here: Here,
  request: FastifyRequest<SignInRoute>,
  reply: FastifyReply,
) => Promise<AccountNote | undefined>;

/** `back`: to the page, with what is to be said there; `again`: though somebody is signed in. */
export function accountSignInRoutes(
  scope: FastifyInstance,
  desk: Desk,
  back: (reply: FastifyReply, note: AccountNote | undefined, again: boolean) => Promise<FastifyReply>,
): void {
  const form = (path: string, take: Take) =>
    scope.post<SignInRoute>(
      `/account/${path}`,
      { schema: { response: pageResponses } },
      async (request, reply) => {
        const { as, browserCookie, sessionCookie } = desk;
        const browser = browserOf(browserCookie, request);
        assertCsrfToken(browser, ACCOUNT_FORM, request.body);
        const found = await findSession(as, sessionCookie.read(request));
        const note = await take(desk, { browser, found }, request, reply);
        const isHalfDone = found !== undefined && (await findPending(as, browser.digest)) !== undefined;
        return back(reply, note, isHalfDone || (note !== undefined && found !== undefined));
      },
    );
  form('sign-in', signIn);
  form('code', code);
  form('passkey', passkey);
  form('start-over', async ({ as }, { browser }) => {
    await keepPending(as, browser.digest, undefined);
    return undefined;
  });
}

/** Whether somebody is signed in who need not sign in again. */
export const isRecent = async ({ as }: Desk, { found }: Pick<Here, 'found'>): Promise<boolean> =>
  found !== undefined &&
  mayChangeFactors(found.session, await as.factors.find(found.account.sub), as.clock.now());

/** The page that is due where nobody is signed in, or has to sign in again. */
export async function signInPage(
  desk: Desk,
  texts: Texts,
  { browser, found }: Here,
  note: AccountNote | undefined,
): Promise<Page> {
  const { as, pages } = desk;
  const problem = note && 'email' in note ? note : undefined;
  const form = {
    action: `${issuerPath(as.issuer)}/account`,
    csrfToken: browser.csrfToken(ACCOUNT_FORM),
    app: texts.account.here,
    redirectUri: undefined,
    problem: problemInWords(texts, problem),
  };
  const place = { browser, purpose: ACCOUNT_FORM };
  const pending = await findPending(as, browser.digest);
  if (pending !== undefined) {
    const facts = await secondFactorFacts(desk, pending.account, place);
    return pages.secondFactor(texts, {
      ...form,
      ...facts,
      isWrong: problem?.kind === 'code_wrong',
      isStepUp: false,
    });
  }
  return pages.signIn(texts, {
    ...form,
    email: problem?.email || (found?.account.email ?? ''),
    done: note && problem === undefined ? noteInWords(texts, note).text : undefined,
    ways: waysIn(desk),
    isAgain: found !== undefined,
    isWrong: problem?.kind === 'wrong' || problem?.kind === 'incomplete',
    passkey: await passkeyRequest(desk, place),
  });
}

const signIn: Take = async (desk, here, request, reply) => {
  const { as, events } = desk;
  // Another tab was faster, or this is a second click.
  if (await isRecent(desk, here)) return undefined;
  const account = await whoSignsIn(desk, request.body?.values ?? new Map(), request, {});
  if (!('sub' in account)) return account;
  if (await owesSecondFactor(desk, account)) {
    await keepPending(as, here.browser.digest, pendingOf(account, as.clock.now()));
    return undefined;
  }
  await keepSignedIn(desk, request, reply, { previous: here.found?.session, account, ...byPassword });
  events.signedIn(request, { sub: account.sub });
  return undefined;
};

const code: Take = async (desk, here, request, reply) => {
  const waiting = await findPending(desk.as, here.browser.digest);
  if (waiting === undefined) return undefined;
  const { account } = waiting;
  const shown = await takeCode(desk, request, account, request.body?.values ?? new Map());
  if (!('amr' in shown)) return shown;
  await finish(desk, here, request, reply, { account, amr: ['pwd', ...shown.amr] });
  return undefined;
};

const passkey: Take = async (desk, here, request, reply) => {
  const waiting = await findPending(desk.as, here.browser.digest);
  const place = { browser: here.browser, purpose: ACCOUNT_FORM };
  const shown = await takePasskey(desk, request, place, {
    values: request.body?.values ?? new Map(),
    meant: waiting?.account.sub,
  });
  if (!('amr' in shown)) return shown;
  const amr = [...(waiting ? ['pwd'] : []), ...shown.amr];
  await finish(desk, here, request, reply, { account: shown.account, amr });
  return undefined;
};

async function finish(
  desk: Desk,
  { browser, found }: Here,
  request: FastifyRequest,
  reply: FastifyReply,
  shown: { readonly account: AccountRecord; readonly amr: readonly string[] },
): Promise<void> {
  await keepSignedIn(desk, request, reply, { previous: found?.session, acr: secondFactorAcr, ...shown });
  await keepPending(desk.as, browser.digest, undefined);
  desk.events.signedIn(request, { sub: shown.account.sub });
}
