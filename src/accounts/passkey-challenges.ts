// Challenges of WebAuthn (13.4.3): random, for one browser and one purpose, short-lived, and used once.
import type { Clock } from '../clock.ts';
import type { Random } from '../random.ts';
import type { DocumentStore } from '../stores/stores.ts';

export interface ChallengeParts {
  readonly documents: DocumentStore;
  readonly clock: Clock;
  readonly random: Random;
}

/** Who may answer it, and what for. */
export interface ChallengeFor {
  /** digest of the browser's secret */
  readonly browser: string;
  /** the page that it stands in */
  readonly purpose: string;
}

const KIND = 'passkey-challenge';
/** Seconds: as long as somebody looks for a key. */
const CHALLENGE_LIFETIME = 600;

/** Throws StoreUnavailableError. */
export async function newChallenge(
  { documents, clock, random }: ChallengeParts,
  { browser, purpose }: ChallengeFor,
): Promise<Buffer> {
  const challenge = random.bytes(32);
  await documents.compareAndSwap({
    kind: KIND,
    id: challenge.toString('base64url'),
    expected: undefined,
    next: textOf({ browser, purpose }),
    expiresAt: clock.now() + CHALLENGE_LIFETIME,
  });
  return challenge;
}

/** True once. Throws StoreUnavailableError. */
export const takeChallenge = (
  { documents, clock }: Pick<ChallengeParts, 'documents' | 'clock'>,
  challenge: string,
  { browser, purpose }: ChallengeFor,
): Promise<boolean> =>
  documents.compareAndSwap({
    kind: KIND,
    id: challenge,
    expected: textOf({ browser, purpose }),
    next: undefined,
    expiresAt: clock.now(),
  });

const textOf = ({ browser, purpose }: ChallengeFor): string => JSON.stringify([browser, purpose]);
