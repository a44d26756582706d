// Applies plans: reads the set, asks plan.ts what it becomes, makes the keys that are missing, compares and swaps.
//
// Every change of a key comes through `apply` here, in one transaction with its audit entries. The store's revision
// decides between two writers: the loser reads again and plans again, so two operators at once make one rotation,
// and replicas that start together make one set of keys.
import type { Clock } from '../clock.ts';
import { OperatorError } from '../operator-error.ts';
import type {
  AuditEntry,
  FactorStore,
  KeyRecord,
  KeySet,
  KeyStore,
  SigningAlg,
  StoreHealth,
} from '../stores/stores.ts';
import { clockDrift, driftProblem } from './clock-drift.ts';
import { generateSigningKey, type SigningKeyMaterial, wrapPrivateKey } from './custody.ts';
import type { KeyEncryptionKeys } from './key-encryption-keys.ts';
import { isPublished, type KeyState, type KeyTimes, stateOf, type Timetable } from './lifecycle.ts';
import { isDraft, type NothingToDo, revoke, rotate, settle } from './plan.ts';

/** What the management of keys needs; `actor` stands in the audit log. */
export interface KeyManagement {
  readonly keys: KeyStore;
  /** what else the key-encryption keys wrap */
  readonly factors: Pick<FactorStore, 'compareAndSwap' | 'find' | 'list'>;
  readonly health: Pick<StoreHealth, 'now'>;
  readonly clock: Clock;
  readonly timetable: Timetable;
  readonly rsaModulusLength: number;
  readonly keyEncryptionKeys: () => KeyEncryptionKeys;
  readonly actor: string;
  /** K9: kids that are known to be revoked, whatever a restored store says */
  readonly revokedElsewhere?: () => ReadonlyMap<string, number>;
}

/** A change of the set, planned or applied. */
export interface KeyChange {
  readonly t: number;
  readonly before: readonly KeyRecord[];
  /** drafts have kids that start with `draft:` */
  readonly after: readonly KeyTimes[];
}

/** What the intent makes of the set at t, or why there is nothing to do. */
export type Intent = (keys: readonly KeyRecord[], t: number) => readonly KeyTimes[] | NothingToDo;

export interface ChangeOptions {
  readonly dryRun?: boolean;
  readonly reason?: string | undefined;
  /** the event beside those of the single keys: `keys.rotated` */
  readonly event?: string;
  /** keys from elsewhere: those that the intent names are stored */
  readonly arrivals?: Iterable<SigningKeyMaterial>;
}

const ATTEMPTS = 6;

/**
 * The set to change, and t. Throws OperatorError, exit 4, where this machine's clock is wrong: t never goes back, so
 * what it writes would hold for everybody.
 */
export async function readForChange({ keys, health, clock, timetable }: KeyManagement) {
  const set = await keys.read();
  const problem = driftProblem(await clockDrift(health, clock), timetable);
  if (problem)
    throw new OperatorError(`${problem}: nothing was changed; set the clock (NTP) and try again`, 4);
  return { set, t: Math.max(clock.now(), set.lastT) };
}

/**
 * Plans and applies an intent; a plan that lost its race is planned again on what the winner left.
 * Throws OperatorError: exit 3 where there is nothing to do, exit 4 where this machine's clock is wrong.
 */
export async function changeKeys(
  management: KeyManagement,
  intent: Intent,
  options: ChangeOptions = {},
): Promise<KeyChange> {
  const made = new Map<string, SigningKeyMaterial>();
  for (const arrival of options.arrivals ?? []) made.set(arrival.kid, arrival);
  for (let attempt = 0; attempt < ATTEMPTS; attempt += 1) {
    const { set, t } = await readForChange(management);
    const known = withRevocations(set.keys, management);
    const after = intent(known, t);
    if ('nothingToDo' in after) throw new OperatorError(`nothing to do: ${after.nothingToDo}`, 3);
    const change = { t, before: known, after };
    if (options.dryRun) return change;
    if (await makeKeys(management, change, made)) continue;
    const records = await recordsOf(management, change, made);
    if ((await apply(management, set, records, t, options)) === 'applied')
      return { ...change, after: records };
  }
  throw new OperatorError(
    'others changed the keys at the same moment, time and again: look with `mintmark keys list` and try again',
  );
}

/** The safe plan, for one algorithm; `now` skips the lead and needs a reason. */
export function rotateKeys(
  management: KeyManagement,
  alg: SigningAlg,
  options: ChangeOptions & { readonly now?: boolean },
): Promise<KeyChange> {
  const { timetable } = management;
  return changeKeys(management, (keys, t) => rotate(keys, t, timetable, { alg, now: options.now ?? false }), {
    ...options,
    event: options.now ? 'keys.rotated_now' : 'keys.rotated',
  });
}

/** Takes a compromised key out at once. Throws OperatorError: exit 1 where there is no such key. */
export function revokeKey(
  management: KeyManagement,
  kid: string,
  options: ChangeOptions & { readonly reason: string },
): Promise<KeyChange> {
  const intent: Intent = (keys, t) => {
    const after = revoke(keys, t, management.timetable, kid);
    if (!after) throw new OperatorError(`there is no key ${kid}: see \`mintmark keys list\``);
    return after;
  };
  return changeKeys(management, intent, options);
}

