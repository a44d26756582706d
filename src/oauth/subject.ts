// What a client calls an account, and a session of it: OpenID Connect Core 8 and 8.1. The rules it keeps: clients of
// one sector see one subject, those of different ones cannot tell that two are the same account, not even by `sid`;
// and what is handed out is never read back, only derived anew and compared.
import { createHmac } from 'node:crypto';
import type { AuthorizationServer } from './authorization-server.ts';
import type { ClientMetadata } from './client.ts';

type Sectored = Pick<ClientMetadata, 'subject_type' | 'sector_identifier_uri' | 'redirect_uris'>;

interface Identity {
  readonly sub: string;
  /** of the session that it signed in in */
  readonly sid: string;
}

/**
 * The sector of a pairwise client: the host of its `sector_identifier_uri`, else of its redirect URIs, which
 * registration holds to one. Undefined for a client with public subjects.
 */
export function sectorOf({
  subject_type,
  sector_identifier_uri,
  redirect_uris,
}: Sectored): string | undefined {
  if (subject_type !== 'pairwise') return undefined;
  return new URL(sector_identifier_uri ?? redirect_uris?.[0] ?? '').hostname;
}

/** An account and its session as this client knows them. Throws StoreUnavailableError or SigningUnavailableError. */
export async function presentedTo(
  as: Pick<AuthorizationServer, 'pairwiseSecret'>,
  client: Sectored,
  { sub, sid }: Identity,
): Promise<Identity> {
  const sector = sectorOf(client);
  if (sector === undefined) return { sub, sid };
  const secret = await as.pairwiseSecret();
  const derived = (kind: keyof Identity, id: string): string =>
    // As JSON, so that no two triples are the same text.
    createHmac('sha256', secret)
      .update(JSON.stringify([kind, sector, id]))
      .digest('base64url');
  return { sub: derived('sub', sub), sid: derived('sid', sid) };
}

type Parts = Pick<AuthorizationServer, 'clients' | 'pairwiseSecret'>;

interface Meaning {
  readonly clientId: string;
  /** as the client knows it; undefined: anybody */
  readonly subjectHint?: string | undefined;
}

/** Whether it is this account that a client means. Throws as `presentedTo` does. */
export async function isMeant(as: Parts, { clientId, subjectHint }: Meaning, sub: string): Promise<boolean> {
  if (subjectHint === undefined) return true;
  const client = await as.clients.find(clientId);
  return (
    client !== undefined && (await presentedTo(as, client.metadata, { sub, sid: '' })).sub === subjectHint
  );
}
