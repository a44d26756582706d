// Part of `npm run build`: leaves in build/bin/ the executable as a few files. Loading a thousand small modules takes
// three times as long as opening the store; this is what lets a restart take less than a second.
import { renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { rolldown } from 'rolldown';
import { packageRoot } from '../src/package-root.ts';

const scripts = join(packageRoot, 'build/scripts');
// What has a binary beside it, or is asked for by name while running, stays a package; so does what Fastify loads
// for tests alone.
const external = [/^@electric-sql\/pglite/, /^@node-rs\/argon2/, 'pg-native', 'light-my-request'];

/**
 * pg makes a Response to see whether it runs at Cloudflare. For that Node 20 loads its own fetch, which nothing else
 * needs: 15 ms of a start, and 3 MB for good.
 */
const notAtCloudflare = {
  name: 'not at Cloudflare',
  transform: {
    filter: { id: /\/pg\/lib\/stream\.js$/ },
    handler(code: string): string {
      const asked = "typeof Response === 'function'";
      if (!code.includes(asked)) throw new Error('pg no longer asks where it runs: take out this plugin');
      return code.replace(asked, 'false');
    },
  },
};

/**
 * The wrapper of a CommonJS module as a function, where it was an arrow: V8 compiles a function in parentheses at once,
 * and in Node 20 an arrow in parentheses a second time when it is called, which is a fifth of loading it all.
 */
const compiledOnce = {
  name: 'compiled once',
  renderChunk: (code: string): string =>
    code.replaceAll(/__commonJSMin\(\(\(([^()]*)\) => \{/g, '__commonJSMin((function($1) {'),
};

const bundle = await rolldown({
  input: {
    mintmark: join(scripts, 'mintmark.js'),
    healthcheck: join(scripts, 'healthcheck.js'),
    'signing-thread': join(packageRoot, 'build/src/keys/signing-thread.js'),
  },
  platform: 'node',
  external,
  plugins: [notAtCloudflare, compiledOnce],
});
// Made beside the old one, which serves until the new one is whole.
const [made, served] = [join(packageRoot, 'build/bin.new'), join(packageRoot, 'build/bin')];
await bundle.write({
  dir: made,
  format: 'esm',
  keepNames: true,
  cleanDir: true,
  // V8 keeps the text: a character outside Latin-1 would double it, and comments but for licences serve nobody.
  charset: 'ascii',
  comments: { legal: true, annotation: false, jsdoc: false },
});
await bundle.close();
rmSync(served, { recursive: true, force: true });
renameSync(made, served);
