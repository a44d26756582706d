// What a set of keys comes to at t: who signs, and the JWKS. Pure.
import { createHash } from 'node:crypto';
import type { KeyRecord, SigningAlg } from '../stores/stores.ts';
import { publicJwkOf } from './custody.ts';
import { isPublished, nextChangeAfter, signerOf, stateOf, type Timetable } from './lifecycle.ts';

export interface PublishedJwks {
  readonly body: string;
  /** strong and quoted, the same on every replica with the same keys */
  readonly etag: string;
  /** when the newest of its keys was published: whoever has it has every key that was published until then */
  readonly newestAt: number;
}

export interface View {
  /** the next instant at which it may be another */
  readonly validUntil: number;
  readonly signers: ReadonlyMap<SigningAlg, KeyRecord>;
  readonly jwks: PublishedJwks;
}

export function viewAt(keys: readonly KeyRecord[], t: number, timetable: Timetable): View {
  const signers = timetable.algs.flatMap((alg) => {
    const key = signerOf(keys, alg, t, timetable);
    return key ? [[alg, key] as const] : [];
  });
  const published = keys.filter((key) => isPublished(stateOf(key, t, timetable)));
  return {
    validUntil: nextChangeAfter(keys, t, timetable),
    signers: new Map(signers),
    jwks: publishedJwks(published),
  };
}

/** In the order of the kids: nobody can rely on the place of the signing key. */
function publishedJwks(keys: readonly KeyRecord[]): PublishedJwks {
  const ordered = [...keys].sort((a, b) => (a.kid < b.kid ? -1 : 1));
  const body = JSON.stringify({ keys: ordered.map((key) => publicJwkOf(key.publicJwk, key.kid, key.alg)) });
  const newestAt = Math.max(0, ...keys.map(({ publishAt }) => publishAt));
  return { body, newestAt, etag: `"${createHash('sha256').update(body).digest('base64url').slice(0, 27)}"` };
}
