// The documentation is held to the code: the refusals, the files that the specifications are kept in.
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import t from 'tap';
import { refusals, refusalTable } from '../src/oauth/errors.ts';

const committed = (path: string) => fileURLToPath(new URL(`../../${path}`, import.meta.url));
const page = (name: string) => readFileSync(committed(`docs/${name}`), 'utf8');

t.test('docs/errors.md has the table that npm run schema writes', async (t) => {
  t.ok(page('errors.md').includes(`\n\n${refusalTable()}\n<!-- end -->`), 'else: npm run schema');
});

t.test('docs/errors.md explains no reason that there is not', async (t) => {
  const explained = [...page('errors.md').matchAll(/^- (.*?):/gm)].flatMap(([, names = '']) =>
    [...names.matchAll(/`(\w+)`/g)].map(([, name]) => name),
  );
  t.ok(explained.length > 0);
  for (const name of explained) t.ok(Object.hasOwn(refusals, name ?? ''), `${name}`);
});

t.test('a description is of the characters that RFC 6749 5.2 allows', async (t) => {
  for (const [reason, { description }] of Object.entries(refusals)) {
    t.match(description, /^[\x20\x21\x23-\x5B\x5D-\x7E]+$/, reason);
  }
});

for (const name of ['specs.md', 'conformance.md']) {
  t.test(`docs/${name} names files that exist, and tests by their titles`, async (t) => {
    const rows = page(name)
      .split('\n')
      .filter((line) => line.startsWith('| ') && line.includes('`test/'))
      .map((line) => line.slice(2, -2).split(' | '));
    t.ok(rows.length > 50);
    for (const row of rows) {
      for (const [, file = ''] of row.join().matchAll(/`((?:src|test)\/[^`]+)`/g))
        t.ok(existsSync(committed(file)), file);
      const [, test = ''] = /^`(test\/[^`]+)`$/.exec(row.at(-2) ?? '') ?? [];
      const title = row.at(-1) ?? '';
      t.ok(title.length > 5 && readFileSync(committed(test), 'utf8').includes(title), `${test}: ${title}`);
    }
  });
}

t.test('every link between the pages leads somewhere', async (t) => {
  const pages = readdirSync(committed('docs')).filter((name) => name.endsWith('.md'));
  for (const name of pages) {
    for (const [, link = ''] of page(name).matchAll(/\]\((?!https?:)([^)#]+)/g)) {
      t.ok(existsSync(committed(`docs/${link}`)), `${name}: ${link}`);
    }
  }
});
