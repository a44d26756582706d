// GET /demo and below: an app to try a sign-in with, in the embedded development mode alone. It is a client of the
// issuer and no part of it: it asks the issuer over HTTP, as any app does, and keeps its sessions to itself, in memory.
// The rules it keeps: an answer counts for the browser that began (OpenID Connect Core 3.1.2.7, `state`), and its cookie
// comes with no form of another site (SameSite), so that none of its forms needs a token.
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { cookieOf } from '../http/frontchannel/cookies.ts';
import { pageResponses } from '../http/frontchannel/desk.ts';
import { type FrontchannelParts, openDesk } from '../http/frontchannel/frontchannel.ts';
import { issuerPath } from '../oauth/metadata.ts';
import { createDemoPages } from './pages.ts';
import { demoSite, demoUris } from './registered.ts';
import { createRelyingParty, type RelyingParty } from './relying-party.ts';
import { createSessions, type DemoSession, type DemoSessions } from './sessions.ts';

/** The scope. Mount it under the issuer's path. */
export async function demo(scope: FastifyInstance, parts: FrontchannelParts): Promise<void> {
  const { as, looks } = parts;
  const { issuer } = as;
  openDesk(scope, parts);
  const { page, redirectUri } = demoUris(issuer);
  const party = createRelyingParty({ issuer, clientId: demoSite, redirectUri, postLogoutRedirectUri: page });
  const sessions = createSessions(cookieOf(issuer, 'demo'), as.random);
  const pages = createDemoPages(looks, `${issuerPath(issuer)}/demo`);
  const schema = { response: pageResponses };

  scope.get('/demo', { schema, exposeHeadRoute: false }, async (request, reply) => {
    const { signedIn, problem } = sessions.find(request);
    sessions.told(request);
    const view = { problem, languages: request.headers['accept-language'] };
    const { html, headers } = signedIn ? pages.tokens(signedIn, view) : pages.start(view);
    return reply.code(200).headers(headers).send(html);
  });
  const act = (step: Step) => (request: FastifyRequest, reply: FastifyReply) =>
    take(step, { party, sessions, page }, request, reply);
  scope.post('/demo/sign-in', { schema }, act(signIn));
  scope.get('/demo/callback', { schema, exposeHeadRoute: false }, act(callback));
  scope.post('/demo/refresh', { schema }, act(refresh));
  scope.post('/demo/sign-out', { schema }, act(signOut));
}

/** What is known of the browser afterwards, and where it goes; without a location back to the page. */
interface Taken {
  readonly session: DemoSession;
  readonly location?: string;
}

type Step = (party: RelyingParty, session: DemoSession, url: URL) => Promise<Taken>;

const signIn: Step = async (party) => {
  const { location, pending } = await party.begin();
  return { session: { pending }, location };
};

const callback: Step = async (party, { pending }, url) => {
  if (pending === undefined) throw new Error('this browser has not begun a sign-in here');
  return { session: { signedIn: { tokens: await party.finish(url, pending), refreshes: 0 } } };
};

const refresh: Step = async (party, { signedIn }) => {
  if (signedIn === undefined) return { session: {} };
  const tokens = await party.refresh(signedIn.tokens);
  return { session: { signedIn: { tokens, refreshes: signedIn.refreshes + 1 } } };
};

const signOut: Step = async (party, { signedIn }) =>
  signedIn === undefined ? { session: {} } : { session: {}, location: await party.signOut(signedIn.tokens) };

interface Setting {
  readonly party: RelyingParty;
  readonly sessions: DemoSessions;
  /** URL of the demo */
  readonly page: string;
}

/** Takes a step. Where it fails the page says what the issuer said of it. */
async function take(
  step: Step,
  { party, sessions, page }: Setting,
  request: FastifyRequest,
  reply: FastifyReply,
): Promise<FastifyReply> {
  const before = sessions.find(request);
  const { session, location = page } = await step(party, before, new URL(request.originalUrl, page)).catch(
    (error: unknown): Taken => ({ session: { ...before, problem: wordsOf(error) } }),
  );
  sessions.begin(request, reply, session);
  return reply.code(303).header('location', location).send();
}

/** What an issuer says, where it says something. */
function wordsOf(error: unknown): string {
  const {
    message,
    error: code,
    error_description: description,
  } = error as Record<string, string | undefined>;
  return code === undefined ? String(message) : `${code}: ${description}`;
}
