// The executable as a whole: help, usage, exit codes, streams. The commands have tests of their own beside this one.
import { spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { executableIn } from '../helpers/executable.ts';
import { freePort } from '../helpers/servers.ts';
import { scratchFolder } from '../helpers/service.ts';

// Each run of the executable is a process.
t.setTimeout(600_000);

const { folder, remove } = scratchFolder();
t.teardown(remove);
const mintmark = executableIn(folder);
const nouns = [
  'start',
  'keys',
  'clients',
  'accounts',
  'resources',
  'migrate',
  'config',
  'explain',
  'verify-kit',
  'doctor',
];

t.test('help names every command, and each command its verbs', async (t) => {
  const runs = await Promise.all(
    [['--help'], ['help'], ['keys', '--help'], ['help', 'clients'], ['keys', 'rotate', '--help'], []].map(
      (words) => mintmark(words),
    ),
  );
  const [help, alias, keys, clients, rotate, nothing] = runs as [(typeof runs)[0], ...typeof runs];
  t.match(help, { code: 0, err: '' });
  for (const noun of nouns) t.match(help.out, new RegExp(`^  ${noun} `, 'm'), noun);
  t.equal(alias?.out, help.out);
  for (const verb of ['list', 'plan', 'rotate', 'revoke', 'export', 'import', 'rewrap']) {
    t.match(keys?.out, new RegExp(`^  ${verb} `, 'm'), verb);
  }
  t.match(clients?.out, /^ {2}create /m);
  t.match(rotate?.out, /--config <FILE>[\s\S]*--json[\s\S]*--dry-run[\s\S]*--now/);
  t.match(nothing, { code: 2, out: '', err: help.out }, 'without a command it is usage, told on stderr');
});

t.test('the version is that of the package', async (t) => {
  const { version } = JSON.parse(readFileSync('package.json', 'utf8'));
  t.same(await mintmark(['--version']), { code: 0, out: `${version}\n`, err: '' });
});

t.test('a mistake on the command line is one line with the nearest that there is, and exit 2', async (t) => {
  const mistakes: [words: string[], line: string | RegExp][] = [
    [['keyz', 'list'], "mintmark: unknown command 'keyz' (Did you mean keys?)\n"],
    [['keys', 'rotat'], "mintmark: unknown command 'rotat' (Did you mean rotate?)\n"],
    [['keys', 'list', '--jsn'], "mintmark: unknown option '--jsn' (Did you mean --json?)\n"],
    [['quack'], "mintmark: unknown command 'quack' (see --help)\n"],
    [['clients', 'show'], /^mintmark: missing required argument 'ID' .*\n$/],
    [['clients', 'create'], /^mintmark: required option '--json <METADATA>' not specified.*\n$/],
    [
      ['clients', 'create', '--json', '{"client_name": Shop}'],
      /^mintmark: --json is not JSON at line 1, column 17: .*\n$/,
    ],
    [['keys', 'rotate', '--now'], /^mintmark: --now may break verifiers: say why with --reason, .*\n$/],
    [['keys', 'revoke', 'x'], /^mintmark: required option '--reason <R>'.*\n$/],
    [
      ['keys', 'import', 'x', '--as', 'boss'],
      /^mintmark: --as boss: a key joins as active, standby or retired\n$/,
    ],
    [['keys', 'export'], /^mintmark: the passphrase is missing: give it with --passphrase-file .*\n$/],
    [['accounts', 'password', 'a@b.c'], /^mintmark: the password is missing: give --password-stdin, .*\n$/],
    [
      ['accounts', 'create', '--email', 'a@b.c', '--password-stdin'],
      /^mintmark: the password of a@b.c is missing: .*\n$/,
    ],
  ];
  for (const [words, line] of mistakes) {
    const { code, out, err } = await mintmark(words);
    t.match({ code, out }, { code: 2, out: '' }, words.join(' '));
    t.match(err, line);
  }
});

t.test('a bad configuration is exit 1, with every problem', async (t) => {
  const { code, out, err } = await mintmark(['clients', 'list'], {
    env: { PORT: 'x', MINTMARK_WORKERS: '2' },
  });
  t.match({ code, out }, { code: 1, out: '' });
  t.match(err, /^mintmark: PORT: "x" is refused.*\nMINTMARK_WORKERS: 2 workers.*\n$/);
});

t.test('a store that cannot be reached is exit 5', async (t) => {
  const env = { DATABASE_URL: `postgres://mintmark:hunter2@127.0.0.1:${await freePort()}/mintmark` };
  const { code, out, err } = await mintmark(['clients', 'list'], { env });
  t.match({ code, out }, { code: 5, out: '' });
  t.match(err, /^mintmark: [^\n]*\n$/, 'in one line');
  t.notMatch(err, /hunter2/, 'without the password');
});

t.test('where a failure lies is shown at LOG_LEVEL=debug, and only there', async (t) => {
  const words = ['clients', 'create', '--json', '@missing.json'];
  t.notMatch((await mintmark(words)).err, /\n {4}at /);
  t.match(
    (await mintmark(words, { env: { LOG_LEVEL: 'debug' } })).err,
    /^mintmark: missing.json cannot be read \(ENOENT\).*\n[\s\S]*\n {4}at /,
  );
});

t.test('a reader that goes away ends it quietly', async (t) => {
  // More than a pipe holds, so that something is left to write.
  const config = join(folder, 'many.json');
  const claims = Object.fromEntries(Array.from({ length: 20_000 }, (_, i) => [`claim_${i}`, 'attributes.x']));
  writeFileSync(config, JSON.stringify({ claims }));
  const command = `'${process.execPath}' build/scripts/mintmark.js config print --config '${config}' | head -n 1`;
  const { status, stdout, stderr } = spawnSync('bash', ['-o', 'pipefail', '-c', command], {
    encoding: 'utf8',
  });
  t.match({ status, stderr }, { status: 0, stderr: '' });
  t.match(stdout, /^KEY +VALUE +SOURCE\n$/);
});
