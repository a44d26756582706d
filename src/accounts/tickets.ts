// Tickets: what a link in a letter is good for. The rules they keep: only a digest of one is kept, it lives for a quarter
// of an hour, and it is used once, whoever comes at the same time; looking at it uses nothing, since mail is read by
// machines, too.
import { findDocument, type KeepingParts, keepDocument } from '../kept-document.ts';
import type { AccountRecord } from '../stores/stores.ts';

const KIND = 'ticket';
/** Seconds. */
const TICKET_LIFETIME = 900;

interface OfAccount {
  readonly sub: string;
  readonly email: string;
  /** of the account as the letter was sent: a password that was changed since makes the ticket void */
  readonly cutOff: number | null;
}

export type Ticket = { readonly interaction: string | null } & (
  | { readonly for: 'sign_up'; readonly email: string }
  | ({ readonly for: 'new_password' | 'verify_email' } & OfAccount)
);

/** The answer is the secret that stands in the link. Throws StoreUnavailableError. */
export const issueTicket = (parts: KeepingParts, ticket: Ticket): Promise<string> =>
  keepDocument(parts, KIND, ticket, TICKET_LIFETIME);

/** A ticket that may be used, and the use of it: false where another was faster. */
export interface FoundTicket {
  readonly ticket: Ticket;
  use(): Promise<boolean>;
}

/** Undefined where there is none (any more). Throws StoreUnavailableError. */
export async function findTicket(
  { documents }: Pick<KeepingParts, 'documents'>,
  id: string,
): Promise<FoundTicket | undefined> {
  const text = await findDocument({ documents }, KIND, id);
  if (text === undefined) return undefined;
  return {
    ticket: JSON.parse(text) as Ticket,
    use: () => documents.compareAndSwap({ kind: KIND, id, expected: text, next: undefined, expiresAt: 0 }),
  };
}

/** Whether the account is still the one that the ticket was issued for. */
export const isStillFor = (
  { sub, email, cutOff }: OfAccount,
  account: AccountRecord | undefined,
): account is AccountRecord =>
  account !== undefined &&
  account.sub === sub &&
  account.email === email &&
  account.disabledAt === null &&
  account.tokensValidAfter === cutOff;
