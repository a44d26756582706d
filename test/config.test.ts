// The configuration as an operator meets it: who wins, what is refused and in which words, what is shown.
import { chmodSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Command } from 'commander';
import t from 'tap';
import { addConfigCommands } from '../scripts/commands/config.ts';
import { configJson, configSchema, configTable, type Flags, loadConfig, printConfig } from '../src/config.ts';
import { OperatorError } from '../src/operator-error.ts';

const committed = (path: string) => fileURLToPath(new URL(`../../${path}`, import.meta.url));
const folder = t.testdir({});
const path = join(folder, 'config.json');
const secret = 'c2VjcmV0c2VjcmV0c2VjcmV0c2VjcmV0c2VjcmV0c2U';
const postgres = { DATABASE_URL: 'postgres://mintmark@db/mintmark' };
const production = { NODE_ENV: 'production', ...postgres };

interface Given {
  env?: Record<string, string>;
  /** The file's text, or the object it holds. */
  file?: unknown;
  flags?: Flags;
}

function load({ env = {}, file, flags = {} }: Given) {
  if (file === undefined) return loadConfig({ env, flags });
  writeFileSync(path, typeof file === 'string' ? file : JSON.stringify(file));
  return loadConfig({ env, flags: { ...flags, config: path } });
}

/** The problems told, one a line, with the file's folder left out. */
function problems(given: Given): string[] {
  try {
    load(given);
  } catch (error) {
    if (!(error instanceof OperatorError) || error.exitCode !== 1) throw error;
    return error.message.replaceAll(`${folder}/`, '').split('\n');
  }
  return [];
}

function secretFile(name: string, text: string, mode: number): string {
  const file = join(folder, name);
  writeFileSync(file, text);
  chmodSync(file, mode);
  return file;
}

t.test('without any setting, it is the embedded issuer of a developer', async (t) => {
  t.matchOnlyStrict(load({}).config, {
    issuer: 'http://localhost:3000',
    host: '127.0.0.1',
    port: 3000,
    data_folder: '.mintmark',
    keys_folder: 'keys',
    workers: 1,
    trusted_proxies: [],
    log_level: 'info',
    tokens: {
      access_token_lifetime: 300,
      id_token_lifetime: 300,
      authorization_code_lifetime: 60,
      refresh_token_lifetime: 2592000,
      refresh_token_idle_lifetime: 1209600,
      refresh_retry_window: 60,
    },
    keys: {
      signing_algs: ['RS256'],
      rsa_modulus_length: 2048,
      automatic_rotation: true,
      rotation_period: 2592000,
      verifier_cache_lifetime: 86400,
      jwks_max_age: 300,
      reload_interval: 10,
    },
    sessions: { lifetime: 1209600, idle_lifetime: 86400 },
    sign_in: { attempts_per_account: 10, attempts_per_address: 100, window: 900 },
    sign_up: 'closed',
    mail: {},
    pages: { name: 'Mintmark', colour: '#1f5c4d' },
    claims: {},
  });
});

t.test('the issuer and the host follow from other settings where they are not given', async (t) => {
  t.equal(load({ env: { PORT: '8080' } }).config.issuer, 'http://localhost:8080');
  t.equal(
    load({ env: { MINTMARK_TLS_CERT: 'c', MINTMARK_TLS_KEY: 'k' } }).config.issuer,
    'https://localhost:3000',
  );
  t.equal(load({ env: postgres }).config.host, '0.0.0.0');
  t.equal(load({ env: { ...postgres, HOST: '::1' } }).config.host, '::1');
});

t.test(
  'the file beats the default, the environment the file, the command line the environment',
  async (t) => {
    const file = { $schema: './schema.json', port: 1111 };
    const layers: [Given, number, string][] = [
      [{}, 3000, 'default'],
      [{ file }, 1111, `file:${path}`],
      [{ file, env: { PORT: '2222' } }, 2222, 'env PORT'],
      [{ file, env: { PORT: '2222' }, flags: { port: '3333' } }, 3333, 'flag --port'],
      [{ file, env: { PORT: '' } }, 1111, `file:${path}`],
    ];
    for (const [given, port, source] of layers) {
      const { config, sources } = load(given);
      t.equal(config.port, port, source);
      t.equal(sources.port, source);
    }
  },
);

