// Other people's verifiers, each a process of its own that is shown one token after another: the programs of examples/,
// and those of test/lab/verifiers. They fetch the JWKS over a real socket, by a URL that says who asks, and keep it for
// as long as they are told, or as long as they please.
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, cpSync, existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { createLocalJWKSet, type JSONWebKeySet, jwtVerify } from 'jose';
import { freePort } from '../helpers/servers.ts';
import { answers, scratchFolder } from '../helpers/service.ts';
import type { Kind } from './history.ts';

export interface Verifier {
  readonly kind: Kind;
  readonly resource: Resource;
  /** Why the token is refused; undefined where it is accepted. */
  verify(token: string): Promise<string | undefined>;
}

/** A verifier that this machine cannot run, and why. */
export interface LeftOut {
  readonly name: string;
  readonly reason: string;
}

/** Who verifies, by what its tokens look like. */
export const resources = {
  rfc9068: 'https://api.example.com',
  simplejwt: 'https://django.example.com',
} as const;
export type Resource = keyof typeof resources;

/** Whom the verifiers trust, and in seconds how they keep the JWKS. */
export interface Party {
  readonly issuer: string;
  readonly cacheLifetime: number;
  readonly cooldown: number;
  readonly jwksMaxAge: number;
}

/** Work for the end, last first. */
export type Undo = (() => unknown)[];

type Verify = Verifier['verify'];
type Launch = (party: Member, jwksUri: string, undo: Undo) => Verify | Promise<Verify>;

/** A party to which one belongs by a name. */
interface Member extends Party {
  readonly audience: string;
}

interface Candidate {
  readonly kind: Kind;
  /** absent: rfc9068 */
  readonly resource?: Resource;
  /** it is compiled first, which takes its time */
  readonly isCompiled?: true;
  /** why this machine cannot run it */
  readonly missing?: () => string | undefined;
  readonly launch: Launch;
}

const node = process.execPath;
/** Debian's own, which has Debian's packages; another may come before it on PATH. */
const python = '/usr/bin/python3';
const own = 'test/lab/verifiers';

function candidates({ cacheLifetime, cooldown, jwksMaxAge }: Party): readonly Candidate[] {
  const ever = Number.POSITIVE_INFINITY;
  return [
    {
      // With an HTTP cache before it that is as stale as it may be.
      kind: {
        name: 'the strictest cache',
        cacheLifetime: cacheLifetime + jwksMaxAge,
        unknownKidCooldown: null,
      },
      launch: strictest,
    },
    {
      kind: { name: 'jose', cacheLifetime, unknownKidCooldown: cooldown },
      launch: lines([node, 'examples/verify.js']),
    },
    {
      kind: { name: 'jwks-rsa', cacheLifetime, unknownKidCooldown: 0 },
      launch: lines([node, `${own}/jwks-rsa.js`]),
    },
    {
      kind: {
        name: '@fastify/jwt with get-jwks',
        cacheLifetime,
        unknownKidCooldown: 0,
        keepsRemovedKeys: true,
      },
      launch: server([node, 'examples/fastify.js'], '/'),
    },
    {
      kind: { name: 'express-oauth2-jwt-bearer', cacheLifetime, unknownKidCooldown: cooldown },
      launch: server([node, 'examples/express.js'], '/'),
    },
    {
      kind: { name: 'PyJWT', cacheLifetime, unknownKidCooldown: 0 },
      missing: withoutModules('python3-jwt', 'jwt', 'cryptography'),
      launch: lines([python, 'examples/verify.py']),
    },
    {
      kind: { name: 'Authlib', cacheLifetime, unknownKidCooldown: null },
      missing: withoutModules('python3-authlib', 'authlib'),
      launch: lines([python, `${own}/authlib_cached.py`]),
    },
    {
      // Its five minutes are not to be set.
      kind: { name: 'Django simplejwt', cacheLifetime: 300, unknownKidCooldown: 0 },
      resource: 'simplejwt',
      missing: withoutModules(
        'python3-djangorestframework-simplejwt',
        'rest_framework_simplejwt',
        'jwt',
        'cryptography',
      ),
      launch: server([python, 'manage.py', 'runserver', '--noreload', 'PORT'], '/me/', 'examples/django'),
    },
    {
      // What limits it is a bucket, not the time since its last fetch.
      kind: { name: 'golang-jwt with keyfunc', cacheLifetime, unknownKidCooldown: null, isBounded: true },
      isCompiled: true,
      missing: withoutProgram('go', 'version'),
      launch: go('examples/go', (program) => server([program], '/')),
    },
    {
      kind: { name: 'go-oidc', cacheLifetime: ever, unknownKidCooldown: 0, keepsRemovedKeys: true },
      isCompiled: true,
      missing: withoutProgram('go', 'version'),
      launch: go(`${own}/go-oidc`, (program) => lines([program])),
    },
    {
      kind: { name: 'Spring Security, Nimbus', cacheLifetime, unknownKidCooldown: 0 },
      isCompiled: true,
      missing: () => withoutProgram('mvn', '-v')() ?? withoutProgram('javac', '-version')(),
      launch: spring,
    },
    {
      kind: { name: 'Apache mod_oauth2', cacheLifetime, unknownKidCooldown: null, isBounded: true },
      missing: () => (existsSync(apacheModule) ? undefined : 'no mod_oauth2 (libapache2-mod-oauth2)'),
      launch: apache,
    },
    {
      kind: { name: 'one that obeys Cache-Control', cacheLifetime: jwksMaxAge, unknownKidCooldown: null },
      launch: lines([node, `${own}/plain.js`], 'obedient'),
    },
    {
      kind: {
        name: 'one that keeps it for ever',
        cacheLifetime: ever,
        unknownKidCooldown: null,
        isCareless: true,
        keepsRemovedKeys: true,
      },
      launch: lines([node, `${own}/plain.js`], 'for-ever'),
    },
  ];
}

