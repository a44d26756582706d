// Where this package lies: the same from the sources' output and from the bundle, which differ in depth.
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';

function ownFolder(folder: string): string {
  if (existsSync(join(folder, 'package.json'))) return folder;
  const parent = dirname(folder);
  if (parent === folder) throw new Error('package.json is missing: the installation is not whole');
  return ownFolder(parent);
}

/** The folder of package.json. */
export const packageRoot = ownFolder(import.meta.dirname);
