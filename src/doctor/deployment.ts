// The doctor's questions over HTTP: what verifiers and clients of this issuer meet.
import type { Clock } from '../clock.ts';
import { CLOCK_DRIFT_LIMIT } from '../keys/clock-drift.ts';
import { type Answer, ask, discover, publishedKeys } from '../remote-issuer.ts';
import { examine, type Finding, ok, problem, warning } from './finding.ts';

export interface Deployment {
  readonly issuer: string;
  /** where /readyz is */
  readonly operatorUrl: string;
  readonly clock: Clock;
  /** seconds, as configured; undefined where nobody knows */
  readonly jwksMaxAge: number | undefined;
}

const runs = 'see that the service runs, and that this machine reaches it by its issuer URL';

/** Asks everything that the world can be asked. Never throws. */
export async function deploymentFindings(deployment: Deployment): Promise<Finding[]> {
  const { issuer, clock } = deployment;
  const findings = await examine(
    'metadata',
    async () => {
      const { answer, metadata } = await discover(issuer, clock);
      const keys = await examine('jwks', () => jwksFindings(deployment, metadata), runs);
      return [metadataFinding(issuer, metadata), clockFinding(answer), ...keys];
    },
    runs,
  );
  const isThere = findings.some(({ check }) => check !== 'metadata');
  return [...findings, ...(isThere ? await readiness(deployment) : [])];
}

type Members = Readonly<Record<string, unknown>>;

function metadataFinding(issuer: string, metadata: Members): Finding {
  if (metadata.issuer !== issuer) {
    const found = `the metadata names the issuer ${String(metadata.issuer)}, not ${issuer}`;
    return problem(
      'metadata',
      found,
      'give every machine the same MINTMARK_ISSUER, the URL that clients use',
    );
  }
  const elsewhere = Object.entries(metadata).filter(
    ([name, url]) => /_(endpoint|uri)$/.test(name) && !String(url).startsWith(issuer),
  );
  if (elsewhere.length === 0) return ok('metadata', `names ${issuer} and endpoints under it`);
  const names = elsewhere.map(([name]) => name).join(', ');
  return problem('metadata', `${names} lie outside the issuer`, 'see that no proxy rewrites the answer');
}

/** The Date header has whole seconds, so half of one is added. */
function clockFinding({ headers, at }: Answer): Finding {
  const told = Date.parse(headers.get('date') ?? '') / 1000 + 0.5;
  if (Number.isNaN(told)) return warning('clock', 'the answers have no Date', 'let the proxy pass it on');
  const drift = told - at;
  const words = `the service's clock is ${Math.abs(drift).toFixed(1)} s ${drift < 0 ? 'behind' : 'ahead of'} this one`;
  if (Math.abs(drift) <= CLOCK_DRIFT_LIMIT) return ok('clock', words);
  return problem('clock', words, 'run NTP on both machines: verifiers refuse tokens from the future');
}

const publicMembers = new Set(['kty', 'n', 'e', 'crv', 'x', 'y', 'kid', 'alg', 'use']);

async function jwksFindings({ clock, jwksMaxAge }: Deployment, metadata: Members): Promise<Finding[]> {
  const { answer, keys } = await publishedKeys(metadata, clock);
  return [
    keysFinding(keys),
    cachingFinding(answer, jwksMaxAge),
    await etagFinding(answer, clock),
    corsFinding(answer),
  ];
}

function keysFinding(keys: readonly Members[]): Finding {
  const strange = [...new Set(keys.flatMap((key) => Object.keys(key)))].filter(
    (name) => !publicMembers.has(name),
  );
  if (strange.length > 0) {
    const found = `the JWKS has the members ${strange.join(', ')}`;
    return problem('jwks', found, 'if they are private, revoke these keys now: `mintmark keys revoke`');
  }
  const algs = [...new Set(keys.map(({ alg }) => String(alg)))];
  const lonely = algs.filter((one) => keys.filter(({ alg }) => alg === one).length < 2);
  if (keys.length === 0)
    return problem('jwks', 'the JWKS is empty', 'look at /readyz?verbose and at the log');
  if (lonely.length === 0) return ok('jwks', `${keys.length} keys, a standby key for ${algs.join(', ')}`);
  return problem(
    'jwks',
    `no standby key for ${lonely.join(', ')}`,
    'look at `mintmark keys plan` and at the log',
  );
}

function cachingFinding({ headers }: Answer, expected: number | undefined): Finding {
  const control = headers.get('cache-control') ?? '';
  const maxAge = /\bmax-age=(\d+)/.exec(control)?.[1];
  const age = Number(headers.get('age') ?? 0);
  const remedy = 'let the proxy pass on Cache-Control as it is';
  if (!control.includes('public') || maxAge === undefined) {
    return problem('jwks caching', `Cache-Control is "${control}", without public and max-age`, remedy);
  }
  if (expected !== undefined && Number(maxAge) !== expected) {
    return problem('jwks caching', `max-age is ${maxAge}, and keys.jwks_max_age is ${expected}`, remedy);
  }
  if (age > Number(maxAge)) {
    return problem(
      'jwks caching',
      `a cache serves a JWKS that is ${age} s old, of max-age ${maxAge}`,
      remedy,
    );
  }
  return ok('jwks caching', `max-age ${maxAge}${age > 0 ? `, ${age} s old from a cache` : ''}`);
}

async function etagFinding({ url, headers }: Answer, clock: Clock): Promise<Finding> {
  const etag = headers.get('etag');
  const remedy = 'let the proxy pass on ETag and If-None-Match';
  if (etag === null) return warning('jwks etag', 'there is no ETag', remedy);
  const { status } = await ask(url, clock, { 'if-none-match': etag });
  if (status !== 304) return warning('jwks etag', `a second question gets ${status}, not 304`, remedy);
  return etag.startsWith('W/')
    ? warning('jwks etag', 'the ETag was made weak on the way', remedy)
    : ok('jwks etag', 'strong, and honoured');
}

const corsFinding = ({ headers }: Answer): Finding =>
  headers.get('access-control-allow-origin') === '*'
    ? ok('jwks cors', 'browsers of any origin may read it')
    : warning(
        'jwks cors',
        'browsers of other origins may not read it',
        'let the proxy pass on Access-Control-Allow-Origin',
      );

const readiness = ({ operatorUrl, clock }: Deployment): Promise<readonly Finding[]> =>
  examine(
    'readiness',
    async () => {
      const { status, body } = await ask(`${operatorUrl}/readyz?verbose`, clock);
      if (status === 404) return [ok('readiness', 'not shown here: /readyz is on a port of its own')];
      const checks = (body as { checks?: { name: string; ok: boolean }[] } | undefined)?.checks ?? [];
      const red = checks.filter((check) => !check.ok).map(({ name }) => name);
      if (status === 200) return [ok('readiness', `ready: ${checks.map(({ name }) => name).join(', ')}`)];
      const found = `not ready (${status}): ${red.join(', ') || 'it does not say why'}`;
      return [problem('readiness', found, 'the log of the service says why')];
    },
    runs,
  );