t.test('--config beats MINTMARK_CONFIG', async (t) => {
  const other = secretFile('other.json', '{"port": 4444}', 0o600);
  t.equal(load({ env: { MINTMARK_CONFIG: other } }).config.port, 4444);
  t.equal(load({ env: { MINTMARK_CONFIG: other }, file: { port: 1111 } }).config.port, 1111);
});

t.test('every setting of the file can be given by the environment', async (t) => {
  const { config } = load({
    env: {
      MINTMARK_ISSUER: 'https://id.example.com/tenant',
      HOST: '10.0.0.1',
      PORT: '8443',
      DATABASE_URL: 'postgresql://db/mintmark',
      REDIS_URL: 'rediss://cache:6380',
      MINTMARK_DATA: '/var/lib/mintmark',
      MINTMARK_KEYS: '/etc/mintmark/keys',
      MINTMARK_ROOT_SECRET: secret,
      MINTMARK_KEY_ENCRYPTION_KEY: `${secret},${secret}=`,
      MINTMARK_OPERATOR_PORT: '9090',
      MINTMARK_TLS_CERT: 'cert.pem',
      MINTMARK_TLS_KEY: 'key.pem',
      MINTMARK_WORKERS: '4',
      MINTMARK_TRUSTED_PROXIES: '10.0.0.0/8, fd00::/8, 192.0.2.1, loopback',
      LOG_LEVEL: 'debug',
      MINTMARK_EMBEDDED: 'allow',
      MINTMARK_TOKENS_ACCESS_TOKEN_LIFETIME: '1',
      MINTMARK_TOKENS_REFRESH_RETRY_WINDOW: '0',
      MINTMARK_KEYS_SIGNING_ALGS: 'RS256,EdDSA',
      MINTMARK_KEYS_RSA_MODULUS_LENGTH: '3072',
      MINTMARK_KEYS_AUTOMATIC_ROTATION: 'false',
      MINTMARK_SIGN_IN_ATTEMPTS_PER_ACCOUNT: '3',
      MINTMARK_SIGN_IN_CLIENT_ID: 'app',
      MINTMARK_CLAIMS: 'name=name, roles=attributes.roles',
    },
  });
  t.match(config, {
    issuer: 'https://id.example.com/tenant',
    host: '10.0.0.1',
    port: 8443,
    database_url: 'postgresql://db/mintmark',
    redis_url: 'rediss://cache:6380',
    data_folder: '/var/lib/mintmark',
    keys_folder: '/etc/mintmark/keys',
    root_secret: secret,
    key_encryption_key: `${secret},${secret}=`,
    operator_port: 9090,
    tls_cert: 'cert.pem',
    tls_key: 'key.pem',
    workers: 4,
    trusted_proxies: ['10.0.0.0/8', 'fd00::/8', '192.0.2.1', 'loopback'],
    log_level: 'debug',
    embedded: 'allow',
    tokens: { access_token_lifetime: 1, refresh_retry_window: 0, id_token_lifetime: 300 },
    keys: { signing_algs: ['RS256', 'EdDSA'], rsa_modulus_length: 3072, automatic_rotation: false },
    sign_in: { attempts_per_account: 3, client_id: 'app' },
    claims: { name: 'name', roles: 'attributes.roles' },
  });
});

t.test(
  'a secret is read from the file that its _FILE form names, without the newline at its end',
  async (t) => {
    const env = {
      DATABASE_URL_FILE: secretFile('database', 'postgres://db/mintmark\n', 0o444),
      REDIS_URL_FILE: secretFile('redis', 'redis://cache', 0o444),
      MINTMARK_ROOT_SECRET_FILE: secretFile('root', `${secret}\n`, 0o600),
      MINTMARK_KEY_ENCRYPTION_KEY_FILE: secretFile('kek', `${secret}\n`, 0o400),
    };
    const { config, sources } = load({ env });
    t.equal(config.database_url, 'postgres://db/mintmark');
    t.equal(config.redis_url, 'redis://cache');
    t.equal(config.root_secret, secret);
    t.equal(config.key_encryption_key, secret);
    t.equal(sources.root_secret, 'env MINTMARK_ROOT_SECRET_FILE');
  },
);

t.test('a whole life can be shortened to seconds outside production', async (t) => {
  const { config, sources } = load({});
  const durations = Object.keys(configJson(config, sources)).filter((key) =>
    /lifetime|window|age$|interval|period/.test(key),
  );
  const env = Object.fromEntries(
    durations.map((key) => [`MINTMARK_${key.replace('.', '_').toUpperCase()}`, '1']),
  );
  t.equal(durations.length, 13);
  t.strictSame(problems({ env }), []);
});

