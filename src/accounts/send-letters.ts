// The outbox of letters, emptied: every letter is composed at the moment it is sent, with a link of its own.
import { deliverDue, type Told } from '../oauth/outbox.ts';
import type { Letter } from '../stores/stores.ts';
import { type LetterParts, MailRefusedError, mailOf, type SendMail } from './letters.ts';

/** Seconds: a mail server that is away for a night is no reason to lose one. */
const LETTER_LIFETIME = 86_400;

/** What became of a letter. */
export type LetterOutcome = Pick<Letter, 'kind' | 'attempts'> &
  Omit<Told<Letter>, 'item'> & {
    /** what the log may say of where it went */
    readonly sent?: Readonly<Record<string, string>>;
  };

/** Tries all that is due. Throws StoreUnavailableError; then what was taken is due again by itself. */
export async function sendLetters(
  parts: LetterParts & { readonly sendMail: SendMail },
  tell: (outcome: LetterOutcome) => void,
): Promise<void> {
  const sent = new Map<string, Readonly<Record<string, string>>>();
  await deliverDue<Letter>({
    clock: parts.clock,
    outbox: parts.letters,
    since: ({ createdAt }) => createdAt,
    lifetime: LETTER_LIFETIME,
    async attempt(letter) {
      try {
        const mail = await mailOf(parts, letter);
        if (mail === undefined) return { outcome: 'not_wanted' };
        sent.set(letter.id, await parts.sendMail(mail));
        return { outcome: 'delivered' };
      } catch (cause) {
        return { outcome: cause instanceof MailRefusedError ? 'not_wanted' : 'postponed', cause };
      }
    },
    tell: ({ item: { id, kind, attempts }, ...outcome }) =>
      tell({ kind, attempts, ...outcome, ...(sent.has(id) && { sent: sent.get(id) ?? {} }) }),
  });
}
