// Whoever has a dump of the stores: every string in it, in every form that it may have been meant in, and what of that
// would be taken for a token or a secret.
import { execFile } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { Redis } from 'ioredis';
import { createLocalJWKSet, type JSONWebKeySet, jwtVerify } from 'jose';
import { isClientSecret } from '../../src/oauth/client-secret.ts';
import { postgresProgram } from '../helpers/servers.ts';
import type { World } from './world.ts';

/** Shorter than that is no secret of ours. */
const LEAST_LENGTH = 16;

/** Postgres as pg_dump writes it, Redis as its file and as every key and value. */
export async function dumpStores({ postgres, redis }: World): Promise<string> {
  const { password } = new URL(postgres.url);
  const connection = ['-h', '127.0.0.1', '-p', String(postgres.port), '-U', 'postgres', 'postgres'];
  const { stdout } = await promisify(execFile)(postgresProgram('pg_dump'), connection, {
    env: { ...process.env, PGPASSWORD: password },
    maxBuffer: 1 << 30,
  });
  const client = new Redis(redis().url);
  try {
    await client.save();
    const [, folder = ''] = (await client.config('GET', 'dir')) as string[];
    const file = readFileSync(join(folder, 'dump.rdb'), 'latin1');
    const entries: string[] = [];
    for (const key of await client.keys('*')) entries.push(key, (await client.get(key)) ?? '');
    return [stdout, file, ...entries].join('\n');
  } finally {
    client.disconnect();
  }
}

/** Every string of a dump that is long enough: whole, its parts, and what they are decoded and encoded again. */
export function stringsOf(dump: string): Set<string> {
  const strings = new Set<string>();
  const add = (text: string) => {
    if (text.length >= LEAST_LENGTH) strings.add(text);
  };
  for (const [run] of dump.matchAll(/[\x21-\x7e]{16,}/g)) {
    add(run);
    for (const shape of [
      /[\w.~+/=-]+/g,
      /[\w.-]+/g,
      /[\w-]+/g,
      /[A-Za-z\d+/=]+/g,
      /[A-Za-z\d]+/g,
      /[\da-f]+/gi,
    ]) {
      for (const [part] of run.matchAll(shape)) add(part);
    }
  }
  for (const text of [...strings]) {
    for (const bytes of decoded(text)) {
      for (const encoding of ['hex', 'base64', 'base64url', 'latin1'] as const) add(bytes.toString(encoding));
    }
  }
  for (const text of [...strings]) add(`mmr_${text}`);
  return strings;
}

function decoded(text: string): Buffer[] {
  return [
    ...(/^([\da-f]{2})+$/i.test(text) ? [Buffer.from(text, 'hex')] : []),
    ...(/^[\w+/=-]+$/.test(text) ? [Buffer.from(text, 'base64url')] : []),
  ];
}

/** Those of the strings that are good for something, and for what. */
export async function accepted(world: World, strings: ReadonlySet<string>): Promise<string[]> {
  const clients = await world.house.stores.clients.list();
  const files = new Set(
    readdirSync(world.keysFolder).flatMap((name) => formsOf(readFileSync(join(world.keysFolder, name)))),
  );
  const jwks = (await (
    await fetch(`http://127.0.0.1:${world.replicas[0]?.port}/.well-known/jwks.json`)
  ).json()) as JSONWebKeySet;
  const keys = createLocalJWKSet(jwks);
  const found: string[] = [];
  for (const text of strings) {
    if (world.decode(text)) found.push(`a refresh token: ${text}`);
    if (clients.some(({ secrets }) => isClientSecret(text, secrets))) found.push(`a client secret: ${text}`);
    if (files.has(text)) found.push(`what stands in the keys folder: ${text}`);
    if (text.split('.').length === 3) {
      const isGood = await jwtVerify(text, keys).then(
        () => true,
        () => false,
      );
      if (isGood) found.push(`a signed token: ${text}`);
    }
  }
  return found;
}

/** A file's secret, however it is written. */
function formsOf(content: Buffer): string[] {
  const text = content.toString('latin1').trim();
  return [
    text,
    ...decoded(text).flatMap((bytes) => [
      bytes.toString('hex'),
      bytes.toString('base64'),
      bytes.toString('base64url'),
    ]),
  ];
}