/** What is given, and the one problem told of it. */
const refusals: Record<string, [Given, string][]> = {
  'an unknown name is refused with the nearest known one': [
    [
      { file: { tokens: { acces_token_lifetime: 300 } } },
      'config.json#/tokens/acces_token_lifetime: unknown key; the nearest known is tokens.access_token_lifetime',
    ],
    [
      { file: { jwks_max_age: 300 } },
      'config.json#/jwks_max_age: unknown key; the nearest known is keys.jwks_max_age',
    ],
    [{ file: { token: {} } }, 'config.json#/token: unknown key; the nearest known is tokens'],
    [{ file: { 'a/b~': 1 } }, 'config.json#/a~1b~0: unknown key; the nearest known is host'],
    [{ file: '{"__proto__": {}}' }, 'config.json#/__proto__: unknown key; the nearest known is port'],
    [
      { env: { MINTMARK_KEYS_ROTATION_PEROID: '1' } },
      'MINTMARK_KEYS_ROTATION_PEROID: unknown name; the nearest known is MINTMARK_KEYS_ROTATION_PERIOD',
    ],
    [{ env: { MINTMARK_PORT: '1' } }, 'MINTMARK_PORT: unknown name; the nearest known is PORT'],
    [
      { env: { MINTMARK_TLS_KEY_FILE: 'x' } },
      'MINTMARK_TLS_KEY_FILE: unknown name; the nearest known is MINTMARK_TLS_KEY',
    ],
  ],
  'a value of the wrong type or range is refused with what fits': [
    [
      { env: { MINTMARK_TOKENS_ACCESS_TOKEN_LIFETIME: '5m' } },
      'MINTMARK_TOKENS_ACCESS_TOKEN_LIFETIME: "5m" is refused; it must be a whole number from 1 to 86400 (seconds), from 60 in production',
    ],
    [
      { file: { sign_in: { attempts_per_account: '10' } } },
      'config.json#/sign_in/attempts_per_account: "10" is refused; it must be a whole number from 1 to 10000',
    ],
    [
      { env: { MINTMARK_TOKENS_REFRESH_RETRY_WINDOW: '121' } },
      'MINTMARK_TOKENS_REFRESH_RETRY_WINDOW: 121 is refused; it must be a whole number from 0 to 120 (seconds)',
    ],
    [
      { file: { keys: { rsa_modulus_length: 1024 } } },
      'config.json#/keys/rsa_modulus_length: 1024 is refused; it must be one of 2048, 3072, 4096 (bits)',
    ],
    [
      { env: { MINTMARK_KEYS_SIGNING_ALGS: 'RS256,HS256' } },
      'MINTMARK_KEYS_SIGNING_ALGS: ["RS256","HS256"] is refused; it must be a list, without repeats, of RS256, ES256, EdDSA, PS256',
    ],
    [
      { file: { keys: { signing_algs: [] } } },
      'config.json#/keys/signing_algs: [] is refused; it must be a list, without repeats, of RS256, ES256, EdDSA, PS256',
    ],
    [
      { env: { MINTMARK_KEYS_SIGNING_ALGS: 'RS256,RS256' } },
      'MINTMARK_KEYS_SIGNING_ALGS: ["RS256","RS256"] is refused; it must be a list, without repeats, of RS256, ES256, EdDSA, PS256',
    ],
    [
      { env: { MINTMARK_KEYS_AUTOMATIC_ROTATION: 'yes' } },
      'MINTMARK_KEYS_AUTOMATIC_ROTATION: "yes" is refused; it must be true or false',
    ],
    [{ env: { MINTMARK_EMBEDDED: 'true' } }, 'MINTMARK_EMBEDDED: "true" is refused; it must be allow'],
    [{ flags: { port: '70000' } }, '--port: 70000 is refused; it must be a whole number from 1 to 65535'],
    [
      { env: { MINTMARK_CLAIMS: 'roles' } },
      'MINTMARK_CLAIMS: "roles" is refused; it must be a map of claim names to account paths, such as roles to attributes.roles',
    ],
    [
      { file: { claims: { roles: 'attributes..roles' } } },
      'config.json#/claims: {"roles":"attributes..roles"} is refused; it must be a map of claim names to account paths, such as roles to attributes.roles',
    ],
    [
      { file: { tokens: 300 } },
      'config.json#/tokens: must be an object of settings; put them between { and }',
    ],
  ],
  'a file that is no configuration is refused with the place': [
    [
      { file: '{\n  "port": 1,\n  "host": "a",\n}' },
      'config.json: not JSON at line 4, column 1; look there for a comma, quote or bracket too many or too few',
    ],
    [
      { file: '{"claims": {"a": [1.5e3, -0, "\\u00e9"], "b": x}}' },
      'config.json: not JSON at line 1, column 46; look there for a comma, quote or bracket too many or too few',
    ],
    [
      { file: '{"port": 1} // the port' },
      'config.json: not JSON at line 1, column 13; look there for a comma, quote or bracket too many or too few',
    ],
    [
      { file: '{"port": 1' },
      'config.json: not JSON at line 1, column 11; look there for a comma, quote or bracket too many or too few',
    ],
    [{ file: '[]' }, 'config.json: must be a JSON object; put the settings between { and }'],
    [
      { flags: { config: 'nowhere.json' } },
      '--config: nowhere.json cannot be read (ENOENT); name a file that this user may read',
    ],
    [
      { env: { MINTMARK_CONFIG: 'nowhere.json' } },
      'MINTMARK_CONFIG: nowhere.json cannot be read (ENOENT); name a file that this user may read',
    ],
  ],
  'an issuer that verifiers could not compare or trust is refused': (
    [
      ['id.example.com', 'not a URL; write it as https://id.example.com'],
      ['ftp://id.example.com', 'not an https URL; write it as https://id.example.com'],
      [
        'http://id.example.com',
        'http, and id.example.com is not loopback; use https (http only for localhost, 127.0.0.0/8 and [::1])',
      ],
      [
        'http://127.example.com',
        'http, and 127.example.com is not loopback; use https (http only for localhost, 127.0.0.0/8 and [::1])',
      ],
      ['https://id.example.com/', 'not in its one spelling; write it as https://id.example.com'],
      ['https://id.example.com/a/', 'has a trailing slash; write it as https://id.example.com/a'],
      ['https://id.example.com/?', 'has a query; write it as https://id.example.com'],
      ['https://u:pw@id.example.com/#f', 'has user info and a fragment; write it as https://id.example.com'],
      ['https://ID.example.com:443', 'not in its one spelling; write it as https://id.example.com'],
    ] as const
  ).map(([issuer, problem]) => [{ env: { MINTMARK_ISSUER: issuer } }, `MINTMARK_ISSUER: ${problem}`]),
  'a store is refused where its URL is none, or where it would lose data': [
    [
      { env: { DATABASE_URL: 'mysql://root:hunter2@db/mintmark' } },
      'DATABASE_URL: not a Postgres URL; write it as postgres://user:password@host:5432/database',
    ],
    [
      { env: { DATABASE_URL_FILE: secretFile('mysql', 'mysql://root:hunter2@db', 0o600) } },
      'DATABASE_URL_FILE: not a Postgres URL; write it as postgres://user:password@host:5432/database',
    ],
    ...[
      'memcached://cache',
      'redis://',
      'redis+sentinel://h1:1,h2:2',
      'redis+sentinel://name@h1',
      'redis+cluster://h1',
    ].map((url): [Given, string] => [
      { file: { redis_url: url } },
      'config.json#/redis_url: not a Redis URL; write it as redis://host:6379, rediss://host:6379, redis+sentinel://name@h1:p,h2:p or redis+cluster://h1:p,h2:p',
    ]),
    [
      { env: { NODE_ENV: 'production' } },
      'DATABASE_URL: absent with NODE_ENV=production, and the embedded store survives crashes but not power cuts; set DATABASE_URL, or MINTMARK_EMBEDDED=allow to accept that',
    ],
    [
      { env: { MINTMARK_WORKERS: '2' } },
      'MINTMARK_WORKERS: 2 workers cannot share the embedded store, which belongs to one process; set DATABASE_URL, or use 1 worker',
    ],
  ],
  'half-configured security is refused': [
    [
      { env: { MINTMARK_TLS_CERT: 'cert.pem' } },
      'MINTMARK_TLS_CERT: tls_cert is given without tls_key; give both, or neither to serve http',
    ],
    [
      { file: { tls_key: 'key.pem' } },
      'config.json#/tls_key: tls_key is given without tls_cert; give both, or neither to serve http',
    ],
    [
      { env: { MINTMARK_OPERATOR_PORT: '3000' } },
      "MINTMARK_OPERATOR_PORT: 3000 is the issuer's own port; choose another, or leave operator_port out",
    ],
    [
      {
        env: {
          MINTMARK_MAIL_SMTP_URL: 'https://user:secret@mail.example',
          MINTMARK_MAIL_FROM: 'a@b.example',
        },
      },
      'MINTMARK_MAIL_SMTP_URL: not a mail server; write it as smtp://user:password@host:587 or smtps://user:password@host:465',
    ],
    [
      { env: { MINTMARK_MAIL_SMTP_URL: 'smtps://mail.example' } },
      'MINTMARK_MAIL_SMTP_URL: mail.smtp_url is given without mail.from; give both, or neither to send no letters',
    ],
    [
      { env: { MINTMARK_MAIL_SMTP_URL: 'smtps://mail.example', MINTMARK_MAIL_FROM: 'nobody' } },
      'MINTMARK_MAIL_FROM: no e-mail address; write it as name@example.com',
    ],
    [
      { env: { ...postgres, MINTMARK_SIGN_UP: 'open' } },
      'MINTMARK_SIGN_UP: open without mail: an account is made by a link that is mailed; set mail.smtp_url and mail.from, or leave sign_up closed',
    ],
    [
      { env: { MINTMARK_TRUSTED_PROXIES: '10.0.0.1,proxy' } },
      'MINTMARK_TRUSTED_PROXIES: proxy: no address; write 10.0.0.1, 10.0.0.0/8, fd00::/8, loopback, linklocal or uniquelocal',
    ],
    [
      { env: { MINTMARK_KEYS_SIGNING_ALGS: 'ES256' } },
      'MINTMARK_KEYS_SIGNING_ALGS: lacks RS256, which every OpenID Connect client may rely on (OpenID Connect Core 15.1); add RS256',
    ],
    [
      { file: { claims: { sub: 'attributes.name', scope: 'attributes.scope' } } },
      'config.json#/claims: sub, scope: set by the issuer itself; choose another name for the claim',
    ],
  ],
  'a secret is refused where it is no secret': [
    [
      { env: { MINTMARK_ROOT_SECRET_FILE: secretFile('open', secret, 0o640) } },
      'MINTMARK_ROOT_SECRET_FILE: open holds a secret and others may read it (mode 0640); run: chmod 600 open',
    ],
    [
      { env: { MINTMARK_ROOT_SECRET_FILE: secretFile('empty', '\n', 0o600) } },
      'MINTMARK_ROOT_SECRET_FILE: empty should hold a secret and is empty; write the secret into it',
    ],
    [
      { env: { REDIS_URL_FILE: 'nowhere' } },
      'REDIS_URL_FILE: nowhere cannot be read (ENOENT); see that it exists and that this user owns it',
    ],
    [
      { env: { MINTMARK_ROOT_SECRET: secret, MINTMARK_ROOT_SECRET_FILE: 'nowhere' } },
      'MINTMARK_ROOT_SECRET_FILE: given together with MINTMARK_ROOT_SECRET; keep one of the two',
    ],
    [
      { env: { MINTMARK_ROOT_SECRET: 'hunter2' } },
      'MINTMARK_ROOT_SECRET: this secret is refused; it must be 32 bytes in base64 (openssl rand -base64 32), or several such, comma separated',
    ],
    [
      { file: { root_secret: secret } },
      'config.json#/root_secret: has no place in a file; give it as MINTMARK_ROOT_SECRET_FILE',
    ],
  ],
  'durations that contradict one another are refused with their numbers': [
    [
      { env: { MINTMARK_TOKENS_REFRESH_TOKEN_IDLE_LIFETIME: '2592001' } },
      'MINTMARK_TOKENS_REFRESH_TOKEN_IDLE_LIFETIME: tokens.refresh_token_idle_lifetime (2592001) is longer than tokens.refresh_token_lifetime (2592000); shorten the first or lengthen the second',
    ],
    [
      { file: { sessions: { lifetime: 60 } } },
      'config.json#/sessions/lifetime: sessions.idle_lifetime (86400) is longer than sessions.lifetime (60); shorten the first or lengthen the second',
    ],
    [
      { env: { MINTMARK_KEYS_VERIFIER_CACHE_LIFETIME: '299' } },
      'MINTMARK_KEYS_VERIFIER_CACHE_LIFETIME: keys.jwks_max_age (300) is longer than keys.verifier_cache_lifetime (299); shorten the first or lengthen the second',
    ],
    [
      { file: { keys: { verifier_cache_lifetime: 5, jwks_max_age: 5, reload_interval: 6 } } },
      'config.json#/keys/reload_interval: keys.reload_interval (6) is longer than keys.verifier_cache_lifetime (5); shorten the first or lengthen the second',
    ],
    [
      { env: production, file: { keys: { rotation_period: 90360 } } },
      'config.json#/keys/rotation_period: rotation_period (90360) is no longer than the 90360 s that a new key is published before it signs, for verifier_cache_lifetime (86400), jwks_max_age (300) and reload_interval (10); rotate every 90361 s or less often, or shorten those',
    ],
  ],
  'pages load nothing from elsewhere': [
    'https://cdn.example.com/logo.png',
    'http://localhost:3000.evil.example/logo.png',
    'data:text/html;base64,PGI+',
    'data:image/png,raw"',
    '/logo.png',
  ].map((logo) => [
    { env: { MINTMARK_PAGES_LOGO_URI: logo } },
    "MINTMARK_PAGES_LOGO_URI: neither an image as a data: URI nor a URL of the issuer's own origin; pages load nothing from elsewhere",
  ]),
  'a colour is a colour': [
    [
      { env: { MINTMARK_PAGES_COLOUR: 'red;}' } },
      'MINTMARK_PAGES_COLOUR: "red;}" is refused; it must be a colour as #rrggbb',
    ],
  ],
  'production has floors': (
    [
      ['MINTMARK_TOKENS_ACCESS_TOKEN_LIFETIME', 59, 60],
      ['MINTMARK_TOKENS_ID_TOKEN_LIFETIME', 59, 60],
      ['MINTMARK_TOKENS_AUTHORIZATION_CODE_LIFETIME', 9, 10],
      ['MINTMARK_TOKENS_REFRESH_TOKEN_IDLE_LIFETIME', 299, 300],
      ['MINTMARK_KEYS_JWKS_MAX_AGE', 29, 30],
      ['MINTMARK_SESSIONS_IDLE_LIFETIME', 59, 60],
      ['MINTMARK_SIGN_IN_WINDOW', 59, 60],
    ] as const
  ).map(([name, value, floor]) => [
    { env: { ...production, [name]: `${value}` } },
    `${name}: ${value} is too short with NODE_ENV=production; use at least ${floor}`,
  ]),
};

