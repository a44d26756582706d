// What would become of a refresh token if its client presented it now, in one reason and one sentence.
import type { FamilyRecord } from '../stores/stores.ts';
import { dateInWords, durationInWords } from '../words.ts';
import { type ExplainParts, type Explanation, explanation, type Finding } from './explanation.ts';
import { revocationInWords } from './family-words.ts';
import type { Foresight } from './refresh-foresight.ts';
import type { RefreshToken } from './refresh-token.ts';

/** Reads and judges it; changes nothing. Throws MacKeyMissingError. */
export async function explainRefreshToken(text: string, parts: ExplainParts): Promise<Explanation> {
  const say = (finding: NonNullable<Finding>) => explanation(undefined, parts, finding);
  if (!parts.records) return say(['malformed', 'it is a refresh token, which only its own issuer can read']);
  const found = await parts.records.refreshToken(text);
  if (found === undefined) {
    return say(['refresh_token_malformed', 'this issuer did not make it: it was changed, or cut off']);
  }
  const { token, foresight } = found;
  const { times, ...rest } = say(findingOf(token, foresight));
  const { family, now } = foresight;
  const lastUse = family && Math.min(token.issuedAt + family.idleLifetime, family.expiresAt);
  const expires_in = lastUse === undefined ? null : lastUse - now;
  return { ...rest, times: { ...times, age: now - token.issuedAt, expires_in } };
}

function findingOf(token: RefreshToken, { outcome, family }: Foresight): NonNullable<Finding> {
  const of = `the family ${token.familyId}`;
  if (outcome === 'rotated') return ['ok', `it is the newest of ${of}, and would be answered with the next`];
  if (outcome === 'ahead') {
    return [
      'ok',
      `it is newer than the store knows ${of} to be, which has lost a write; it would be answered`,
    ];
  }
  if (outcome === 'retry')
    return ['ok', `it was used lately, and would be answered with the newest of ${of}`];
  const reason = outcome as Extract<typeof outcome, `refresh_token_${string}`>;
  return [reason, refusalOf(reason, of, token, family)];
}

function refusalOf(
  reason: string,
  of: string,
  { issuedAt }: RefreshToken,
  family: FamilyRecord | undefined,
): string {
  const since = (at = 0) => dateInWords(at);
  const sentences: Readonly<Record<string, string>> = {
    refresh_token_expired: `${of} ended at ${since(family?.expiresAt)}, its whole lifetime after the sign-in`,
    refresh_token_idle: `it was not used since ${since(issuedAt)}, longer than ${durationInWords(family?.idleLifetime ?? 0)}`,
    refresh_token_revoked: `${of} was ${family?.revokedAt ? revocationInWords(family) : 'revoked'}`,
    refresh_token_signed_out: `its account ${family?.sub} has been signed out everywhere, or given a new password`,
    refresh_token_account_disabled: `its account ${family?.sub} is disabled`,
    refresh_token_client_disabled: `its client ${family?.clientId} is disabled`,
    refresh_token_client_cut_off: `the secret of its client ${family?.clientId} has been replaced`,
    refresh_token_suspect: `it was used before, and the store has forgotten when; ${of} would go on without it`,
    refresh_token_replayed: `it was used before, and not lately: ${of} would be revoked`,
  };
  return sentences[reason] ?? `${of} is not known here: it is over, or was elsewhere`;
}
