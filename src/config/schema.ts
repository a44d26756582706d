// Every setting there is: its type, default, unit and meaning, said once. The file's JSON Schema, the
// environment names, config/README.md and the Config type all come from here.
import { type Static, Type } from 'typebox';
import { accountPath } from '../oauth/claims.ts';
import { count, day, hour, port, seconds, secret, text, year } from './kinds.ts';
import { Mail } from './mail.ts';
import { Pages } from './pages.ts';

type DeepReadonly<T> = T extends object ? { readonly [K in keyof T]: DeepReadonly<T[K]> } : T;

/** The settings as the file spells them. Durations are whole seconds; absent means not configured. */
export type Config = DeepReadonly<Static<typeof Settings>>;

const closed = { additionalProperties: false } as const;

const Tokens = Type.Object(
  {
    access_token_lifetime: seconds(
      300,
      day,
      'How long an access token lives, unless its resource or client says otherwise.',
      60,
    ),
    id_token_lifetime: seconds(300, day, 'How long an ID token lives.', 60),
    authorization_code_lifetime: seconds(
      60,
      600,
      'How long an authorization code may wait to be exchanged.',
      10,
    ),
    refresh_token_lifetime: seconds(
      30 * day,
      year,
      'The absolute life of a refresh family; no rotation extends it.',
      hour,
    ),
    refresh_token_idle_lifetime: seconds(
      14 * day,
      year,
      'How long a refresh family lives without being used.',
      300,
    ),
    refresh_retry_window: Type.Integer({
      minimum: 0,
      maximum: 120,
      default: 60,
      description: 'How long a client may repeat a refresh whose answer was lost. 0 is strict: no retry.',
      'x-unit': 'seconds',
    }),
  },
  { ...closed, description: 'Lifetimes of what is issued.' },
);

const Keys = Type.Object(
  {
    signing_algs: Type.Array(Type.Enum(['RS256', 'ES256', 'EdDSA', 'PS256']), {
      minItems: 1,
      uniqueItems: true,
      default: ['RS256'],
      description: 'Algorithms that have signing keys. RS256 must be among them (OpenID Connect Core 15.1).',
    }),
    rsa_modulus_length: Type.Enum([2048, 3072, 4096], {
      default: 2048,
      description: 'Size of new RSA keys.',
      'x-unit': 'bits',
    }),
    automatic_rotation: Type.Boolean({
      default: true,
      description: 'Whether the service rotates keys by itself, every rotation_period.',
    }),
    rotation_period: seconds(30 * day, year, 'How long a key signs before the next one takes over.', hour),
    verifier_cache_lifetime: seconds(
      day,
      30 * day,
      'The longest time that any verifier keeps the JWKS. A new key is published this long, and more, before it signs.',
      300,
    ),
    jwks_max_age: seconds(300, day, 'Cache-Control max-age of the JWKS.', 30),
    reload_interval: seconds(10, hour, 'How often every replica reads the keys again.'),
    purge_url: Type.Optional(
      text(
        'an https URL',
        'Asked (POST, form: url) to make a CDN forget the JWKS when `keys revoke` takes a key out.',
        { 'x-secret': true },
      ),
    ),
  },
  { ...closed, description: 'Signing keys and their rotation.' },
);

const Sessions = Type.Object(
  {
    lifetime: seconds(14 * day, year, "The absolute life of a browser's session.", 300),
    idle_lifetime: seconds(day, year, "How long a browser's session lives without being used.", 60),
  },
  { ...closed, description: "Browsers' sign-ins." },
);

const SignIn = Type.Object(
  {
    client_id: Type.Optional(
      text('a client_id', 'The client of those who ask /api/token/ and name none. It has to be first_party.'),
    ),
    attempts_per_account: count(10, 10_000, 'Failed sign-ins per account and window before it must wait.'),
    attempts_per_address: count(
      100,
      1_000_000,
      'Failed sign-ins per network address (of IPv6, per /64) and window before it must wait.',
    ),
    window: seconds(900, day, 'The window in which failed sign-ins are counted.', 60),
  },
  { ...closed, description: 'Signing in, and limits against guessing passwords.' },
);

