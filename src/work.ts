// What a replica does by itself, over and over: it writes behind, tells what stands in outboxes, and looks after its keys.
import type { Logger } from 'pino';
import { type LetterOutcome, sendLetters } from './accounts/send-letters.ts';
import type { AppParts } from './app.ts';
import { createBackground } from './background.ts';
import { careForKeys, endCareForKeys } from './keys/care.ts';
import type { Keyring } from './keys/keyring.ts';
import type { MacKeyRing } from './keys/root-secrets.ts';
import type { FetchLedger } from './keys/verifier-fetches.ts';
import { deliverLogoutNotices, type NoticeOutcome } from './oauth/backchannel-logout.ts';
import { drainTombstones } from './oauth/refresh-families.ts';
import { type House, keyManagementOf } from './wire.ts';
import { within } from './within.ts';

/** Seconds between two writes of what the keys have signed, and between two sweeps. */
const FLUSH_INTERVAL = 1;
const SWEEP_INTERVAL = 10;
/** Seconds between two writes of floors: with the writing itself a floor is at most a second behind. */
const FLOOR_INTERVAL = 0.5;
/** Small bites, so that no statement holds many rows; and enough of them for thousands of assertions a second. */
const SWEEP_LIMIT = 1_000;
const SWEEPS_AT_ONCE = 50;
/** Seconds that tasks may take to end when the service stops, and then the last words to the store. */
const LAST_ROUND_LIFETIME = 5;
const LAST_WORDS_LIFETIME = 1;

export interface Rings {
  readonly keyring: Keyring;
  readonly macKeyRing: MacKeyRing;
}

export interface Work {
  /** all of it once, now */
  round(): Promise<void>;
  /** Begins nothing more, and waits for what is under way; not for ever. */
  stop(): Promise<void>;
  /** Writes what is unwritten and makes way for another replica. Where the store is away the log says so. */
  leave(): Promise<void>;
}

/** Starts what the service does by itself. */
export function startWork(
  house: House,
  { keyring, macKeyRing }: Rings,
  {
    as,
    events,
    jwksFetches,
    log,
  }: Pick<AppParts, 'as' | 'events'> & { readonly jwksFetches: FetchLedger; readonly log: Logger },
): Work {
  const { stores, config, database } = house;
  const failed = (task: string, err: unknown) => log.error({ task, err }, 'background task failed');
  const background = createBackground(failed);
  // What the keyring has seen revoked goes back into a store that was restored from a backup.
  const revokedElsewhere = () => keyring.revocations();
  const management = { ...keyManagementOf(house, 'scheduler'), revokedElsewhere };
  const care = { keyring, management, leases: stores.leases, holder: house.random.id() };
  const { sendMail } = as;
  const mail = { ...as, issuerName: config.pages.name };
  const tellOfLetter = (outcome: LetterOutcome) => events.letter(log, outcome);
  const sendDueLetters = async () => sendMail && sendLetters({ ...mail, sendMail }, tellOfLetter);
  const tellOfNotice = (outcome: NoticeOutcome) => events.logoutNotice(log, outcome);
  const tasks = [
    { name: 'issued figures', interval: FLUSH_INTERVAL, run: () => keyring.flushIssued() },
    { name: 'floors', interval: FLOOR_INTERVAL, run: () => as.floors.flush() },
    { name: 'logout notices', interval: FLUSH_INTERVAL, run: () => deliverLogoutNotices(as, tellOfNotice) },
    { name: 'letters', interval: FLUSH_INTERVAL, run: sendDueLetters },
    { name: 'tombstones', interval: FLUSH_INTERVAL, run: () => drainTombstones(as) },
    { name: 'JWKS fetches', interval: config.keys.reload_interval, run: () => jwksFetches.flush() },
    { name: 'keys', interval: config.keys.reload_interval, run: () => careForKeys(care) },
    { name: 'root secrets', interval: config.keys.reload_interval, run: () => macKeyRing.reload() },
    { name: 'sweep', interval: SWEEP_INTERVAL, run: () => sweep(house) },
  ];
  for (const { name, interval, run } of tasks) background.every(interval, name, run);
  // Where this fails the next round tells of it.
  database.onForeignCommit(() => void keyring.reload().catch(() => undefined));
  return {
    async round() {
      for (const { run } of tasks) await run();
    },
    stop: () =>
      within(LAST_ROUND_LIFETIME, background.stop()).catch((error) => failed('the last round', error)),
    async leave() {
      const lastWords = Promise.all([keyring.flushIssued(), as.floors.flush(), endCareForKeys(care)]);
      await within(LAST_WORDS_LIFETIME, lastWords).catch((error) => failed('the last words', error));
    },
  };
}

/** By the store's own clock: a replica that is ahead must not sweep away what is alive. */
async function sweep({ stores }: House): Promise<void> {
  const now = await stores.health.now();
  for (let bites = 0; bites < SWEEPS_AT_ONCE; bites += 1) {
    if ((await stores.sweeper.sweep(now, SWEEP_LIMIT)) < SWEEP_LIMIT) return;
  }
}
