// MINTMARK_WORKERS: several processes on one machine behind one port, as one service.
import assert from 'node:assert';
import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { get } from 'node:http';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import t from 'tap';
import { Client } from 'undici';
import { ownDatabase } from '../helpers/database.ts';
import { freePort } from '../helpers/servers.ts';
import {
  type Credentials,
  drawToken,
  executable,
  registerShop,
  type ServiceOptions,
  type ServiceProcess,
  scratchFolder,
  startService,
} from '../helpers/service.ts';

const WORKERS = 2;

const workersOf = ({ pid }: ServiceProcess): number[] =>
  readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').split(' ').filter(Boolean).map(Number);

function isAlive(pid: number): boolean {
  try {
    return !readFileSync(`/proc/${pid}/stat`, 'utf8').includes(') Z ');
  } catch {
    return false;
  }
}

async function until(what: string, isSo: () => boolean | Promise<boolean>): Promise<void> {
  for (let left = 600; !(await isSo()); left -= 1) {
    if (left === 0) throw new Error(`${what}: not within 30 s`);
    await sleep(50);
  }
}

/** Over a connection of its own, so that the workers take turns. Undefined where the connection broke. */
const ask = (port: number, path: string): Promise<{ status: number; id: string; body: string } | undefined> =>
  new Promise((resolve) => {
    const request = get({ port, path, agent: false, timeout: 2_000 }, (response) => {
      let body = '';
      response.on('data', (chunk) => (body += chunk));
      response.on('error', () => resolve(undefined));
      response.on('end', () =>
        resolve({ status: response.statusCode ?? 0, id: String(response.headers['x-request-id']), body }),
      );
    });
    request.on('timeout', () => request.destroy());
    request.on('error', () => resolve(undefined));
  });

/** One connection, and never another in its place. */
function connectionTo({ port }: ServiceProcess): Client {
  const connection = new Client(`http://127.0.0.1:${port}`);
  connection.on('disconnect', () => connection.destroy());
  return connection;
}

/** Rejects where the connection has broken. */
const isServed = async (connection: Client): Promise<void> => {
  const { statusCode, body } = await connection.request({ path: '/livez', method: 'GET' });
  await body.dump();
  assert.equal(statusCode, 200);
};

/** How many workers have begun to serve, ever. */
const started = (service: ServiceProcess) => service.output().split('"msg":"started"').length - 1;

async function issuedBy({ port }: ServiceProcess): Promise<number> {
  const { body = '' } = (await ask(port, '/metrics')) ?? {};
  return Number(/^mintmark_tokens_issued_total\{.+\} (\d+)$/m.exec(body)?.[1] ?? 0);
}

t.test('workers', { skip: process.platform !== 'linux' && 'looks into /proc' }, async (t) => {
  const url = await ownDatabase(t);
  if (url === undefined) {
    t.comment('left out: they need a Postgres to share');
    return;
  }
  const { folder, remove } = scratchFolder();
  t.teardown(remove);
  const options: ServiceOptions = {
    folder,
    env: { DATABASE_URL: url, MINTMARK_WORKERS: String(WORKERS), LOG_LEVEL: 'info' },
  };
  let service: ServiceProcess = await startService(options);
  t.teardown(() => service.stop());
  let client: Credentials | undefined;

  t.test('there are as many as were asked for', async (t) => {
    await until('all serve', () => started(service) === WORKERS);
    t.equal(workersOf(service).length, WORKERS);
  });

  t.test('each request has an id of its own', async (t) => {
    const answers = await Promise.all(Array.from({ length: 10 }, () => ask(service.port, '/livez')));
    t.equal(new Set(answers.map((answer) => answer?.id)).size, 10);
  });

  t.test('/metrics counts for all of them, whoever is asked', async (t) => {
    client = await registerShop(service, 'https://api.example.com');
    for (let n = 0; n < 10; n += 1) await drawToken(service.port, client);
    for (let n = 0; n < 4; n += 1) t.equal(await issuedBy(service), 10);
  });

  t.test('one that dies is replaced, and the others serve meanwhile', async (t) => {
    let starts = WORKERS;
    for (const victim of workersOf(service)) {
      const connections = Array.from({ length: 2 * WORKERS }, () => connectionTo(service));
      await Promise.all(connections.map(isServed));
      process.kill(victim, 'SIGKILL');
      await until('it is gone', () => !isAlive(victim));
      // Its successor has none of these connections.
      const answers = await Promise.allSettled(connections.map(isServed));
      t.ok(
        answers.some(({ status }) => status === 'fulfilled'),
        'another serves',
      );
      await Promise.all(connections.map((connection) => connection.destroy()));
      await until('another in its place', () => {
        const workers = workersOf(service).filter(isAlive);
        return workers.length === WORKERS && !workers.includes(victim);
      });
      starts += 1;
      await until('it serves', () => started(service) === starts);
    }
  });

  t.test('a signal ends them all in time, with exit code 0', async (t) => {
    const workers = workersOf(service);
    const begun = performance.now();
    t.equal(await service.stop('SIGTERM'), 0);
    t.ok(performance.now() - begun < 9_000);
    t.notOk(workers.some(isAlive));
  });

  t.test('those of a primary that was killed end too, and the port is free', async (t) => {
    service = await startService({ ...options, port: service.port });
    await until('all of them', () => workersOf(service).length === WORKERS);
    const workers = workersOf(service);
    await service.stop('SIGKILL');
    await until('they are gone', () => !workers.some(isAlive));
    service = await startService({ ...options, port: service.port });
    t.equal((await ask(service.port, '/livez'))?.status, 200);
  });

  t.test('where one cannot start nothing is tried again and again', async (t) => {
    const env = {
      ...process.env,
      NODE_OPTIONS: '',
      ...options.env,
      PORT: String(await freePort()),
      MINTMARK_KEYS: join(folder, 'other-keys'),
    };
    const { code, stderr } = await new Promise<{ code: unknown; stderr: string }>((resolve) => {
      execFile(process.execPath, [executable, 'start'], { env }, (error, _stdout, stderr) =>
        resolve({ code: error?.code ?? 0, stderr }),
      );
    });
    t.equal(code, 4, 'the exit code is the reason');
    t.match(stderr, /^mintmark: there is no key-encryption key in [^\n]+\n$/, 'and it is said once');
  });
});
