// Which redirect URI a request may name: as a table, and by ten thousand random mutations of registered ones.
import fc from 'fast-check';
import t from 'tap';
import { errorResponse, locationOf } from '../../src/oauth/authorization-response.ts';
import { OAuthError } from '../../src/oauth/errors.ts';
import { isRegisteredRedirectUri } from '../../src/oauth/redirect-uri.ts';
import '../helpers/search.ts';

const registered = [
  'https://app.example.com/callback',
  'https://app.example.com/callback?tenant=a',
  'http://127.0.0.1/callback',
  'http://[::1]:8080/callback',
  'http://localhost:3001/callback',
  'com.example.app:/callback',
];

const good = [
  ...registered,
  'http://127.0.0.1:1/callback',
  'http://127.0.0.1:65535/callback',
  'http://[::1]:9/callback',
];

const bad = [
  'https://app.example.com/callback/',
  'https://app.example.com/Callback',
  'https://APP.example.com/callback',
  'https://app.example.com:443/callback',
  'https://app.example.com/callback?',
  'https://app.example.com/callback?tenant=b',
  'https://app.example.com/callback?tenant=a&x=y',
  'https://app.example.com/callback#',
  'https://app.example.com/callback#x',
  'https://app.example.com/%63allback',
  'https://app.example.com/x/../callback',
  'https://app.example.com.evil.example/callback',
  'https://app.example.com@evil.example/callback',
  'https://evil.example/https://app.example.com/callback',
  'https://app.example.com\\@evil.example/callback',
  '//app.example.com/callback',
  '/callback',
  ' https://app.example.com/callback',
  'https://app.example.com/callback ',
  'https://app.example.com/callback\r\nset-cookie: a=b',
  'http://app.example.com/callback',
  'javascript:alert(1)',
  'data:text/html,x',
  'com.example.app://callback',
  'com.example.app:/callback2',
  'com.evil.app:/callback',
  // only loopback literals may vary the port
  'http://localhost:3002/callback',
  'http://localhost/callback',
  'http://[::1]/callback',
  'https://app.example.com:8443/callback',
  'https://127.0.0.1/callback',
  'http://127.0.0.1:x/callback',
  'http://127.0.0.1:/callback',
  'http://127.0.0.1:80@evil.example/callback',
  'http://127.0.0.1:80.evil.example/callback',
  'http://127.0.0.1.evil.example/callback',
  'http://127.0.0.1:65536/callback',
  'http://127.0.0.1:123456/callback',
  'http://127.0.0.2/callback',
  'http://127.1/callback',
  'http://[::1]:80/callback2',
  'http://[0:0:0:0:0:0:0:1]/callback',
  '',
];

for (const uri of good) {
  t.test(`${uri} is registered`, async (t) => t.ok(isRegisteredRedirectUri(uri, registered)));
}
for (const uri of bad) {
  t.test(`${JSON.stringify(uri)} is not`, async (t) => t.notOk(isRegisteredRedirectUri(uri, registered)));
}
t.test('where none is registered, none is', async (t) => {
  for (const uri of registered) t.notOk(isRegisteredRedirectUri(uri, []));
});

/** What attackers put in, and anything else. */
const piece = fc.oneof(
  fc.constantFrom(
    '@',
    '\\',
    '/',
    '//',
    '/..',
    '%2e',
    '%00',
    '\0',
    '#',
    '?',
    '&',
    ':',
    ':80',
    ':8080',
    '.',
    '.evil.example',
    '@evil.example',
    'evil.example/',
    ' ',
    '\t',
    '\r\n',
    '。',
    '／',
    '\u202e',
    'https:',
    'javascript:',
    '[',
    ']',
  ),
  fc.string({ unit: 'binary', maxLength: 8 }),
  fc.nat({ max: 70_000 }).map((port) => `:${port}`),
);

/** A registered URI, with pieces put in, taken out or put in place of what was there. */
const mutated = fc
  .tuple(
    fc.constantFrom(...registered),
    fc.array(fc.tuple(fc.nat({ max: 60 }), fc.nat({ max: 12 }), fc.oneof(piece, fc.constant(''))), {
      minLength: 1,
      maxLength: 3,
    }),
  )
  .map(([uri, edits]) =>
    edits.reduce((text, [at, length, by]) => text.slice(0, at) + by + text.slice(at + length), uri),
  );

t.test('ten thousand mutations: the answer goes to a registered host, always', async (t) => {
  const hosts = new Set(
    registered.map((uri) => new URL(uri)).map(({ protocol, hostname }) => protocol + hostname),
  );
  let taken = 0;
  const error = new OAuthError('login_required');
  fc.assert(
    fc.property(mutated, fc.string({ unit: 'binary' }), (redirectUri, state) => {
      if (!isRegisteredRedirectUri(redirectUri, registered)) return;
      taken += 1;
      const target = { redirectUri, responseMode: 'query', state } as const;
      const location = locationOf(errorResponse({ issuer: 'https://id.example.com' }, target, error));
      const { protocol, hostname, pathname, hash, searchParams } = new URL(location);
      if (!hosts.has(protocol + hostname)) throw new Error(`it would go to ${location}`);
      if (!pathname.endsWith('/callback') || hash !== '') throw new Error(`it would go to ${location}`);
      if (/[^\x21-\x7e]/.test(location)) throw new Error('it is no header');
      if (searchParams.get('iss') !== 'https://id.example.com')
        throw new Error('it says not whom it is from');
    }),
    { numRuns: 10_000 },
  );
  t.ok(taken > 20, `${taken} of them were found to be registered`);
});
