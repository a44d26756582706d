// What a person is told after a form of the account page: it waits while the browser is sent on (303), under a name that
// nobody guesses, so that nothing of it stands in a URL.
import { findDocument, keepDocument } from '../kept-document.ts';
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
export const leaveNote = (as: Parts, note: AccountNote): Promise<string> =>
  keepDocument(as, KIND, note, NOTE_LIFETIME);

/** Undefined where there is none (any more). */
export async function readNote(
  as: Pick<Parts, 'documents'>,
  id: string | null,
): Promise<AccountNote | undefined> {
  const text = await findDocument(as, KIND, id);
  return text === undefined ? undefined : (JSON.parse(text) as AccountNote);
}
