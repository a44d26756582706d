// The known name that a mistyped one was most likely meant to be.
import { distance } from 'fastest-levenshtein';

/** `prefix` is left out of the comparison: MINTMARK_PORT is nearer to PORT than to MINTMARK_KEYS. */
export function nearest(unknown: string, known: Iterable<string>, prefix = ''): string {
  const bare = (name: string) => (name.startsWith(prefix) ? name.slice(prefix.length) : name);
  const ranked = [...known].map((name) => ({ name, far: distance(bare(unknown), bare(name)) }));
  return ranked.reduce((best, next) => (next.far < best.far ? next : best)).name;
}