for (const [behaviour, rows] of Object.entries(refusals)) {
  t.test(behaviour, async (t) => {
    for (const [given, problem] of rows) t.strictSame(problems(given), [problem]);
  });
}

t.test('what is nearly refused is taken', async (t) => {
  const accepted: Given[] = [
    ...['http://localhost', 'http://127.9.9.9:8080', 'http://[::1]:3000', 'https://id.example.com/a/b'].map(
      (issuer) => ({
        file: { issuer },
      }),
    ),
    ...[
      'redis://:pw@cache:6379/2',
      'redis+sentinel://main@s1:26379,s2:26379',
      'redis+sentinel://main:pw@[::1]:26379/1',
      'redis+cluster://h1:7000,h2:7001',
    ].map((redis_url) => ({ file: { redis_url } })),
    { env: { NODE_ENV: 'production', MINTMARK_EMBEDDED: 'allow' } },
    { env: { ...production, MINTMARK_WORKERS: '8', MINTMARK_TOKENS_ACCESS_TOKEN_LIFETIME: '60' } },
    { env: production, file: { keys: { rotation_period: 90361 } } },
    { file: { tokens: { refresh_token_idle_lifetime: 2592000, refresh_retry_window: 120 } } },
    { env: { MINTMARK_CLAIMS: '', MINTMARK_TRUSTED_PROXIES: '', MINTMARK_CONFIG: '' } },
  ];
  for (const given of accepted) t.strictSame(problems(given), []);
});

