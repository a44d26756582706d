// What a dump is taken apart into.
import { randomBytes } from 'node:crypto';
import t from 'tap';
import { stringsOf } from './dump.ts';

const secret = randomBytes(32);

t.test('a secret is found however it is written, and wherever', async (t) => {
  const wanted = secret.toString('base64url');
  const written = {
    base64url: `'${wanted}',`,
    base64: `{"secret":"${secret.toString('base64')}"}`,
    'hex, as Postgres writes bytes': `(1, '\\\\x${secret.toString('hex')}', NULL)`,
    'part of a longer word': `key:${wanted}:1`,
  };
  for (const [how, text] of Object.entries(written)) t.ok(stringsOf(text).has(wanted), how);
});

t.test('the body of a refresh token is tried with its prefix', async (t) => {
  t.ok(stringsOf(`\\x${secret.toString('hex')}`).has(`mmr_${secret.toString('base64url')}`));
});

t.test('what is too short for a secret is left out', async (t) => {
  t.same(stringsOf('short words only, none of them long'), new Set());
});
