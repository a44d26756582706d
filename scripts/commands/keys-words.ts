// The reports on keys (src/keys/report.ts) as tables and sentences.
import type { CutOff } from '../../src/keys/cut-off.ts';
import { isDraft } from '../../src/keys/plan.ts';
import type { AlgorithmPlan, KeyStanding, Laggard, VerifierStanding } from '../../src/keys/report.ts';
import type { Forecast } from '../../src/keys/verifier-caches.ts';
import type { KeyRecord } from '../../src/stores/stores.ts';
import { dateInWords, distanceInWords, durationInWords } from '../../src/words.ts';
import { instant, table } from '../output.ts';

const named = (kid: string): string => (isDraft({ kid }) ? 'a new key' : kid);

export function keyTable(standings: readonly KeyStanding[], t: number): string {
  const rows = standings.map((key) => [
    key.kid,
    key.alg,
    key.signs ? `${key.state}, signs` : key.state,
    instant(key.publish_at, t),
    instant(key.activate_at, t),
    instant(key.retire_at, t),
    instant(key.revoked_at ?? key.remove_at, t),
    key.tokens_issued,
    instant(key.tokens_until, t),
  ]);
  const header = ['KID', 'ALG', 'STATE', 'PUBLISHED', 'ACTIVE', 'RETIRED', 'OUT', 'TOKENS', 'TOKENS UNTIL'];
  return table(header, rows);
}

export const planWords = (plans: readonly AlgorithmPlan[], t: number): string =>
  plans
    .map(({ alg, signer, steps, outage_if_now, laggards }) => {
      const rows = steps.map(({ at, kid, becomes, because }) => [
        dateInWords(at),
        distanceInWords(at, t),
        named(kid),
        becomes,
        because,
      ]);
      return [
        signer ? `${alg} signs with ${named(signer)}` : `${alg} does not sign yet`,
        rows.length > 0
          ? table(['WHEN', 'FROM NOW', 'KEY', 'BECOMES', 'BECAUSE'], rows)
          : 'nothing is planned',
        outageWords('If the next key signed now', outage_if_now),
        ...(laggards.length > 0 ? [laggardWords(laggards, t)] : []),
      ].join('\n');
    })
    .join('\n\n');

function laggardWords(laggards: readonly Laggard[], t: number): string {
  const who = laggards.map(({ verifier, fetched_at, overdue }) => {
    const late = overdue ? ': it is gone, or keeps the JWKS for longer than was declared' : '';
    return `${verifier} (fetched ${distanceInWords(fetched_at, t)}${late})`;
  });
  return `Seen lately, without the next key yet: ${who.join('; ')}.`;
}

export function verifierTable(standings: readonly VerifierStanding[], t: number): string {
  const rows = standings.map(({ verifier, fetches, first_seen_at, fetched_at, lacks }) => [
    verifier,
    fetches,
    instant(first_seen_at, t),
    instant(fetched_at, t),
    lacks.join(' ') || 'nothing',
  ]);
  return table(['VERIFIER', 'FETCHES', 'SINCE', 'LAST', 'LACKS'], rows);
}

/** `when` opens the sentence. */
export function outageWords(when: string, outage: readonly Forecast[]): string {
  if (outage.length === 0) return `${when}, nobody would refuse a good token.`;
  const who = outage.map(({ verifier, seconds }) => `${verifier} ${durationInWords(seconds)}`);
  return `${when}, good tokens would be refused for up to: ${who.join('; ')}.`;
}

const counted = (count: number, what: string): string => `${count} ${what}${count === 1 ? '' : 's'}`;

/** What --cut-off has ended. */
export const cutOffWords = ({ families, accounts }: CutOff): string =>
  `Of what was used while it signed, ${counted(families, 'sign-in')} ended, ${counted(accounts, 'account')} signed out everywhere.`;

/** What a key that is out now has signed: who may still come with it. */
export function signedWords(
  { tokensIssued, lastTokenExpiresAt }: Pick<KeyRecord, 'tokensIssued' | 'lastTokenExpiresAt'>,
  t: number,
): string {
  const isAlive = lastTokenExpiresAt > t;
  if (tokensIssued === 0 && !isAlive) return 'It has signed no token.';
  const expires = isAlive ? 'expires' : 'expired';
  // One that has signed before tokens were counted has some all the same.
  const tokens = tokensIssued === 0 ? 'tokens' : counted(tokensIssued, 'token');
  return `It has signed ${tokens}, and the last ${expires} at ${instant(lastTokenExpiresAt, t)}.`;
}

/** By when each kind of verifier distrusts a key that was revoked at `t`. */
export function exposureTable(exposure: readonly Forecast[], t: number): string {
  const rows = exposure.map(({ verifier, seconds }) =>
    Number.isFinite(seconds)
      ? [verifier, instant(t + seconds, t)]
      : [verifier, 'when it is restarted, or meets a key that it does not know'],
  );
  return table(['VERIFIER', 'MAY TRUST IT UNTIL'], rows);
}
