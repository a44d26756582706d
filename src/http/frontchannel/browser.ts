// Which browser it is: a secret of its own, in a cookie, from its first request on. The rules it keeps: an interaction
// is for the browser that began it, and a form for the browser that it was shown to, before anybody has signed in too
// (RFC 9700 4.7, OWASP on login CSRF).
import { createHmac, hash, timingSafeEqual } from 'node:crypto';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { OAuthError } from '../../oauth/errors.ts';
import type { Parameters } from '../../oauth/parameters.ts';
import type { Random } from '../../random.ts';
import type { Cookie } from './cookies.ts';

export interface Browser {
  /** what the stores know it by */
  readonly digest: string;
  /** the token of every form of an interaction */
  csrfToken(interactionId: string): string;
}

/** The browser of a request; undefined where it brings no cookie of ours. */
export function browserOf(cookie: Cookie, request: FastifyRequest): Browser | undefined {
  const secret = cookie.read(request);
  return secret === undefined ? undefined : browserBy(secret);
}

/** The browser of a request, which gets its secret where it has none. */
export function knownBrowser(
  cookie: Cookie,
  random: Random,
  request: FastifyRequest,
  reply: FastifyReply,
): Browser {
  const known = browserOf(cookie, request);
  if (known) return known;
  const secret = random.bytes(32).toString('base64url');
  cookie.set(reply, secret);
  return browserBy(secret);
}

const browserBy = (secret: string): Browser => ({
  digest: hash('sha256', secret, 'base64url'),
  csrfToken: (interactionId) =>
    createHmac('sha256', secret).update(`form of ${interactionId}`).digest('base64url'),
});

/** Throws OAuthError unless the form is one of this interaction, and was shown to this browser. */
export function assertCsrfToken(
  browser: Browser | undefined,
  interactionId: string,
  form: Parameters | undefined,
): asserts browser is Browser {
  const shown = Buffer.from(form?.values.get('csrf_token') ?? '');
  const expected = browser && Buffer.from(browser.csrfToken(interactionId));
  if (expected?.length !== shown.length || !timingSafeEqual(expected, shown)) {
    throw new OAuthError('csrf_token_wrong');
  }
}
