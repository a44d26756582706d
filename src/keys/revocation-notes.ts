// Revocations noted in the keys folder beside the store, so that a restored backup cannot bring a key back (K9).
//
// One line a key, `kid instant`, only ever appended. A folder that is mounted read-only has none: then the running
// replicas remember, and write the revocation into the restored store again.
import { appendFileSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

const FILE = 'revoked-keys';

/** Notes a revocation; false where the folder cannot be written. */
export function noteRevocation(folder: string, kid: string, at: number): boolean {
  try {
    appendFileSync(join(folder, FILE), `${kid} ${at}\n`, { mode: 0o600, flush: true });
    return true;
  } catch {
    return false;
  }
}

/** The noted kids with the instant of their revocation; empty where there are none. */
export function notedRevocations(folder: string): ReadonlyMap<string, number> {
  try {
    const lines = readFileSync(join(folder, FILE), 'utf8').split('\n').filter(Boolean);
    return new Map(
      lines.map((line) => line.split(' ') as [string, string]).map(([kid, at]) => [kid, Number(at)]),
    );
  } catch {
    return new Map();
  }
}
