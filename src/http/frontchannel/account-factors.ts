// Second factors on the account page: GET /account/totp and /account/passkey, and the forms that set them up and take
// them away. The rules it keeps: each asks for a recent sign-in; and recovery codes stand in the answer to the form
// itself, since they are kept nowhere.
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { renderSVG } from 'uqr';
import {
  addPasskey,
  beginTotp,
  confirmTotp,
  type Enrolled,
  removePasskey,
  removeTotp,
  renewRecoveryCodes,
  waitingTotp,
} from '../../accounts/enrol.ts';
import { newChallenge, takeChallenge } from '../../accounts/passkey-challenges.ts';
import { creationOptions, passkeyAmr, verifiedCreation } from '../../accounts/passkeys.ts';
import { totpSecretText, totpUri } from '../../accounts/totp.ts';
import type { AccountNote } from '../../oauth/account-notes.ts';
import { issuerPath } from '../../oauth/metadata.ts';
import { findSession, type Session } from '../../oauth/session.ts';
import type { AccountRecord, Factors } from '../../stores/stores.ts';
import { queryOf } from '../query.ts';
import { isRecent } from './account-sign-in.ts';
import { type Browser, knownBrowser } from './browser.ts';
import { type Desk, pageResponses } from './desk.ts';
import { textsFor } from './language.ts';
import type { OwnForm } from './pages/factor-pages.ts';
import type { Page } from './pages/pages.ts';
import { keepRaised } from './second-factor-steps.ts';
import type { Texts } from './texts/en.ts';
import { userAgentNames } from './user-agent.ts';

/** What a form of the account page is about. */
export interface Due {
  readonly account: AccountRecord;
  readonly session: Session;
  readonly browser: Browser;
  readonly values: ReadonlyMap<string, string>;
}

/** What becomes of a form: something to be said, another place to go to, or a page at once. */
export type Taken =
  | AccountNote['kind']
  | AccountNote
  | { readonly location: string }
  | { readonly page: Page }
  | undefined;

export type Take = (desk: Desk, due: Due, request: FastifyRequest, reply: FastifyReply) => Promise<Taken>;

/** `form`: makes a form of the account page. */
export function accountFactorRoutes(
  scope: FastifyInstance,
  desk: Desk,
  form: (path: string, take: Take) => void,
): void {
  const { as } = desk;
  const recent =
    (take: Take): Take =>
    async (desk, due, request, reply) =>
      (await isRecent(desk, { found: due })) ? take(desk, due, request, reply) : 'not_recent';
  form('totp', recent(beginTotpForm));
  form('totp-confirm', recent(confirmTotpForm));
  form(
    'totp-remove',
    recent(async (_, { account }) => ((await removeTotp(as, account)) ? 'totp_removed' : undefined)),
  );
  form('passkey-add', recent(addPasskeyForm));
  form('passkey-remove', recent(removePasskeyForm));
  form('recovery-codes', recent(renewForm));
  const page = (path: string, show: Show) =>
    scope.get(
      `/account/${path}`,
      { schema: { response: pageResponses }, exposeHeadRoute: false },
      (request, reply) => look(desk, request, reply, show),
    );
  page('totp', totpPage);
  page('passkey', passkeyPage);
}

interface Looked {
  readonly account: AccountRecord;
  readonly session: Session;
  readonly texts: Texts;
  readonly browser: Browser;
  readonly form: OwnForm;
}

type Show = (desk: Desk, looked: Looked, request: FastifyRequest) => Promise<Page | undefined>;

/** Where it is not due, the account page says what is. */
async function look(
  desk: Desk,
  request: FastifyRequest,
  reply: FastifyReply,
  show: Show,
): Promise<FastifyReply> {
  const { as, browserCookie, sessionCookie } = desk;
  const browser = knownBrowser(browserCookie, as.random, request, reply);
  const found = await findSession(as, sessionCookie.read(request));
  const isDue = found !== undefined && (await isRecent(desk, { found }));
  const texts = textsFor([], request.headers['accept-language']);
  const form = found && {
    action: `${issuerPath(as.issuer)}/account`,
    csrfToken: browser.csrfToken('account'),
    session: found.session.sid,
  };
  const page = isDue && form ? await show(desk, { ...found, texts, browser, form }, request) : undefined;
  if (page === undefined) return reply.code(303).header('location', as.endpoints.account).send();
  return reply.code(200).headers(page.headers).send(page.html);
}

