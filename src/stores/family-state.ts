// A family's state as both hot stores keep it: one short line of text, so that comparing it is comparing bytes, and a
// million of them fit into a few hundred megabytes of Redis.
//
// version, r where revoked, generation, since, MAC key, quarantine, then generation and instant of each consumption;
// instants in milliseconds.
import type { FamilyState } from '../oauth/refresh-family.ts';

const VERSION = '1';

/** A text of this version, and no other. */
const SHAPE = /^1 r? \d+ \d+ \d+ \d+(?: \d+ \d+)*$/;

const milliseconds = (seconds: number): number => Math.round(seconds * 1000);
const seconds = (text: string | undefined): number => Number(text) / 1000;

/** The same state is the same text. */
export function encodeFamilyState(state: FamilyState): string {
  const { generation, since, macKey, consumed, quarantineUntil, revoked } = state;
  let text = `${VERSION} ${revoked ? 'r' : ''} ${generation} ${milliseconds(since)} ${macKey} ${milliseconds(quarantineUntil)}`;
  for (const one of consumed) text += ` ${one.generation} ${milliseconds(one.at)}`;
  return text;
}

/** Throws RangeError for what this version cannot read: then nobody can say what may still be honoured. */
export function decodeFamilyState(text: string): FamilyState {
  if (!SHAPE.test(text))
    throw new RangeError('the state of a family cannot be read: it is of another version');
  const [, mark, generation, since, macKey, quarantine, ...rest] = text.split(' ');
  const consumed = rest.flatMap((at, i) =>
    i % 2 ? [{ generation: Number(rest[i - 1]), at: seconds(at) }] : [],
  );
  return {
    generation: Number(generation),
    since: seconds(since),
    macKey: Number(macKey),
    consumed,
    quarantineUntil: seconds(quarantine),
    revoked: mark === 'r',
  };
}

/**
 * The last instant at which a swap may be made, in seconds: before its deadline has passed, and before what it writes
 * would be gone at once, or the same swap could be made again.
 */
export const lastInstant = (deadline: number, expiresAt: number): number =>
  Math.min(deadline, expiresAt - 0.001);
