// Documents that wait under a name that nobody guesses: an interaction, a note, a ticket. The rule they keep: what has
// not the form of such a name is never looked for.
import type { Clock } from './clock.ts';
import type { Random } from './random.ts';
import type { DocumentStore } from './stores/stores.ts';

export interface KeepingParts {
  readonly documents: DocumentStore;
  readonly clock: Clock;
  readonly random: Random;
}

export const isDocumentName = (text: string): boolean => /^[A-Za-z0-9_-]{43}$/.test(text);

/** Keeps it for `lifetime` seconds; the answer is its name. Throws StoreUnavailableError. */
export async function keepDocument(
  { documents, clock, random }: KeepingParts,
  kind: string,
  document: object,
  lifetime: number,
): Promise<string> {
  const id = random.bytes(32).toString('base64url');
  const next = JSON.stringify(document);
  await documents.compareAndSwap({ kind, id, expected: undefined, next, expiresAt: clock.now() + lifetime });
  return id;
}

/** As it is kept; undefined where there is none (any more). Throws StoreUnavailableError. */
export const findDocument = async (
  { documents }: Pick<KeepingParts, 'documents'>,
  kind: string,
  name: string | null,
): Promise<string | undefined> =>
  name !== null && isDocumentName(name) ? documents.find(kind, name) : undefined;
