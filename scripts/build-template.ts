// Part of `npm run build`: leaves in build/ the data folder that the embedded store's first start begins with, all
// migrations applied. Made anew only where PGlite or a migration is another.
import { existsSync, mkdtempSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { PGlite } from '@electric-sql/pglite';
import { openDatabase } from '../src/stores/postgres/database.ts';
import { migrate } from '../src/stores/postgres/migrations.ts';
import { templateFile } from '../src/stores/postgres/template.ts';

const file = templateFile();
if (!existsSync(file)) {
  const folder = dirname(file);
  for (const name of readdirSync(folder)) {
    if (name.startsWith('embedded-template-')) rmSync(join(folder, name));
  }
  const scratch = mkdtempSync(join(tmpdir(), 'mintmark-template-'));
  try {
    const unfinished = join(folder, `unfinished-${basename(file)}`);
    writeFileSync(unfinished, await migratedData(scratch));
    renameSync(unfinished, file);
  } finally {
    rmSync(scratch, { recursive: true });
  }
}

async function migratedData(scratch: string): Promise<Buffer> {
  const database = await openDatabase({ dataFolder: scratch, beside: false });
  await migrate(database);
  await database.close();
  const db = await PGlite.create(join(scratch, 'postgres'));
  const dump = await db.dumpDataDir('gzip');
  await db.close();
  return Buffer.from(await dump.arrayBuffer());
}