const bytes32 = '[A-Za-z0-9_+/-]{43}=?';

export const Settings = Type.Object(
  {
    issuer: text(
      'an https URL',
      'The issuer URL, exactly as tokens name it. https, unless the host is loopback.',
      { 'x-default': 'http://localhost:PORT, or https with tls_cert' },
    ),
    host: text('an address or a host name', 'The address to listen on.', {
      'x-env': 'HOST',
      'x-default': '127.0.0.1 with the embedded store, else 0.0.0.0',
    }),
    port: port('The port to listen on.', { 'x-env': 'PORT', default: 3000 }),
    database_url: Type.Optional(
      text('a postgres:// URL', 'Postgres. Absent: the embedded store.', {
        'x-env': 'DATABASE_URL',
        'x-secret': true,
      }),
    ),
    redis_url: Type.Optional(
      text(
        'redis://, rediss://, redis+sentinel://name@h1:p,h2:p or redis+cluster://h1:p,h2:p',
        'Redis. Absent: Postgres keeps the hot state too.',
        { 'x-env': 'REDIS_URL', 'x-secret': true },
      ),
    ),
    data_folder: text('a folder', 'Where the embedded store lies.', {
      'x-env': 'MINTMARK_DATA',
      default: '.mintmark',
    }),
    keys_folder: text('a folder', 'Where the root secret and the key-encryption keys lie.', {
      'x-env': 'MINTMARK_KEYS',
      default: 'keys',
    }),
    root_secret: Type.Optional(
      secret(
        'The root secret',
        `^${bytes32}(,${bytes32})*$`,
        '32 bytes in base64 (openssl rand -base64 32), or several such, comma separated',
      ),
    ),
    key_encryption_key: Type.Optional(
      secret(
        'The key-encryption key',
        `^${bytes32}(,${bytes32})*$`,
        '32 bytes in base64 (openssl rand -base64 32), or several such, comma separated, of which the first one wraps',
      ),
    ),
    operator_port: Type.Optional(
      port('A port of their own for /livez, /readyz and /metrics. Absent: the same port.'),
    ),
    tls_cert: Type.Optional(
      text('a PEM file', 'The certificate chain: serve https without a proxy. Read again on change.'),
    ),
    tls_key: Type.Optional(text('a PEM file', 'The private key of tls_cert. Read again on change.')),
    workers: count(1, 256, 'Processes on this machine. The embedded store allows one.'),
    trusted_proxies: Type.Array(Type.String({ minLength: 1 }), {
      default: [],
      uniqueItems: true,
      description: 'The proxies whose X-Forwarded-* headers count.',
      'x-value': 'a list of addresses, CIDR ranges, or loopback, linklocal, uniquelocal',
    }),
    log_level: Type.Enum(['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'], {
      default: 'info',
      description: 'How much is logged.',
      'x-env': 'LOG_LEVEL',
    }),
    embedded: Type.Optional(
      Type.Enum(['allow'], {
        description:
          'Allows the embedded store with NODE_ENV=production. It survives crashes, not power cuts.',
      }),
    ),
    tokens: Tokens,
    keys: Keys,
    sessions: Sessions,
    sign_in: SignIn,
    sign_up: Type.Enum(['closed', 'open'], {
      default: 'closed',
      description: 'Whether people may make accounts of their own. Needs mail.',
    }),
    mail: Mail,
    pages: Pages,
    claims: Type.Record(Type.String({ pattern: '^\\S+$' }), Type.String({ pattern: accountPath }), {
      ...closed,
      default: {},
      description: 'Claims added to tokens of end-users.',
      'x-value': 'a map of claim names to account paths, such as roles to attributes.roles',
    }),
  },
  { ...closed, description: 'Mintmark: the configuration file.' },
);