/** Starts every verifier that this machine can run; in short, those that need no compiler. */
export async function startVerifiers(
  party: Party,
  inShort: boolean,
  undo: Undo,
): Promise<{ readonly verifiers: Verifier[]; readonly leftOut: LeftOut[] }> {
  const leftOut: LeftOut[] = [];
  const starting: Promise<Verifier>[] = [];
  for (const { kind, resource = 'rfc9068', isCompiled, missing, launch } of candidates(party)) {
    const reason = inShort && isCompiled ? 'compiled, and so for `npm run lab` alone' : missing?.();
    if (reason !== undefined) {
      leftOut.push({ name: kind.name, reason });
      continue;
    }
    const jwksUri = `${party.issuer}/.well-known/jwks.json?v=${labelOf(kind.name)}`;
    const launching = Promise.resolve(launch({ ...party, audience: resources[resource] }, jwksUri, undo));
    starting.push(launching.then((verify) => ({ kind, resource, verify })));
  }
  return { verifiers: await Promise.all(starting), leftOut };
}

/** What a verifier calls itself in the URL of the JWKS. */
export const labelOf = (name: string): string => name.replace(/[^A-Za-z0-9]+/g, '-');

/**
 * Every verifier that keeps the JWKS for at most so many seconds, at once: one that fetched it as long ago as that,
 * and one that fetched it now. Neither asks again for a kid that it misses.
 */
const strictest: Launch = ({ audience, cacheLifetime, jwksMaxAge }, jwksUri) => {
  const kept: { at: number; keys: ReturnType<typeof createLocalJWKSet> }[] = [];
  return async (token) => {
    const response = await fetch(jwksUri);
    const newest = {
      at: Date.now() / 1000,
      keys: createLocalJWKSet((await response.json()) as JSONWebKeySet),
    };
    kept.push(newest);
    const [oldest = newest] = kept.filter(({ at }) => at >= newest.at - cacheLifetime - jwksMaxAge);
    kept.splice(0, kept.indexOf(oldest));
    try {
      for (const { keys } of [oldest, newest]) await jwtVerify(token, keys, { audience });
      return undefined;
    } catch (error) {
      return String(error);
    }
  };
};

/** By `env -i`, because tap would have every Node that descends from a test load its own hooks. */
function startProcess(command: readonly string[], env: Record<string, string>, undo: Undo, cwd = '.') {
  const { PATH = '', HOME = '' } = process.env;
  const assignments = Object.entries({ PATH, HOME, ...env }).map(([name, value]) => `${name}=${value}`);
  const child = spawn('env', ['-i', ...assignments, ...command], { cwd, stdio: ['pipe', 'pipe', 'ignore'] });
  const exited = once(child, 'exit');
  const abandon = () => child.kill('SIGKILL');
  process.once('exit', abandon);
  undo.push(async () => {
    abandon();
    await exited;
    process.off('exit', abandon);
  });
  return child;
}

const environment = ({ issuer, audience, cacheLifetime, cooldown }: Member, jwksUri: string) => ({
  ISSUER: issuer,
  AUDIENCE: audience,
  JWKS_URI: jwksUri,
  JWKS_CACHE_LIFETIME: String(cacheLifetime),
  JWKS_COOLDOWN: String(cooldown),
  PYTHONDONTWRITEBYTECODE: '1',
});

