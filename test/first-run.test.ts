// The first minutes with Mintmark, as a person has them: what `npm start` says on a terminal, what it keeps, and what
// it says where it cannot start.
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, statSync, writeFileSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import t, { type Test } from 'tap';
import { freePort } from './helpers/servers.ts';
import { drawToken, executable, registerShop, scratchFolder, startService } from './helpers/service.ts';

// On a machine that has much else to do.
t.setTimeout(300_000);

/** The same from its many modules, which count for the coverage. */
const measured = join(import.meta.dirname, '../scripts/mintmark.js');
const run = promisify(execFile);

interface Result {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** How a command ended; it is not expected to succeed. */
const outcome = (program: string, args: readonly string[], env: NodeJS.ProcessEnv): Promise<Result> =>
  run(program, args, { env: { ...process.env, ...env } }).then(
    (done) => ({ code: 0, ...done }),
    ({ code, stdout, stderr }: Result) => ({ code, stdout, stderr }),
  );

/** A command on a terminal of its own. */
function onTerminal(t: Test, command: string, env: NodeJS.ProcessEnv) {
  const started = performance.now();
  // The shell leads the session, and says so; the command takes its place.
  const args = ['-qec', `echo leader $$; exec ${command}`, '/dev/null'];
  const child = spawn('script', args, {
    env: { ...process.env, ...env },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let raw = '';
  child.stdout.on('data', (chunk) => (raw += chunk));
  const exited = once(child, 'exit');
  const isAlive = () => child.exitCode === null;
  const text = () => raw.replaceAll('\r\n', '\n');
  /** To all that run there, as Ctrl-C does; answers with the exit code. */
  async function signal(name: NodeJS.Signals): Promise<number> {
    const [, leader] = /^leader (\d+)$/m.exec(text()) ?? [];
    process.kill(-Number(leader), name);
    const [code] = await exited;
    return code;
  }
  t.teardown(() => (isAlive() ? signal('SIGKILL') : undefined));
  return {
    signal,
    /** What it has written when `pattern` is there, and after how many seconds that was. */
    async shows(pattern: RegExp) {
      while (!pattern.test(text()) && isAlive()) await sleep(20);
      if (!pattern.test(text())) throw new Error(`it ended without ${pattern}:\n${text()}`);
      return { text: text(), seconds: (performance.now() - started) / 1000 };
    },
  };
}

/** The commands that a banner offers, with what it says of each. */
const offered = (banner: string): [what: string, command: string][] =>
  [...banner.matchAll(/^ {2}# (.*)\n {2}(.*)$/gm)].map(([, what = '', command = '']) => [what, command]);

/** As pasted into another terminal: without what tap adds to the environment, and without ours. */
function paste(command: string): Promise<{ stdout: string }> {
  const { PATH, HOME } = process.env;
  return run('env', ['-i', `PATH=${PATH}`, `HOME=${HOME}`, 'sh', '-euc', command]);
}

const kidsOf = async (port: number): Promise<string[]> => {
  const response = await fetch(`http://127.0.0.1:${port}/.well-known/jwks.json`);
  const { keys } = (await response.json()) as { keys: { kid: string }[] };
  return keys.map(({ kid }) => kid).sort();
};

const END = /doctor --production\n/;

t.test('a first start, and others after it', async (t) => {
  const { folder, remove } = scratchFolder();
  t.teardown(remove);
  const port = await freePort();
  const data = join(folder, 'data');
  const env = { PORT: String(port), MINTMARK_DATA: data, MINTMARK_KEYS: join(folder, 'keys') };
  const issuer = `http://localhost:${port}`;

  const first = onTerminal(t, 'npm start', env);
  const { text: banner, seconds } = await first.shows(END);
  t.comment(`the first banner came after ${seconds.toFixed(1)} s`);
  const demo = JSON.parse(readFileSync(join(data, 'demo.json'), 'utf8'));
  let kids: string[] = [];
  let shop = { client_id: '', client_secret: '' };

  t.test('the banner says where everything is, and what was made to try it', async (t) => {
    for (const line of [
      `Mintmark issues tokens as ${issuer} `,
      `  discovery   ${issuer}/.well-known/openid-configuration\n`,
      `  keys        ${issuer}/.well-known/jwks.json\n`,
      `  data        the embedded store in ${data}\n`,
      `  secrets     ${folder}/keys\n`,
      `  sign in at  ${issuer}/demo `,
      `  client      ${demo.clientId}  ${demo.clientSecret}\n`,
      '  app         demo-app ',
      `  account     ${demo.email}  ${demo.password}\n`,
      `  kept in     ${data}/demo.json\n`,
    ])
      t.ok(banner.includes(line), line.trim());
    t.match(banner, 'Made for you to try');
    t.match(banner, 'survives a crash of this process, not a power cut');
  });

  t.test('its secrets are random, and in a file for nobody else', async (t) => {
    t.match(demo, { clientSecret: /^[\w-]{43}$/, password: /^[\w-]{43}$/ });
    t.equal(statSync(join(data, 'demo.json')).mode & 0o777, 0o600);
  });

  t.test('each command that it offers works as printed', async (t) => {
    const expected: Record<string, RegExp> = {
      'a token by client credentials': /"access_token":"ey/,
      'why it is accepted': /^accepted: /,
      'tokens by e-mail and password': /"access":"ey.*"refresh":"mmr_/,
      'why the access token is accepted': /^accepted: /,
      'when the signing keys rotate, and why then': /RS256/,
    };
    t.same(
      offered(banner).map(([what]) => what),
      Object.keys(expected),
    );
    for (const [what, command] of offered(banner))
      t.match((await paste(command)).stdout, expected[what], what);
  });

  t.test('doctor --production says what production lacks', async (t) => {
    const [, command = ''] = /^ {2}(.*doctor --production)$/m.exec(banner) ?? [];
    const said = await paste(command).catch((error: Result) => error);
    t.match(said, { code: 1, stdout: /embedded/ });
  });

  t.test('kill -9 and a second start: keys, clients and accounts are there', async (t) => {
    kids = await kidsOf(port);
    const mintmark = async (...args: string[]) =>
      (await run(process.execPath, [executable, ...args], { env: { ...process.env, ...env } })).stdout;
    shop = await registerShop({ mintmark }, 'https://api.example.com');
    await mintmark('accounts', 'create', '--email', 'ada@example.com');
    await first.signal('SIGKILL');

    const second = onTerminal(t, `${process.execPath} --enable-source-maps ${measured} start`, env);
    const { text, seconds } = await second.shows(END);
    t.comment(`the second banner came after ${seconds.toFixed(1)} s`);
    t.match(text, 'as made at the first start');
    t.same(offered(text), offered(banner), 'it offers the same commands, with the same secrets');
    t.same(await kidsOf(port), kids);
    t.ok(await drawToken(port, shop));
    t.match(await (await fetch(`${issuer}/demo`)).text(), /Try a sign-in/);
    const accounts = JSON.parse(await mintmark('accounts', 'list', '--json'));
    t.same(accounts.map(({ email }: { email: string }) => email).sort(), ['ada@example.com', demo.email]);

    await t.test('the data folder has one owner', async (t) => {
      const other = { ...env, PORT: String(await freePort()) };
      const { code, stderr } = await outcome(process.execPath, [executable, 'start'], other);
      t.equal(code, 1);
      t.match(stderr, new RegExp(`^mintmark: a service is running on the data folder ${data}: .*\n$`));
    });
    t.equal(await second.signal('SIGINT'), 0, 'Ctrl-C ends it in good order');
  });

  t.test(
    'with no terminal it writes JSON lines and no secret, and in production it has no demo',
    async (t) => {
      const env = { LOG_LEVEL: 'info', NODE_ENV: 'production', MINTMARK_EMBEDDED: 'allow' };
      const service = await startService({ folder, port, env });
      t.teardown(() => service.stop());
      await drawToken(port, shop);
      t.equal((await fetch(`${issuer}/demo`)).status, 404);
      t.same(await kidsOf(port), kids);
      const lines = service.output().trim().split('\n');
      t.match(
        lines.map((line) => JSON.parse(line)).find(({ msg }) => msg === 'started'),
        { issuer },
      );
      for (const secret of [demo.clientSecret, demo.password, shop.client_secret])
        t.notOk(service.output().includes(secret));
    },
  );
});

t.test('npm start -- --help', async (t) => {
  const { code, stdout } = await outcome('npm', ['start', '--', '--help'], {});
  t.equal(code, 0);
  t.match(stdout, 'Usage: mintmark start');
});

t.test('where it cannot start it says so in one line, with exit code 1', async (t) => {
  const { folder, remove } = scratchFolder();
  t.teardown(remove);
  const port = await freePort();
  const sound = {
    PORT: String(port),
    MINTMARK_DATA: join(folder, 'data'),
    MINTMARK_KEYS: join(folder, 'keys'),
  };
  const file = join(folder, 'file');
  writeFileSync(file, '');
  const locked = join(folder, 'locked');
  await mkdir(locked, { mode: 0 });
  // Root may read everything, unless it gives that up.
  const humble = process.getuid?.() === 0 ? ['setpriv', '--bounding-set=-dac_override,-dac_read_search'] : [];

  const refusals: Record<string, readonly [env: NodeJS.ProcessEnv, message: RegExp]> = {
    'a port that is no port': [{ PORT: '65536' }, /PORT: 65536 is refused; .* from 1 to 65535/],
    'a key that is misspelt': [{ MINTMARK_ISUER: 'x' }, /MINTMARK_ISUER.*MINTMARK_ISSUER/],
    'a data folder that is a file': [
      { MINTMARK_DATA: file },
      new RegExp(`data folder ${file}: .*MINTMARK_DATA`),
    ],
    'a data folder that is locked': [
      { MINTMARK_DATA: locked },
      new RegExp(`data folder ${locked}: .*MINTMARK_DATA`),
    ],
    'a keys folder that is locked': [{ MINTMARK_KEYS: locked }, new RegExp(`${locked} cannot be read`)],
  };
  for (const [what, [env, message]] of Object.entries(refusals))
    t.test(what, async (t) => {
      const [program = '', ...args] = [...humble, process.execPath, executable, 'start'];
      const { code, stdout, stderr } = await outcome(program, args, { ...sound, ...env });
      t.match(stderr, /^mintmark: .*\n$/, 'one line');
      t.match(stderr, message);
      t.equal(code, 1);
      t.equal(stdout, '');
    });

  t.test('a port in use, said by npm start too', async (t) => {
    const server = createServer().listen(port, '127.0.0.1');
    await once(server, 'listening');
    t.teardown(() => server.close());
    const { code, stderr } = await outcome('npm', ['start'], sound);
    t.match(stderr, new RegExp(`^mintmark: port ${port} on 127.0.0.1 is in use: .*--port ${port + 1}$`, 'm'));
    t.equal(code, 1);
  });
});
