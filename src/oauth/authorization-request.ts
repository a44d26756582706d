// An authorization request that was found good: RFC 6749 4.1.1, OpenID Connect Core 3.1.2.1. Plain data, so that it can
// wait in a store while a person signs in.
import type { ResponseMode } from './authorization-response.ts';
import type { ClaimsRequest } from './claims-request.ts';

export const prompts = ['none', 'login', 'consent', 'select_account'] as const;
export type Prompt = (typeof prompts)[number];

/** Every page is made for every size, so they decide nothing. */
export const displays: readonly string[] = ['page', 'popup', 'touch', 'wap'];

export interface AuthorizationRequest {
  readonly clientId: string;
  readonly redirectUri: string;
  readonly responseMode: ResponseMode;
  readonly state?: string | undefined;
  readonly nonce?: string | undefined;
  /** as asked for, within what the client is registered for */
  readonly scope?: string | undefined;
  readonly resources: readonly string[];
  readonly codeChallenge?: string | undefined;
  readonly prompts: readonly Prompt[];
  /** seconds since the person last showed who they are */
  readonly maxAge?: number | undefined;
  readonly loginHint?: string | undefined;
  readonly uiLocales: readonly string[];
  readonly acrValues: readonly string[];
  readonly claims?: ClaimsRequest | undefined;
  /** the `sub` of the id_token_hint: nobody else may answer */
  readonly subjectHint?: string | undefined;
}
