// Which verifiers fetch the JWKS, and what they have of it: by the name that each gives itself, written behind.
//
// A name and times, and no address; bounded in number, in length and in life. Anybody may fetch the JWKS under any name,
// and a name may stand for many caches. So operators are told, and no change of keys is ever brought forward by it
// (docs/decisions/0024).
import type { Clock } from '../clock.ts';
import { oneAfterAnother } from '../one-after-another.ts';
import type { DocumentStore } from '../stores/stores.ts';
import type { Timetable } from './lifecycle.ts';

/** What is known of all that fetch under one name. Instants in epoch seconds. */
export interface VerifierFetches {
  readonly name: string;
  readonly firstAt: number;
  readonly lastAt: number;
  readonly fetches: number;
  /** it has every key that was published until then: the last JWKS that it got says so */
  readonly hasUntil: number;
}

export interface FetchLedger {
  /** `hasUntil`: when the newest key of what was sent was published. */
  record(name: string, hasUntil: number): void;
  /** Adds what is new since the last call to what all replicas know; what fails is kept for the next one. */
  flush(): Promise<void>;
}

type Documents = Pick<DocumentStore, 'find' | 'compareAndSwap'>;

const PLACE = { kind: 'jwks-fetches', id: 'all' };
const NAMES_LIMIT = 64;
const ATTEMPTS = 5;

/**
 * What a verifier is called: the label that it puts into the URL of the JWKS (`?v=payments`), or else the product of its
 * User-Agent, without version or comment.
 */
export function verifierName(label: unknown, userAgent: string | undefined): string {
  if (typeof label === 'string' && /^[\w.-]{1,40}$/.test(label)) return label;
  return userAgent?.match(/^[\w.-]{1,40}/)?.[0] ?? 'unnamed';
}

/** Seconds: who has not been seen for so long is forgotten. Two caches' lives: whoever lives has asked again. */
const memoryOf = ({ verifierCacheLifetime, jwksMaxAge }: Timetable): number =>
  2 * (verifierCacheLifetime + jwksMaxAge);

export function createFetchLedger(
  documents: Documents,
  { clock, timetable }: { readonly clock: Clock; readonly timetable: Timetable },
): FetchLedger {
  let unwritten = new Map<string, VerifierFetches>();
  // Acquaintances get in however many strangers there are.
  let known: ReadonlySet<string> = new Set();

  async function write(): Promise<void> {
    const own = unwritten;
    if (own.size === 0) return;
    unwritten = new Map();
    let isWritten = false;
    try {
      for (let attempt = 0; attempt < ATTEMPTS && !isWritten; attempt += 1) isWritten = await add(own);
    } finally {
      if (!isWritten) unwritten = joined([...own.values(), ...unwritten.values()]);
    }
  }

  async function add(own: ReadonlyMap<string, VerifierFetches>): Promise<boolean> {
    const t = clock.now();
    const expected = await documents.find(PLACE.kind, PLACE.id);
    const all = joined([...parsed(expected), ...own.values()]);
    const keep = kept([...all.values()], t, timetable);
    known = new Set(keep.map(({ name }) => name));
    const expiresAt = t + memoryOf(timetable);
    return documents.compareAndSwap({ ...PLACE, expected, next: JSON.stringify(keep), expiresAt });
  }

  return {
    record(name, hasUntil) {
      const before = unwritten.get(name);
      if (!before && !known.has(name) && unwritten.size >= NAMES_LIMIT) return;
      const t = clock.now();
      const one = { name, firstAt: t, lastAt: t, fetches: 1, hasUntil };
      unwritten.set(name, before ? sum(before, one) : one);
    },
    flush: oneAfterAnother(write),
  };
}

/** Every verifier that was seen lately, the eldest acquaintance first. */
export async function readVerifierFetches(
  documents: Pick<Documents, 'find'>,
  t: number,
  timetable: Timetable,
): Promise<VerifierFetches[]> {
  return kept(parsed(await documents.find(PLACE.kind, PLACE.id)), t, timetable);
}

/** Those that lack a key that was published at `publishAt`. */
export const laggards = (fetches: readonly VerifierFetches[], publishAt: number): VerifierFetches[] =>
  fetches.filter(({ hasUntil }) => hasUntil < publishAt);

const parsed = (text: string | undefined): VerifierFetches[] =>
  text === undefined ? [] : (JSON.parse(text) as VerifierFetches[]);

const joined = (all: readonly VerifierFetches[]): Map<string, VerifierFetches> => {
  const byName = new Map<string, VerifierFetches>();
  for (const one of all) {
    const known = byName.get(one.name);
    byName.set(one.name, known ? sum(known, one) : one);
  }
  return byName;
};

const sum = (a: VerifierFetches, b: VerifierFetches): VerifierFetches => ({
  name: a.name,
  firstAt: Math.min(a.firstAt, b.firstAt),
  lastAt: Math.max(a.lastAt, b.lastAt),
  fetches: a.fetches + b.fetches,
  hasUntil: a.lastAt > b.lastAt ? a.hasUntil : b.hasUntil,
});

/** Old acquaintances have the places: whoever makes up names gets those that are left. */
const kept = (all: readonly VerifierFetches[], t: number, timetable: Timetable): VerifierFetches[] =>
  all
    .filter(({ lastAt }) => lastAt > t - memoryOf(timetable))
    .sort((a, b) => a.firstAt - b.firstAt)
    .slice(0, NAMES_LIMIT);
