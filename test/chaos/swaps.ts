// Looks for swaps among what a replica sends to Redis (RESP, arrays of bulk strings): one that went over two
// connections was sent again, and may have run twice.
import type { Watcher } from '../helpers/line.ts';

/** A script on a family's key with five arguments is the swap; the reading has one. */
const SWAP_LENGTH = 9;

export interface SwapWatcher extends Required<Pick<Watcher, 'request'>> {
  /** The swaps that were sent on more than one connection. */
  resent(): string[];
}

export function watchSwaps(): SwapWatcher {
  const unread = new Map<number, Buffer>();
  const seen = new Map<string, Set<number>>();
  return {
    request(chunk, connection) {
      const { commands, rest } = readCommands(
        Buffer.concat([unread.get(connection) ?? Buffer.alloc(0), chunk]),
      );
      unread.set(connection, rest);
      for (const words of commands) {
        if (words.length !== SWAP_LENGTH || !/^eval(sha)?$/i.test(words[0] ?? '')) continue;
        const swap = words.slice(3).join(' ');
        seen.set(swap, (seen.get(swap) ?? new Set()).add(connection));
      }
    },
    resent: () => [...seen].filter(([, { size }]) => size > 1).map(([swap]) => swap),
  };
}

/** The commands that are whole, and what is left. */
export function readCommands(bytes: Buffer): { commands: string[][]; rest: Buffer } {
  const commands: string[][] = [];
  let at = 0;
  for (;;) {
    const read = readCommand(bytes, at);
    if (!read) return { commands, rest: bytes.subarray(at) };
    commands.push(read.words);
    at = read.end;
  }
}

function readCommand(bytes: Buffer, start: number): { words: string[]; end: number } | undefined {
  const count = readLength(bytes, start);
  if (!count) return undefined;
  const words: string[] = [];
  let at = count.end;
  for (let left = count.length; left > 0; left -= 1) {
    const size = readLength(bytes, at);
    if (!size || bytes.length < size.end + size.length + 2) return undefined;
    words.push(bytes.toString('utf8', size.end, size.end + size.length));
    at = size.end + size.length + 2;
  }
  return { words, end: at };
}

/** `*3` or `$11`, and the end of its line. */
function readLength(bytes: Buffer, at: number): { length: number; end: number } | undefined {
  const end = bytes.indexOf('\r\n', at);
  if (end < 0) return undefined;
  return { length: Number(bytes.toString('latin1', at + 1, end)), end: end + 2 };
}
