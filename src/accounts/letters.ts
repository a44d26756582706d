// Letters to people: asked for at a page, written into an outbox, sent from there. The rules they keep: whoever asks is
// told the same, at the same price, whether there is an account or not, since that is looked up only when the letter is
// sent; a link is of the issuer's own name, whatever host a request names; no secret waits in the outbox.
import type { Clock } from '../clock.ts';
import type { Random } from '../random.ts';
import type { AccountRecord, AccountStore, DocumentStore, Letter, LetterStore } from '../stores/stores.ts';
import { type LetterText, letterWords } from './letter-texts.ts';
import { issueTicket, type Ticket } from './tickets.ts';

export interface Mail {
  readonly to: string;
  readonly subject: string;
  /** plain, with `link` in it */
  readonly text: string;
  readonly link: string;
}

/** Rejects where it is not known to be on its way: MailRefusedError where it never will be. The answer is what the log may say of it. */
export type SendMail = (mail: Mail) => Promise<Readonly<Record<string, string>>>;

/** The mail server will not have this letter, however often it is asked. */
export class MailRefusedError extends Error {}

export interface LetterParts {
  readonly issuer: string;
  /** as people know the issuer */
  readonly issuerName: string;
  readonly letters: LetterStore;
  readonly accounts: Pick<AccountStore, 'findByEmail'>;
  readonly documents: DocumentStore;
  readonly clock: Clock;
  readonly random: Random;
}

/** Writes a letter into the outbox. Throws StoreUnavailableError. */
export const writeLetter = (
  { letters, clock, random }: Pick<LetterParts, 'letters' | 'clock' | 'random'>,
  letter: Pick<Letter, 'kind' | 'email' | 'language' | 'interaction'>,
): Promise<void> => letters.add({ ...letter, id: random.id(), createdAt: clock.now() });

/** What is to be sent: a text, and what its link is good for, or where it leads; undefined: nothing, to nobody. */
interface Content {
  readonly words: LetterText;
  readonly ticket?: Ticket;
}

/** Throws StoreUnavailableError. */
export async function mailOf(parts: LetterParts, letter: Letter): Promise<Mail | undefined> {
  const { issuer, issuerName, accounts } = parts;
  const { email, language } = letter;
  const account = await accounts.findByEmail(email);
  const content = contentOf(letter, account);
  if (content === undefined) return undefined;
  const link =
    content.ticket === undefined
      ? `${issuer}/new-password`
      : `${issuer}/letter?ticket=${await issueTicket(parts, content.ticket)}`;
  const { subject, text } = letterWords(language, content.words)({ issuer: issuerName, link });
  // As its owner writes it, where there is one: some mail hosts tell capitals apart.
  return { to: account?.email ?? email, subject, text: `${text.join('\n\n')}\n`, link };
}

function contentOf(
  { kind, email, interaction }: Letter,
  account: AccountRecord | undefined,
): Content | undefined {
  if (account === undefined)
    return kind === 'sign_up' ? { words: 'signUp', ticket: { for: kind, email, interaction } } : undefined;
  if (account.disabledAt !== null) return undefined;
  if (kind === 'password_changed') return { words: 'passwordChanged' };
  const known = { sub: account.sub, email: account.email, cutOff: account.tokensValidAfter, interaction };
  if (kind === 'verify_email') return { words: 'verifyEmail', ticket: { for: kind, ...known } };
  const words = kind === 'sign_up' ? 'alreadySignedUp' : 'newPassword';
  return { words, ticket: { for: 'new_password', ...known } };
}
