// There may be no Docker here, so the Dockerfile's own instructions are followed by hand: the same files copied, the
// same commands run, in folders that stand for the stages; then what would ship is started as it would be shipped.
import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { text } from 'node:stream/consumers';
import { setTimeout as sleep } from 'node:timers/promises';
import t from 'tap';
import { freePort } from './helpers/servers.ts';

interface Stage {
  name: string;
  /** The folder that stands for `/`. */
  root: string;
  workdir: string;
  env: Record<string, string>;
  /** The last of each of the others: USER, HEALTHCHECK, ENTRYPOINT, CMD. */
  said: Record<string, string>;
}

/** What the commands see: the way to programs and to the registry, and nothing of the test runner's. */
const environment: Record<string, string> = { npm_config_prefer_offline: 'true' };
for (const name of ['PATH', 'HOME', 'HTTPS_PROXY', 'https_proxy', 'NO_PROXY', 'NODE_EXTRA_CA_CERTS']) {
  const value = process.env[name];
  if (value) environment[name] = value;
}

const instructions = readFileSync('Dockerfile', 'utf8')
  .replaceAll('\\\n', ' ')
  .split('\n')
  .filter((line) => line !== '' && !line.startsWith('#'))
  .map((line) => line.match(/^([A-Z]+) +(.*)$/) ?? [])
  .map(([, name = '', rest = '']) => ({ name, rest }));

/** The checkout without what git or .dockerignore ignores: the context that Docker would send. */
function context(): string {
  const ignored = readFileSync('.dockerignore', 'utf8').trim().split('\n');
  const list = execFileSync('git', ['ls-files', '--cached', '--others', '--exclude-standard', '-z'], {
    encoding: 'utf8',
  });
  const folder = join(scratch, 'context');
  for (const file of list.split('\0').filter((file) => file !== '' && existsSync(file))) {
    if (ignored.includes(file.split('/')[0] ?? '')) continue;
    cpSync(file, join(folder, file));
  }
  return folder;
}

function copy(rest: string, stage: Stage, sources: Map<string, string>): void {
  const words = rest.split(/ +/);
  const flags = Object.fromEntries(
    words.filter((word) => word.startsWith('--')).map((flag) => flag.slice(2).split('=')),
  );
  const paths = words.filter((word) => !word.startsWith('--'));
  const to = paths.pop() ?? '';
  const from = sources.get(flags.from ?? 'context') ?? '';
  const target = join(stage.root, to.startsWith('/') ? '' : stage.workdir, to);
  for (const path of paths) {
    const source = join(from, path);
    // Docker copies the contents of a folder, and a file into a target that ends with a slash.
    const contents = statSync(source).isDirectory();
    const destination = contents || !to.endsWith('/') ? target : join(target, basename(path));
    mkdirSync(contents ? destination : dirname(destination), { recursive: true });
    // By hard links: nobody looks at the earlier stage again.
    execFileSync('cp', ['-alf', contents ? `${source}/.` : source, destination]);
    if (!flags.chown || process.getuid?.() !== 0) continue;
    for (const entry of contents ? readdirSync(source) : []) {
      execFileSync('chown', ['-R', flags.chown, join(destination, entry)]);
    }
  }
}

/** A command with these variables alone: by `env -i`, or else tap's own hooks come along with every Node. */
function clean(env: Record<string, string>, ...words: string[]): [program: string, args: string[]] {
  return ['env', ['-i', ...Object.entries(env).map(([name, value]) => `${name}=${value}`), ...words]];
}

function run(command: string, cwd: string, env: Record<string, string>): void {
  const { status, stdout, stderr } = spawnSync(...clean(env, 'sh', '-c', command), { cwd, encoding: 'utf8' });
  if (status !== 0) throw new Error(`RUN ${command}: exit ${status}\n${stdout}\n${stderr}`);
}

