// The package as a service sees it: `mintmark/verify` loads nothing of the server, and is whole where it is installed.
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import t from 'tap';

const root = process.cwd();
const manifest = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
const { types, default: entry } = manifest.exports['./verify'] as { types: string; default: string };

/** Every file that a process has loaded once it has imported the entry. */
function loaded(): string[] {
  const hook = `
    import { writeSync } from 'node:fs';
    export function load(url, context, next) {
      writeSync(1, url + '\\n');
      return next(url, context);
    }`;
  const program = `
    import { register } from 'node:module';
    register('data:text/javascript,' + encodeURIComponent(${JSON.stringify(hook)}));
    await import(${JSON.stringify(pathToFileURL(join(root, entry)).href)});`;
  const output = execFileSync(process.execPath, ['--input-type=module', '--eval', program], {
    encoding: 'utf8',
    env: { PATH: process.env.PATH },
  });
  const base = pathToFileURL(`${root}/`).href;
  return output
    .trim()
    .split('\n')
    .map((url) => url.replace(base, ''));
}

t.test('importing mintmark/verify loads its own few files and Node, and no package', async (t) => {
  const files = loaded();
  const own = files.filter((file) => !file.startsWith('node:'));
  t.ok(own.includes(entry.replace('./', '')));
  const allowed = /^build\/src\/(verify\/[\w-]+|clock|loopback|read-through)\.js$/;
  t.strictSame(
    own.filter((file) => !allowed.test(file)),
    [],
  );
  const shipped = (manifest.files as string[]).map((pattern) => pattern.replace('*', ''));
  for (const file of own)
    t.ok(
      shipped.some((pattern) => file.startsWith(pattern)),
      `${file} is in the package`,
    );
});

t.test('its types are there, and so is the executable for whoever imports nothing', async (t) => {
  t.ok(existsSync(join(root, types)));
  t.match(readFileSync(join(root, types), 'utf8'), /createVerifier/);
  t.ok(existsSync(join(root, manifest.bin.mintmark)));
});
