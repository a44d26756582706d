// Whether those whom an access token speaks of still stand: its client, its account, its sign-in, itself. The rule it
// keeps: what revokes a token here is what makes it inactive at /introspect.
import { dateInWords } from '../words.ts';
import type { Check, Finding } from './explanation.ts';
import { revocationInWords } from './family-words.ts';
import { deathOf } from './refresh-families.ts';
import { familyOfTokenId } from './refresh-token.ts';

const client: Check = async ({ claims }, { records }) => {
  if (!records) return undefined;
  const clientId = String(claims.client_id);
  const found = await records.client(clientId);
  if (!found) return ['client_unknown', `its client ${clientId} is not registered`];
  if (found.disabledAt !== null)
    return ['client_disabled', `its client ${clientId} was disabled at ${dateInWords(found.disabledAt)}`];
  const { tokensValidAfter } = found;
  if (familyOf(claims) !== undefined || tokensValidAfter === null || Number(claims.iat) >= tokensValidAfter)
    return undefined;
  return ['client_cut_off', secretReplaced(clientId, tokensValidAfter)];
};

const secretReplaced = (clientId: string, at: number | null): string =>
  `the secret of its client ${clientId} was replaced at ${dateInWords(at ?? 0)}, and it is older`;

const account: Check = async ({ claims }, { records }) => {
  // RFC 9068 2.2: without an end-user the client is its own subject.
  if (!records || claims.sub === claims.client_id) return undefined;
  const id = familyOf(claims);
  const standing = id === undefined ? undefined : await records.family(id);
  if (id !== undefined && standing === undefined) return undefined;
  // A pairwise subject names no account to us: its sign-in does.
  const sub = standing?.family.sub ?? String(claims.sub);
  const found = await records.account(sub);
  if (!found) return ['account_unknown', `there is no account ${sub}`];
  if (found.disabledAt !== null)
    return ['account_disabled', `the account ${sub} was disabled at ${dateInWords(found.disabledAt)}`];
  const { tokensValidAfter } = found;
  if (familyOf(claims) !== undefined || tokensValidAfter === null || Number(claims.iat) >= tokensValidAfter)
    return undefined;
  return ['signed_out', signedOut(sub, tokensValidAfter)];
};

const signedOut = (sub: string, at: number | null): string =>
  `the account ${sub} was signed out everywhere at ${dateInWords(at ?? 0)}`;

const familyOf = ({ jti }: Readonly<Record<string, unknown>>): string | undefined =>
  familyOfTokenId(String(jti));

const family: Check = async ({ claims }, { records, now }) => {
  const id = familyOf(claims);
  if (!records || id === undefined) return undefined;
  const standing = await records.family(id);
  if (standing === undefined) {
    return [
      'family_unknown',
      `its sign-in, the family ${id}, is not known here: it is over, or was elsewhere`,
    ];
  }
  const { family, account, client } = standing;
  const findings: Partial<Record<NonNullable<ReturnType<typeof deathOf>>, Finding>> = {
    refresh_token_signed_out: ['signed_out', signedOut(family.sub, account.tokensValidAfter)],
    refresh_token_client_cut_off: [
      'client_cut_off',
      secretReplaced(family.clientId, client.tokensValidAfter),
    ],
    refresh_token_expired: [
      'family_expired',
      `its sign-in, the family ${id}, ended at ${dateInWords(family.expiresAt)}`,
    ],
  };
  const death = deathOf(standing, now);
  if (death === undefined) return undefined;
  return (
    findings[death] ?? ['family_revoked', `its sign-in, the family ${id}, was ${revocationInWords(family)}`]
  );
};

const itself: Check = async ({ claims }, { records }) =>
  records && (await records.isRevoked(String(claims.jti)))
    ? ['token_revoked', 'it was revoked by its client']
    : undefined;

export const standingChecks: readonly Check[] = [client, account, family, itself];
