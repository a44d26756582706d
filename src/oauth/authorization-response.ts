// The authorization response: RFC 6749 4.1.2, RFC 9207, OAuth 2.0 Form Post Response Mode. The rule it keeps: every
// response says who it comes from, errors too (RFC 9207 2), and it goes to a URI that was found to be registered.
import type { OAuthError } from './errors.ts';

export type ResponseMode = 'query' | 'form_post';

/** Where a response goes: known only once the client and its redirect URI are trusted. */
export interface ResponseTarget {
  readonly redirectUri: string;
  readonly responseMode: ResponseMode;
  readonly state?: string | undefined;
}

export interface AuthorizationResponse {
  readonly target: ResponseTarget;
  readonly parameters: Readonly<Record<string, string>>;
}

interface Issuer {
  readonly issuer: string;
}

const responseOf = (
  { issuer }: Issuer,
  target: ResponseTarget,
  parameters: Record<string, string>,
): AuthorizationResponse => ({
  target,
  parameters: { ...parameters, ...(target.state !== undefined && { state: target.state }), iss: issuer },
});

export const codeResponse = (as: Issuer, target: ResponseTarget, code: string): AuthorizationResponse =>
  responseOf(as, target, { code });

export const errorResponse = (
  as: Issuer,
  target: ResponseTarget,
  { refusal }: OAuthError,
): AuthorizationResponse =>
  responseOf(as, target, { error: refusal.error, error_description: refusal.description });

/** The Location of a response in the query. What the registered URI has in its own query stays. */
export function locationOf({ target, parameters }: AuthorizationResponse): string {
  const separator = target.redirectUri.includes('?') ? '&' : '?';
  return `${target.redirectUri}${separator}${new URLSearchParams(parameters).toString()}`;
}
