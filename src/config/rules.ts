// What a schema cannot say: rules between settings, and half-configured security. All of them are asked, so that
// an operator reads every problem at once.

import { isEmail } from '../accounts/email.ts';
import { leadTime } from '../keys/lifecycle.ts';
import { issuerClaims } from '../oauth/claims.ts';
import { isSecureUri } from '../oauth/uris.ts';
import { isLogo, isPostgresUrl, isProxy, isRedisUrl, isSmtpUrl, issuerProblem } from './addresses.ts';
import type { Config } from './schema.ts';
import { settingOf, settings, valueAt } from './settings.ts';

export interface Rule {
  /** The settings it reads; the problem is told of the first of them that was given. */
  readonly keys: readonly [string, ...string[]];
  /** What is wrong and what to do; false where nothing is. `production`: NODE_ENV says so. */
  readonly problem: (config: Config, production: boolean) => string | false;
}

const embedded = (config: Config) => config.database_url === undefined;

export const rules: readonly Rule[] = [
  { keys: ['issuer'], problem: ({ issuer }) => issuerProblem(issuer) },
  {
    keys: ['database_url'],
    problem: ({ database_url }) =>
      database_url !== undefined &&
      !isPostgresUrl(database_url) &&
      'not a Postgres URL; write it as postgres://user:password@host:5432/database',
  },
  {
    keys: ['redis_url'],
    problem: ({ redis_url }) =>
      redis_url !== undefined &&
      !isRedisUrl(redis_url) &&
      'not a Redis URL; write it as redis://host:6379, rediss://host:6379, redis+sentinel://name@h1:p,h2:p or redis+cluster://h1:p,h2:p',
  },
  {
    keys: ['database_url', 'embedded'],
    problem: (config, production) =>
      production &&
      embedded(config) &&
      config.embedded !== 'allow' &&
      'absent with NODE_ENV=production, and the embedded store survives crashes but not power cuts; set DATABASE_URL, or MINTMARK_EMBEDDED=allow to accept that',
  },
  {
    keys: ['workers', 'database_url'],
    problem: (config) =>
      embedded(config) &&
      config.workers > 1 &&
      `${config.workers} workers cannot share the embedded store, which belongs to one process; set DATABASE_URL, or use 1 worker`,
  },
  {
    keys: ['tls_cert', 'tls_key'],
    problem: ({ tls_cert, tls_key }) => {
      const [present, absent] = tls_cert === undefined ? ['tls_key', 'tls_cert'] : ['tls_cert', 'tls_key'];
      return (
        (tls_cert === undefined) !== (tls_key === undefined) &&
        `${present} is given without ${absent}; give both, or neither to serve http`
      );
    },
  },
  {
    keys: ['operator_port', 'port'],
    problem: ({ operator_port, port }) =>
      operator_port === port &&
      `${port} is the issuer's own port; choose another, or leave operator_port out`,
  },
  {
    keys: ['mail.smtp_url'],
    problem: ({ mail: { smtp_url } }) =>
      smtp_url !== undefined &&
      !isSmtpUrl(smtp_url) &&
      'not a mail server; write it as smtp://user:password@host:587 or smtps://user:password@host:465',
  },
  {
    keys: ['mail.from'],
    problem: ({ mail: { from } }) =>
      from !== undefined && !isEmail(from) && 'no e-mail address; write it as name@example.com',
  },
  {
    keys: ['mail.smtp_url', 'mail.from'],
    problem: ({ mail: { smtp_url, from } }) => {
      const [present, absent] = smtp_url === undefined ? ['from', 'smtp_url'] : ['smtp_url', 'from'];
      return (
        (smtp_url === undefined) !== (from === undefined) &&
        `mail.${present} is given without mail.${absent}; give both, or neither to send no letters`
      );
    },
  },
  {
    keys: ['sign_up', 'mail.smtp_url'],
    problem: (config, production) =>
      config.sign_up === 'open' &&
      config.mail.smtp_url === undefined &&
      (production || !embedded(config)) &&
      'open without mail: an account is made by a link that is mailed; set mail.smtp_url and mail.from, or leave sign_up closed',
  },
  {
    keys: ['trusted_proxies'],
    problem: ({ trusted_proxies }) => {
      const wrong = trusted_proxies.filter((proxy) => !isProxy(proxy)).join(', ');
      return (
        wrong !== '' &&
        `${wrong}: no address; write 10.0.0.1, 10.0.0.0/8, fd00::/8, loopback, linklocal or uniquelocal`
      );
    },
  },
  {
    keys: ['keys.signing_algs'],
    problem: ({ keys }) =>
      !keys.signing_algs.includes('RS256') &&
      'lacks RS256, which every OpenID Connect client may rely on (OpenID Connect Core 15.1); add RS256',
  },
  {
    keys: ['keys.purge_url'],
    problem: ({ keys: { purge_url } }) =>
      purge_url !== undefined &&
      !isSecureUri(purge_url) &&
      'not an https URL; write it as https://cdn.example.com/purge (http only for localhost, 127.0.0.1 and [::1])',
  },
  {
    keys: ['claims'],
    problem: ({ claims }) => {
      const wrong = Object.keys(claims)
        .filter((claim) => issuerClaims.has(claim))
        .join(', ');
      return wrong !== '' && `${wrong}: set by the issuer itself; choose another name for the claim`;
    },
  },
  {
    keys: ['pages.logo_uri', 'issuer'],
    problem: ({ pages: { logo_uri }, issuer }) =>
      logo_uri !== undefined &&
      !isLogo(logo_uri, issuer) &&
      "neither an image as a data: URI nor a URL of the issuer's own origin; pages load nothing from elsewhere",
  },
  notLonger('tokens.refresh_token_idle_lifetime', 'tokens.refresh_token_lifetime'),
  notLonger('sessions.idle_lifetime', 'sessions.lifetime'),
  notLonger('keys.jwks_max_age', 'keys.verifier_cache_lifetime'),
  notLonger('keys.reload_interval', 'keys.verifier_cache_lifetime'),
  {
    keys: [
      'keys.rotation_period',
      'keys.verifier_cache_lifetime',
      'keys.jwks_max_age',
      'keys.reload_interval',
    ],
    // Elsewhere a key is published that long all the same, and rotates as soon as it may.
    problem: ({ keys }, production) => production && leadProblem(keys),
  },
  ...settings.flatMap(({ key, schema }) => productionFloor(key, schema['x-production-minimum'])),
];

