// What is seen of swaps on a line to Redis.
import t from 'tap';
import { readCommands, watchSwaps } from './swaps.ts';

const encoded = (...words: string[]): Buffer =>
  Buffer.from(
    `*${words.length}\r\n${words.map((word) => `$${Buffer.byteLength(word)}\r\n${word}\r\n`).join('')}`,
  );

const swap = (deadline: string) =>
  encoded('evalsha', 'abc', '1', 'mm:{f}', '0', deadline, 'expected', 'next', '99');

t.test('commands are read in whatever pieces they come', async (t) => {
  const bytes = Buffer.concat([encoded('PING'), encoded('SET', 'a', 'b\r\nc')]);
  for (let at = 0; at <= bytes.length; at += 1) {
    const first = readCommands(bytes.subarray(0, at));
    const second = readCommands(Buffer.concat([first.rest, bytes.subarray(at)]));
    t.same([...first.commands, ...second.commands], [['PING'], ['SET', 'a', 'b\r\nc']]);
    t.equal(second.rest.length, 0);
  }
});

t.test('a swap that goes over a second connection was sent again', async (t) => {
  const watcher = watchSwaps();
  watcher.request(swap('5'), 1);
  watcher.request(swap('5'), 1);
  watcher.request(swap('6'), 2);
  t.same(watcher.resent(), []);
  watcher.request(swap('5').subarray(0, 20), 2);
  watcher.request(swap('5').subarray(20), 2);
  t.same(watcher.resent(), ['mm:{f} 0 5 expected next 99']);
});

t.test('a reading may go over any', async (t) => {
  const watcher = watchSwaps();
  for (const connection of [1, 2]) watcher.request(encoded('evalsha', 'abc', '1', 'mm:{f}', '0'), connection);
  t.same(watcher.resent(), []);
});
