// Mutations of the executable are what they say, or an error.
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import t from 'tap';
import { mutatedExecutable, noDeadline, noFloor, randomSuccessors, resend } from './mutation.ts';

// Where others' folders are not counted.
process.env.TMPDIR = t.testdir();

t.test('a piece that is not there once is an error, and leaves nothing behind', async (t) => {
  t.throws(() => mutatedExecutable([[/no such piece/, '']]), /is 0 times in the executable, and not once/);
  t.throws(() => mutatedExecutable([[/const/, '']]), /is \d+ times in the executable, and not once/);
  t.same(readdirSync(process.env.TMPDIR as string), []);
});

for (const [name, mutation] of Object.entries({ resend, noDeadline, randomSuccessors, noFloor })) {
  t.test(`${name} changes the executable, in a folder that can be removed`, async (t) => {
    const { program, remove } = mutatedExecutable(mutation);
    const bin = dirname(program);
    const text = readdirSync(bin)
      .map((file) => readFileSync(join(bin, file), 'utf8'))
      .join('\n');
    for (const [piece, instead] of mutation) {
      t.ok(text.includes(instead.replace('$&', '')));
      t.equal(piece.test(text), instead.includes('$&'));
    }
    remove();
    t.notOk(existsSync(bin));
  });
}
