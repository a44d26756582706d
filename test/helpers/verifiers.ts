// Independent verifiers: the programs of examples/, each a process of its own that is shown one token after another.
// They fetch the JWKS over a real socket and keep it for as long as they are told.
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Test } from 'tap';
import { freePort } from './servers.ts';
import { answers, scratchFolder } from './service.ts';

export interface Verifier {
  readonly name: string;
  /** Why the token is refused; undefined where it is accepted. */
  verify(token: string): Promise<string | undefined>;
}

/** Whom the verifiers trust, who they are, and for how many seconds they keep the JWKS. */
export interface Party {
  readonly issuer: string;
  readonly audience: string;
  readonly cacheLifetime: number;
}

/** Starts every verifier that this machine can run, until the test ends; the others are skipped, with the reason. */
export async function startVerifiers(t: Test, party: Party): Promise<Verifier[]> {
  const verifiers = [
    lines(t, 'jose', [process.execPath, 'examples/verify.js'], party),
    await fastify(t, party),
  ];
  const python = findPython();
  if (python) verifiers.push(lines(t, 'PyJWT', [python, 'examples/verify.py'], party));
  else leaveOut(t, 'PyJWT', 'no python3 has jwt and cryptography (python3-jwt)');
  const go = buildGo(t);
  if ('program' in go) verifiers.push(lines(t, 'golang-jwt with keyfunc', [go.program], party));
  else leaveOut(t, 'golang-jwt with keyfunc', go.missing);
  return verifiers;
}

function leaveOut(t: Test, name: string, reason: string): void {
  t.test(`${name} refuses no good token`, { skip: reason }, () => {});
}

/** By `env -i`, because tap would have every Node that descends from a test load its own hooks. */
function launch(t: Test, command: readonly string[], env: Record<string, string>) {
  const { PATH = '', HOME = '' } = process.env;
  const assignments = Object.entries({ PATH, HOME, ...env }).map(([name, value]) => `${name}=${value}`);
  const child = spawn('env', ['-i', ...assignments, ...command], { stdio: ['pipe', 'pipe', 'inherit'] });
  const exited = once(child, 'exit');
  t.teardown(async () => {
    child.kill('SIGKILL');
    await exited;
  });
  return child;
}

/** Takes a token a line, and answers with a line: `accepted: ...` or `refused: ...`. */
function lines(t: Test, name: string, command: readonly string[], party: Party): Verifier {
  const env = { JWKS_CACHE_LIFETIME: String(party.cacheLifetime) };
  const child = launch(t, [...command, party.issuer, party.audience], env);
  const waiting: ((line: string) => void)[] = [];
  createInterface({ input: child.stdout }).on('line', (line) => waiting.shift()?.(line));
  child.once('exit', () => {
    for (const settle of waiting) settle('the verifier is gone');
  });
  return {
    name,
    async verify(token) {
      const line = await new Promise<string>((settle) => {
        waiting.push(settle);
        child.stdin.write(`${token}\n`);
      });
      return line.startsWith('accepted: ') ? undefined : line;
    },
  };
}

/** A resource server: takes a token as a bearer does. */
async function fastify(t: Test, { issuer, audience, cacheLifetime }: Party): Promise<Verifier> {
  const port = await freePort();
  const env = {
    ISSUER: issuer,
    AUDIENCE: audience,
    PORT: String(port),
    JWKS_CACHE_LIFETIME: String(cacheLifetime),
  };
  const child = launch(t, [process.execPath, 'examples/fastify.js'], env);
  const url = `http://127.0.0.1:${port}/`;
  await answers(
    url,
    () => child.exitCode === null,
    ({ status }) => status === 401,
  );
  return {
    name: '@fastify/jwt with get-jwks',
    async verify(token) {
      const response = await fetch(url, { headers: { authorization: `Bearer ${token}` } });
      return response.ok ? undefined : `${response.status} ${await response.text()}`;
    },
  };
}

/** A Python that has what the example needs: the first on PATH may be another than Debian's. */
function findPython(): string | undefined {
  return ['python3', '/usr/bin/python3'].find((python) => {
    try {
      execFileSync(python, ['-c', 'import jwt, cryptography'], { stdio: 'ignore' });
      return true;
    } catch {
      return false;
    }
  });
}

/** The example compiled. Throws where Go and the modules are there and it does not compile. */
function buildGo(t: Test): { readonly program: string } | { readonly missing: string } {
  const cwd = 'examples/go';
  const { folder, remove } = scratchFolder();
  t.teardown(remove);
  const program = join(folder, 'verify');
  try {
    execFileSync('go', ['mod', 'download'], { cwd, stdio: 'pipe', timeout: 60_000 });
  } catch (error) {
    const { code, stderr } = error as { code?: string; stderr?: Buffer };
    return { missing: code === 'ENOENT' ? 'there is no go' : `no modules: ${stderr?.toString().trim()}` };
  }
  execFileSync('go', ['build', '-o', program, '.'], { cwd, stdio: 'pipe' });
  return { program };
}
