// npm run schema: writes what the settings and the refusals say of themselves into config/schema.json,
// config/README.md and docs/errors.md.
import { readFileSync, writeFileSync } from 'node:fs';
import { configSchema, configTable } from '../src/config.ts';
import { refusalTable } from '../src/oauth/errors.ts';

const root = new URL('../../', import.meta.url);
const between = /(?<=<!-- begin: npm run schema -->\n)[\s\S]*(?=<!-- end -->)/;

/** Puts a table between the two marks. */
function writeTable(path: string, table: string): void {
  const file = new URL(path, root);
  // Given by a function, because a $ in the table would mean something in a replacement string.
  writeFileSync(
    file,
    readFileSync(file, 'utf8').replace(between, () => `\n${table}\n`),
  );
}

writeFileSync(new URL('config/schema.json', root), `${JSON.stringify(configSchema(), null, 2)}\n`);
writeTable('config/README.md', configTable());
writeTable('docs/errors.md', refusalTable());
