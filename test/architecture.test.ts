// The architecture is held by lint (biome.json, lint/): each rule is broken once, in a scratch tree with the
// project's own configuration, and must be named; what a rule allows must pass beside it.
import { spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import t from 'tap';

const root = process.cwd();
const biome = createRequire(import.meta.url).resolve('@biomejs/biome/bin/biome');

/** What biome reports in `folder`: one `file rule` a finding; our own rules are named by their message. */
function lint(folder: string): string[] {
  const args = [biome, 'lint', '--reporter=github', '--max-diagnostics=none', '.'];
  const { stdout } = spawnSync(process.execPath, args, { cwd: folder, encoding: 'utf8' });
  const findings = [...stdout.matchAll(/^::(?:error|warning) title=([^,]+),file=([^,]+),[^:]*::([\w-]*)/gm)];
  return findings.map(([, title = '', file = '', first]) => {
    return `${file.replace(`${folder}/`, '')} ${title === 'plugin' ? first : title.split('/').at(-1)}`;
  });
}

const refused: [rule: string, file: string, code: string][] = [
  ['noDefaultExport', 'src/default.ts', 'export default 1;'],
  ['noFloatingPromises', 'src/floating.ts', 'async function f() {}\nexport function g() { f(); }'],
  ['noImportCycles', 'src/cycle-a.ts', "import { b } from './cycle-b.ts';\nexport const a = () => b;"],
  ['noExcessiveLinesPerFunction', 'src/long.ts', `export function f() {\n${'f();\n'.repeat(41)}}`],
  ['noExcessiveLinesPerFile', 'src/longer.ts', 'void 0;\n'.repeat(251)],
  ['outward-imports', 'src/outward.ts', "export { a } from '../test/helpers/a.ts';"],
  ['outward-imports', 'src/oauth/outward.ts', "export { a } from '../../scripts/a.ts';"],
  ['core-imports', 'src/oauth/framework.ts', "import { fastify } from 'fastify';\nfastify();"],
  ['core-imports', 'src/oauth/plugin.ts', "import type { A } from '@fastify/cors';\nexport type B = A;"],
  ['core-imports', 'src/oauth/socket.ts', "export { request } from 'node:http';"],
  ['core-imports', 'src/oauth/deep/out.ts', "export { a } from '../../http/a.ts';"],
  ['core-imports', 'src/accounts/driver.ts', "import { Pool } from 'pg';\nexport const p = Pool;"],
  ['core-imports', 'src/accounts/wired.ts', "export { a } from '../wire.ts';"],
  ['core-imports', 'src/keys/lifecycle.ts', "export { Redis } from 'ioredis';"],
  ['core-imports', 'src/keys/adapter.ts', "export const a = import('../stores/redis/a.ts');"],
  [
    'store-imports',
    'src/stores/postgres/http.ts',
    "import type { A } from '../../http/a.ts';\nexport type B = A;",
  ],
  [
    'store-imports',
    'src/stores/redis/value.ts',
    "import { a } from '../../oauth/a.ts';\nexport const b = a;",
  ],
  [
    'store-imports',
    'src/stores/redis/mixed.ts',
    "import { type A, a } from '../../oauth/a.ts';\nexport const b: A = a;",
  ],
  ['http-imports', 'src/http/backchannel/driver.ts', "export { Pool } from 'pg';"],
  ['adapter-imports', 'src/http/operator/adapter.ts', "export { a } from '../../stores/redis/a.ts';"],
  ['adapter-imports', 'src/app.ts', "export { a } from './stores/postgres/a.ts';"],
  ['clock', 'src/oauth/now.ts', 'export const now = () => Date.now();'],
  ['clock', 'src/stores/redis/date.ts', 'export const now = () => new Date();'],
  ['clock', 'scripts/commands/date.ts', 'export const now = () => new Date;'],
  ['dice', 'src/oauth/random.ts', 'export const dice = () => Math.random();'],
  [
    'dice',
    'src/keys/bytes.ts',
    "import { randomBytes } from 'node:crypto';\nexport const b = () => randomBytes(1);",
  ],
  [
    'dice',
    'src/stores/redis/id.ts',
    "import * as c from 'node:crypto';\nexport const id = () => c.randomUUID();",
  ],
  ['dice', 'src/http/web.ts', 'export const b = crypto.getRandomValues(new Uint8Array(1));'],
];

const allowed: [why: string, file: string, code: string][] = [
  ['src/wire.ts chooses adapters', 'src/wire.ts', "export { a } from './stores/postgres/a.ts';"],
  [
    'an adapter uses its driver',
    'src/stores/postgres/a.ts',
    "import { Pool } from 'pg';\nexport const a = Pool;",
  ],
  [
    'a store knows the shapes of the protocol',
    'src/stores/redis/a.ts',
    "import type { A } from '../../oauth/a.ts';\nexport const a: A = 1;",
  ],
  [
    'a core takes the ports',
    'src/oauth/ports.ts',
    "import type { A } from '../stores/stores.ts';\nexport type B = A;",
  ],
  ['a scope of HTTP calls a core', 'src/http/backchannel/token.ts', "export { a } from '../../oauth/a.ts';"],
  [
    'a date made from a value is no clock',
    'src/oauth/date.ts',
    'export const date = (at: number) => new Date(at * 1000);',
  ],
  ['src/clock.ts reads the time', 'src/clock.ts', 'export const now = () => Date.now();'],
  ['src/random.ts throws the dice', 'src/random.ts', "export { randomBytes } from 'node:crypto';"],
  ['a test takes both', 'test/a.test.ts', 'export const at = Date.now() + Math.random();'],
];

t.test('the rules in a scratch tree', (t) => {
  const scratch = t.testdir();
  cpSync(join(root, 'biome.json'), join(scratch, 'biome.json'));
  cpSync(join(root, 'lint'), join(scratch, 'lint'), { recursive: true });
  cpSync(join(root, '.gitignore'), join(scratch, '.gitignore'));
  const helpers = [['', 'src/cycle-b.ts', "export { a as b } from './cycle-a.ts';"]];
  for (const [, file = '', code = ''] of [...refused, ...allowed, ...helpers]) {
    mkdirSync(dirname(join(scratch, file)), { recursive: true });
    writeFileSync(join(scratch, file), `${code}\n`);
  }
  const findings = lint(scratch);

  for (const [rule, file] of refused) {
    t.ok(findings.includes(`${file} ${rule}`), `${rule} refuses ${file}`);
  }
  for (const [why, file] of allowed) {
    t.same(
      findings.filter((finding) => finding.startsWith(`${file} `)),
      [],
      why,
    );
  }
  t.end();
});

t.test('every rule in lint/ is broken above', (t) => {
  const rules = readdirSync(join(root, 'lint')).map((file) => file.replace('.grit', ''));
  t.same(
    rules.filter((rule) => !refused.some(([name]) => name === rule)),
    [],
  );
  t.end();
});

t.test('the tree keeps the rules', (t) => {
  t.same(lint(root), []);
  t.end();
});

// Also brings every module of src into the coverage report, so that one without a test counts as uncovered.
t.test('importing the modules of src starts nothing that keeps a process alive', (t) => {
  const compiled = join(root, 'build', 'src');
  const files = readdirSync(compiled, { recursive: true, encoding: 'utf8' });
  const imports = files
    .filter((file) => file.endsWith('.js'))
    .map((file) => `import '${join(compiled, file)}';`);
  const args = ['--input-type=module', '--eval', imports.join('\n')];
  const { status, stderr } = spawnSync(process.execPath, args, { encoding: 'utf8', timeout: 20_000 });
  t.same({ status, stderr }, { status: 0, stderr: '' });
  t.end();
});