t.test('every problem is told at once, and no secret with it', async (t) => {
  const told = problems({
    env: {
      PORT: 'x',
      MINTMARK_ISSUER: 'http://a.example',
      MINTMARK_NOPE: '1',
      DATABASE_URL: 'mysql://u:hunter2@h',
    },
    file: { redis_url: 'cache:hunter2', keys: { jwks_max_age: 86401 }, sessions: { lifetime: 1 } },
  });
  t.strictSame(
    told.map((line) => line.slice(0, line.indexOf(': '))),
    [
      'config.json#/keys/jwks_max_age',
      'MINTMARK_NOPE',
      'PORT',
      'MINTMARK_ISSUER',
      'DATABASE_URL',
      'config.json#/redis_url',
      'config.json#/sessions/lifetime',
    ],
  );
  t.notMatch(told.join('\n'), 'hunter2');
});

t.test('a broken file does not hide what is wrong in the environment', async (t) => {
  const told = problems({ file: '{', env: { PORT: 'x', MINTMARK_WORKERS: '2' } });
  t.match(told, [/^config.json: not JSON/, /^PORT: "x" is refused/]);
  t.equal(told.length, 2, 'and rules between settings wait until the file can be read');
});

/** Runs `mintmark config ...` and gives what it writes. */
async function run(words: string[], env: Record<string, string> = {}): Promise<string> {
  let written = '';
  const program = new Command().exitOverride().configureOutput({
    writeOut: (text) => {
      written += text;
    },
  });
  addConfigCommands(program.command('config'), env);
  await program.parseAsync(['config', ...words], { from: 'user' });
  return written;
}

