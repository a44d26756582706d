// The sector of a pairwise client, as it vouches for it: OpenID Connect Core 8.1, Dynamic Client Registration 5. The
// rule it keeps: a client joins a sector only where the sector's own document names each of its redirect URIs; else any
// client could learn the subjects of another one's.
import type { ClientMetadata } from './client.ts';
import { RegistrationError } from './registration.ts';

/** Asks a URL of somebody else's for JSON. Rejects with an Error that says why there is none, or why it is not asked. */
export type FetchDocument = (url: string) => Promise<unknown>;

/** The members that a document of the sector vouches for, or that name it. */
const sectorMembers = ['subject_type', 'sector_identifier_uri', 'redirect_uris'];

export const concernsSector = (members: Readonly<Record<string, unknown>>): boolean =>
  sectorMembers.some((name) => Object.hasOwn(members, name));

/** Throws RegistrationError where the document cannot be had, or does not name a redirect URI of the client. */
export async function assertSector(
  fetchDocument: FetchDocument,
  { sector_identifier_uri: uri, redirect_uris = [] }: ClientMetadata,
): Promise<void> {
  if (uri === undefined) return;
  const refuse = (problem: string): never => {
    throw new RegistrationError([{ member: 'sector_identifier_uri', problem }]);
  };
  const document = await fetchDocument(uri).catch((cause: Error) =>
    refuse(`cannot be read: ${cause.message}`),
  );
  if (!Array.isArray(document)) return refuse('is no JSON array of redirect URIs');
  const missing = redirect_uris.find((redirectUri) => !document.includes(redirectUri));
  if (missing !== undefined) refuse(`does not name ${missing}`);
}
