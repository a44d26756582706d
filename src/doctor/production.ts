// What is missing for production: asked of the configuration alone, and of nothing that runs.
import { existsSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { type Config, type Flags, loadConfig, type Sources } from '../config.ts';
import { isLoopbackHost } from '../loopback.ts';
import { OperatorError } from '../operator-error.ts';
import { packageRoot } from '../package-root.ts';
import { type Finding, ok, problem, warning } from './finding.ts';

type Environment = Readonly<Record<string, string | undefined>>;

/** Every finding; what the configuration refuses with NODE_ENV=production is among them. */
export function productionFindings({ env, flags }: { env: Environment; flags: Flags }): Finding[] {
  const { config, sources } = loadConfig({ env, flags });
  return [
    ...(env.NODE_ENV === 'production' ? [] : refusals(env, flags)),
    env.NODE_ENV === 'production'
      ? ok('NODE_ENV', 'production')
      : problem(
          'NODE_ENV',
          'not production: nothing is refused that only suits a trial',
          'set NODE_ENV=production',
        ),
    ...Object.entries(rules).map(([check, rule]) => rule(check, config, sources)),
  ];
}

/** What a start with NODE_ENV=production would refuse. */
function refusals(env: Environment, flags: Flags): Finding[] {
  try {
    loadConfig({ env: { ...env, NODE_ENV: 'production' }, flags });
    return [];
  } catch (error) {
    if (!(error instanceof OperatorError)) throw error;
    return error.message.split('\n').map((line) => {
      const [, message = line, fix = ''] = /^(.*); ([^;]*)$/.exec(line) ?? [];
      return problem('configuration', message, fix);
    });
  }
}

type Rule = (check: string, config: Config, sources: Sources) => Finding;

const rules: Readonly<Record<string, Rule>> = {
  store: (check, { database_url }) =>
    database_url === undefined
      ? problem(
          check,
          'the embedded store survives crashes, not power cuts',
          'set DATABASE_URL to a Postgres of 15 or newer',
        )
      : ok(check, 'Postgres'),

  'database TLS': (check, { database_url }) => {
    if (database_url === undefined) return ok(check, 'nothing crosses a network');
    const { hostname, searchParams } = new URL(database_url);
    const mode = searchParams.get('sslmode') ?? 'none';
    if (
      isLoopbackHost(hostname) ||
      hostname === '' ||
      !['none', 'disable', 'allow', 'prefer'].includes(mode)
    ) {
      return ok(check, 'as it should be');
    }
    return warning(
      check,
      `sslmode is ${mode} towards ${hostname}`,
      'add ?sslmode=verify-full unless the network is private',
    );
  },

  redis: (check, { redis_url }) =>
    redis_url === undefined
      ? warning(
          check,
          'none: Postgres keeps the hot state too',
          'set REDIS_URL once one Postgres is not enough',
        )
      : ok(check, 'Redis keeps the hot state'),

  issuer: (check, { issuer }) => {
    const { protocol, hostname } = new URL(issuer);
    if (isLoopbackHost(hostname)) {
      return problem(
        check,
        `${issuer} is this machine alone`,
        'set MINTMARK_ISSUER to the https URL that clients use',
      );
    }
    return protocol === 'https:'
      ? ok(check, issuer)
      : problem(check, `${issuer} is not https`, 'use an https issuer');
  },

  mail: (check, { mail }) =>
    mail.smtp_url === undefined
      ? warning(
          check,
          'none: nobody can choose a new password by mail',
          'set MINTMARK_MAIL_SMTP_URL and MINTMARK_MAIL_FROM',
        )
      : ok(check, `letters come from ${mail.from}`),

  TLS: (check, { tls_cert, trusted_proxies }) => {
    if (tls_cert !== undefined) return ok(check, 'served here');
    if (trusted_proxies.length > 0) return ok(check, `ended by a proxy: ${trusted_proxies.join(', ')}`);
    const fix =
      'name the proxy that ends TLS in MINTMARK_TRUSTED_PROXIES, or set MINTMARK_TLS_CERT and MINTMARK_TLS_KEY';
    return problem(check, 'neither a certificate nor a trusted proxy', fix);
  },

  listening: (check, { host, port, trusted_proxies }) =>
    isLoopbackHost(host) && !trusted_proxies.includes('loopback')
      ? problem(
          check,
          `${host}:${port} is reached from this machine alone`,
          'set HOST, or trust the proxy here: loopback',
        )
      : ok(check, `${host}:${port}`),

  'operator port': (check, { operator_port }) =>
    operator_port === undefined
      ? warning(
          check,
          '/metrics and /readyz are on the port of the issuer',
          'set MINTMARK_OPERATOR_PORT, or hide them in the proxy',
        )
      : ok(check, `${operator_port}, a port of its own`),

  'keys folder': (check, { keys_folder, key_encryption_key }) => {
    if (key_encryption_key !== undefined)
      return ok(check, 'the key-encryption key comes from the environment');
    const folder = resolve(keys_folder);
    return isInCheckout(folder)
      ? problem(
          check,
          `${folder} lies in a checkout, which gets copied and replaced`,
          'set MINTMARK_KEYS to a folder outside, and back it up',
        )
      : ok(check, folder);
  },

  'verifier cache': (check, { keys }, sources) =>
    sources['keys.verifier_cache_lifetime'] === 'default'
      ? warning(
          check,
          `${keys.verifier_cache_lifetime} s, which nobody has chosen`,
          'set keys.verifier_cache_lifetime to the longest JWKS cache among your services',
        )
      : ok(check, `${keys.verifier_cache_lifetime} s`),

  rotation: (check, { keys }) =>
    keys.automatic_rotation
      ? ok(check, `every ${keys.rotation_period} s`)
      : warning(
          check,
          'keys do not rotate by themselves',
          'set keys.automatic_rotation, or plan `mintmark keys rotate`',
        ),

  log: (check, { log_level }) =>
    ['debug', 'trace', 'silent'].includes(log_level)
      ? warning(check, `the level is ${log_level}`, 'set LOG_LEVEL=info')
      : ok(check, log_level),
};

/** The program's own folder, or any that git looks after. */
function isInCheckout(folder: string): boolean {
  if (folder === packageRoot || existsSync(join(folder, '.git'))) return true;
  const parent = dirname(folder);
  return parent !== folder && isInCheckout(parent);
}
