// What goes in and out of the protocol, free of HTTP.
import type { Parameters } from './parameters.ts';

/** A request by a client with credentials, at the token endpoint and its siblings. */
export interface BackchannelRequest {
  /** the Authorization header, as it came */
  readonly authorization: string | undefined;
  readonly parameters: Parameters;
}

/** RFC 6749 5.1 */
export interface TokenResponse {
  readonly access_token: string;
  readonly token_type: 'Bearer';
  /** seconds */
  readonly expires_in: number;
  readonly scope?: string | undefined;
  readonly refresh_token?: string | undefined;
  readonly id_token?: string | undefined;
}
