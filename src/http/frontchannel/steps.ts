// The forms of an interaction: POST /authorize/ID/sign-in, /account and /consent. The rules they keep: a form does
// something only where its step is due, so that a second click does nothing; whatever it does, it leads back to
// /authorize/ID (303), and never to another step.
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { OAuthError } from '../../oauth/errors.ts';
import type { SignInProblem, Step } from '../../oauth/interaction.ts';
import { changeProgress, findInteraction, type Interaction } from '../../oauth/interactions.ts';
import type { Parameters } from '../../oauth/parameters.ts';
import { allow, decide } from '../../oauth/proceed.ts';
import { findSession, type Session, startSession } from '../../oauth/session.ts';
import type { AccountRecord } from '../../stores/stores.ts';
import { assertCsrfToken, browserOf } from './browser.ts';
import { type Desk, pageResponses } from './desk.ts';
import type { InteractionRoute } from './interaction.ts';

type StepRequest = FastifyRequest<InteractionRoute & { Body: Parameters | undefined }>;

interface Due {
  readonly interaction: Interaction;
  readonly session: Session | undefined;
  readonly values: Parameters['values'];
}

type StepName = Step['step'];
type Take = (desk: Desk, due: Due, request: StepRequest, reply: FastifyReply) => Promise<void>;

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
  const session = (await findSession(as, sessionCookie.read(request)))?.session;
  const { next } = await decide(as, interaction, session);
  return when.includes(next.step) ? { interaction, session, values: body?.values ?? new Map() } : undefined;
}

async function signIn(desk: Desk, due: Due, request: StepRequest, reply: FastifyReply): Promise<void> {
  const { as, events, sessionCookie } = desk;
  const { interaction, session } = due;
  const { clientId } = interaction.request;
  const account = await whoSignsIn(desk, due, request);
  if (!('sub' in account)) {
    await changeProgress(as, interaction, (progress) => ({ ...progress, problem: account }));
    return;
  }
  const { sub } = account;
  const id = await startSession(as, session, {
    account,
    acr: 'aal1',
    amr: ['pwd'],
    userAgent: request.headers['user-agent'] ?? '',
    address: request.ip,
  });
  sessionCookie.set(reply, id, as.sessionLifetimes.lifetime);
  events.signedIn(request, { sub, clientId });
  await changeProgress(as, interaction, (progress) => ({ ...progress, chosenSub: sub, problem: undefined }));
}

/** Somebody; or why not. */
async function whoSignsIn(
  { as, events }: Desk,
  { interaction, values }: Due,
  request: StepRequest,
): Promise<AccountRecord | SignInProblem> {
  const { clientId, subjectHint } = interaction.request;
  // As long as an address may be (RFC 5321 4.5.3.1).
  const email = (values.get('email') ?? '').trim().slice(0, 320);
  const password = values.get('password');
  if (email === '' || password === undefined) return { kind: 'incomplete', email };
  const outcome = await as.authenticator.authenticate({ email, password, address: request.ip });
  if ('retryAfter' in outcome) {
    events.refused(request, new OAuthError('sign_in_throttled', { clientId }));
    return { kind: 'throttled', email, retryAfter: outcome.retryAfter };
  }
  if ('refused' in outcome) {
    events.refused(request, new OAuthError(outcome.refused, { clientId }));
    return { kind: 'wrong', email };
  }
  const isMeant = subjectHint === undefined || subjectHint === outcome.account.sub;
  return isMeant ? outcome.account : { kind: 'other_account', email };
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
    await changeProgress(as, interaction, (progress) => ({ ...progress, anotherAccountAt }));
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
