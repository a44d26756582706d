// A grant type: RFC 6749 1.3. It proves who may have what; the driver in token.ts mints and commits, so that no
// grant can forget a step.
import type { ResourceRecord } from '../../stores/stores.ts';
import type { AuthorizationServer } from '../authorization-server.ts';
import type { AuthenticatedClient } from '../client-authentication.ts';
import type { Parameters } from '../parameters.ts';

/** What a grant proved. */
export interface Authorization {
  readonly sub: string;
  readonly scope: string | undefined;
  /** undefined: the issuer itself is the audience */
  readonly resource: ResourceRecord | undefined;
  /** The irreversible step, taken after the token is signed. Throws OAuthError where somebody was faster. */
  commit(): Promise<void>;
}

export interface Grant {
  /** Throws OAuthError. */
  prove(
    as: Pick<AuthorizationServer, 'resources'>,
    client: AuthenticatedClient,
    parameters: Parameters,
  ): Promise<Authorization>;
}
