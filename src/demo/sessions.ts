// What the demo knows of a browser, in memory: a restart forgets it, and no more than that is lost.
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Cookie } from '../http/frontchannel/cookies.ts';
import type { Random } from '../random.ts';
import type { SignedInView } from './pages.ts';
import type { Pending } from './relying-party.ts';

/** Sessions that are kept; the oldest goes first. */
const capacity = 100;

export interface DemoSession {
  readonly pending?: Pending;
  readonly signedIn?: SignedInView;
  /** said once */
  readonly problem?: string;
}

export type DemoSessions = ReturnType<typeof createSessions>;

export function createSessions(cookie: Cookie, random: Random) {
  const sessions = new Map<string, DemoSession>();
  const idOf = (request: FastifyRequest): string => cookie.read(request) ?? '';
  return {
    find: (request: FastifyRequest): DemoSession => sessions.get(idOf(request)) ?? {},
    /** Under a new id, whatever the browser had before. */
    begin(request: FastifyRequest, reply: FastifyReply, session: DemoSession): void {
      sessions.delete(idOf(request));
      if (sessions.size >= capacity) sessions.delete(sessions.keys().next().value as string);
      const id = random.bytes(32).toString('base64url');
      sessions.set(id, session);
      cookie.set(reply, id);
    },
    told(request: FastifyRequest): void {
      const { problem: _told, ...session } = sessions.get(idOf(request)) ?? {};
      if (sessions.has(idOf(request))) sessions.set(idOf(request), session);
    },
  };
}
