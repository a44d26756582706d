// Instants and durations in words, for people. Programs get epoch seconds.

const units = [
  ['d', 86_400],
  ['h', 3_600],
  ['min', 60],
] as const;

/** `90 s`, `5 min`, `36 h`, `30 d`: in the largest unit of which there are at least two, and of one if it fits. */
export function durationInWords(seconds: number): string {
  if (!Number.isFinite(seconds)) return 'for ever';
  const unit = units.find(([, size]) => seconds >= 2 * size || seconds === size);
  return unit ? `${Math.round(seconds / unit[1])} ${unit[0]}` : `${Math.round(seconds)} s`;
}

/** `in 3 h`, `5 min ago`, `now`. */
export function distanceInWords(at: number, now: number): string {
  const seconds = Math.round(Math.abs(at - now));
  if (seconds === 0) return 'now';
  return at > now ? `in ${durationInWords(seconds)}` : `${durationInWords(seconds)} ago`;
}

/** `2026-11-23T10:00:05Z` */
export const dateInWords = (at: number): string => new Date(at * 1000).toISOString().replace(/\.\d+Z$/, 'Z');
