// What a store's verb found, in the operator's words and exit codes.
import { OperatorError } from './operator-error.ts';
import type { Change } from './stores/stores.ts';

/** Throws OperatorError, exit 1, where there is no such record. For verbs that change something every time. */
export function assertKnown(change: Change, unknown: string) {
  if (change === 'unknown') throw new OperatorError(unknown);
}

/** Throws OperatorError: exit 1 where there is no such record, exit 3 where it was so already. */
export function assertChanged(
  change: Change,
  words: { readonly unknown: string; readonly unchanged: string },
) {
  assertKnown(change, words.unknown);
  if (change === 'unchanged') throw new OperatorError(`nothing to do: ${words.unchanged}`, 3);
}
