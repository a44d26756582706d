// What the routes of the front channel have in common.
import { Type } from 'typebox';
import type { Events } from '../../events.ts';
import type { AuthorizationServer } from '../../oauth/authorization-server.ts';
import type { Cookie } from './cookies.ts';
import type { Pages } from './pages/pages.ts';

/** What every route of the scope works with. */
export interface Desk {
  readonly as: AuthorizationServer;
  readonly events: Events;
  readonly pages: Pages;
  /** tells browsers apart, before anybody has signed in too */
  readonly browserCookie: Cookie;
  readonly sessionCookie: Cookie;
}

/** The response schemas of every route: a page, or the way to one. */
export const pageResponses = {
  '2xx': Type.String(),
  '3xx': Type.Null(),
  '4xx': Type.String(),
  '5xx': Type.String(),
};