/** A new key is published for this long before it signs, so a shorter period cannot be kept. */
function leadProblem({
  rotation_period,
  verifier_cache_lifetime,
  jwks_max_age,
  reload_interval,
}: Config['keys']) {
  const lead = leadTime({
    verifierCacheLifetime: verifier_cache_lifetime,
    jwksMaxAge: jwks_max_age,
    reloadInterval: reload_interval,
  });
  return (
    rotation_period <= lead &&
    `rotation_period (${rotation_period}) is no longer than the ${lead} s that a new key is published before it signs, for verifier_cache_lifetime (${verifier_cache_lifetime}), jwks_max_age (${jwks_max_age}) and reload_interval (${reload_interval}); rotate every ${lead + 1} s or less often, or shorten those`
  );
}

function notLonger(shorter: string, longer: string): Rule {
  return {
    keys: [shorter, longer],
    problem: (config) => {
      const [less, more] = [read(config, shorter), read(config, longer)];
      return (
        less > more &&
        `${shorter} (${less}) is longer than ${longer} (${more}); shorten the first or lengthen the second`
      );
    },
  };
}

function productionFloor(key: string, floor: number | undefined): Rule[] {
  if (floor === undefined) return [];
  const problem = (config: Config, production: boolean) =>
    production &&
    read(config, key) < floor &&
    `${read(config, key)} is too short with NODE_ENV=production; use at least ${floor}`;
  return [{ keys: [key], problem }];
}

function read(config: Config, key: string): number {
  const setting = settingOf(key);
  return setting ? (valueAt(config, setting) as number) : Number.NaN;
}
