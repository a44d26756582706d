// The port of letters: what is still to be mailed to whom. What holds for every verb of every port is said in stores.ts.

/** `password_changed` tells; each of the others asks its reader to open a link. */
export type LetterKind = 'sign_up' | 'new_password' | 'verify_email' | 'password_changed';

export interface Letter {
  readonly id: string;
  readonly kind: LetterKind;
  /** to whom; there need be no account of this address */
  readonly email: string;
  /** of the page that asked for it: `en` */
  readonly language: string;
  /** the interaction that it was asked for in, to go on with */
  readonly interaction: string | null;
  readonly createdAt: number;
  /** how often it was taken, this time too */
  readonly attempts: number;
}

export interface LetterStore {
  /** Due at once. */
  add(letter: Omit<Letter, 'attempts'>): Promise<void>;
  /** Atomic: some that are due at `now`, the longest due first. Nobody else is given them before `until`. */
  take(now: number, until: number, limit: number): Promise<Letter[]>;
  /** It is due again at `at`. */
  postpone(letter: Pick<Letter, 'id'>, at: number): Promise<void>;
  /** Idempotent: it is out, or given up. */
  remove(letter: Pick<Letter, 'id'>): Promise<void>;
}