t.test('print shows every setting with its source, and masks every secret', async (t) => {
  const env = {
    DATABASE_URL: 'postgres://mintmark:hunter2@x@db/mintmark?sslpassword=hunter2&a=b',
    REDIS_URL: 'redis+sentinel://main:hunter2@s1:26379',
    MINTMARK_ROOT_SECRET: secret,
    MINTMARK_KEY_ENCRYPTION_KEY: secret,
    MINTMARK_CLAIMS: 'roles=attributes.roles',
  };
  const { config, sources } = loadConfig({ env });
  const table = await run(['print'], env);
  t.equal(table, printConfig(config, sources));
  t.match(table, /^KEY +VALUE +SOURCE\nissuer +http:\/\/localhost:3000 +default\n/);
  t.match(table, /\nclaims +roles=attributes.roles +env MINTMARK_CLAIMS\n$/);
  t.match(table, /\noperator_port +- +default\n/);
  const json = await run(['print', '--json'], env);
  t.strictSame(JSON.parse(json), configJson(config, sources));
  t.match(JSON.parse(json), {
    database_url: {
      value: 'postgres://mintmark:********@db/mintmark?sslpassword=********&a=b',
      source: 'env DATABASE_URL',
    },
    redis_url: { value: 'redis+sentinel://main:********@s1:26379' },
    root_secret: { value: '********' },
    key_encryption_key: { value: '********' },
    tls_cert: { value: null, source: 'default' },
    'keys.signing_algs': { value: ['RS256'], source: 'default' },
  });
  t.notMatch(table + json, 'hunter2');
  t.notMatch(table + json, secret);
});

