// A grant type: RFC 6749 1.3. It proves who may have what; the driver in token.ts mints and commits, so that no
// grant can forget a step.
import type { ResourceRecord } from '../../stores/stores.ts';
import type { AuthorizationServer } from '../authorization-server.ts';
import type { AuthenticatedClient } from '../client-authentication.ts';
import type { Parameters } from '../parameters.ts';
import type { Head } from '../refresh-family.ts';

/** An end-user's sign-in, as the tokens that come of it tell of it (RFC 9068 2.2.1, OpenID Connect Core 2). */
export interface Login {
  /** epoch seconds */
  readonly authTime: number;
  readonly acr: string;
  readonly amr: readonly string[];
  /** `sid` */
  readonly session: string;
  /** of the account, by the names that the tokens give them */
  readonly claims: Readonly<Record<string, unknown>>;
}

/** Where a family stands once the commit has gone through. */
export interface RefreshedFamily {
  readonly familyId: string;
  /** names the refresh token of the answer, and the identity of the access token beside it */
  readonly head: Head;
  readonly outcome: 'opened' | 'rotated' | 'ahead' | 'retry';
  /** false: no refresh token is handed out, and the family ends with its access token */
  readonly isRefreshable: boolean;
  /** absolute: no access token of the family outlives it */
  readonly expiresAt: number;
}

/** What an ID token says beyond the sign-in (OpenID Connect Core 2). */
export interface IdTokenContent {
  readonly nonce: string | undefined;
  readonly claims: Readonly<Record<string, unknown>>;
}

/** What a grant proved. */
export interface Authorization {
  readonly sub: string;
  readonly scope: string | undefined;
  /** undefined: the issuer itself is the audience */
  readonly resource: ResourceRecord | undefined;
  /** absent where the client acts for itself */
  readonly login?: Login | undefined;
  /** absent where no refresh token goes with the access token */
  readonly refresh?: RefreshedFamily;
  /** absent where the scope has no openid */
  readonly idToken?: IdTokenContent | undefined;
  /**
   * The irreversible step, taken after the token is signed. False where somebody was faster: what was proved has to
   * be proved anew.
   */
  commit(): Promise<boolean>;
}

export interface Grant {
  /** Throws OAuthError. */
  prove(as: AuthorizationServer, client: AuthenticatedClient, parameters: Parameters): Promise<Authorization>;
}