/** Takes a token a line, and answers with a line: `accepted: ...` or `refused: ...`. */
function lines(command: readonly string[], ...more: readonly string[]): Launch {
  return (party, jwksUri, undo) => {
    const whole = [...command, party.issuer, party.audience, ...more];
    const child = startProcess(whole, environment(party, jwksUri), undo);
    const waiting: ((line: string) => void)[] = [];
    createInterface({ input: child.stdout }).on('line', (line) => waiting.shift()?.(line));
    child.stdin.on('error', () => {});
    child.once('exit', () => {
      for (const settle of waiting) settle('the verifier is gone');
    });
    return async (token) => {
      if (child.exitCode !== null) return 'the verifier is gone';
      const line = await new Promise<string>((settle) => {
        waiting.push(settle);
        child.stdin.write(`${token}\n`);
      });
      return line.startsWith('accepted: ') ? undefined : line;
    };
  };
}

/** A resource server: takes a token as a bearer does. */
function server(command: readonly string[], path: string, cwd?: string): Launch {
  return async (party, jwksUri, undo) => {
    const port = await freePort();
    const whole = command.map((word) => (word === 'PORT' ? `127.0.0.1:${port}` : word));
    const env = { ...environment(party, jwksUri), PORT: String(port) };
    return bearer(startProcess(whole, env, undo, cwd), `http://127.0.0.1:${port}${path}`);
  };
}

async function bearer(child: ReturnType<typeof startProcess>, url: string): Promise<Verify> {
  child.stdout.resume();
  const alive = () => child.exitCode === null;
  if (!(await answers(url, alive, ({ status }) => status === 401)))
    throw new Error(`${child.spawnargs.slice(-3)} did not start`);
  return async (token) => {
    const response = await fetch(url, { headers: { authorization: `Bearer ${token}` } });
    const text = await response.text();
    return response.status < 400 || response.status === 404 ? undefined : `${response.status} ${text}`;
  };
}

function go(cwd: string, run: (program: string) => Launch): Launch {
  return async (party, jwksUri, undo) => {
    const program = join(scratch(undo), 'verify');
    execFileSync('go', ['build', '-o', program, '.'], { cwd, stdio: 'pipe', timeout: 300_000 });
    return run(program)(party, jwksUri, undo);
  };
}

const spring: Launch = async (party, jwksUri, undo) => {
  const folder = scratch(undo);
  cpSync(`${own}/spring`, folder, { recursive: true });
  const maven = ['-q', '-B', 'compile', 'dependency:copy-dependencies'];
  execFileSync('mvn', maven, { cwd: folder, stdio: 'pipe', timeout: 300_000 });
  const classes = `${folder}/target/classes:${folder}/target/dependency/*`;
  return lines(['java', '-cp', classes, 'Verify'])(party, jwksUri, undo);
};

const apacheModule = '/usr/lib/apache2/modules/mod_oauth2.so';

/** Nothing lies behind it, so whom it lets in gets 404. */
const apache: Launch = async (party, jwksUri, undo) => {
  const port = await freePort();
  const folder = scratch(undo);
  chmodSync(folder, 0o755);
  mkdirSync(join(folder, 'htdocs'));
  const load = ['mpm_prefork', 'authn_core', 'authz_core', 'authz_user'].map(
    (name) => `LoadModule ${name}_module /usr/lib/apache2/modules/mod_${name}.so`,
  );
  const text = `
User www-data
Group www-data
ServerName localhost
Listen 127.0.0.1:${port}
PidFile ${folder}/pid
ErrorLog ${folder}/error.log
DocumentRoot ${folder}/htdocs
DefaultRuntimeDir ${folder}
Mutex file:${folder} default
KeepAlive Off
${load.join('\n')}
LoadModule oauth2_module ${apacheModule}
OAuth2Cache shm
<Location />
  AuthType oauth2
  OAuth2TokenVerify jwks_uri ${jwksUri} jwks_uri.expiry=${party.cacheLifetime}&expiry=1
  Require valid-user
</Location>
`;
  const file = join(folder, 'apache.conf');
  writeFileSync(file, text);
  // One process: workers of its own would outlive it.
  const child = startProcess(['/usr/sbin/apache2', '-X', '-f', file], {}, undo);
  return bearer(child, `http://127.0.0.1:${port}/nothing`);
};

function scratch(undo: Undo): string {
  const { folder, remove } = scratchFolder();
  process.once('exit', remove);
  undo.push(() => {
    process.off('exit', remove);
    remove();
  });
  return folder;
}

function withoutModules(debian: string, ...modules: readonly string[]) {
  return () => {
    try {
      execFileSync(python, ['-c', `import ${modules.join(', ')}`], { stdio: 'ignore' });
      return undefined;
    } catch {
      return `no ${python} with ${modules.join(', ')} (${debian})`;
    }
  };
}

function withoutProgram(name: string, question: string) {
  return () => {
    try {
      execFileSync(name, [question], { stdio: 'ignore' });
      return undefined;
    } catch {
      return `no ${name}`;
    }
  };
}
