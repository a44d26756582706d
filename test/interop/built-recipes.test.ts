// The recipes of examples/ that have to be built (docs/recipes.md): each takes good access tokens and no other. Where the
// machine has no compiler, or no way to the packages of one, that one is left out, with the reason.
import { execFile, execFileSync } from 'node:child_process';
import { cpSync, realpathSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import t from 'tap';
import { recipeKit, unhooked } from '../helpers/recipe.ts';
import { freePort } from '../helpers/servers.ts';
import { scratchFolder } from '../helpers/service.ts';

// On a machine that has much else to do, and far from the packages.
t.setTimeout(600_000);

const node = process.execPath;

interface Recipe {
  readonly name: string;
  /** of examples/ */
  readonly from: string;
  readonly compiler: readonly [program: string, question: string];
  readonly build: readonly (readonly string[])[];
  readonly run: readonly string[];
  readonly path?: string;
}

const recipes: readonly Recipe[] = [
  {
    name: 'Go',
    from: 'go',
    compiler: ['go', 'version'],
    build: [['go', 'build', '-o', 'api', '.']],
    run: ['./api'],
  },
  {
    name: 'Next.js',
    from: 'next',
    compiler: ['npm', '--version'],
    build: [
      [
        'npm',
        'install',
        '--no-package-lock',
        '--no-audit',
        '--no-fund',
        '--prefer-offline',
        '--loglevel=error',
      ],
      ['npm', 'run', 'build'],
    ],
    run: [node, 'node_modules/next/dist/bin/next', 'start', '-H', '127.0.0.1'],
    path: '/api/me',
  },
  {
    name: 'Spring Boot',
    from: 'spring',
    compiler: ['mvn', '--version'],
    build: [['mvn', '-q', '-B', '-ntp', 'package']],
    run: ['java', '-jar', 'target/api.jar'],
  },
];

/** The npm that runs us may not say where another one installs. */
const env = Object.fromEntries(
  Object.entries({ ...process.env, NEXT_TELEMETRY_DISABLED: '1' }).filter(
    ([name]) => !/^(npm_(package|lifecycle|config_(local|global)?_?prefix))/.test(name),
  ),
);

const isAway =
  /ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ETIMEDOUT|ENETUNREACH|dial tcp|Unknown host|Could not transfer/;

/** Builds a copy of the recipe; why it cannot be built here, where that is so. Throws where it does not compile. */
async function build({ from, compiler, build }: Recipe, folder: string): Promise<string | undefined> {
  const [program, question] = compiler;
  try {
    execFileSync(program, [question], { env, stdio: 'ignore' });
  } catch {
    return `no ${program}`;
  }
  cpSync(join('examples', from), folder, { recursive: true });
  for (const command of build) {
    try {
      await promisify(execFile)(...unhooked(command), { cwd: folder, env, maxBuffer: 1e8 });
    } catch (error) {
      const { stdout = '', stderr = '' } = error as { stdout?: string; stderr?: string };
      const [missing] = isAway.exec(stdout + stderr) ?? [];
      if (missing !== undefined) return `its packages are out of reach: ${missing}`;
      throw new Error(`${command.join(' ')}: ${stdout}${stderr}`, { cause: error });
    }
  }
  return undefined;
}

const kit = await recipeKit(t);
// All at once, since most of it is waiting for packages.
const builds = recipes.map((recipe) => {
  const { folder, remove } = scratchFolder();
  t.teardown(remove);
  const path = realpathSync(folder);
  const built = build(recipe, path);
  built.catch(() => undefined);
  return { ...recipe, folder: path, built };
});

for (const { name, folder, built, run, path = '/' } of builds)
  t.test(`${name} takes good tokens alone`, async (t) => {
    const leftOut = await built;
    if (leftOut !== undefined) {
      t.pass(name, { skip: leftOut });
      return;
    }
    const url = await kit.start(t, run, { port: await freePort(), path, cwd: folder });
    await kit.takesGoodTokensAlone(t, url);
  });
