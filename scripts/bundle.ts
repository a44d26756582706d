// Part of `npm run build`: leaves in build/bin/ the executable as a few files. Loading a thousand small modules takes
// three times as long as opening the store; this is what lets a restart take less than a second.
import { join } from 'node:path';
import { rolldown } from 'rolldown';
import { packageRoot } from '../src/package-root.ts';

const scripts = join(packageRoot, 'build/scripts');
// What has a binary beside it, or is asked for by name while running, stays a package.
const external = [/^@electric-sql\/pglite/, /^@node-rs\/argon2/, 'pg-native'];

const bundle = await rolldown({
  input: { mintmark: join(scripts, 'mintmark.js'), healthcheck: join(scripts, 'healthcheck.js') },
  platform: 'node',
  external,
});
await bundle.write({ dir: join(packageRoot, 'build/bin'), format: 'esm', keepNames: true, cleanDir: true });
await bundle.close();
