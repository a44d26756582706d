// npm run schema: writes what the settings say of themselves into config/schema.json and config/README.md.
import { readFileSync, writeFileSync } from 'node:fs';
import { configSchema, configTable } from '../src/config.ts';

const config = new URL('../../config/', import.meta.url);

writeFileSync(new URL('schema.json', config), `${JSON.stringify(configSchema(), null, 2)}\n`);

const readme = new URL('README.md', config);
const between = /(?<=<!-- begin: npm run schema -->\n)[\s\S]*(?=<!-- end -->)/;
// Given by a function, because a $ in the table would mean something in a replacement string.
writeFileSync(
  readme,
  readFileSync(readme, 'utf8').replace(between, () => `\n${configTable()}\n`),
);
