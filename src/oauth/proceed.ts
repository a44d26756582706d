// How an interaction goes on: what the stores know is brought together, the next step is decided, and where nothing is
// left to be done the request is answered (RFC 6749 4.1.2, OpenID Connect Core 3.1.2.5).
import { hasSecondFactor } from '../accounts/factors.ts';
import type { ClientRecord } from '../stores/stores.ts';
import { issueCode } from './authorization-code.ts';
import { type AuthorizationResponse, codeResponse, errorResponse } from './authorization-response.ts';
import type { AuthorizationServer } from './authorization-server.ts';
import { askedFor } from './consent.ts';
import { OAuthError } from './errors.ts';
import { nextStep, type Step } from './interaction.ts';
import { changeProgress, type Interaction } from './interactions.ts';
import { isRegisteredRedirectUri } from './redirect-uri.ts';
import type { Session } from './session.ts';
import { isMeant } from './subject.ts';

export type Proceeding =
  | { readonly step: 'sign_in'; readonly client: ClientRecord }
  | { readonly step: 'over'; readonly client: ClientRecord }
  | (Extract<Step, { step: 'second_factor' }> & { readonly client: ClientRecord })
  | {
      readonly step: 'select_account' | 'enrol' | 'consent';
      readonly client: ClientRecord;
      readonly session: Session;
    }
  | { readonly step: 'answered'; readonly response: AuthorizationResponse; readonly error?: OAuthError };

type Parts = Pick<
  AuthorizationServer,
  | 'authorizationCodeLifetime'
  | 'clients'
  | 'clock'
  | 'consents'
  | 'documents'
  | 'factors'
  | 'issuer'
  | 'pairwiseSecret'
  | 'random'
  | 'resources'
>;

/** What is next, changing nothing. Throws OAuthError where the client or its redirect URI is no longer there, and StoreUnavailableError. */
export async function decide(
  as: Parts,
  { request, progress }: Interaction,
  session: Session | undefined,
): Promise<{ readonly next: Step; readonly client: ClientRecord }> {
  const { clientId } = request;
  const client = await as.clients.find(clientId);
  if (client === undefined) throw new OAuthError('authorize_client_unknown', { clientId });
  if (client.disabledAt !== null) throw new OAuthError('authorize_client_disabled', { clientId });
  // The operator may have taken it away while the person was answering.
  if (!isRegisteredRedirectUri(request.redirectUri, client.metadata.redirect_uris ?? [])) {
    throw new OAuthError('redirect_uri_not_registered', { clientId });
  }
  const [consent, factors, isMeantOne, resources] = await Promise.all([
    session && as.consents.find(session.sub, clientId),
    session && as.factors.find(session.sub),
    session !== undefined && isMeant(as, request, session.sub),
    Promise.all(request.resources.map((uri) => as.resources.find(uri))),
  ]);
  const next = nextStep({
    request,
    client: client.metadata,
    progress,
    session,
    isMeant: isMeantOne,
    consent,
    ofResources: resources.flatMap((resource) => resource?.requireAcr ?? []),
    hasSecondFactor: hasSecondFactor(factors),
    now: as.clock.now(),
  });
  return { next, client };
}

/** Answers the request where nothing is left to be done. Throws as `decide` does. */
export async function proceed(
  as: Parts,
  interaction: Interaction,
  session: Session | undefined,
): Promise<Proceeding> {
  const { request } = interaction;
  const { next, client } = await decide(as, interaction, session);
  if (next.step === 'refuse') {
    const error = new OAuthError(next.reason, { clientId: request.clientId });
    await answered(as, interaction);
    return { step: 'answered', response: errorResponse(as, request, error), error };
  }
  if (next.step === 'over') return { step: 'over', client };
  if (next.step === 'second_factor') return { ...next, client };
  if (next.step === 'sign_in' || session === undefined) return { step: 'sign_in', client };
  if (next.step !== 'respond') return { step: next.step, client, session };
  await answered(as, interaction);
  const code = await issueCode(as, request, { ...session, acr: next.acr });
  return { step: 'answered', response: codeResponse(as, request, code) };
}

const answered = (as: Parts, interaction: Interaction): Promise<void> =>
  changeProgress(as, interaction, (progress) => ({ answeredAt: as.clock.now(), ...progress }));

/** Notes that the person of this session allows what is asked for, for now and for the next time. */
export async function allow(
  as: Pick<Parts, 'clock' | 'consents' | 'documents' | 'random'>,
  interaction: Interaction,
  { sub, sid }: Session,
): Promise<void> {
  const { clientId } = interaction.request;
  const at = as.clock.now();
  const consent = askedFor(interaction.request);
  await as.consents.add(
    sub,
    { clientId, ...consent, grantedAt: at },
    {
      at,
      event: 'consent.granted',
      actor: `account:${sub}`,
      subject: sub,
      details: { clientId, sid, ...consent },
    },
  );
  await changeProgress(as, interaction, (progress) => ({ ...progress, consentedSub: sub }));
}
