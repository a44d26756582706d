import type { SigningAlg } from '../stores/stores.ts';
export interface SignRequest {
  readonly alg: SigningAlg;
  /** `at+jwt`, `JWT`, `logout+jwt`: kinds of token differ in typ (RFC 8725 3.11) */
  readonly typ: string;
  readonly claims: Readonly<Record<string, unknown>> & { readonly iat: number; readonly exp: number };
}
export interface PublishedJwks { readonly body: string; readonly etag: string }
export interface Keyring {
  sign(request: SignRequest): Promise<string>;
  jwks(): PublishedJwks;
}
