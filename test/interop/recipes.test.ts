// The recipes of examples/ that are services (docs/recipes.md): each is run as it stands, and takes good access tokens
// and no other.
import { execFileSync } from 'node:child_process';
import t from 'tap';
import { missing, recipeKit, unhooked } from '../helpers/recipe.ts';
import { freePort } from '../helpers/servers.ts';

// On a machine that has much else to do.
t.setTimeout(120_000);

const kit = await recipeKit(t);
const python = '/usr/bin/python3';
const modules = (...names: readonly string[]) => {
  const isThere = () => execFileSync(python, ['-c', `import ${names.join(', ')}`], { stdio: 'pipe' });
  return missing(isThere, `no ${python} with ${names.join(', ')}`);
};

const node = process.execPath;
const recipes: readonly (readonly [name: string, command: readonly string[], skip: string | false])[] = [
  ['Fastify', [node, 'examples/fastify.js'], false],
  ['Express', [node, 'examples/express.js'], false],
  ['Hono', [node, 'examples/hono.js'], false],
  ['Flask', [python, 'examples/flask_app.py'], modules('flask', 'jwt', 'cryptography')],
  ['FastAPI', [python, 'examples/fastapi_app.py'], modules('fastapi', 'uvicorn', 'jwt', 'cryptography')],
];

for (const [name, command, skip] of recipes)
  t.test(`${name} takes good tokens alone`, { skip }, async (t) => {
    await kit.takesGoodTokensAlone(t, await kit.start(t, command, { port: await freePort() }));
  });

t.test('NestJS takes good tokens alone', async (t) => {
  // Where its packages are found, and nobody looks for the program.
  const folder = 'build/examples/nest';
  const tsc = [node, 'node_modules/typescript/bin/tsc', '-p', 'examples/nest', '--outDir', folder];
  execFileSync(...unhooked(tsc), { stdio: 'pipe' });
  await kit.takesGoodTokensAlone(
    t,
    await kit.start(t, [node, `${folder}/main.js`], { port: await freePort() }),
  );
});
