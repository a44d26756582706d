// A Postgres data folder made beforehand. Making one takes seconds, unpacking one does not, so `npm run build` leaves
// it in build/ (scripts/build-template.ts) and the first start of the embedded store unpacks it.
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { OperatorError } from '../../operator-error.ts';
import { packageRoot } from '../../package-root.ts';
import { migrationsFolder } from './migrations.ts';

/**
 * Where the template of this very code lies, if it was built: named by what went into it, so that one of another
 * PGlite or of other migrations is never taken for it.
 */
export function templateFile(): string {
  const hash = createHash('sha256').update(pgliteVersion());
  for (const file of readdirSync(migrationsFolder).sort()) {
    hash.update(`\0${file}\0`).update(readFileSync(join(migrationsFolder, file)));
  }
  return join(packageRoot, 'build', `embedded-template-${hash.digest('hex').slice(0, 16)}.tar.gz`);
}

function pgliteVersion(): string {
  const entry = createRequire(import.meta.url).resolve('@electric-sql/pglite');
  return JSON.parse(readFileSync(join(dirname(entry), '../package.json'), 'utf8')).version;
}

/**
 * Makes the Postgres data `folder` where it does not exist, from `template` or, where that is missing, from nothing.
 * Under the lock. It appears whole or not at all: a start that is interrupted leaves only rubbish beside it, which the
 * next one removes. Throws OperatorError where something else is there already.
 */
export async function ensureData(folder: string, template: string): Promise<void> {
  if (existsSync(join(folder, 'PG_VERSION'))) return;
  if (existsSync(folder) && readdirSync(folder).length > 0) {
    throw new OperatorError(`${folder} holds no embedded store and is not empty: move away what it holds`);
  }
  const tar = existsSync(template) ? gunzipSync(readFileSync(template)) : await freshData();
  const unfinished = `${folder}.new`;
  rmSync(unfinished, { recursive: true, force: true });
  unpack(tar, unfinished);
  renameSync(unfinished, folder);
}

async function freshData(): Promise<Buffer> {
  const { PGlite } = await import('@electric-sql/pglite');
  // A log in segments of 1 MB, not 16: most of the folder would be log, and kept to a gigabyte instead of 64 MB.
  const db = await PGlite.create({ initDbStartParams: ['--wal-segsize=1'] });
  try {
    return Buffer.from(await (await db.dumpDataDir('none')).arrayBuffer());
  } finally {
    await db.close();
  }
}

const block = 512;

/** Writes the files of a tar archive (POSIX ustar) of our own making; PGlite's own way is three times slower. */
function unpack(tar: Buffer, folder: string): void {
  for (let at = 0; tar[at]; ) {
    const field = (offset: number, length: number) =>
      tar.toString('latin1', at + offset, at + offset + length).replace(/\0.*$/s, '');
    const path = join(folder, field(345, 155), field(0, 100));
    const size = Number.parseInt(field(124, 12), 8);
    const content = at + block;
    if (field(156, 1) === '5') {
      mkdirSync(path, { recursive: true, mode: 0o700 });
    } else {
      mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
      writeFileSync(path, tar.subarray(content, content + size), { mode: 0o600 });
    }
    at = content + Math.ceil(size / block) * block;
  }
}
