// Interactions: authorization requests that wait while a person answers (OpenID Connect Core 3.1.2.3). The rules they
// keep: an interaction is for the browser that began it alone, lives for an hour at most, and every change to it is
// compared and swapped, so that two tabs or two clicks cannot undo each other.

import { findDocument, keepDocument } from '../kept-document.ts';
import { StoreUnavailableError } from '../stores/stores.ts';
import type { AuthorizationRequest } from './authorization-request.ts';
import type { AuthorizationServer } from './authorization-server.ts';
import { OAuthError } from './errors.ts';
import type { Progress } from './interaction.ts';
import { SWAP_ATTEMPTS } from './refresh-families.ts';

const KIND = 'interaction';

/** Seconds. */
export const INTERACTION_LIFETIME = 3_600;

interface Waiting {
  readonly request: AuthorizationRequest;
  readonly progress: Progress;
  /** what tells the browser; undefined until its first look, where its cookies did not come with the request */
  readonly browser: string | undefined;
}

export interface Interaction extends Waiting {
  readonly id: string;
  /** as the store has it: what a swap compares */
  readonly text: string;
}

type Parts = Pick<AuthorizationServer, 'documents' | 'clock' | 'random'>;

/** Begins one; the answer is its id. Throws StoreUnavailableError. */
export async function beginInteraction(
  parts: Parts,
  request: AuthorizationRequest,
  browser: string | undefined,
): Promise<string> {
  const waiting: Waiting = { request, progress: { startedAt: parts.clock.now() }, browser };
  return keepDocument(parts, KIND, waiting, INTERACTION_LIFETIME);
}

/** Throws OAuthError where there is none (any more), or where another browser began it. */
export async function findInteraction(parts: Parts, id: string, browser: string): Promise<Interaction> {
  const found = await read(parts, id);
  if (found.browser === browser) return found;
  if (found.browser !== undefined) throw new OAuthError('interaction_of_another_browser');
  await swap(parts, found, { ...found, browser });
  const bound = await read(parts, id);
  if (bound.browser !== browser) throw new OAuthError('interaction_of_another_browser');
  return bound;
}

/** Changes the progress. `change` may be asked several times. Throws OAuthError and StoreUnavailableError. */
export async function changeProgress(
  parts: Parts,
  interaction: Interaction,
  change: (progress: Progress) => Progress,
): Promise<void> {
  let found = interaction;
  for (let attempt = 0; attempt < SWAP_ATTEMPTS; attempt += 1) {
    if (await swap(parts, found, { ...found, progress: change(found.progress) })) return;
    found = await read(parts, interaction.id);
  }
  throw new StoreUnavailableError('others were faster, over and over');
}

async function read(parts: Parts, id: string): Promise<Interaction> {
  const text = await findDocument(parts, KIND, id);
  if (text === undefined) throw new OAuthError('interaction_unknown');
  return { ...(JSON.parse(text) as Waiting), id, text };
}

/** True also where nothing had to change: a second click of the same. */
async function swap(
  { documents }: Parts,
  { id, text }: Interaction,
  { request, progress, browser }: Waiting,
): Promise<boolean> {
  const next = JSON.stringify({ request, progress, browser } satisfies Waiting);
  if (next === text) return true;
  const expiresAt = progress.startedAt + INTERACTION_LIFETIME;
  return documents.compareAndSwap({ kind: KIND, id, expected: text, next, expiresAt });
}
