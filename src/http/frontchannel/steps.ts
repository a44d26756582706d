// The forms of an interaction: POST /authorize/ID/sign-in, /account and /consent, and those of the second factor. The rules they keep: a form does
// something only where its step is due, so that a second click does nothing; whatever it does, it leads back to
// /authorize/ID (303), and never to another step.
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { Step } from '../../oauth/interaction.ts';
import { changeProgress, findInteraction, type Interaction } from '../../oauth/interactions.ts';
import type { Parameters } from '../../oauth/parameters.ts';
import { pendingOf } from '../../oauth/pending-sign-in.ts';
import { allow, decide } from '../../oauth/proceed.ts';
import { findSession, type Session } from '../../oauth/session.ts';
import type { AccountRecord } from '../../stores/stores.ts';
import { assertCsrfToken, type Browser, browserOf } from './browser.ts';
import { type Desk, pageResponses } from './desk.ts';
import type { InteractionRoute } from './interaction.ts';
import { owesSecondFactor } from './second-factor.ts';
import { giveUp, showCodeStep, showPasskeyStep, startOver } from './second-factor-steps.ts';
import { byPassword, keepSignedIn, whoSignsIn } from './sign-in.ts';

export type StepRequest = FastifyRequest<InteractionRoute & { Body: Parameters | undefined }>;

export interface Due {
  readonly interaction: Interaction;
  readonly session: Session | undefined;
  readonly account: AccountRecord | undefined;
  readonly next: Step;
  readonly browser: Browser;
  readonly values: Parameters['values'];
}

type StepName = Step['step'];
export type Take = (desk: Desk, due: Due, request: StepRequest, reply: FastifyReply) => Promise<void>;

export function stepRoutes(scope: FastifyInstance, desk: Desk): void {
  const step = (path: string, when: readonly StepName[], take: Take) =>
    scope.post<InteractionRoute & { Body: Parameters | undefined }>(
      `/authorize/:id/${path}`,
      { schema: { response: pageResponses } },
      async (request, reply) => {
        const due = await dueOf(desk, request, when);
        if (due) await take(desk, due, request, reply);
        const { endpoints } = desk.as;
        return reply.code(303).header('location', `${endpoints.authorization}/${request.params.id}`).send();
      },
    );
  step('sign-in', ['sign_in'], signIn);
  step('account', ['select_account', 'consent'], chooseAccount);
  step('consent', ['consent'], consent);
  step('code', ['second_factor'], showCodeStep);
  step('passkey', ['sign_in', 'second_factor'], showPasskeyStep);
  step('start-over', ['second_factor'], startOver);
  step('give-up', ['second_factor', 'enrol'], giveUp);
}

/** What a form is about; undefined where its step is not due (any more). Throws OAuthError where it is none of ours. */
async function dueOf(
  { as, browserCookie, sessionCookie }: Desk,
  request: StepRequest,
  when: readonly StepName[],
): Promise<Due | undefined> {
  const { body, params } = request;
  const browser = browserOf(browserCookie, request);
  assertCsrfToken(browser, params.id, body);
  const interaction = await findInteraction(as, params.id, browser.digest);
  const found = await findSession(as, sessionCookie.read(request));
  const { session, account } = found ?? { session: undefined, account: undefined };
  const { next } = await decide(as, interaction, session);
  const values = body?.values ?? new Map();
  return when.includes(next.step) ? { interaction, session, account, next, browser, values } : undefined;
}

async function signIn(desk: Desk, due: Due, request: StepRequest, reply: FastifyReply): Promise<void> {
  const { as } = desk;
  const { interaction, session, values } = due;
  const account = await whoSignsIn(desk, values, request, interaction.request);
  if (!('sub' in account)) {
    await changeProgress(as, interaction, (progress) => ({ ...progress, problem: account }));
    return;
  }
  const { sub } = account;
  if (await owesSecondFactor(desk, account)) {
    const pending = pendingOf(account, as.clock.now());
    await changeProgress(as, interaction, (progress) => ({ ...progress, pending, problem: undefined }));
    return;
  }
  await keepSignedIn(desk, request, reply, { previous: session, account, ...byPassword });
  desk.events.signedIn(request, { sub, clientId: interaction.request.clientId });
  await changeProgress(as, interaction, (progress) => ({ ...progress, chosenSub: sub, problem: undefined }));
}

/** Whether the page was made for whom the browser is signed in as now: another tab may have changed that. */
const isForSession = ({ values, session }: Due): boolean => values.get('session') === session?.sid;

async function chooseAccount({ as }: Desk, due: Due): Promise<void> {
  const { interaction, session, values } = due;
  if (session === undefined || !isForSession(due)) return;
  const choice = values.get('choice');
  if (choice === 'this') {
    await changeProgress(as, interaction, (progress) => ({ ...progress, chosenSub: session.sub }));
  }
  if (choice === 'another') {
    const anotherAccountAt = as.clock.now();
    await changeProgress(as, interaction, (progress) => ({
      ...progress,
      anotherAccountAt,
      pending: undefined,
    }));
  }
}

async function consent({ as }: Desk, due: Due): Promise<void> {
  const { interaction, session, values } = due;
  if (session === undefined || !isForSession(due)) return;
  const decision = values.get('decision');
  if (decision === 'allow') await allow(as, interaction, session);
  if (decision === 'refuse') {
    await changeProgress(as, interaction, (progress) => ({ ...progress, isRefused: true }));
  }
}
