// The hot half of families in Redis: one key, one script that compares and swaps by Redis's own clock. Safe in a
// cluster, since a script touches no key but its own.
import { gather } from '../../gather.ts';
import { decodeFamilyState, encodeFamilyState, lastInstant } from '../family-state.ts';
import type { FamilyStateStore } from '../stores.ts';
import type { RedisClient } from './connection.ts';
import { reply } from './reply.ts';
import { defineScript } from './script.ts';

// Milliseconds; ARGV[1] is how far ahead the house's clock is, else 0.
const NOW = `
  local time = redis.call('TIME')
  local now = time[1] * 1000 + math.floor(time[2] / 1000) + tonumber(ARGV[1])`;

const FIND = `${NOW}
  return {redis.call('GET', KEYS[1]), tostring(now)}`;

const COMPARE_AND_SWAP = `${NOW}
  if now > tonumber(ARGV[2]) then return 'late' end
  if (redis.call('GET', KEYS[1]) or '') ~= ARGV[3] then return 'lost' end
  redis.call('SET', KEYS[1], ARGV[4], 'PX', math.max(1, math.ceil(tonumber(ARGV[5]) - now)))
  return 'swapped'`;

const keyOf = (id: string): string => `mm:{${id}}`;

/** `ahead`: seconds that the house's clock is ahead of the world's. */
export function redisFamilyStates(redis: RedisClient, ahead: () => number): FamilyStateStore {
  const find = defineScript(redis, FIND);
  const compareAndSwap = defineScript(redis, COMPARE_AND_SWAP);
  const offset = () => Math.round(ahead() * 1000);
  async function read(id: string) {
    const [text, now] = (await reply(find(keyOf(id), [offset()]))) as [string | null, string];
    return { state: text === null ? undefined : decodeFamilyState(text), now: Number(now) / 1000 };
  }
  // A command for each, since each has a key of its own, but sent in one moment.
  const together = gather(async (ids: readonly string[]) => new Map(ids.map((id) => [id, read(id)])), {
    underWay: 1,
    limit: 500,
    pause: 0.004,
  });
  return {
    find: async (id) => (await together(id)) as Awaited<ReturnType<typeof read>>,

    async compareAndSwap({ id, expected, next, deadline, expiresAt }) {
      const texts = [expected === undefined ? '' : encodeFamilyState(expected), encodeFamilyState(next)];
      const until = Math.floor(lastInstant(deadline, expiresAt) * 1000);
      const args = [offset(), until, ...texts, Math.ceil(expiresAt * 1000)];
      return (await reply(compareAndSwap(keyOf(id), args))) as 'swapped' | 'lost' | 'late';
    },
  };
}
