// What ships, wrong in one way: a copy of the executable with a piece of its text replaced, so that nothing in the
// sources knows of it. A piece that is not there exactly once is an error, not a copy that is right by mistake.
import {
  cpSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { packageRoot } from '../../src/package-root.ts';
import { executable } from '../helpers/service.ts';

/** Pieces of the executable, and what stands there instead. */
export type Mutation = readonly (readonly [piece: RegExp, instead: string])[];

/** ioredis as it is by default: it queues, waits for ever, and sends again what it got no reply to; and nobody looks. */
export const resend: Mutation = [
  [/await assertSentOnce\([^;]*;/, ''],
  [/autoResendUnfulfilledCommands: false/, 'autoResendUnfulfilledCommands: true'],
  [
    /enableOfflineQueue: false,\s+maxRetriesPerRequest: 0/,
    'enableOfflineQueue: true, maxRetriesPerRequest: null',
  ],
  [/commandTimeout: COMMAND_TIMEOUT,/, ''],
];

/** A swap that was stuck on its way is made all the same. */
export const noDeadline: Mutation = [[/if now > tonumber\(ARGV\[2\]\) then return 'late' end/, '']];

/** Each answer has a successor of its own. */
export const randomSuccessors: Mutation = [
  [/issuedAt: Math\.floor\(head\.since\)/, '$& - Math.floor(Math.random() * 1000)'],
];

/** What the hot store knew is nowhere else. */
export const noFloor: Mutation = [[/function raise\(familyId, head\) \{/, '$& return;']];

/** A copy of the executable in a folder of its own, and how to remove it. Throws where a piece is not found. */
export function mutatedExecutable(mutation: Mutation): { readonly program: string; remove(): void } {
  const folder = mkdtempSync(join(tmpdir(), 'mintmark-mutation-'));
  const remove = () => rmSync(folder, { recursive: true, force: true });
  try {
    // What the executable looks for beside itself.
    cpSync(join(packageRoot, 'package.json'), join(folder, 'package.json'));
    for (const name of ['node_modules', 'src', 'config'])
      symlinkSync(join(packageRoot, name), join(folder, name));
    const bin = join(folder, 'build/bin');
    mkdirSync(bin, { recursive: true });
    mutate(dirname(executable), bin, mutation);
    return { program: join(bin, basename(executable)), remove };
  } catch (error) {
    remove();
    throw error;
  }
}

function mutate(from: string, to: string, mutation: Mutation): void {
  const files = new Map(readdirSync(from).map((name) => [name, readFileSync(join(from, name), 'utf8')]));
  for (const [piece, instead] of mutation) {
    const found = [...files].flatMap(([name, text]) =>
      [...text.matchAll(new RegExp(piece, 'g'))].map(() => name),
    );
    if (found.length !== 1)
      throw new Error(`${piece} is ${found.length} times in the executable, and not once`);
    const [name = ''] = found;
    files.set(name, (files.get(name) as string).replace(piece, instead));
  }
  for (const [name, text] of files) writeFileSync(join(to, name), text);
}
