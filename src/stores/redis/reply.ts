// What a failed command means: Redis is away and the outcome unknown, or Redis refused it and nothing was done.
import { StoreUnavailableError } from '../unavailable.ts';

/** Refusals of a server that cannot serve now: it starts, fails over, is full or cannot save. */
const AWAY = /^(LOADING|READONLY|MASTERDOWN|CLUSTERDOWN|TRYAGAIN|MISCONF|OOM|NOREPLICAS|BUSY|MOVED|ASK)\b/;

/**
 * The reply to a command. Throws StoreUnavailableError where there is none, and Redis's own error where the
 * command was wrong.
 */
export async function reply<T>(command: Promise<T>): Promise<T> {
  try {
    return await command;
  } catch (error) {
    if (!(error instanceof Error)) throw error;
    // The error carries the command, which may be the one that authenticates.
    delete (error as { command?: unknown }).command;
    if (error.name === 'ReplyError' && !AWAY.test(error.message)) throw error;
    throw new StoreUnavailableError(`Redis cannot be used now: ${error.message}`, { cause: error });
  }
}