/**
 * Scheduled maintenance, idempotent: makes the set whole and writes down the changes that time has made.
 * Returns undefined where nothing was due.
 */
export async function maintainKeys(management: KeyManagement): Promise<KeyChange | undefined> {
  try {
    return await changeKeys(management, (keys, t) => settle(keys, t, management.timetable));
  } catch (error) {
    if (error instanceof OperatorError && error.exitCode === 3) return undefined;
    throw error;
  }
}

/** K9: the revocations that a restored store has forgotten, and that are written into it again by the next change. */
const withRevocations = (
  keys: readonly KeyRecord[],
  { revokedElsewhere }: KeyManagement,
): readonly KeyRecord[] => {
  const revoked = revokedElsewhere?.();
  return revoked?.size
    ? keys.map((key) => ({ ...key, revokedAt: key.revokedAt ?? revoked.get(key.kid) ?? null }))
    : keys;
};

/**
 * Makes the keys that the plan drafts, unless they are made; true if it made one. An RSA key takes seconds, and a
 * key counts as published from its plan's t: so keys are made first, and the plan is made anew, at once, with them.
 */
async function makeKeys(
  { rsaModulusLength }: KeyManagement,
  { after }: KeyChange,
  made: Map<string, SigningKeyMaterial>,
): Promise<boolean> {
  const missing = after.filter((key) => isDraft(key) && !made.has(key.kid));
  for (const { kid, alg } of missing) made.set(kid, await generateSigningKey(alg, rsaModulusLength));
  return missing.length > 0;
}

/**
 * The records as they will be stored: new keys wrapped, dead ones without their private half. Wrapped once the set was
 * read and never before: a rewrap that comes in between has moved the revision then, and they are wrapped anew.
 */
async function recordsOf(
  management: KeyManagement,
  change: KeyChange,
  made: ReadonlyMap<string, SigningKeyMaterial>,
): Promise<KeyRecord[]> {
  const known = new Map(change.before.map((key) => [key.kid, key]));
  const records: KeyRecord[] = [];
  for (const times of change.after) {
    const record = known.get(times.kid);
    const material = made.get(times.kid);
    if (record) records.push(buried({ ...record, ...times }, change.t, management.timetable));
    else records.push(await keyRecord(management, material as SigningKeyMaterial, times));
  }
  return records;
}

/** A record of key material with these times, its private half wrapped. */
async function keyRecord(
  management: KeyManagement,
  { kid, publicJwk, privateJwk }: SigningKeyMaterial,
  times: KeyTimes,
): Promise<KeyRecord> {
  return {
    ...times,
    kid,
    publicJwk,
    tokensIssued: 0,
    privateJwe: await wrapPrivateKey(privateJwk, management.keyEncryptionKeys()),
  };
}

/** A key that is out for ever needs its private half no more. */
const buried = (key: KeyRecord, t: number, timetable: Timetable): KeyRecord =>
  isPublished(stateOf(key, t, timetable)) ? key : { ...key, privateJwe: null };

async function apply(
  management: KeyManagement,
  set: KeySet,
  records: readonly KeyRecord[],
  t: number,
  options: ChangeOptions,
): Promise<'applied' | 'stale'> {
  const known = new Map(set.keys.map((key) => [key.kid, key]));
  const entries = records.flatMap((record) =>
    entriesFor(management, record, known.get(record.kid), set, t, options),
  );
  const changed = records.filter((record) => !sameKey(record, known.get(record.kid)));
  if (changed.length === 0 && entries.length === 0)
    throw new OperatorError('nothing to do: the keys are as planned', 3);
  const { actor } = management;
  const { event, reason } = options;
  const audit = event ? [{ at: t, event, actor, subject: 'keys', details: { reason } }, ...entries] : entries;
  return management.keys.apply({ expectedRevision: set.revision, t, keys: changed, audit });
}

const SAME: readonly (keyof KeyRecord)[] = [
  'publishAt',
  'activateAt',
  'retireAt',
  'removeAt',
  'revokedAt',
  'privateJwe',
];
const sameKey = (a: KeyRecord, b: KeyRecord | undefined): boolean =>
  b !== undefined && SAME.every((name) => a[name] === b[name]);

/** What happened to one key since the last applied change: made, planned anew, or moved on by time. */
function entriesFor(
  { actor, timetable }: KeyManagement,
  record: KeyRecord,
  before: KeyRecord | undefined,
  set: KeySet,
  t: number,
  { reason }: ChangeOptions,
): AuditEntry[] {
  const state = stateOf(record, t, timetable);
  const entry = (event: string, details: Record<string, unknown> = {}): AuditEntry => ({
    at: t,
    event,
    actor,
    subject: record.kid,
    details: { alg: record.alg, ...details, ...(reason && { reason }) },
  });
  if (!before) return [entry('key.created', { state, activate_at: finite(record.activateAt) })];
  const stateBefore: KeyState = stateOf(before, set.lastT, timetable);
  if (state !== stateBefore) return [entry(`key.${state === 'active' ? 'activated' : state}`)];
  const isPlanned = record.activateAt !== before.activateAt || record.retireAt !== before.retireAt;
  const times = { activate_at: finite(record.activateAt), retire_at: finite(record.retireAt) };
  return isPlanned ? [entry('key.planned', times)] : [];
}

const finite = (instant: number): number | null => (Number.isFinite(instant) ? instant : null);