const beginTotpForm: Take = async ({ as }, { account, session }) => {
  await beginTotp(as, account, session.sid);
  return { location: `${as.endpoints.account}/totp` };
};

async function totpPage(
  { as, pages }: Desk,
  looked: Looked,
  request: FastifyRequest,
): Promise<Page | undefined> {
  const { account, session, texts, form } = looked;
  const secret = await waitingTotp(as, account, session.sid);
  if (secret === undefined) return undefined;
  const issuer = as.relyingParty?.name ?? new URL(as.issuer).host;
  const isWrong = new URLSearchParams(queryOf(request)).has('wrong');
  return pages.totpSetUp(texts, {
    ...form,
    qr: renderSVG(totpUri(secret, { issuer, email: account.email }), { border: 2, pixelSize: 4 }),
    secret: (totpSecretText(secret).match(/.{1,4}/g) ?? []).join(' '),
    problem: isWrong ? texts.totpSetUp.wrong : undefined,
  });
}

const confirmTotpForm: Take = async (desk, due, request, reply) => {
  const { as } = desk;
  const { account, session, values } = due;
  const outcome = await confirmTotp(as, account, { sid: session.sid, code: values.get('code') ?? '' });
  if (outcome === 'over') return undefined;
  if (outcome === 'wrong') return { location: `${as.endpoints.account}/totp?wrong` };
  await keepRaised(desk, reply, session, ['otp', 'mfa']);
  return enrolled(desk, request, outcome, 'totp_added');
};

/** Whoever has just set it up has shown it, so that the session is worth more. */
function enrolled(
  desk: Desk,
  request: FastifyRequest,
  { recoveryCodes }: Enrolled,
  note: 'totp_added' | 'passkey_added',
): Taken {
  return recoveryCodes === undefined ? note : { page: codesPage(desk, request, recoveryCodes) };
}

function codesPage({ as, pages }: Desk, request: FastifyRequest, codes: readonly string[]): Page {
  const texts = textsFor([], request.headers['accept-language']);
  return pages.recoveryCodes(texts, { action: `${issuerPath(as.issuer)}/account`, codes });
}

/** The handle stands in the form, and the challenge is good for no other one. */
const purposeOf = ({ sub }: AccountRecord, handle: string): string => `passkey of ${sub} ${handle}`;

async function passkeyPage(
  { as, pages }: Desk,
  looked: Looked,
  request: FastifyRequest,
): Promise<Page | undefined> {
  const { account, texts, browser, form } = looked;
  if (as.relyingParty === undefined) return undefined;
  const { handle, passkeys }: Pick<Factors, 'handle' | 'passkeys'> = (await as.factors.find(account.sub)) ?? {
    handle: as.random.bytes(32).toString('base64url'),
    passkeys: [],
  };
  const purpose = purposeOf(account, handle);
  const challenge = await newChallenge(as, { browser: browser.digest, purpose });
  const options = await creationOptions(as.relyingParty, { handle, passkeys }, account, challenge);
  const { browser: name = '', system } = userAgentNames(request.headers['user-agent'] ?? '');
  return pages.passkeySetUp(texts, {
    ...form,
    passkey: JSON.stringify(options),
    handle,
    name: system ?? name,
  });
}

const addPasskeyForm: Take = async (desk, due, request, reply) => {
  const { as } = desk;
  const { account, session, browser, values } = due;
  const handle = values.get('handle') ?? '';
  const asked = { browser: browser.digest, purpose: purposeOf(account, handle) };
  const created =
    as.relyingParty &&
    (await verifiedCreation(as.relyingParty, values.get('credential') ?? '', (challenge) =>
      takeChallenge(as, challenge, asked),
    ));
  if (created === undefined) return 'passkey_not_added';
  const name = (values.get('name') ?? '').trim().slice(0, 60) || 'Passkey';
  const outcome = await addPasskey(as, account, { ...created, name }, handle);
  if (outcome === 'over') return 'passkey_not_added';
  await keepRaised(desk, reply, session, passkeyAmr(created));
  return enrolled(desk, request, outcome, 'passkey_added');
};

const removePasskeyForm: Take = async ({ as }, { account, values }) =>
  (await removePasskey(as, account, values.get('id') ?? '')) ? 'passkey_removed' : undefined;

const renewForm: Take = async (desk, { account }, request) => {
  const codes = await renewRecoveryCodes(desk.as, account);
  return codes && { page: codesPage(desk, request, codes) };
};
