// The executable as it ships, run as a child process: what it answers, says and exits with.
import { spawn } from 'node:child_process';
import { join } from 'node:path';

const executable = join(import.meta.dirname, '../../bin/mintmark.js');

export interface Run {
  readonly code: number | null;
  /** stdout */
  readonly out: string;
  /** stderr */
  readonly err: string;
}

export interface RunOptions {
  /** what it reads on stdin; nothing */
  readonly input?: string;
  readonly env?: Readonly<Record<string, string>>;
}

/** Makes a function that runs the executable on the data and keys of a folder. */
export const executableIn =
  (folder: string, settings: Readonly<Record<string, string>> = {}) =>
  (words: string[], { input = '', env = {} }: RunOptions = {}): Promise<Run> => {
    const where = { MINTMARK_DATA: join(folder, 'data'), MINTMARK_KEYS: join(folder, 'keys') };
    const child = spawn(process.execPath, [executable, ...words], {
      // Without the test runner's hooks, which take longer to load than the executable.
      env: { ...process.env, NODE_OPTIONS: '', LOG_LEVEL: '', ...where, ...settings, ...env },
    });
    let out = '';
    let err = '';
    child.stdout.on('data', (chunk) => (out += chunk));
    child.stderr.on('data', (chunk) => (err += chunk));
    // It may end without reading.
    child.stdin.on('error', () => {});
    child.stdin.end(input);
    return new Promise((resolve, reject) => {
      child.on('error', reject);
      child.on('close', (code) => resolve({ code, out, err }));
    });
  };
