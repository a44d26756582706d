// What `mintmark start` loads at once, by the chunks that the build leaves: it is the time of a restart and the memory
// of an issuer that idles. What few requests need is loaded with the first of them.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { packageRoot } from '../src/package-root.ts';

const folder = join(packageRoot, 'build/bin');
const chunks = new Map(
  readdirSync(folder)
    .filter((name) => name.endsWith('.js'))
    .map((name) => [name, readFileSync(join(folder, name), 'utf8')]),
);
/** Names of chunks as `./x.js`, and of packages. */
const importsOf = (code: string) =>
  [...code.matchAll(/^(?:import|export)\b[^'"\n]*["']([^"'\n]+)["'];?$/gm)].map(([, from]) => from as string);

/** What is loaded before the first request: the chunks of the executable and of the server, and all that these import. */
function loadedAtStart(): { readonly names: ReadonlySet<string>; readonly bytes: number } {
  const server = [...chunks.keys()].filter((name) => /^server-[\w-]+\.js$/.test(name));
  if (server.length !== 1) throw new Error(`one chunk should be the server: ${server}`);
  const names = new Set(['./mintmark.js', `./${server[0]}`]);
  // A set that grows is walked to its end.
  for (const name of names) {
    for (const from of importsOf(chunks.get(name.slice(2)) ?? '')) names.add(from);
  }
  const bytes = [...names].reduce((sum, name) => sum + (chunks.get(name.slice(2))?.length ?? 0), 0);
  return { names, bytes };
}

t.test('a start loads less than four megabytes of JavaScript', async (t) => {
  t.ok(loadedAtStart().bytes > 1_000_000, 'the chunks were found');
  t.ok(loadedAtStart().bytes < 4_000_000, `${loadedAtStart().bytes} bytes`);
});

t.test('what is large and rarely needed is loaded when it is', async (t) => {
  const { names } = loadedAtStart();
  const code = [...names].map((name) => chunks.get(name.slice(2)) ?? '').join('\n');
  for (const large of ['@electric-sql/pglite', '@node-rs/argon2', 'light-my-request']) {
    t.notOk(names.has(large), `${large} is no import`);
  }
  t.ok(code.includes('// node_modules/fastify/'), 'what is in a chunk can be seen');
  for (const large of ['undici', 'ioredis', 'nodemailer', '@simplewebauthn/server', 'pino-pretty']) {
    t.notOk(code.includes(`// node_modules/${large}/`), `${large} is in no chunk`);
  }
});
