// The front channel: people with browsers. The rules it keeps: every form is one that this browser was given, every
// answer is a page or a redirect, nothing is kept by caches, and no address of ours is told to anybody (RFC 9700 4.2.4).
import type { FastifyInstance, FastifyRequest } from 'fastify';
import type { Events } from '../../events.ts';
import { isLoopbackHost } from '../../loopback.ts';
import type { AuthorizationServer } from '../../oauth/authorization-server.ts';
import { OAuthError } from '../../oauth/errors.ts';
import { answerError } from '../errors.ts';
import { acceptForms } from '../forms.ts';
import { noStore } from '../headers.ts';
import { accountRoutes } from './account.ts';
import { authorizeRoutes } from './authorize.ts';
import { cookieOf } from './cookies.ts';
import type { Desk } from './desk.ts';
import { errorAnswer } from './error-page.ts';
import { interactionRoutes } from './interaction.ts';
import { letterRoutes } from './letters.ts';
import { logoutRoutes } from './logout.ts';
import { createPages, type Looks } from './pages/pages.ts';
import { stepRoutes } from './steps.ts';
import { ticketRoutes } from './tickets.ts';

export interface FrontchannelParts {
  readonly as: AuthorizationServer;
  readonly events: Events;
  readonly looks: Looks;
}

const pageHeaders = { ...noStore, 'referrer-policy': 'no-referrer', 'x-frame-options': 'DENY' } as const;

/** What a scope of pages keeps at every request, and what its routes work with. */
export function openDesk(scope: FastifyInstance, { as, events, looks }: FrontchannelParts): Desk {
  const desk: Desk = {
    as,
    events,
    pages: createPages(looks),
    browserCookie: cookieOf(as.issuer, 'browser'),
    sessionCookie: cookieOf(as.issuer, 'session'),
  };
  const assertHost = hostAssertion(as.issuer);
  scope.addHook('onRequest', async (request, reply) => {
    reply.headers(pageHeaders);
    assertHost(request);
  });
  acceptForms(scope);
  scope.setErrorHandler(answerError({ events, random: as.random }, errorAnswer(desk)));
  return desk;
}

/** The scope. Mount it under the issuer's path. */
export async function frontchannel(scope: FastifyInstance, parts: FrontchannelParts): Promise<void> {
  const desk = openDesk(scope, parts);
  authorizeRoutes(scope, desk);
  interactionRoutes(scope, desk);
  stepRoutes(scope, desk);
  logoutRoutes(scope, desk);
  accountRoutes(scope, desk);
  letterRoutes(scope, desk);
  ticketRoutes(scope, desk);
}

/**
 * On one machine 127.0.0.1 and localhost are the same place and different hosts: a cookie that is set at one is unknown
 * at the other. What is posted is answered with the way to the issuer's own name anyhow.
 */
function hostAssertion(issuer: string): (request: FastifyRequest) => void {
  const { hostname } = new URL(issuer);
  return (request) => {
    const isOther = request.hostname !== hostname && isLoopbackHost(request.hostname);
    if (request.method === 'GET' && isOther && isLoopbackHost(hostname)) throw new OAuthError('wrong_host');
  };
}