/** Follows the Dockerfile and answers with its last stage. */
function build(): Stage {
  const sources = new Map([['context', context()]]);
  let stage: Stage | undefined;
  for (const { name, rest } of instructions) {
    if (name === 'FROM') {
      const root = mkdtempSync(join(scratch, 'stage-'));
      chmodSync(root, 0o755);
      stage = { name: rest.split(' AS ')[1] ?? '', root, workdir: '/', env: {}, said: {} };
      sources.set(stage.name, root);
      continue;
    }
    if (!stage) throw new Error(`${name} before FROM`);
    const folder = join(stage.root, stage.workdir);
    if (name === 'WORKDIR') {
      mkdirSync(join(stage.root, rest), { recursive: true });
      stage.workdir = rest;
    } else if (name === 'COPY') copy(rest, stage, sources);
    else if (name === 'ENV')
      Object.assign(stage.env, Object.fromEntries(rest.split(/ +/).map((pair) => pair.split('='))));
    else if (name === 'RUN') run(rest, folder, { ...environment, ...stage.env });
    else stage.said[name] = rest;
  }
  if (!stage) throw new Error('no FROM');
  return stage;
}

/** A path of the image in the folder that stands for it; any other word as it is. */
const inside = (stage: Stage, word: string) => (word.startsWith('/') ? join(stage.root, word) : word);

// As long as an installation over a slow line takes.
t.setTimeout(300_000);

const scratch = mkdtempSync(join(tmpdir(), 'mintmark-image-'));
chmodSync(scratch, 0o755);
t.teardown(() => {
  execFileSync('chmod', ['-R', 'u+w', scratch]);
  rmSync(scratch, { recursive: true });
});

t.test('the image does not run as root, and needs no shell', (t) => {
  const said = (name: string) =>
    instructions.findLast((instruction) => instruction.name === name)?.rest ?? '';
  t.match(said('USER'), /^[1-9]\d*:[1-9]\d*$/);
  for (const name of ['ENTRYPOINT', 'CMD']) t.ok(Array.isArray(JSON.parse(said(name))));
  t.ok(Array.isArray(JSON.parse(said('HEALTHCHECK').replace(/^.*? CMD /, ''))));
  t.end();
});

const unless =
  process.env.CI === 'true' ? {} : { skip: 'it installs from the registry; CI=true npm test runs it' };
t.test('the image builds, ships no development, and runs on a read-only file system', unless, async (t) => {
  const image = build();
  const app = join(image.root, image.workdir);
  t.ok(existsSync(join(app, 'node_modules/fastify')));
  for (const left of ['node_modules/typescript', 'build/test', 'test', 'keys'])
    t.notOk(existsSync(join(app, left)), left);

  execFileSync('chmod', ['-R', 'a-w', app]);
  const [uid, gid] = (image.said.USER ?? '').split(':').map(Number);
  const options = { cwd: app, ...(process.getuid?.() === 0 && { uid, gid }) };
  const env = {
    PATH: process.env.PATH ?? '',
    ...Object.fromEntries(Object.entries(image.env).map(([name, value]) => [name, inside(image, value)])),
    // The embedded store, which production refuses unless told that it is meant.
    MINTMARK_EMBEDDED: 'allow',
    HOST: '127.0.0.1',
    PORT: String(await freePort()),
  };
  const words = (json = '[]'): string[] => JSON.parse(json).map((word: string) => inside(image, word));
  const issuer = spawn(...clean(env, ...words(image.said.ENTRYPOINT), ...words(image.said.CMD)), options);
  const output = Promise.all([text(issuer.stdout), text(issuer.stderr)]);
  const exited = once(issuer, 'exit');

  const probe = clean(env, ...words(image.said.HEALTHCHECK?.replace(/^.*? CMD /, '')));
  const healthy = () => spawnSync(...probe, options).status === 0;
  for (let left = 60; left > 0 && issuer.exitCode === null && !healthy(); left--) await sleep(500);
  const wasHealthy = healthy();
  issuer.kill('SIGTERM');
  const end = await exited;
  t.ok(wasHealthy, 'HEALTHCHECK was content');
  t.same(end, [0, null], 'the issuer ended in good order when it was told to stop');
  t.notOk(healthy(), 'HEALTHCHECK sees that nobody is there');
  if (!t.passing()) t.comment((await output).join('\n'));
});
