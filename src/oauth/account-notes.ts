// What a person is told after a form of the account page: it waits while the browser is sent on (303), under a name that
// nobody guesses, so that nothing of it stands in a URL.
import type { AuthorizationServer } from './authorization-server.ts';
import type { SignInProblem } from './interaction.ts';

const KIND = 'account-note';
/** Seconds. */
const NOTE_LIFETIME = 600;

export type AccountNote =
  | SignInProblem
  | {
      readonly kind:
        | 'password_wrong'
        | 'password_short'
        | 'password_long'
        | 'password_differs'
        | 'password_changed'
        | 'session_ended'
        | 'others_ended'
        | 'app_ended'
        | 'totp_added'
        | 'totp_removed'
        | 'passkey_added'
        | 'passkey_removed'
        | 'passkey_not_added'
        | 'not_recent'
        | 'letter_sent'
        | 'account_made'
        | 'email_verified';
    };

type Parts = Pick<AuthorizationServer, 'clock' | 'documents' | 'random'>;

/** The answer is its name. Throws StoreUnavailableError. */
export async function leaveNote({ clock, documents, random }: Parts, note: AccountNote): Promise<string> {
  const id = random.bytes(32).toString('base64url');
  const expiresAt = clock.now() + NOTE_LIFETIME;
  const next = JSON.stringify(note);
  await documents.compareAndSwap({ kind: KIND, id, expected: undefined, next, expiresAt });
  return id;
}

/** Undefined where there is none (any more). */
export async function readNote(
  { documents }: Pick<Parts, 'documents'>,
  id: string | null,
): Promise<AccountNote | undefined> {
  const text = /^[A-Za-z0-9_-]{43}$/.test(id ?? '') ? await documents.find(KIND, id ?? '') : undefined;
  return text === undefined ? undefined : (JSON.parse(text) as AccountNote);
}
