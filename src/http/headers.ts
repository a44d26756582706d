// Headers that many answers have, made once: what plugins would work out anew for every request.

/** Ours, never the caller's; the same id stands in the log. */
export const requestIdHeader = 'x-request-id';

/** For answers that are no pages, so for all but a browser's: nothing in them may be run or framed (OWASP). */
export const apiHeaders = (issuer: string): Readonly<Record<string, string>> => ({
  'x-content-type-options': 'nosniff',
  'content-security-policy': "default-src 'none'; frame-ancestors 'none'",
  ...(issuer.startsWith('https:') && { 'strict-transport-security': 'max-age=31536000' }),
});

/** RFC 6749 5.2: tells a client that used the Authorization header which scheme it should have been. */
export const basicChallenge = (issuer: string): string => `Basic realm="${issuer}", charset="UTF-8"`;

/** The Authorization header, where its scheme is Basic. */
export const basicOf = ({
  headers: { authorization },
}: {
  readonly headers: { readonly authorization?: string | undefined };
}): string | undefined =>
  authorization !== undefined && /^basic( |$)/i.test(authorization) ? authorization : undefined;

/** RFC 6749 5.1: nobody keeps what has a token in it. */
export const noStore = { 'cache-control': 'no-store', pragma: 'no-cache' } as const;
