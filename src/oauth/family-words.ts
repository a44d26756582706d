// How a family ended, in the operator's words.
import type { FamilyRecord, Revocation } from '../stores/stores.ts';
import { dateInWords } from '../words.ts';

const causes: Record<Revocation, string> = {
  replayed: 'since a token of it was replayed',
  code_replayed: 'since its authorization code was used again',
  revoked_by_client: 'by its client',
  revoked_by_operator: 'by an operator',
  revoked_by_account: 'by its own person',
};

/** `revoked by its client at 2026-11-23T10:00:05Z`, of one that is revoked. */
export const revocationInWords = ({ revocation, revokedAt }: FamilyRecord): string =>
  `revoked ${causes[revocation ?? 'revoked_by_operator']} at ${dateInWords(revokedAt ?? 0)}`;
