// The forms of an interaction where a second factor is due, or a passkey alone: RFC 9470 4, OpenID Connect Core 3.1.2.3.
// The rule they keep: a session begins, or is worth more, only once all of it was shown, and then under a new id.
import type { FastifyReply, FastifyRequest } from 'fastify';
import { secondFactorAcr } from '../../oauth/acr.ts';
import type { SignInProblem } from '../../oauth/interaction.ts';
import { changeProgress, type Interaction } from '../../oauth/interactions.ts';
import { accountOfPending } from '../../oauth/pending-sign-in.ts';
import { raiseSession, type Session } from '../../oauth/session.ts';
import { isMeant } from '../../oauth/subject.ts';
import type { AccountRecord } from '../../stores/stores.ts';
import type { Desk } from './desk.ts';
import { takeCode, takePasskey } from './second-factor.ts';
import { keepSignedIn } from './sign-in.ts';
import type { Due, Take } from './steps.ts';

/** What a passkey is asked for in an interaction. */
export const purposeOf = ({ id }: Pick<Interaction, 'id'>): string => `interaction ${id}`;

/** Who owes it: the person of the session, or whoever has shown the password. */
export async function accountDue(
  { as }: Pick<Desk, 'as'>,
  { interaction: { progress }, account, next }: Pick<Due, 'interaction' | 'account' | 'next'>,
): Promise<AccountRecord | undefined> {
  if (next.step !== 'second_factor') return undefined;
  if (next.isStepUp) return account;
  return progress.pending && accountOfPending(as, progress.pending);
}

const isStepUp = ({ next }: Due): boolean => next.step === 'second_factor' && next.isStepUp;

const tell = ({ as }: Desk, { interaction }: Due, problem: SignInProblem): Promise<void> =>
  changeProgress(as, interaction, (progress) => ({ ...progress, problem }));

const settle = ({ as }: Desk, { interaction }: Due, chosenSub: string): Promise<void> =>
  changeProgress(as, interaction, ({ pending: _, problem: __, ...progress }) => ({ ...progress, chosenSub }));

/** A code of an app, or a recovery code. */
export const showCodeStep: Take = async (desk, due, request, reply) => {
  const account = await accountDue(desk, due);
  if (account === undefined) return startOver(desk, due, request, reply);
  const shown = await takeCode(desk, request, account, due.values);
  if (!('amr' in shown)) return tell(desk, due, shown);
  const { session } = due;
  if (isStepUp(due) && session) await keepRaised(desk, reply, session, shown.amr);
  else await finish(desk, due, request, reply, { account, amr: ['pwd', ...shown.amr] });
  await settle(desk, due, account.sub);
};

/** A passkey: as the second factor, or alone, for it verifies its person. */
export const showPasskeyStep: Take = async (desk, due, request, reply) => {
  const { interaction, next, browser, values } = due;
  const owed = next.step === 'second_factor' ? next.sub : undefined;
  const place = { browser, purpose: purposeOf(interaction) };
  const shown = await takePasskey(desk, request, place, { values, meant: owed });
  if (!('amr' in shown)) return tell(desk, due, shown);
  const isThem = await isMeant(desk.as, interaction.request, shown.account.sub);
  if (!isThem) return tell(desk, due, { kind: 'other_account', email: '' });
  const isSecond = next.step === 'second_factor' && !next.isStepUp;
  const amr = [...(isSecond ? ['pwd'] : []), ...shown.amr];
  await finish(desk, due, request, reply, { account: shown.account, amr });
  await settle(desk, due, shown.account.sub);
};

async function finish(
  desk: Desk,
  { session, interaction }: Due,
  request: FastifyRequest,
  reply: FastifyReply,
  { account, amr }: { readonly account: AccountRecord; readonly amr: readonly string[] },
): Promise<void> {
  await keepSignedIn(desk, request, reply, { previous: session, account, acr: secondFactorAcr, amr });
  desk.events.signedIn(request, { sub: account.sub, clientId: interaction.request.clientId });
}

/** The session of the browser, under the new id that it has from now on. */
export async function keepRaised(
  { as, sessionCookie }: Pick<Desk, 'as' | 'sessionCookie'>,
  reply: FastifyReply,
  session: Session,
  amr: readonly string[],
): Promise<void> {
  const id = await raiseSession(as, session, amr);
  sessionCookie.set(reply, id, session.expiresAt - as.clock.now());
}

/** Another account, or the same one from its password on. */
export const startOver: Take = async (desk, due) => {
  const { as } = desk;
  const anotherAccountAt = isStepUp(due) ? as.clock.now() : due.interaction.progress.anotherAccountAt;
  await changeProgress(as, due.interaction, ({ pending: _, problem: __, ...progress }) => ({
    ...progress,
    anotherAccountAt,
  }));
};

/** Back to the client without what it asks for, which decides what that is worth. */
export const giveUp: Take = async ({ as }, due) => {
  if (due.next.step === 'second_factor' && !due.next.isStepUp) return;
  await changeProgress(as, due.interaction, (progress) => ({ ...progress, hasGivenUp: true }));
};