t.test('print reads the file that --config names', async (t) => {
  const file = committed('config/development.json');
  t.match(
    (await run(['print', '--config', file])).split(/\s+/).join(' '),
    `keys.rotation_period 300 file:${file}`,
  );
});

t.test('check says that a file is fit to start with, or what is wrong with it', async (t) => {
  const file = committed('config/development.json');
  t.equal(await run(['check', file]), `${file}: nothing wrong\n`);
  await t.rejects(run(['check', 'nowhere.json']), { name: 'OperatorError', exitCode: 1 });
});

t.test('the committed files are fit to start with', async (t) => {
  t.doesNotThrow(() => loadConfig({ env: {}, flags: { config: committed('config/development.json') } }));
  const example = { env: production, flags: { config: committed('config/production.example.json') } };
  t.doesNotThrow(() => loadConfig(example));
});

t.test('config/schema.json and config/README.md are what npm run schema writes', async (t) => {
  t.equal(
    readFileSync(committed('config/schema.json'), 'utf8'),
    `${JSON.stringify(configSchema(), null, 2)}\n`,
  );
  t.ok(readFileSync(committed('config/README.md'), 'utf8').includes(`\n\n${configTable()}\n<!-- end -->`));
  t.strictSame(JSON.parse(await run(['schema'])), configSchema());
});

t.test('the schema refuses a secret that belongs to the environment, and requires nothing', async (t) => {
  const text = JSON.stringify(configSchema());
  t.notMatch(text, /root_secret|key_encryption_key|"required"/);
});
