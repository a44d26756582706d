// A verifier that others have written, and what it has to be told.

/** What a verifier has to know. */
export interface Trusted {
  readonly issuer: string;
  readonly jwksUri: string;
  readonly audience: string;
  readonly alg: string;
  /** of the resource's access tokens */
  readonly typ: string;
}

export interface Consumer {
  readonly name: string;
  /** with the version or module that is meant */
  readonly title: string;
  settings(trusted: Trusted): string;
}

/** What says it to a program in its own words, without the backslashes that JSON may have and they have not. */
export const quoted = (text: string): string => JSON.stringify(text);
