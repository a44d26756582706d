// The README is run as it stands, by a shell, in a fresh copy of the tree; and every command that the documents name
// exists, with the options that they give it.
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, existsSync, readFileSync, symlinkSync } from 'node:fs';
import { createServer } from 'node:net';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import t, { type Test } from 'tap';
import { freePort } from './helpers/servers.ts';
import { answers, executable, scratchFolder } from './helpers/service.ts';

// On a machine that has much else to do.
t.setTimeout(300_000);

const PORT = 3000;
const run = promisify(execFile);

/** What git would hand to somebody else. */
const list = await run('git', ['ls-files', '--cached', '--others', '--exclude-standard', '-z']);
const files = list.stdout.split('\0').filter((file) => file !== '' && existsSync(file));

/** The commands of each fenced sh block, as they stand. */
const blocksOf = (markdown: string): string[] =>
  [...markdown.matchAll(/^```sh\n(.*?)^```$/gms)].map(([, block = '']) => block);

/** A shell as a person has it. By `env -i`, since tap would have every Node that descends from a test load its hooks. */
function shell(cwd: string, script: string, env: readonly string[] = []) {
  const { PATH, HOME } = process.env;
  const args = ['-i', `PATH=${PATH}`, `HOME=${HOME}`, ...env, 'sh', '-euc', script];
  return [args, { cwd }] as const;
}

async function isFree(port: number): Promise<boolean> {
  const server = createServer().listen(port, '127.0.0.1');
  const isFree = await once(server, 'listening').then(
    () => true,
    () => false,
  );
  server.close();
  return isFree;
}

/** A clone after `npm ci`: the tree, the packages, and what `prepare` builds. */
async function clone(t: Test): Promise<string> {
  const { folder, remove } = scratchFolder();
  t.teardown(remove);
  for (const file of files) cpSync(file, join(folder, file));
  symlinkSync(resolve('node_modules'), join(folder, 'node_modules'));
  await run('env', ...shell(folder, 'npm run -s prepare'));
  return folder;
}

/** `npm start`, until the test ends. */
async function start(t: Test, cwd: string, port: number): Promise<void> {
  const [args, options] = shell(cwd, 'exec npm start', [`PORT=${port}`]);
  const child = spawn('env', args, { ...options, stdio: 'ignore', detached: true });
  const exited = once(child, 'exit');
  t.teardown(async () => {
    process.kill(-(child.pid as number), 'SIGTERM');
    await exited;
  });
  const isReady = await answers(
    `http://127.0.0.1:${port}/readyz`,
    () => child.exitCode === null,
    ({ ok }) => ok,
  );
  if (!isReady) throw new Error('npm start did not become ready');
}

t.test('the README, pasted', async (t) => {
  const [first = '', ...blocks] = blocksOf(readFileSync('README.md', 'utf8'));
  const commands = [...first.matchAll(/^npm ci && (npm \w+)/gm)].map(([, command]) => command);
  t.same(commands, ['npm start', 'npm test'], 'it begins with two commands');

  const folder = await clone(t);
  const port = (await isFree(PORT)) ? PORT : await freePort();
  if (port !== PORT) t.comment(`port ${PORT} is taken here: the commands run with ${port}`);
  await start(t, folder, port);
  let output = '';
  for (const block of blocks) {
    const script = port === PORT ? block : block.replaceAll(`:${PORT}`, `:${port}`);
    const done = run('env', ...shell(folder, script, port === PORT ? [] : [`PORT=${port}`]));
    const { stdout } = await done.catch((error: { message: string }) => ({
      stdout: `FAILED ${error.message}`,
    }));
    t.notMatch(stdout, /^FAILED/, block.trim());
    output += stdout;
  }
  t.match(output, /^accepted: [a-z_]+\n/m, '`mintmark explain` accepts the token');
  t.match(output, /^accepted: \{.*"aud":"https:\/\/api.example.com"/m, 'and so does the verifier');
  t.match(output, /standby.*\n/, 'a key waits');
});

t.test('every command that a document names exists', async (t) => {
  const documents = files.filter((file) => file.endsWith('.md'));
  const named = new Map<string, Set<string>>();
  for (const file of documents) {
    for (const [, words = ''] of readFileSync(file, 'utf8').matchAll(
      /\bmintmark (?:-- )?([a-z][^`|;#<>\n]*)/g,
    )) {
      const [command = ''] = /^[a-z][a-z-]*(?: [a-z][a-z-]*)?(?= |$)/.exec(words.trim()) ?? [];
      const [...options] = words.replaceAll(/'[^']*'|"[^"]*"/g, '').matchAll(/--[a-z-]+/g);
      named.set(command, new Set([...(named.get(command) ?? []), ...options.map(([option]) => option)]));
    }
  }
  t.ok(named.size > 10, `${documents.length} documents name ${named.size} commands`);
  for (const [command, options] of named) {
    const { stdout } = await run(
      'env',
      ...shell('.', `exec ${process.execPath} ${executable} ${command} --help`),
    );
    t.match(stdout, `Usage: mintmark ${command} `, command);
    for (const option of options) t.match(stdout, `${option} `, `${command} ${option}`);
  }
});
