// Refresh token rotation: RFC 9700 4.14.2, and beyond it. One pure function decides what becomes of a presented
// token; the stores only compare and swap. The rule it keeps: exactly once for a thief, idempotent for a client.
//
// All instants are epoch seconds of the store's clock, the window counts from there too: a replica's clock has no say.

/** What names the current token of a family: the token, and its `jti`, are a pure function of it. */
export interface Head {
  readonly generation: number;
  /** the instant at which the generation became current */
  readonly since: number;
  /** the number of the MAC key that made its token */
  readonly macKey: number;
}

/** An earlier generation stopped being current. */
export interface Consumption {
  readonly generation: number;
  readonly at: number;
}

/** Where a family stands, as the hot store keeps it. */
export interface FamilyState extends Head {
  /** of earlier generations, oldest first, for as long as the window may ask */
  readonly consumed: readonly Consumption[];
  /** until then, a token that looks like a replay may be our own loss: it is refused, and nothing is revoked */
  readonly quarantineUntil: number;
  readonly revoked: boolean;
}

export interface Presentation {
  /** of a token whose MAC holds */
  readonly generation: number;
  /** undefined: the hot store knows nothing of the family */
  readonly state: FamilyState | undefined;
  /** the newest head that the durable store has seen, at most a second behind */
  readonly floor: Head;
  /** seconds: the client's retry window and the time that a swap may take */
  readonly window: number;
  /** the store's own clock */
  readonly now: number;
  /** the number of the MAC key that makes new tokens */
  readonly macKey: number;
}

/** `next` is what must be swapped in before the outcome is true; absent where nothing has to be written. */
export type Decision =
  | { readonly outcome: 'rotated' | 'ahead'; readonly head: Head; readonly next: FamilyState }
  | { readonly outcome: 'retry'; readonly head: Head; readonly next?: FamilyState }
  | { readonly outcome: 'suspect'; readonly next?: FamilyState }
  | { readonly outcome: 'replay'; readonly next: FamilyState }
  | { readonly outcome: 'revoked' };

/** More than any client has in one window; what is dropped for space is in quarantine until its window has passed. */
const consumptionLimit = 32;

/** A family as it begins. */
export const firstState = (now: number, macKey: number): FamilyState => ({
  generation: 0,
  since: now,
  macKey,
  consumed: [],
  quarantineUntil: 0,
  revoked: false,
});

/** The whole policy. */
export function decide(presentation: Presentation): Decision {
  const { generation, state, window, now } = presentation;
  const known = atLeastFloor(presentation);
  if (known.revoked) return { outcome: 'revoked' };
  if (generation === known.generation) return rotated('rotated', known, presentation);
  if (generation > known.generation) {
    // We made this token, so the store has lost a write: the chain goes on from what the client holds.
    return rotated('ahead', { ...known, quarantineUntil: now + window }, presentation);
  }
  const seed = known === state ? {} : { next: known };
  const consumedAt = known.consumed.find((one) => one.generation === generation)?.at;
  if (consumedAt !== undefined && now - consumedAt <= window)
    return { outcome: 'retry', head: headOf(known), ...seed };
  if (now < known.quarantineUntil) return { outcome: 'suspect', ...seed };
  return { outcome: 'replay', next: { ...known, revoked: true } };
}

/** The state, or where it is missing or has fallen behind, what the durable store knows for certain. */
function atLeastFloor({ state, floor, window, now }: Presentation): FamilyState {
  if (state !== undefined && (state.revoked || state.generation >= floor.generation)) return state;
  // The floor's own instant is the one at which its parent was consumed: a retry is still known for one.
  const parent = floor.generation > 0 ? [{ generation: floor.generation - 1, at: floor.since }] : [];
  const earlier = (state?.consumed ?? []).filter((one) => one.generation < floor.generation - 1);
  return {
    ...floor,
    consumed: [...earlier, ...parent],
    quarantineUntil: Math.max(state?.quarantineUntil ?? 0, now + window),
    revoked: false,
  };
}

function rotated(outcome: 'rotated' | 'ahead', known: FamilyState, presentation: Presentation): Decision {
  const { generation, now, window, macKey } = presentation;
  const head: Head = { generation: generation + 1, since: now, macKey };
  const remembered = known.consumed.filter(({ at }) => now - at <= window);
  const consumed = [...remembered, { generation, at: now }];
  const dropped = consumed.splice(0, Math.max(0, consumed.length - consumptionLimit)).at(-1);
  const quarantineUntil = Math.max(known.quarantineUntil, dropped === undefined ? 0 : dropped.at + window);
  return { outcome, head, next: { ...head, consumed, quarantineUntil, revoked: false } };
}

/** Whoever can still be told apart from a replay gets the same token again. */
const headOf = ({ generation, since, macKey }: FamilyState): Head => ({ generation, since, macKey });
