// What went wrong, as a page: for the person what it means for them, for those who run the app what the table of
// refusals says. A client that is not trusted is named nowhere on it, and nothing leads there.
import type { FastifyRequest } from 'fastify';
import type { OAuthError } from '../../oauth/errors.ts';
import { issuerPath } from '../../oauth/metadata.ts';
import type { ErrorAnswer } from '../errors.ts';
import { queryOf } from '../query.ts';
import type { Desk } from './desk.ts';
import { textsFor } from './language.ts';
import type { ErrorView } from './pages/pages.ts';
import type { Texts } from './texts/en.ts';

/** Renders refusals. */
export const errorAnswer =
  ({ as, pages }: Pick<Desk, 'as' | 'pages'>) =>
  (refused: OAuthError, request: FastifyRequest): ErrorAnswer => {
    const { status, error, description } = refused.refusal;
    const query = new URLSearchParams(queryOf(request));
    const wished = query.get('ui_locales')?.split(' ') ?? [];
    const texts = textsFor(wished, request.headers['accept-language']);
    const text = textOf(texts, refused, as.issuer);
    const link = linkOf(texts, refused, as.issuer, request);
    const { html, headers } = pages.error(texts, { text, link, error, description, reference: request.id });
    return { status, body: html, headers };
  };

function textOf({ errors }: Texts, { reason, refusal }: OAuthError, issuer: string): string {
  if (reason === 'wrong_host') return errors.wrong_host(new URL(issuer).host);
  if (
    reason === 'interaction_unknown' ||
    reason === 'interaction_of_another_browser' ||
    reason === 'csrf_token_wrong' ||
    reason === 'ticket_unknown'
  )
    return errors[reason];
  if (reason.startsWith('logout_') || reason === 'post_logout_redirect_uri_not_registered')
    return errors.logout;
  if (refusal.status === 503) return errors.temporary;
  return refusal.status >= 500 ? errors.fault : errors.request;
}

/** Where the person can go on, if anywhere: always at the issuer, whatever host the request names. */
function linkOf(
  { errors }: Texts,
  { reason, refusal }: OAuthError,
  issuer: string,
  { method, url, params }: FastifyRequest,
): ErrorView['link'] {
  const { origin } = new URL(issuer);
  const isPath = url.startsWith('/');
  if (reason === 'wrong_host') return { href: isPath ? `${origin}${url}` : origin, words: errors.goOn };
  if (refusal.status !== 503) return undefined;
  const { id } = (params ?? {}) as { id?: string };
  if (id !== undefined)
    return { href: `${issuerPath(issuer)}/authorize/${encodeURIComponent(id)}`, words: errors.tryAgain };
  return method === 'GET' && isPath ? { href: `${origin}${url}`, words: errors.tryAgain } : undefined;
}
